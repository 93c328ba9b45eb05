"""The one normal form in which text is kept, so that spans mean the same thing everywhere."""

import unicodedata
from typing import Literal

import regex

MAX_QUESTION_CHARS = 20_000
"""Of a question or query, wherever it comes from."""

_LINE_ENDS = regex.compile(r"\r\n?|[\u0085\u2028\u2029\v\f]")
_UNWANTED = regex.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\u00ad]")
_SURROGATES = regex.compile(r"[\ud800-\udfff]")
_MARK = r"[\p{M}\uff9e\uff9f]"  # and what NFKC makes a mark of: half-width voiced sound marks
_MARK_TOWERS = regex.compile(rf"({_MARK}{{30}}){_MARK}+")
_TRAILING_SPACE = regex.compile(r"[^\S\n]+(?=\n|$)")
_BLANK_LINES = regex.compile(r"\n{3,}")
_SPACELESS = regex.compile(
    r"[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}"
    r"\p{Script=Khmer}\p{Script=Myanmar}\u3000-\u303f\uff00-\uffef]"
)
_SENTENCE_END = regex.compile(r"[\p{P}--\p{Pd}--[,،、，;]]$", regex.V1)
_MIN_WRAP_CHARS, _MAX_WRAP_CHARS = 20, 200
_WRAP_RATIO = 0.6


def normalise_text(text: str) -> str:
    """Return the text in NFC with plain line ends, and without what no reader can see.

    Control characters, byte-order marks and soft hyphens go; a lone surrogate becomes U+FFFD,
    because no encoder takes it. Runs of combining marks are cut at 30.
    """
    text = _LINE_ENDS.sub("\n", text)
    text = _UNWANTED.sub("", text)
    text = _SURROGATES.sub("\ufffd", text)
    text = unicode_form("NFC", text)
    text = _MARK_TOWERS.sub(r"\1", text)  # again: NFC makes two marks of some
    text = _TRAILING_SPACE.sub("", text)
    return str(_BLANK_LINES.sub("\n\n", text)).strip()


def unicode_form(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Return a text in one of Unicode's normal forms, its runs of combining marks cut at 30.

    That is the bound of the stream-safe format (UAX #15); to put longer runs in order takes
    quadratic time.
    """
    return unicodedata.normalize(form, _MARK_TOWERS.sub(r"\1", text))


def unwrap_lines(text: str) -> str:
    """Join the lines of a paragraph that was wrapped at a fixed width; leave other lines alone.

    Wrapped lines are about as long as the longest, the last aside, and seldom end a sentence.
    """
    lines = text.split("\n")
    longest = max(map(len, lines))
    full = lines[:-1]
    ends = sum(1 for line in full if _SENTENCE_END.search(line))
    wrapped = (
        len(lines) > 1
        and _MIN_WRAP_CHARS <= longest <= _MAX_WRAP_CHARS
        and min(map(len, full)) >= _WRAP_RATIO * longest
        and ends <= len(full) / 2
    )
    if not wrapped:
        return text
    joined = lines[0]
    for line in lines[1:]:
        spaceless = _SPACELESS.match(joined[-1:]) and _SPACELESS.match(line)
        joined += line if spaceless else " " + line.lstrip()
    return joined
