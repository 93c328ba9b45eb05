"""Levelling: directions in which translations differ are made to count for less."""

import numpy as np
import numpy.typing as npt

from eval.embedder_data import Bags, Batch, Ints

Floats = npt.NDArray[np.float32]
_EXPONENT = 0.7  # 1 would make translations differ by as much in every direction
_MIN_PIECES = 13  # so that both lines of a pair are sentences


def levelled(vectors: Floats, bags: Bags, pairs: Batch) -> Floats:
    """Return piece vectors after a linear map that levels how translations differ.

    A text's vector is a sum, so a map of the pieces is one of all texts. With `S` the covariance of
    the difference of two translations' vectors, it is `S ** (-0.7 / 2)`.

    Source: Hatch, Kajarekar and Stolcke: Within-class covariance normalization, Interspeech 2006.

    :param vectors: (n_pieces, dim).
    :param pairs: parallel lines; those of fewer than 13 pieces are left out.
    """
    long = np.minimum(_lengths(bags, pairs.left), _lengths(bags, pairs.right)) >= _MIN_PIECES
    left, right = (_unit(vectors, bags, side[long]) for side in (pairs.left, pairs.right))
    difference = (left - right).astype(np.float64)
    values, axes = np.linalg.eigh(difference.T @ difference / (2 * len(difference)))
    values = np.maximum(values, values.max() * 1e-6)
    turned: Floats = vectors @ ((axes * values ** (-_EXPONENT / 2)) @ axes.T).astype(np.float32)
    return turned


def _lengths(bags: Bags, texts: Ints) -> Ints:
    return bags.starts[texts + 1] - bags.starts[texts]


def _unit(vectors: Floats, bags: Bags, texts: Ints) -> Floats:
    """Return texts' vectors at length 1, (n_texts, dim); none of them is empty."""
    pieces, owners = bags.gather(texts)
    begins = np.searchsorted(owners, np.arange(len(texts)))
    sums = np.add.reduceat(vectors[pieces], begins, axis=0)
    unit: Floats = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return unit
