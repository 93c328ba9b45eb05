"""Parallel text, as both models are trained on: lines that say the same in different languages."""

import contextlib
import functools
import gzip
import hashlib
import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ragqwen.languages import languages

_KEPT_OUT = 20  # one key in so many
_BURMESE = "mya_Mymr"
_SURELY_ZAWGYI = 0.95


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a language; lines with the same source and key say the same thing."""

    language: str
    source: str
    key: str
    text: str


def read_parallel(folder: Path, *, kept_out: bool) -> Iterator[Line]:
    """Yield the lines of a folder of `<FLORES code>.tsv.gz` (source, key, text), by language.

    Burmese that is written in the Zawgyi encoding comes in Unicode's.

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
                    yield Line(code, source, key, _unzawgyi(text) if code == _BURMESE else text)


def count_lines(lines: Iterable[Line]) -> dict[str, int]:
    """Return how many lines there are of each language that has any."""
    return dict(Counter(line.language for line in lines))


def digest_lines(lines: Iterable[Line]) -> str:
    """Return a digest of lines in their order, in hexadecimal, by which one knows them again."""
    digest = hashlib.blake2b(digest_size=16)
    for line in lines:
        digest.update(f"{line.language}\t{line.source}\t{line.key}\t{line.text}\n".encode())
    return digest.hexdigest()


def is_kept_out(source: str, key: str) -> bool:
    """Tell whether a key is kept out of training, in all languages at once: one in twenty."""
    digest = hashlib.blake2b((source + key).encode(), digest_size=2).digest()
    return int.from_bytes(digest) % _KEPT_OUT == 0


def _unzawgyi(text: str) -> str:
    """Return Burmese in Unicode's order of letters, from Zawgyi's order by look if it is that."""
    probability, convert = _zawgyi()
    if probability(text) < _SURELY_ZAWGYI:
        return text
    with contextlib.redirect_stdout(io.StringIO()):  # it prints syllables that it doesn't know
        return convert(text.replace("ေ၀", "ေဝ"), "zawgyi", "unicode")


@functools.cache
def _zawgyi() -> tuple[Callable[[str], float], Callable[[str, str, str], str]]:
    from myanmar.converter import convert
    from myanmartools import ZawgyiDetector

    with warnings.catch_warnings():  # it opens its table in a way that Python frowns on
        warnings.simplefilter("ignore", DeprecationWarning)
        return ZawgyiDetector().get_zawgyi_probability, convert
