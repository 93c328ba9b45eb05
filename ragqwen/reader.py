"""The extractive reader: answers with sentences quoted from the passages, and no language model.

Two small linear models say what is quoted, each with other weights for a passage in another
language than the question's. Their features are shares in [0, 1] or nearly:

- of a sentence (`SENTENCE_FEATURES`): how much of the question it has by its words, weighed by how
  rare they are (`overlap`), and by the vectors of words (`met`); the `cosine` of both; and what is
  met in the sentence `before`.
- of a passage (`PASSAGE_FEATURES`): the rarest terms' share in all of it (`whole`) and in two
  sentences that stand together (`pair`), with squared weights, for "the capital of" is not the
  question; what all of it and its best sentence meets (`whole_met`, `best_met`), and how far the
  latter is above the mean of the other passages and of one more that meets 0.4 (`lead`); its best
  `cosine`; and the share of the question's `figures` that it has.

A sentence's score is w · f. A passage's odds are 1 / (1 + exp(-(v · g + b))); only passages whose
odds reach a threshold are quoted, those in the question's language if there are any, and if there
are none at all the question is not answered. `python -m eval.train_reader` learns both models and
the thresholds. One rule stands above them: a passage that has none of the question's numbers of
five digits or more speaks of another invoice, and is no answer.
"""

import functools
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ragqwen.alignment import Aligner, WordMatches
from ragqwen.analysis import terms
from ragqwen.figures import figures
from ragqwen.languages import group_of
from ragqwen.matching import term_weights, word_likeness
from ragqwen.records import Passage
from ragqwen.retrieval import Evidence
from ragqwen.segmentation import sentences, words
from ragqwen.static_embedding import unit
from ragqwen.weights import read_weights

SENTENCE_FEATURES = ("overlap", "met", "cosine", "before")
PASSAGE_FEATURES = ("whole", "pair", "whole_met", "best_met", "lead", "cosine", "figures")
Floats = npt.NDArray[np.float64]

_MAX_SENTENCES = 3
_KEEP_SHARE = 0.1  # of the best sentence's odds: a weaker one is left out
_PASSAGES = 5
_USUAL_MET = 0.4  # what the best sentence of a passage about something else meets
_MAX_TERMS = 128  # of a question, the most telling ones
_LONG_DIGITS = 5  # of a number that names a thing, as a year does not
_OWN_WORDS = 0.5  # a passage that has so much of the question by words is in its language
_BEST_MET, _LEAD = (PASSAGE_FEATURES.index(name) for name in ("best_met", "lead"))


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a passage: `text == document[start:end]`. The best has the highest score."""

    passage: Passage
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader found: quotes in the order they are to be read; none if unanswerable.

    `odds` in [0, 1] are how likely the passages answer the question.
    """

    quotes: tuple[Quote, ...]
    odds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What the models go by of one passage.

    `spans` are its sentences', in the passage; `rows` is (n_sentences, len(SENTENCE_FEATURES)) and
    `whole` (len(PASSAGE_FEATURES),). `same` tells whether it is in the question's language,
    or as good as in it by the words they share, and `named` whether it has one of the question's
    long numbers, if there are any. `quotable` are the sentences that say more than the
    question, or all.
    """

    passage: Passage
    same: bool
    named: bool
    spans: tuple[tuple[int, int], ...]
    quotable: tuple[int, ...]
    rows: Floats
    whole: Floats


class ExtractiveReader:
    """Picks the sentences that are likeliest to answer the question, in any language."""

    def __init__(self, aligner: Aligner) -> None:
        self._aligner = aligner

    def read(self, evidence: Evidence) -> Reading:
        """Choose up to three sentences, or none if the passages don't speak of the question."""
        seen = self.look(evidence)
        odds = [model(one.same).odds(one.whole) if one.named else 0.0 for one in seen]
        likely = [
            (chance, one)
            for chance, one in zip(odds, seen, strict=True)
            if chance >= model(one.same).threshold
        ]
        if not likely:
            return Reading((), max(odds, default=0.0))
        own = [item for item in likely if item[1].same] or likely
        found = sorted((q for _, one in own for q in _quotes(one)), key=lambda quote: -quote.score)
        least = found[0].score + np.log(_KEEP_SHARE)
        kept = tuple(quote for quote in found[:_MAX_SENTENCES] if quote.score >= least)
        return Reading(kept, max(chance for chance, _ in own))

    def look(self, evidence: Evidence) -> list[Seen]:
        """Return what the models go by of the best passages."""
        texts = [_Text(passage) for passage in evidence.passages[:_PASSAGES]]
        weights = term_weights(evidence.document_frequencies)
        weights = dict(heapq.nlargest(_MAX_TERMS, weights.items(), key=lambda item: item[1]))
        parts = [part for text in texts for part in text.words]
        matches = self._aligner.match_words(evidence.question, parts)
        if not texts or not matches.words:
            return []
        question = _Asked(evidence, weights, matches)
        ends = np.cumsum([len(text.words) for text in texts])
        seen = [
            _seen(question, text, slice(end - len(text.words), end))
            for text, end in zip(texts, ends.tolist(), strict=True)
        ]
        met = np.array([one.whole[_BEST_MET] for one in seen])
        for one, best in zip(seen, met, strict=True):
            one.whole[_LEAD] = best - (met.sum() - best + _USUAL_MET) / len(seen)
        return seen


class _Text:
    """A passage cut into sentences, with title and headings as the last part."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        spans = sentences(passage.text, passage.language)
        self.spans = tuple(spans) or ((0, len(passage.text)),)
        heading = " ".join(dict.fromkeys((passage.title, *passage.headings)))
        self.parts = [*(passage.text[start:end] for start, end in self.spans), heading]
        self.words = [[part[a:b] for a, b in words(part)] or [""] for part in self.parts]
        self.terms = [frozenset(terms(part)) for part in self.parts]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question: its terms' weights, and how its words are met."""

    evidence: Evidence
    weights: Mapping[str, float]
    matches: WordMatches


def _seen(asked: _Asked, text: _Text, columns: slice) -> Seen:
    question, weights = asked.evidence.question, np.array(list(asked.weights.values()))
    by_words = np.array(
        [[word_likeness(term, some) for some in text.terms] for term in asked.weights]
    ).reshape(len(weights), len(text.terms))
    share = asked.matches.weights / (asked.matches.weights.sum() or 1.0)
    near = np.maximum(asked.matches.nearest[:, columns], 0)
    vectors = asked.matches.vectors[columns][:-1]
    met = share @ near[:, :-1]
    cosines = unit(vectors) @ unit(asked.matches.vector[None])[0]
    heading_met = share @ near[:, -1]
    telling = weights**2
    in_sentences = by_words[:, :-1]
    pairs = np.maximum(in_sentences, np.concatenate([in_sentences[:, 1:], in_sentences[:, -1:]], 1))
    before = [heading_met, *met[:-1]]
    rows = np.column_stack([_share(weights, in_sentences), met, cosines, before])
    whole = np.array(
        [
            _share(telling, by_words.max(axis=1, initial=0)),
            _share(telling, pairs).max(),
            share @ near.max(axis=1),
            met.max(),
            0.0,
            cosines.max(),
            _figures_met(question, text.parts),
        ]
    )
    same = group_of(text.passage.language) == group_of(asked.evidence.language)
    same |= bool(whole[0] >= _OWN_WORDS)  # for the language of a short question may be mistaken
    named = _names_the_same(question, text.parts)
    return Seen(
        text.passage, same, named, text.spans, _quotable(text, set(asked.weights)), rows, whole
    )


def _share(weights: Floats, met: Floats) -> Floats:
    """Return the share of the weight that is met; `met` is (n_terms, ...)."""
    found: Floats = weights @ met / (weights.sum() or 1.0)
    return found


def _figures_met(question: str, parts: Sequence[str]) -> float:
    asked = _figures(question)
    found = {value for part in parts for values in _figures(part) for value in values}
    return sum(bool(values & found) for values in asked) / len(asked) if asked else 1.0


def _names_the_same(question: str, parts: Sequence[str]) -> bool:
    asked = [
        values
        for values in _figures(question)
        if all(value.isdecimal() and len(value) >= _LONG_DIGITS for value in values)
    ]
    found = {value for part in parts for values in _figures(part) for value in values}
    return not asked or any(values & found for values in asked)


def _figures(text: str) -> list[frozenset[str]]:
    """Return what each figure in digits may stand for."""
    return [figure.values for figure in figures(text) if figure.kind == "digits"]


def _quotable(text: _Text, asked: set[str]) -> tuple[int, ...]:
    """Leave out headings and what only says the question again, unless there is nothing else."""
    headings = {text.passage.title, *text.passage.headings}
    kept = tuple(
        i
        for i, part in enumerate(text.parts[:-1])
        if not text.terms[i] <= asked and part not in headings
    )
    return kept or tuple(range(len(text.spans)))


def _quotes(one: Seen) -> list[Quote]:
    passage, scores = one.passage, one.rows @ model(one.same).sentence
    return [
        Quote(passage, passage.start + a, passage.start + b, passage.text[a:b], float(scores[i]))
        for i in one.quotable
        for a, b in (one.spans[i],)
    ]


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of sentences' and of passages' features; passages below `threshold` are no answer."""

    sentence: Floats
    passage: Floats
    bias: float
    threshold: float

    def odds(self, whole: Floats) -> float:
        """Return how likely a passage answers, in [0, 1]."""
        return float(1 / (1 + np.exp(-(whole @ self.passage + self.bias))))


def model(same: bool) -> Model:
    """Return the model for passages in the question's language, or for the others."""
    return _models()["same" if same else "cross"]


@functools.cache
def _models() -> dict[str, Model]:
    with read_weights("reader.json", "eval.train_reader") as about:
        return {
            kind: Model(
                np.array(about[kind]["sentence"]).reshape(len(SENTENCE_FEATURES)),
                np.array(about[kind]["passage"]).reshape(len(PASSAGE_FEATURES)),
                float(about[kind]["bias"]),
                float(about[kind]["threshold"]),
            )
            for kind in ("same", "cross")
        }
