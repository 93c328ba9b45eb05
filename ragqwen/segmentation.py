"""Sentences and words in every script: `sentencex` and ICU, with code-point spans."""

from collections.abc import Iterator

import regex
import sentencex
from icu4py.breakers import LineBreaker, SentenceBreaker, WordBreaker

from ragqwen.languages import iso_code

Span = tuple[int, int]

_UNMARKED = frozenset({"th", "lo"})  # written without sentence marks; a space ends a clause
_CLAUSE_CHARS = 100
_CLAUSE = regex.compile(rf".{{{_CLAUSE_CHARS},}}?(?:\s+|$)", regex.DOTALL)
_WORD = regex.compile(r"[\p{L}\p{N}]")


def words(text: str, language: str = "und") -> Iterator[Span]:
    """Yield the spans of the words of a text: what ICU cuts out that has a letter or a digit.

    ICU's dictionaries cut Thai, Lao, Khmer, Burmese, Chinese and Japanese; UAX #29 the rest.
    """
    end = 0
    for piece in WordBreaker(text, iso_code(language)):
        start, end = end, end + len(piece)
        if piece[0].isalnum() or _WORD.search(piece):
            yield start, end


def count_words(text: str, language: str = "und") -> int:
    """Count the words of a text; about the same for the same content in any language."""
    return sum(1 for _ in words(text, language))


def sentences(text: str, language: str = "und", *, max_chars: int = 1200) -> Iterator[Span]:
    """Yield the spans of a text's sentences, in order, without the white space around them.

    A line's end ends a sentence: wrapped lines are joined when a document is assembled. What is
    longer than `max_chars` is cut further, at ICU's sentence ends and then where a line may break,
    so that a text without any mark or any space still comes in pieces.
    """
    end = 0
    for line in text.splitlines(keepends=True):
        for sentence in sentencex.segment(iso_code(language), line):
            for clause in _clauses(sentence, language):
                start, end = end, end + len(clause)
                yield from _trimmed(text, _limited(text, (start, end), language, max_chars))


def _clauses(sentence: str, language: str) -> Iterator[str]:
    """Yield pieces of a sentence in a language without sentence marks, cut at spaces."""
    if iso_code(language) not in _UNMARKED:
        yield sentence
        return
    end = 0
    for match in _CLAUSE.finditer(sentence):
        end = match.end()
        yield match.group()
    if end < len(sentence):
        yield sentence[end:]


def _limited(text: str, span: Span, language: str, max_chars: int) -> Iterator[Span]:
    if span[1] - span[0] <= max_chars:
        yield span
        return
    for breaker in (SentenceBreaker, LineBreaker):
        pieces = list(_packed(text, span, breaker, language, max_chars))
        if all(end - start <= max_chars for start, end in pieces):
            break
    for start, end in pieces:  # a "word" of any length is cut hard
        yield from ((at, min(at + max_chars, end)) for at in range(start, end, max_chars))


def _packed(
    text: str,
    span: Span,
    breaker: type[SentenceBreaker] | type[LineBreaker],
    language: str,
    max_chars: int,
) -> Iterator[Span]:
    """Yield what the breaker cuts, joined as long as it fits (sentences stay single)."""
    start = at = span[0]
    for piece in breaker(text[span[0] : span[1]], iso_code(language)):
        joins = breaker is LineBreaker and at + len(piece) - start <= max_chars
        if at > start and not joins:
            yield start, at
            start = at
        at += len(piece)
    if at > start:
        yield start, at


def _trimmed(text: str, spans: Iterator[Span]) -> Iterator[Span]:
    for start, end in spans:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start < end:
            yield start, end
