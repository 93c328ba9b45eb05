"""The light reranker: puts candidates in order by what both legs and the word vectors say.

A linear model of a few features, whose weights `python -m eval.train_ranker` learns. A candidate in
the question's language has weights of its own, because there words that are the same count.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ragqwen.alignment import Aligner
from ragqwen.languages import group_of
from ragqwen.matching import term_weights
from ragqwen.records import StoredChunk
from ragqwen.segmentation import sentences
from ragqwen.weights import read_weights

FEATURES = ("lexical", "lexical_weight", "cosine", "best_cosine", "met", "best_met")
Floats = npt.NDArray[np.float64]
_KEPT_TEXTS = 2**12  # of chunks, whose sentences are kept, because search meets the same ones again


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
        document_frequencies: Mapping[str, int],
        candidates: Sequence[Candidate],
    ) -> list[float]:
        """Return how likely each candidate is to answer the question, in [0, 1].

        :param language: the question's.
        :param document_frequencies: in how many chunks each term of the question is.
        """
        if not candidates:
            return []
        features = self.features(question, language, document_frequencies, candidates)
        logits = features @ _model().weights + _model().bias
        return [float(odds) for odds in 1 / (1 + np.exp(-logits))]

    def features(
        self,
        question: str,
        language: str,
        document_frequencies: Mapping[str, int],
        candidates: Sequence[Candidate],
    ) -> Floats:
        """Return what the model goes by.

        :return: (n_candidates, 2 * len(FEATURES) + 1): `FEATURES`, the same for a candidate in the
            question's language and else 0, and 1 for such a candidate.
        """
        lexical = np.array([candidate.lexical for candidate in candidates])
        telling = sum(term_weights(document_frequencies).values())
        alignments = self._aligner.align(
            question, [_stored_sentences(candidate.stored) for candidate in candidates]
        )
        plain = np.stack(
            [
                lexical / (lexical.max() or 1.0),
                lexical / (telling or 1.0),
                [found.cosine for found in alignments],
                [found.cosines.max() for found in alignments],
                [found.whole_met for found in alignments],
                [found.met.max() for found in alignments],
            ],
            axis=1,
        )
        same = np.array(
            [[group_of(item.stored.chunk.language) == group_of(language)] for item in candidates],
            dtype=np.float64,
        )
        return np.concatenate([plain, plain * same, same], axis=1)


def _stored_sentences(stored: StoredChunk) -> tuple[str, ...]:
    """Return a chunk's sentences, its title and headings first."""
    headings = " ".join(dict.fromkeys((stored.title, *stored.chunk.headings)))
    return headings, *_sentences(stored.chunk.text, stored.chunk.language)


@functools.lru_cache(_KEPT_TEXTS)
def _sentences(text: str, language: str) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in sentences(text, language))


@dataclass(frozen=True, slots=True)
class _Model:
    weights: Floats
    bias: float


@functools.cache
def _model() -> _Model:
    with read_weights("ranker.json", "eval.train_ranker") as about:
        weights = np.array(about["weights"]).reshape(2 * len(FEATURES) + 1)
        return _Model(weights, float(about["bias"]))
