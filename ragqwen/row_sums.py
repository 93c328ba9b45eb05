"""Sums of a table's rows, as everything that is the sum of its parts needs them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_FEW_ROWS = 2**13  # summed without scipy, which takes longer to import than to sum them

Number = TypeVar("Number", np.float32, np.int16)


def sum_rows(
    rows: npt.NDArray[Any], starts: Sequence[int], vectors: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    """Sum the rows of each run: `vectors[rows[a:b]]`, for each two neighbouring starts.

    The sum is the same to the bit, however many runs there are.

    :param rows: (n,) integers.
    :param starts: of the runs, and the end of the last one.
    :param vectors: (n_vectors, dimension).
    :return: (n_runs, dimension); zeros for a run without rows.
    """
    if len(rows) > _FEW_ROWS:
        return _sum_many(rows, starts, vectors)
    taken = vectors[rows]
    sums = np.zeros((len(starts) - 1, vectors.shape[1]), dtype=vectors.dtype)
    for total, (start, end) in zip(sums, pairwise(starts), strict=True):
        np.add.reduce(taken[start:end], axis=0, dtype=vectors.dtype, out=total)
    return sums


def _sum_many(
    rows: npt.NDArray[Any], starts: Sequence[int], vectors: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    """Sum by a sparse matrix of ones, which takes a fifth of the time of numpy's `reduceat`."""
    from scipy import sparse

    ones = np.ones(len(rows), dtype=vectors.dtype)
    counts = sparse.csr_array((ones, rows, starts), shape=(len(starts) - 1, len(vectors)))
    sums: npt.NDArray[Number] = counts @ vectors
    return sums
