"""Parallel text, as both models are trained on: lines that say the same in different languages."""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ragqwen.languages import languages

_KEPT_OUT = 20  # one key in so many


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a language; lines with the same source and key say the same thing."""

    language: str
    source: str
    key: str
    text: str


def read_parallel(folder: Path, *, kept_out: bool) -> Iterator[Line]:
    """Yield the lines of a folder of `<FLORES code>.tsv.gz` (source, key, text), by language.

    :param kept_out: those that no model is trained on, or else the others.
    """
    for code in languages():
        path = folder / f"{code}.tsv.gz"
        if not path.is_file():
            continue
        with gzip.open(path, "rt", encoding="utf-8") as rows:
            for row in rows:
                source, key, text = row.rstrip("\n").split("\t", 2)
                if is_kept_out(source, key) == kept_out:
                    yield Line(code, source, key, text)


def is_kept_out(source: str, key: str) -> bool:
    """Tell whether a key is kept out of training, in all languages at once: one in twenty."""
    digest = hashlib.blake2b((source + key).encode(), digest_size=2).digest()
    return int.from_bytes(digest) % _KEPT_OUT == 0
