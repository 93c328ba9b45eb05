"""Training of the built-in embedder: gradients, steps, and what it learns on a toy."""

import numpy as np
import pytest
import torch
from scipy import sparse

from eval.embedder_data import Bags, Batch
from eval.embedder_training import PieceTable, Rows, contrast, product, product_by_torch


def reference(vectors: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Return the same loss by the textbook."""
    n = len(groups)
    masked = (groups[:, None] == groups[None, :]) & ~torch.eye(n, dtype=torch.bool)
    total = torch.zeros(())
    for dim, weight in ((None, 1.0), (64, 0.25)):
        unit = torch.nn.functional.normalize(vectors[:, :dim], dim=1)
        scores = (20 * unit[:n] @ unit[n:].T).masked_fill(masked, -1e9)
        both = [torch.nn.functional.cross_entropy(s, torch.arange(n)) for s in (scores, scores.T)]
        total = total + weight * (both[0] + both[1]) / 2
    return total


def test_gradient_of_the_contrast_is_that_of_autograd() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((24, 80), dtype=np.float32)
    groups = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    leaf = torch.from_numpy(vectors.copy()).requires_grad_()
    expected = reference(leaf, torch.from_numpy(groups))
    expected.backward()
    loss, gradient = contrast(torch.from_numpy(vectors), groups)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert leaf.grad is not None
    torch.testing.assert_close(gradient, leaf.grad, atol=1e-5, rtol=0)


def test_texts_of_a_pair_come_together() -> None:
    """Piece i of one language means piece i + 40 of the other; a feature is shared by neither."""
    rng = np.random.default_rng(1)
    texts = [rng.choice(40, 4, replace=False) for _ in range(400)]
    pieces = np.concatenate([np.concatenate([t, t + 40]) for t in texts]).astype(np.int32)
    bags = Bags(pieces, np.arange(0, len(pieces) + 1, 4))
    table = PieceTable(sparse.csr_matrix((80, 8), dtype=np.float32), 64, rng)
    losses = []
    for step in range(1, 150):
        some = rng.choice(400, 64, replace=False)
        batch = Batch(2 * some, 2 * some + 1, np.arange(64), some)
        losses.append(table.step(bags, batch, 0.02, step, rng))
    assert np.mean(losses[-10:]) < 0.2 * losses[0]
    unit = table.vectors() / np.linalg.norm(table.vectors(), axis=1, keepdims=True)
    assert ((unit[:40] @ unit[40:].T).argmax(axis=1) == np.arange(40)).mean() > 0.9


def test_spelling_rows_teach_a_piece_that_was_never_seen() -> None:
    rng = np.random.default_rng(1)
    bags = Bags(np.arange(8, dtype=np.int32), np.arange(9))
    # pieces 0-3 mean 4-7; piece 8 is spelled like piece 0
    spellings = sparse.csr_matrix(np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2, 3, 0]])
    table = PieceTable(spellings, 64, rng)
    four = np.arange(4)
    for step in range(1, 60):
        table.step(bags, Batch(four, four + 4, four, four), 0.02, step, rng)
    vectors = table.vectors()
    assert (vectors[4:8] @ vectors[8]).argmax() == 0


def test_bags_gather_the_pieces_of_chosen_texts() -> None:
    bags = Bags(np.array([5, 6, 7, 8], dtype=np.int32), np.array([0, 1, 1, 4]))
    pieces, owners = bags.gather(np.array([2, 1, 0]))
    assert pieces.tolist() == [6, 7, 8, 5]
    assert owners.tolist() == [0, 0, 0, 2]


def test_an_item_is_the_sum_of_its_texts() -> None:
    """Pieces 0 to 7 are met two by two; alone each is found all the same."""
    rng = np.random.default_rng(1)
    bags = Bags(np.arange(16, dtype=np.int32), np.arange(17))
    table = PieceTable(sparse.csr_matrix((16, 4), dtype=np.float32), 64, rng)
    for step in range(1, 150):
        left = rng.permutation(8)
        table.step(bags, Batch(left, left + 8, np.arange(8) // 2, np.arange(4)), 0.02, step, rng)
    unit = table.vectors() / np.linalg.norm(table.vectors(), axis=1, keepdims=True)
    assert ((unit[:8] @ unit[8:].T).argmax(axis=1) == np.arange(8)).all()


def test_a_product_is_the_same_on_any_device() -> None:
    rng = np.random.default_rng(1)
    matrix = sparse.random(9, 20, 0.2, "csr", dtype=np.float32, random_state=rng)
    dense = torch.from_numpy(rng.standard_normal((20, 8), dtype=np.float32))
    torch.testing.assert_close(product_by_torch(matrix, dense), product(matrix, dense))


def test_steps_of_adam_are_the_same_on_any_device() -> None:
    here, there = (Rows.random(9, 8, np.random.default_rng(1), "cpu") for _ in range(2))
    rng = np.random.default_rng(2)
    for step in range(1, 20):
        rows = rng.choice(9, 4, replace=False)
        gradient = torch.from_numpy(rng.standard_normal((4, 8), dtype=np.float32))
        here.update(rows, gradient, 0.02, step)
        rate = 0.02 * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
        there.update_by_torch(rows, gradient, rate)
    for part in ("values", "first", "second"):
        torch.testing.assert_close(getattr(there, part), getattr(here, part))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch sees")
def test_a_gpu_learns_the_same() -> None:
    spellings = sparse.csr_matrix(np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2, 3]])
    bags = Bags(np.arange(8, dtype=np.int32), np.arange(9))
    four, found = np.arange(4), []
    for device in ("cpu", "cuda"):
        rng = np.random.default_rng(1)
        table = PieceTable(spellings, 64, rng, device)
        for step in range(1, 20):
            table.step(bags, Batch(four, four + 4, four, four), 0.02, step, rng)
        found.append(table.vectors())
    np.testing.assert_allclose(found[1], found[0], atol=1e-3)
