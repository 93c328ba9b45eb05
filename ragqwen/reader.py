"""The extractive reader: answers with sentences quoted from the passages, and no language model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragqwen.analysis import terms
from ragqwen.embedding import Embedder
from ragqwen.matching import overlap, term_weights
from ragqwen.records import Passage
from ragqwen.retrieval import Evidence
from ragqwen.segmentation import sentences

_MIN_COVERAGE = 0.45
_MAX_SENTENCES = 3
_KEEP_RATIO = 0.5  # of the best sentence's likeness: a weaker one is left out
_PASSAGES = 5
_CONTEXT_CREDIT = 0.35
_PASSAGE_WEIGHT = 0.5
_COSINE_WEIGHT = 0.7


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a passage: `text == document[start:end]`.

    `likeness` is to the question, of the sentence alone; `score` also knows where it stands.
    """

    passage: Passage
    start: int
    end: int
    text: str
    likeness: float
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found: quotes in the order they are to be read; none if unanswerable.

    `coverage` in [0, 1] is the share of the question, by weight, that the best passage speaks of.
    """

    quotes: tuple[Quote, ...]
    coverage: float


class ExtractiveReader:
    """Picks the sentences that share most of the question's telling words and spelling."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def read(self, evidence: Evidence) -> Reading:
        """Choose up to three sentences, or none if the passages don't speak of the question."""
        weights = term_weights(evidence.document_frequencies)
        passages = evidence.passages[:_PASSAGES]
        covered = [_coverage(weights, passage) for passage in passages]
        coverage = max(covered, default=0.0)
        if coverage < _MIN_COVERAGE:
            return Reading((), coverage)
        quotes = self._scored(evidence.question, passages, covered, weights)
        best = quotes[0].likeness
        enough = min(_KEEP_RATIO * best, best)  # the best stays, be its likeness negative
        chosen = [quote for quote in quotes[:_MAX_SENTENCES] if quote.likeness >= enough]
        return Reading(tuple(chosen), coverage)

    def _scored(
        self,
        question: str,
        passages: Sequence[Passage],
        covered: Sequence[float],
        weights: Mapping[str, float],
    ) -> list[Quote]:
        """Return the sentences of the passages, best first.

        :param covered: each passage's coverage of the question.
        """
        best_score = max(passage.score for passage in passages) or 1.0
        found = [
            (
                passage,
                _CONTEXT_CREDIT * coverage + _PASSAGE_WEIGHT * passage.score / best_score,
                span,
            )
            for passage, coverage in zip(passages, covered, strict=True)
            for span in _statements(passage)
        ]
        texts = [passage.text[slice(*span)] for passage, _, span in found]
        cosines = self._embedder.embed_documents(texts) @ self._embedder.embed_query(question)
        quotes = []
        for (passage, place, span), text, cosine in zip(found, texts, cosines, strict=True):
            likeness = overlap(weights, terms(text, passage.language))
            likeness += _COSINE_WEIGHT * float(cosine)
            start, end = (passage.start + at for at in span)
            quotes.append(Quote(passage, start, end, text, likeness, likeness + place))
        return sorted(quotes, key=lambda quote: -quote.score)


def _coverage(weights: Mapping[str, float], passage: Passage) -> float:
    context = "\n".join((passage.title, *passage.headings, passage.text))
    return overlap(weights, terms(context, passage.language))


def _statements(passage: Passage) -> list[tuple[int, int]]:
    """Return the spans of a passage's sentences; headings only if there is nothing else."""
    spans = list(sentences(passage.text, passage.language))
    headings = {passage.title, *passage.headings}
    return [span for span in spans if passage.text[slice(*span)] not in headings] or spans
