"""Levelling of the embedder: what differs between translations counts for less."""

import numpy as np

from eval.embedder_data import Bags, Batch
from eval.embedder_levelling import levelled


def test_a_direction_in_which_translations_differ_counts_for_less() -> None:
    """Dimension 0 is noise of the language, all others tell what a text is about."""
    rng = np.random.default_rng(1)
    meaning = rng.standard_normal((300, 16)).astype(np.float32)
    meaning[:, 0] = 0
    noise = 3 * np.eye(16, dtype=np.float32)[0] * rng.standard_normal((600, 1), np.float32)
    vectors = np.concatenate([meaning, meaning]) + noise + 0.1 * rng.standard_normal((600, 16))
    texts = np.stack([rng.integers(0, 300, 14) for _ in range(400)])
    pieces = np.concatenate([texts, texts + 300]).ravel().astype(np.int32)
    bags = Bags(pieces, np.arange(0, len(pieces) + 1, 14))
    pairs = Batch(np.arange(400), np.arange(400, 800), np.arange(400), np.arange(400))
    found = levelled(vectors.astype(np.float32), bags, pairs)

    def recall(table: np.ndarray) -> float:
        sums = table[bags.pieces].reshape(800, 14, 16).sum(axis=1)
        unit = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return float(((unit[:400] @ unit[400:].T).argmax(axis=1) == np.arange(400)).mean())

    assert recall(found) > recall(vectors) + 0.1


def test_short_lines_do_not_count() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((40, 4)).astype(np.float32)
    lengths = np.array([14] * 40 + [2] * 20)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    bags = Bags(rng.integers(0, 40, starts[-1]).astype(np.int32), starts)
    pairs = Batch(np.arange(0, 60, 2), np.arange(1, 60, 2), np.arange(30), np.arange(30))
    long = Batch(np.arange(0, 40, 2), np.arange(1, 40, 2), np.arange(20), np.arange(20))
    np.testing.assert_allclose(levelled(vectors, bags, pairs), levelled(vectors, bags, long))
