"""Citations: places in the sources that an answer rests on, each a checked span."""

from collections.abc import Iterator, Mapping, Sequence

import regex

from ragqwen.analysis import terms
from ragqwen.matching import overlap
from ragqwen.reader import Quote
from ragqwen.records import Citation, Passage
from ragqwen.segmentation import sentences

_MARKER = regex.compile(r"\s*\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]")


def cite_quotes(quotes: Sequence[Quote]) -> tuple[Citation, ...]:
    """Return one citation for each quote, marked [1], [2] … in order."""
    return tuple(
        _citation(f"[{number}]", quote.passage, quote.start, quote.end)
        for number, quote in enumerate(quotes, start=1)
    )


def cite_generated(
    answer: str, passages: Sequence[Passage], language: str
) -> tuple[str, tuple[Citation, ...]]:
    """Turn a model's markers, which number passages, into citations of sentences.

    Each cited statement is matched with the sentence of the passage that shares most with it;
    equal places share a marker. A marker to a passage that doesn't exist is removed.

    :return: the answer with markers renumbered in order of use, and the citations.
    """
    citations: dict[tuple[str, int, int], Citation] = {}
    pieces: list[str] = []
    end = 0
    for match in _MARKER.finditer(answer):
        pieces.append(answer[end : match.start()])
        end = match.end()
        statement = _last_sentence("".join(pieces), language)
        numbers = [int(number) for number in regex.split(r"\D+", match.group(1))]
        markers: list[str] = []
        for number in numbers:
            if not 1 <= number <= len(passages):
                continue
            passage = passages[number - 1]
            start, stop = _best_sentence(statement, passage)
            key = (passage.document_id, start, stop)
            if key not in citations:
                citations[key] = _citation(f"[{len(citations) + 1}]", passage, start, stop)
            markers.append(citations[key].marker)
        if markers:
            pieces.append(" " + "".join(dict.fromkeys(markers)))
    pieces.append(answer[end:])
    return "".join(pieces).strip(), tuple(citations.values())


def _citation(marker: str, passage: Passage, start: int, end: int) -> Citation:
    return Citation(
        marker=marker,
        document_id=passage.document_id,
        version=passage.version,
        title=passage.title,
        source=passage.source,
        language=passage.language,
        page=passage.page_at(start),
        start=start,
        end=end,
        quote=passage.text[start - passage.start : end - passage.start],
    )


def _last_sentence(text: str, language: str) -> str:
    plain = _MARKER.sub("", text)
    last = ""
    for start, end in sentences(plain, language):
        last = plain[start:end]
    return last


def _best_sentence(statement: str, passage: Passage) -> tuple[int, int]:
    """Return the span, in the document, of the passage's sentence most like the statement."""
    weights: Mapping[str, float] = dict.fromkeys(terms(statement), 1.0)
    spans: Iterator[tuple[int, int]] = sentences(passage.text, passage.language)
    start, end = max(
        spans,
        key=lambda span: overlap(weights, terms(passage.text[slice(*span)])),
    )
    return passage.start + start, passage.start + end
