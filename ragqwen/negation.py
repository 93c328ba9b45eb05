"""Whether a text denies something, by words of each language in `ragqwen/data/negation.tsv`.

A score of words and vectors hardly sees one small word, so it is looked for as such. `~` stands
where a word goes on: `~madı` is a suffix. What holds such a word and denies nothing, as "not only",
is beside it as `but_not`. The words were chosen among those whose lines in parallel text are denied
in English too; in languages that deny within a word (Czech, Swahili, Turkish) some denials are not
seen. For languages that aren't there nothing is told.
"""

import csv
import functools
from collections.abc import Mapping, Sequence
from importlib.resources import files

import regex

from ragqwen.languages import languages

_CLAUSE_ENDS = regex.compile(r"(?<=[,;:،؛、，；：])(?!\p{N})\s*|(?<!\s)\s++(?=\(|[-–—]\s)[-–—]?\s*")


def is_negated(text: str, language: str) -> bool | None:
    """Tell whether a text denies anything; None where that can't be told.

    :param language: FLORES-200 code, or "und".
    """
    pattern = _patterns().get(language)
    if pattern is None:
        return None
    found = pattern.finditer(text.replace("’", "'"))
    return any(match["but_not"] is None for match in found)


def without_denials(text: str, language: str) -> str:
    """Return a text without the words by which it denies."""
    pattern = _patterns().get(language)
    return pattern.sub(" ", text.replace("’", "'")) if pattern else text


def clauses(text: str) -> list[str]:
    """Cut a sentence at its commas, brackets and dashes."""
    return [part for part in _CLAUSE_ENDS.split(text) if part.strip()]


@functools.cache
def _patterns() -> Mapping[str, "regex.Pattern[str]"]:
    with files("ragqwen.data").joinpath("negation.tsv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, dialect="excel-tab", quoting=csv.QUOTE_NONE)
        return {
            row["language"]: _pattern(
                row["words"].split(),
                row["but_not"].split("; ") if row["but_not"] else (),
                spaced=languages()[row["language"]].word_breaks == "spaces",
            )
            for row in rows
        }


def _pattern(words: Sequence[str], but_not: Sequence[str], *, spaced: bool) -> "regex.Pattern[str]":
    """Return what finds each of the words, or a longer expression that denies nothing."""
    kept, denying = (
        "|".join(_written(one, spaced=spaced) for one in some) for some in (but_not, words)
    )
    before = rf"(?P<but_not>{kept})|" if kept else "(?P<but_not>(?!))|"
    return regex.compile(f"{before}(?:{denying})", regex.IGNORECASE)


def _written(word: str, *, spaced: bool) -> str:
    before = after = ""
    if spaced:
        before = r"(?<=[\p{L}\p{M}])" if word.startswith("~") else r"(?<![\p{L}\p{M}\p{N}])"
        after = "" if word.endswith("~") else r"(?![\p{L}\p{M}\p{N}])"
    return f"{before}{regex.escape(word.strip('~'))}{after}"
