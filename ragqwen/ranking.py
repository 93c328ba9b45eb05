"""The light reranker: puts candidates in order by what both legs and the word vectors say.

A linear model of a few features, whose weights `python -m eval.train_ranker` learns. A candidate in
the question's language has weights of its own, because there words that are the same count, and
BM25's order is seldom wrong. In another language what is met counts as a part of what the best
candidate meets: how well words meet at all differs from question to question and from language to
language. The features are:

- `lexical`, BM25's score as a part of the best one, so that a lead of BM25's counts as such.
- `cosine` with the vector of the question, of all the candidate and of its best sentence.
- `met`, how its words are met by those of all of it and of its best sentence, and `rare_met`, the
  same with words that few candidates meet counting more (`ragqwen/alignment.py`).
- `pieces`, the share of the pieces of the question's terms in its best sentence, and `phrases`, how
  many of the question's pairs of words that follow one another are in it, both weighed by how few
  candidates have them. BM25 knows neither sentences nor the order of words.
- `rare_pieces`, the pieces of the question's terms anywhere in it, weighed by the square of that.
"""

import functools
from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from ragqwen.alignment import Aligner
from ragqwen.analysis import EDGE, pieces, terms
from ragqwen.languages import group_of
from ragqwen.matching import rarity
from ragqwen.records import StoredChunk
from ragqwen.segmentation import sentences
from ragqwen.weights import read_weights

FEATURES = (
    "lexical",
    "cosine",
    "best_cosine",
    "met",
    "best_met",
    "rare_met",
    "best_rare_met",
    "pieces",
    "phrases",
    "rare_pieces",
)
Floats = npt.NDArray[np.float64]
_MET = [at for at, name in enumerate(FEATURES) if name.endswith("met")]
_KEPT_TEXTS = 2**12  # of chunks, whose sentences are kept, because search meets the same ones again
_MAX_TERMS = 128  # of a question, the first ones
# The weights that count as 1: of two or three rare phrases, of a dozen rare pieces
_PHRASES, _RARE_PIECES = 10.0, 190.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that a leg found; `lexical` is its BM25 score, 0 if that leg did not find it."""

    stored: StoredChunk
    lexical: float


class LightRanker:
    """Ranks candidates by the question's words and vectors; no language model is asked."""

    def __init__(self, aligner: Aligner) -> None:
        self._aligner = aligner

    def scores(
        self,
        question: str,
        language: str,
        candidates: Sequence[Candidate],
    ) -> list[float]:
        """Return how likely each candidate is to answer the question, in [0, 1].

        :param language: the question's.
        """
        if not candidates:
            return []
        features = self.features(question, language, candidates)
        logits = features @ _model().weights + _model().bias
        return [float(odds) for odds in 1 / (1 + np.exp(-logits))]

    def features(
        self,
        question: str,
        language: str,
        candidates: Sequence[Candidate],
    ) -> Floats:
        """Return what the model goes by.

        :return: (n_candidates, 2 * len(FEATURES) + 1): `FEATURES` of a candidate in another
            language than the question's, what is met in parts of the best, else 0; the same of one
            in the question's language, as it is; and 1 for such a one.
        """
        lexical = np.array([candidate.lexical for candidate in candidates])
        alignments = self._aligner.align(
            question, [_stored_sentences(candidate.stored) for candidate in candidates]
        )
        plain = np.column_stack(
            [
                lexical / (lexical.max() or 1.0),
                [found.cosine for found in alignments],
                [found.cosines.max() for found in alignments],
                [found.whole_met for found in alignments],
                [found.met.max() for found in alignments],
                [found.whole_rare_met for found in alignments],
                [found.rare_met.max() for found in alignments],
                *_by_words(question, candidates),
            ]
        )
        same = np.array(
            [[group_of(item.stored.chunk.language) == group_of(language)] for item in candidates],
            dtype=np.float64,
        )
        return np.concatenate([_relative(plain) * (1 - same), plain * same, same], axis=1)


def _relative(plain: Floats) -> Floats:
    """Return the features with what is met as a part of the most that any candidate meets."""
    found = plain.copy()
    met = np.maximum(plain[:, _MET], 0)
    best = met.max(axis=0)
    found[:, _MET] = met / np.where(best > 0, best, 1)
    return found


def _by_words(question: str, candidates: Sequence[Candidate]) -> tuple[Floats, Floats, Floats]:
    """Return `pieces`, `phrases` and `rare_pieces`: all 0 where BM25 found nothing."""
    none = np.zeros(len(candidates))
    if not any(candidate.lexical for candidate in candidates):
        return none, none, none
    asked = terms(question)[:_MAX_TERMS]
    lines = [_stored_lines(candidate.stored) for candidate in candidates]
    starts = np.cumsum([0, *map(len, lines)])[:-1]
    flat = [line for some in lines for line in some]
    there = _there(dict.fromkeys(part for term in asked for part in pieces(term) or [term]), flat)
    anywhere = np.logical_or.reduceat(there, starts, axis=1)
    weights = rarity(anywhere)
    shares = weights @ there / (weights.sum() or 1.0)
    phrases = dict.fromkeys(EDGE.join(("", one, other, "")) for one, other in pairwise(asked))
    together = np.logical_or.reduceat(_there(phrases, flat), starts, axis=1)
    return (
        np.maximum.reduceat(shares, starts),
        rarity(together) @ together / _PHRASES,
        weights**2 @ anywhere / _RARE_PIECES,
    )


def _there(parts: Collection[str], lines: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which line has which part, (n_parts, n_lines)."""
    found = np.zeros((len(parts), len(lines)), dtype=np.bool_)
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    text = "\n".join(lines)
    for part, row in zip(parts, found, strict=True):
        at = text.find(part)
        while at >= 0:
            n_before = bisect_right(starts, at)
            row[n_before - 1] = True
            at = text.find(part, starts[n_before])
    return found


def _stored_sentences(stored: StoredChunk) -> tuple[str, ...]:
    """Return a chunk's sentences, its title and headings first."""
    return _headings(stored), *_sentences(stored.chunk.text, stored.chunk.language)


def _stored_lines(stored: StoredChunk) -> tuple[str, ...]:
    """Return the sentences as their terms, with an edge mark on either side of each term."""
    return _kept_line(_headings(stored)), *_lines(stored.chunk.text, stored.chunk.language)


def _headings(stored: StoredChunk) -> str:
    return " ".join(dict.fromkeys((stored.title, *stored.chunk.headings)))


@functools.lru_cache(_KEPT_TEXTS)
def _sentences(text: str, language: str) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in sentences(text, language))


@functools.lru_cache(_KEPT_TEXTS)
def _lines(text: str, language: str) -> tuple[str, ...]:
    return tuple(_line(part) for part in _sentences(text, language))


def _line(text: str) -> str:
    return EDGE.join(("", *terms(text), ""))


_kept_line = functools.lru_cache(_KEPT_TEXTS)(_line)


@dataclass(frozen=True, slots=True)
class _Model:
    weights: Floats
    bias: float


@functools.cache
def _model() -> _Model:
    with read_weights("ranker.json", "eval.train_ranker") as about:
        weights = np.array([*about["other languages"], *about["own language"], about["is own"]])
        weights = weights.reshape(2 * len(FEATURES) + 1)
        return _Model(weights, float(about["bias"]))
