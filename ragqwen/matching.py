"""How much of a question, or of a statement, a text speaks of: by words, weighted by rarity."""

import functools
import math
from collections.abc import Iterable, Mapping, Set
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_MIN_LIKENESS = 0.6
_MIN_PAIRS = 2  # a word of one or two characters is there or not


def term_weights(document_frequencies: Mapping[str, int]) -> dict[str, float]:
    """Return how telling each term of a question is.

    Inverse document frequency, but among as many chunks as hold the question's commonest term:
    that is about how many are in its language, so that "the" weighs little in a collection where
    one document in twenty is English. A term that occurs nowhere weighs as if it occurred once.
    """
    n_chunks = max(document_frequencies.values(), default=0) + 1
    return {
        term: math.log(1 + (n_chunks - max(n_with, 1) + 0.5) / (max(n_with, 1) + 0.5))
        for term, n_with in document_frequencies.items()
    }


def rarity(there: npt.NDArray[np.bool_]) -> Floats:
    """Return how telling each of several things is among some texts: the rarer, the more.

    :param there: (n_things, n_texts), which text has which.
    :return: (n_things,), inverse document frequency as in BM25.
    """
    n_with = there.sum(axis=1)
    weights: Floats = np.log(1 + (there.shape[1] - n_with + 0.5) / (n_with + 0.5))
    return weights


def word_likeness(word: str, text_terms: Set[str]) -> float:
    """Return how like a word a text's likest term is, in [0, 1]; 1 if it is there.

    A term that isn't there counts by its likest word, if that shares most of its letter pairs: an
    inflected form, in a language that inflects at either end. A number is there or not.
    """
    if word in text_terms:
        return 1.0
    if any(map(str.isnumeric, word)):
        return 0.0
    return _likeness(_letter_pairs(word), map(_letter_pairs, text_terms))


@functools.lru_cache(maxsize=1 << 14)
def _letter_pairs(word: str) -> frozenset[str]:
    return frozenset(map("".join, pairwise(word)))


def _likeness(pairs: frozenset[str], others: Iterable[frozenset[str]]) -> float:
    """Return the best Dice coefficient against the others, 0 if under `_MIN_LIKENESS`."""
    if len(pairs) < _MIN_PAIRS:
        return 0.0
    best = max(
        (2 * len(pairs & other) / (len(pairs) + len(other)) for other in others), default=0.0
    )
    return best if best >= _MIN_LIKENESS else 0.0
