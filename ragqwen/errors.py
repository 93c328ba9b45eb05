"""The one tree of errors. A message names the bad value, what was expected and what to do.

::

    RagqwenError
    ├── SettingsError            a setting is missing or wrong
    ├── InputError               what the caller gave can't be used
    │   ├── DocumentRefused      one file or record; the others go on
    │   └── NotFound             no such document or collection
    ├── StoreError               what lies on disk can't be used as it is
    │   ├── StoreBusy            another process is writing; the same again may succeed later
    │   ├── FingerprintMismatch  the collection was embedded by another model
    │   └── DimensionMismatch    vectors of another length
    ├── ModelError               the language model, embedder or reranker failed
    │   ├── ModelRefused         its server answered with an error
    │   └── ModelUnavailable     its server can't be reached
    └── GivenUp                  whoever asked waits no more
"""


class RagqwenError(Exception):
    """Anything this project raises on purpose."""


class SettingsError(RagqwenError):
    """A setting is missing or wrong."""


class InputError(RagqwenError):
    """What the caller gave can't be used."""


class DocumentRefused(InputError):
    """One file or record can't be ingested; the message says what its owner can do."""


class NotFound(InputError):
    """No such document, version or collection."""


class StoreError(RagqwenError):
    """What lies on disk can't be used as it is."""


class StoreBusy(StoreError):
    """Another process writes to the catalogue, and went on for longer than we wait."""


class FingerprintMismatch(StoreError):
    """The collection was embedded by another model than the one configured."""


class DimensionMismatch(StoreError):
    """Vectors differ in length from those of the index."""


class ModelError(RagqwenError):
    """A language model, embedder or reranker failed."""


class ModelRefused(ModelError):
    """A model's server answered with an error that another try won't change."""

    def __init__(self, message: str, status: int) -> None:
        """:param status: the HTTP status."""
        super().__init__(message)
        self.status = status


class ModelUnavailable(ModelError):
    """A model's server can't be reached or did not answer in time."""


class GivenUp(RagqwenError):
    """Nobody waits for what was asked any more, so it was not gone on with."""
