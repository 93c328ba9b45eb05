"""How well a question's words are met in a text's sentences, by the built-in embedder's vectors.

Each word of the question looks for its nearest word; what comes of it is weighed by the length of
the word's vector, which training made short for words that tell little. It works across languages.
"""

import functools
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, count

import numpy as np
import numpy.typing as npt

from ragqwen.matching import rarity
from ragqwen.row_sums import sum_rows
from ragqwen.segmentation import words
from ragqwen.static_embedding import StaticEmbedder, unit

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]
_MAX_ASKED = 128  # words of a question, the most telling ones, so that a long one takes no minute
_KEPT_SENTENCES = 2**14  # whose words are kept, because search meets the same ones again
_MAX_KEPT_CHARS = 1200  # of such a sentence
_IS_MET = 0.7  # the cosine of a word from which on a text counts as having it


@dataclass(frozen=True, slots=True)
class Alignment:
    """How one text meets a question; `cosines` and `met` are (n_sentences,) float32.

    `cosine` and `whole_met` are of the text as one. What is met is a share, 1 for a question all of
    whose words are there. `rare_met` and `whole_rare_met` weigh each word also by how few of the
    texts it is compared with meet it.
    """

    cosine: float
    whole_met: float
    whole_rare_met: float
    cosines: Floats
    met: Floats
    rare_met: Floats


@dataclass(frozen=True, slots=True)
class WordMatches:
    """How each word of a text is met in sentences.

    `weights` are (n_words,), how much each word tells; `nearest` is (n_words, n_sentences), the
    cosine of the nearest word of each sentence. `vector` is the text's and `vectors`
    (n_sentences, dimension) the sentences', not normalised.
    """

    words: tuple[str, ...]
    weights: Floats
    nearest: Floats
    vector: Floats
    vectors: Floats


class Aligner:
    """Compares a question with texts that are given as sentences."""

    def __init__(self, embedder: StaticEmbedder) -> None:
        self._embedder = embedder

    def align(self, question: str, texts: Sequence[Sequence[str]]) -> list[Alignment]:
        """Compare a question with texts.

        :param texts: each as its sentences, at least one.
        """
        if not texts:
            return []
        counted = Counter(_words(question))
        asked = self._embedder.embed_words(list(counted))
        asked *= np.array(list(counted.values()), dtype=np.float32)[:, None]
        question_vector = unit(asked.sum(axis=0, keepdims=True))[0]
        weights = np.linalg.norm(asked, axis=1)
        if len(asked) > _MAX_ASKED:
            heaviest = np.argsort(-weights)[:_MAX_ASKED]
            asked, weights = asked[heaviest], weights[heaviest]
        flat = [_sentence_words(sentence) or ("",) for some in texts for sentence in some]
        text_starts = _starts(texts)[:-1]
        vectors, column, starts = self._vectors(flat)
        sums = sum_rows(column, starts, vectors)
        cosines = unit(sums) @ question_vector
        wholes = unit(np.add.reduceat(sums, text_starts, axis=0)) @ question_vector
        nearest = np.maximum.reduceat(
            (unit(asked) @ unit(vectors).T)[:, column], starts[:-1], axis=1
        )
        whole_nearest = np.maximum.reduceat(nearest, text_starts, axis=1)
        share = _shares(weights)
        rare_share = _shares(weights * rarity(whole_nearest >= _IS_MET).astype(np.float32))
        met, whole_met = share @ nearest, share @ whole_nearest
        rare_met, whole_rare_met = rare_share @ nearest, rare_share @ whole_nearest
        return [
            Alignment(
                float(wholes[i]),
                float(whole_met[i]),
                float(whole_rare_met[i]),
                cosines[a:b],
                met[a:b],
                rare_met[a:b],
            )
            for i, (a, b) in enumerate(zip(text_starts, [*text_starts[1:], len(flat)], strict=True))
        ]

    def match_words(self, text: str, sentences: Sequence[Sequence[str]]) -> WordMatches:
        """Look for each word of a text, the most telling 128, in sentences.

        :param sentences: each as its words, at least one.
        """
        counted = list(dict.fromkeys(_words(text)))
        vectors = self._embedder.embed_words(counted)
        weights = np.linalg.norm(vectors, axis=1)
        kept = np.sort(np.argsort(-weights)[:_MAX_ASKED])
        found, column, starts = self._vectors(sentences)
        cosines = unit(vectors[kept]) @ unit(found).T
        return WordMatches(
            words=tuple(counted[i] for i in kept),
            weights=weights[kept],
            nearest=np.maximum.reduceat(cosines[:, column], starts[:-1], axis=1),
            vector=vectors.sum(axis=0),
            vectors=sum_rows(column, starts, found),
        )

    def _vectors(self, sentences: Sequence[Sequence[str]]) -> tuple[Floats, Rows, list[int]]:
        """Return each distinct word's vector, each word's row in them, and `_starts`."""
        row_of: defaultdict[str, int] = defaultdict(count().__next__)
        starts = _starts(sentences)
        words = chain.from_iterable(sentences)
        rows = np.fromiter(map(row_of.__getitem__, words), np.int32, count=starts[-1])
        return self._embedder.embed_words(list(row_of)), rows, starts


def _shares(weights: Floats) -> Floats:
    """Return weights as parts of their sum; all 0 if that is 0."""
    return weights / (weights.sum() or np.float32(1))


def _words(text: str) -> tuple[str, ...]:
    return tuple(sys.intern(text[start:end]) for start, end in words(text))


def _sentence_words(sentence: str) -> tuple[str, ...]:
    return _words(sentence) if len(sentence) > _MAX_KEPT_CHARS else _kept_words(sentence)


_kept_words = functools.lru_cache(_KEPT_SENTENCES)(_words)


def _starts(runs: Sequence[Sequence[object]]) -> list[int]:
    """Return where each run starts when they follow one another, and where the last one ends."""
    return [0, *accumulate(map(len, runs))]
