"""Cues: words and phrases by which questions of a kind are told, in `ragqwen/data/cues.tsv`.

Each cue has words in 20 languages, in lower case. Phrases tell what single words can't: fixed
expressions of several words, and affixes. `~` stands where a word goes on: `~lar` is a suffix and
`pinaka~` a prefix. In languages that put no spaces between words a phrase is met anywhere.
"""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import regex

from ragqwen.languages import languages
from ragqwen.text import normalise_text

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


def has_phrase(question: str, cue: Cue, language: str) -> bool:
    """Tell whether a question, in lower case, has any of a cue's phrases."""
    pattern = _pattern(cue.phrases, languages()[language].word_breaks == "dictionary")
    return pattern is not None and pattern.search(question) is not None


@functools.lru_cache(1024)
def _pattern(phrases: tuple[str, ...], unspaced: bool) -> "regex.Pattern[str] | None":
    """Return what finds any of some phrases, or None if there are none."""
    options = []
    for phrase in phrases:
        body = r"\s+".join(map(regex.escape, normalise_text(phrase).strip("~").split()))
        before = "" if unspaced or phrase.startswith("~") else r"(?<![\p{L}\p{M}\p{N}])"
        after = "" if unspaced or phrase.endswith("~") else r"(?![\p{L}\p{M}\p{N}])"
        options.append(f"{before}{body}{after}")
    return regex.compile("|".join(options)) if options else None
