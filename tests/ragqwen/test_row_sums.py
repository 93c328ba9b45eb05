"""Sums of rows, few and many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen import row_sums
from ragqwen.row_sums import sum_rows

RUNS = st.lists(st.lists(st.integers(0, 19), max_size=30), max_size=8)
VECTORS = np.random.default_rng(1).normal(size=(20, 5)).astype(np.float32)


@given(RUNS)
def test_few_rows_have_the_sums_of_many_to_the_bit(runs: list[list[int]]) -> None:
    rows = np.array([row for run in runs for row in run], dtype=np.int32)
    starts = [0, *np.cumsum([len(run) for run in runs], dtype=int).tolist()]
    for vectors in (VECTORS, (VECTORS * 1000).astype(np.int16)):
        few = sum_rows(rows, starts, vectors)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(row_sums, "_FEW_ROWS", -1)
            many = sum_rows(rows, starts, vectors)
        assert few.dtype == many.dtype == vectors.dtype
        assert few.shape == (len(runs), 5)
        np.testing.assert_array_equal(few, many)


def test_a_run_without_rows_sums_to_zeros() -> None:
    sums = sum_rows(np.array([3, 4]), [0, 0, 2, 2], VECTORS)
    np.testing.assert_array_equal(sums[[0, 2]], 0)
    np.testing.assert_array_equal(sums[1], VECTORS[3] + VECTORS[4])
