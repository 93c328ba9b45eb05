"""The weights of the small models that ship with the project."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ragqwen.errors import ModelError

_FOLDER = Path(__file__).parent / "data"


@contextmanager
def read_weights(name: str, script: str) -> Iterator[Any]:
    """Give a block what a JSON file of weights says; if the block can't use it, say what to do.

    :param script: the module that learns the weights.
    :raises ModelError: if the file isn't there or is another version's.
    """
    path = _FOLDER / name
    try:
        yield json.loads(path.read_text("utf-8"))
    except (OSError, LookupError, TypeError, ValueError) as exc:
        raise ModelError(
            f"the weights in {path} don't fit this version ({exc!r}); install ragqwen anew, "
            f"or learn them anew with python -m {script}"
        ) from exc
