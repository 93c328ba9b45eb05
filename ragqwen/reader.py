"""The extractive reader: answers with sentences quoted from the passages, and no language model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ragqwen.alignment import Aligner
from ragqwen.analysis import terms
from ragqwen.languages import group_of
from ragqwen.matching import overlap, term_weights
from ragqwen.records import Passage
from ragqwen.retrieval import Evidence
from ragqwen.segmentation import sentences

_MIN_COVERAGE = 0.4
_MAX_SENTENCES = 3
_KEEP_RATIO = 0.5  # of the best sentence's likeness: a weaker one is left out
_PASSAGES = 5
_CONTEXT_CREDIT = 0.35
_PASSAGE_WEIGHT = 0.5
_MET_WEIGHT = 1.0
_MIN_MET = 0.45  # of a passage in another language, whose words are none of the question's


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

    `coverage` in [0, 1] is the share of the question, by weight, that the passages speak of: by
    words, and in other languages by the vectors of words.
    """

    quotes: tuple[Quote, ...]
    coverage: float


@dataclass(frozen=True, slots=True)
class _Statement:
    """A sentence's span in its passage, and its terms."""

    start: int
    end: int
    terms: frozenset[str]


class ExtractiveReader:
    """Picks the sentences that meet most of the question's telling words, in any language."""

    def __init__(self, aligner: Aligner) -> None:
        self._aligner = aligner

    def read(self, evidence: Evidence) -> Reading:
        """Choose up to three sentences, or none if the passages don't speak of the question."""
        weights = term_weights(evidence.document_frequencies)
        passages = evidence.passages[:_PASSAGES]
        statements = [_statements(passage) for passage in passages]
        if not passages:
            return Reading((), 0.0)
        coverage = _coverage(weights, passages, statements)
        if coverage < _MIN_COVERAGE:
            foreign = [
                passage
                for passage in passages
                if group_of(passage.language) != group_of(evidence.language)
            ]
            coverage = max(coverage, self._met(evidence.question, foreign))
            if coverage < _MIN_MET:
                return Reading((), coverage)
            passages = tuple(foreign)
            statements = [_statements(passage) for passage in passages]
        quotes = self._scored(evidence.question, weights, passages, statements)
        best = quotes[0].likeness
        enough = min(_KEEP_RATIO * best, best)  # the best stays, be its likeness negative
        chosen = [quote for quote in quotes[:_MAX_SENTENCES] if quote.likeness >= enough]
        return Reading(tuple(chosen), coverage)

    def _met(self, question: str, passages: Sequence[Passage]) -> float:
        texts = [(" › ".join((p.title, *p.headings)), p.text) for p in passages]
        return max((found.whole_met for found in self._aligner.align(question, texts)), default=0.0)

    def _scored(
        self,
        question: str,
        weights: Mapping[str, float],
        passages: Sequence[Passage],
        statements: Sequence[Sequence[_Statement]],
    ) -> list[Quote]:
        """Return the sentences that may be quoted, best first."""
        best_score = max(passage.score for passage in passages) or 1.0
        found = [
            (passage, statement, place)
            for passage, some in zip(passages, statements, strict=True)
            for place in [_place(weights, passage, best_score)]
            for statement in _quotable(passage, some, set(weights))
        ]
        texts = [passage.text[statement.start : statement.end] for passage, statement, _ in found]
        met = self._aligner.align(question, [texts])[0].met.tolist()
        quotes = []
        for (passage, statement, place), text, share in zip(found, texts, met, strict=True):
            likeness = overlap(weights, statement.terms) + _MET_WEIGHT * share
            start, end = passage.start + statement.start, passage.start + statement.end
            quotes.append(Quote(passage, start, end, text, likeness, likeness + place))
        return sorted(quotes, key=lambda quote: -quote.score)


def _statements(passage: Passage) -> list[_Statement]:
    return [
        _Statement(start, end, frozenset(terms(passage.text[start:end])))
        for start, end in sentences(passage.text, passage.language)
    ]


def _coverage(
    weights: Mapping[str, float],
    passages: Sequence[Passage],
    statements: Sequence[Sequence[_Statement]],
) -> float:
    """Return how much of the question the best passage and the best two sentences speak of.

    Weights are squared, so that the rarest terms decide: "the capital of" is not the question.
    """
    telling = {term: weight**2 for term, weight in weights.items()}
    whole = max((overlap(telling, _context_terms(passage)) for passage in passages), default=0.0)
    pairs = (
        first.terms | second.terms
        for some in statements
        for first, second in pairwise([*some[:1], *some])
    )
    return (whole + max((overlap(telling, pair) for pair in pairs), default=0.0)) / 2


def _place(weights: Mapping[str, float], passage: Passage, best_score: float) -> float:
    """Return what a sentence gains from the passage in which it stands."""
    context = overlap(weights, _context_terms(passage))
    return _CONTEXT_CREDIT * context + _PASSAGE_WEIGHT * passage.score / best_score


def _context_terms(passage: Passage) -> list[str]:
    return terms("\n".join((passage.title, *passage.headings, passage.text)))


def _quotable(
    passage: Passage, statements: Sequence[_Statement], asked: set[str]
) -> Sequence[_Statement]:
    """Leave out headings and what only says the question again, unless there is nothing else."""
    headings = {passage.title, *passage.headings}
    kept = [
        statement
        for statement in statements
        if not statement.terms <= asked
        and passage.text[statement.start : statement.end] not in headings
    ]
    return kept or statements
