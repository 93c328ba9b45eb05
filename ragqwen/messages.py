"""What the service itself says, and its translations: gettext's .po files in `data/messages`."""

import functools
from collections.abc import Mapping
from importlib.resources import files

NO_MODEL = (
    "No language model is configured: the answer is sentences quoted from the documents. Set "
    "RAGQWEN_LLM_BASE_URL and RAGQWEN_LLM_MODEL to have Qwen3 write it."
)
NOT_FOUND = "The documents do not answer this question."
NO_DOCUMENTS = "There are no documents in this collection yet."
NOT_IN_DOCUMENTS = "Not found in the documents:"
NOT_CONFIRMED = "not confirmed"


def translated(message: str, language: str) -> str:
    """Return a message in a language, in English where there is no translation.

    :param language: FLORES-200 code, or "und".
    """
    return _catalogue(language).get(message, message)


@functools.cache
def _catalogue(language: str) -> Mapping[str, str]:
    path = files("ragqwen").joinpath(f"data/messages/{language}.po")
    if not path.is_file():
        return {}
    from babel.messages.pofile import read_po

    with path.open("rb") as lines:
        entries = read_po(lines)
    return {str(entry.id): str(entry.string) for entry in entries if entry.id and entry.string}
