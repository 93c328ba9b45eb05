"""Whether a text denies something, by words of each language in `ragqwen/data/negation.tsv`.

A score of words and vectors hardly sees one small word, so it is looked for as such. Beside the
words that deny is what holds such a word and denies nothing, as "not only" (`but_not`), and what
may deny or not, as "forbidden" or "not … until" (`unclear`): with no more than that it can't be
told. `~` stands where a word goes on: `~madı` is a suffix; `~` alone is any word, in languages
whose denials no list holds. `… until` is a denial with that word after it, `kadar …` one with that
word before it; `#` is a figure. The words were chosen among those whose lines in parallel text are
denied in English too. For languages that aren't there nothing is told.
"""

import csv
import functools
from collections.abc import Mapping, Sequence
from importlib.resources import files

import regex

from ragqwen.languages import languages
from ragqwen.text import unicode_form

_CLAUSE_ENDS = regex.compile(r"(?<=[,;:،؛、，；：])(?!\p{N})\s*|(?<!\s)\s++(?=\(|[-–—]\s)[-–—]?\s*")
_GAP = r"[^.,;:!?。，；：！？]{1,80}?"  # bounded, so that the time grows with the text alone
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼʻ′`´"), "'")
# Arabic, Persian and Urdu keyboards have forms of a letter of their own; tatweel says nothing
_LETTERS = str.maketrans("يىكہ", "ییکه", "ـ")
_SPACES = r"\s+"
_ESCAPED, _FIGURE = r"\#", r"\p{N}+"


def is_negated(text: str, language: str) -> bool | None:
    """Tell whether a text denies anything; None where that can't be told.

    :param language: FLORES-200 code, or "und".
    """
    pattern = _pattern(language)
    if pattern is None:
        return None
    kinds = {match.lastgroup for match in pattern.finditer(_plain(text))}
    return True if "words" in kinds else None if "unclear" in kinds else False


def without_denials(text: str, language: str) -> str:
    """Return a text, in the form in which words are looked for, without those that deny."""
    pattern = _pattern(language)
    if pattern is None:
        return text
    kept: str = pattern.sub(
        lambda match: " " if match.lastgroup == "words" else match[0], _plain(text)
    )
    return kept


def clauses(text: str) -> list[str]:
    """Cut a sentence at its commas, brackets and dashes."""
    return [part for part in _CLAUSE_ENDS.split(text) if part.strip()]


def _plain(text: str) -> str:
    """Return the form in which words are looked for: a model's claims are in any."""
    return unicode_form("NFKC", text.translate(_APOSTROPHES)).translate(_LETTERS)


@functools.cache
def _rows() -> Mapping[str, Mapping[str, str]]:
    with files("ragqwen.data").joinpath("negation.tsv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines, dialect="excel-tab", quoting=csv.QUOTE_NONE)
        return {row["language"]: row for row in rows}


@functools.cache
def _pattern(language: str) -> "regex.Pattern[str] | None":
    """Return what finds a language's expressions, in groups by column, None if it has none."""
    row = _rows().get(language)
    if row is None:
        return None
    spaced = languages()[language].word_breaks == "spaces"
    denial = _any(row["words"].split(), spaced=spaced)
    but_not = row["but_not"].split("; ") if row["but_not"] else []
    unclear = row["unclear"].split("; ") if row["unclear"] else []
    after = [one.removeprefix("… ") for one in unclear if one.startswith("… ")]
    before = [one.removesuffix(" …") for one in unclear if one.endswith(" …")]
    alone = [one for one in unclear if "…" not in one]
    kinds = (  # what stands first is taken
        ("but_not", _any(but_not, spaced=spaced)),
        ("unclear", f"{denial}{_GAP}{_any(after, spaced=spaced)}"),
        ("unclear", f"{_any(before, spaced=spaced)}{_GAP}{denial}"),
        ("words", denial),
        ("unclear", _any(alone, spaced=spaced)),
    )
    return regex.compile("|".join(f"(?P<{name}>{one})" for name, one in kinds), regex.IGNORECASE)


def _any(expressions: Sequence[str], *, spaced: bool) -> str:
    """Return what finds any of some expressions of the table."""
    suffixes = "|".join(_written(one, spaced=spaced) for one in expressions if one[0] == "~")
    starts = "|".join(_written(one, spaced=spaced) for one in expressions if one[0] != "~")
    if not expressions:
        return "(?!)"  # finds nothing
    if not spaced:
        return f"(?:{starts})"
    options = [rf"(?<![\p{{L}}\p{{M}}\p{{N}}])(?:{starts})"] if starts else []
    options += [rf"(?<=[\p{{L}}\p{{M}}])(?:{suffixes})"] if suffixes else []
    return f"(?:{'|'.join(options)})"


def _written(expression: str, *, spaced: bool) -> str:
    after = "" if expression.endswith("~") or not spaced else r"(?![\p{L}\p{M}\p{N}])"
    escaped = regex.escape(_plain(expression.strip("~")), literal_spaces=True)
    return f"{escaped.replace(' ', _SPACES).replace(_ESCAPED, _FIGURE)}{after}"
