"""Cues: words and phrases by which questions of a kind are told, in `ragqwen/data/cues.tsv`.

Each cue has words in 20 languages, in lower case. Phrases tell what single words can't: fixed
expressions of several words, and affixes. `~` stands where a word goes on: `~lar` is a suffix and
`pinaka~` a prefix. In languages that put no spaces between words a phrase is met anywhere.
"""

import csv
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import regex

from ragqwen.languages import languages
from ragqwen.weights import read_weights

CUES = (
    "who",
    "when",
    "where",
    "amount",
    "list",
    "all",
    "compare",
    "difference",
    "better",
    "both",
    "advantages",
    "total",
    "average",
    "calculate",
    "each",
    "left",
    "why",
    "cause",
    "although",
    "explain",
    "if",
    "considering",
    "and",
    "relation",
    "or",
    "several",
    "whose",
    "same",
    "most",
    "than",
    "change",
    "mentioned",
    "imply",
    "then",
    "not",
    "must",
)


@dataclass(frozen=True, slots=True)
class Cue:
    """What tells a cue in one language; all in lower case."""

    words: tuple[str, ...]
    phrases: tuple[str, ...]


Cues = Mapping[str, Mapping[str, Cue]]
"""By language and name."""


@functools.cache
def shipped_cues() -> Cues:
    """Read each cue of `CUES` in each language that has cues."""
    text = files("ragqwen").joinpath("data", "cues.tsv").read_text("utf-8")
    found: dict[str, dict[str, Cue]] = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        phrases = tuple(row["phrases"].split("; ")) if row["phrases"] else ()
        cue = Cue(tuple(row["words"].split()), phrases)
        found.setdefault(row["language"], {})[row["cue"]] = cue
    return found


@functools.cache
def shipped_pieces() -> tuple[str, Mapping[str, Sequence[int]]]:
    """Read the pieces of each cue's words, which take long to cut at every start.

    :return: the fingerprint of the embedder whose they are, and the pieces by word.
    """
    with read_weights("cue_pieces.json", "eval.train_plan") as about:
        return str(about["embedder"]), dict(about["pieces"])


def has_phrase(question: str, cue: Cue, language: str) -> bool:
    """Tell whether a question, in lower case, has any of a cue's phrases."""
    squeezed = " ".join(question.split())
    unspaced = languages()[language].word_breaks == "dictionary"
    return any(
        phrase.strip("~") in squeezed and (unspaced or _pattern(phrase).search(squeezed))
        for phrase in cue.phrases
    )


@functools.lru_cache(1024)
def _pattern(phrase: str) -> "regex.Pattern[str]":
    """Return what finds a phrase that ends where words do, but where it goes on."""
    before = "" if phrase.startswith("~") else r"(?<![\p{L}\p{M}\p{N}])"
    after = "" if phrase.endswith("~") else r"(?![\p{L}\p{M}\p{N}])"
    return regex.compile(before + regex.escape(phrase.strip("~")) + after)
