"""Training of a table of piece vectors by contrast: sparse sums, Adam on rows in use.

What is done to tensors of the CPU is compiled by numba, with which a step takes half the time that
it takes with torch there; elsewhere torch does it.
"""

from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse

from eval.embedder_data import Bags, Batch, Ints
from eval.embedder_work import whole

Floats = npt.NDArray[np.float32]
_SCALE = 20.0
_MATRYOSHKA = ((None, 1.0), (64, 0.25))  # leading dimensions, and what their loss counts
_DROPPED = 0.05  # of a text's pieces
_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
_INIT = 0.02


@dataclass(slots=True)
class Rows:
    """A table of vectors and the two moments of Adam, of which a step touches only some rows."""

    values: torch.Tensor  # (n_rows, dim) float32
    first: torch.Tensor
    second: torch.Tensor

    @classmethod
    def random(cls, n_rows: int, dim: int, rng: np.random.Generator, device: str) -> "Rows":
        """Make a table of small random numbers, the same ones on any device."""
        numbers = rng.standard_normal((n_rows, dim), dtype=np.float32) * np.float32(_INIT)
        values = torch.from_numpy(numbers).to(device)
        return cls(values, torch.zeros_like(values), torch.zeros_like(values))

    def update(self, rows: Ints, gradient: torch.Tensor, rate: float, step: int) -> None:
        """Take a step of Adam on some rows.

        :param rows: (n,) without repetition.
        :param gradient: (n, dim).
        :param step: from 1.
        """
        rate *= (1 - _BETAS[1] ** step) ** 0.5 / (1 - _BETAS[0] ** step)
        if gradient.is_cpu:
            tables = (each.numpy() for each in (self.values, self.first, self.second))
            _adam(*tables, rows, gradient.numpy(), np.float32(rate))
        else:
            self.update_by_torch(rows, gradient, rate)

    def update_by_torch(self, rows: Ints, gradient: torch.Tensor, rate: float) -> None:
        """Do the same on any device.

        :param rate: corrected for the step.
        """
        at = torch.from_numpy(rows).long().to(gradient.device)
        first = torch.lerp(self.first[at], gradient, 1 - _BETAS[0])
        second = torch.lerp(self.second[at], gradient.square(), 1 - _BETAS[1])
        self.first[at], self.second[at] = first, second
        self.values[at] -= rate * first / (second.sqrt() + _EPSILON)


class PieceTable:
    """Vectors of pieces: each its own row, and the sum of its spelling's rows on top.

    The spelling's rows are shared by pieces that sound alike in any script, so that a rare piece
    learns from its kin. They are gone when the table is exported: `vectors` adds them up.
    """

    def __init__(
        self,
        spellings: sparse.csr_matrix,
        dim: int,
        rng: np.random.Generator,
        device: str = "cpu",
    ) -> None:
        """:param spellings: (n_pieces, n_features) float32, weights of each piece's features.
        :param device: where the rows are and steps are taken, as torch names it.
        """
        self._spellings, self._device = spellings, device
        self.own = Rows.random(spellings.shape[0], dim, rng, device)
        self.shared = Rows.random(spellings.shape[1], dim, rng, device)

    def vectors(self) -> Floats:
        """Return the vectors of all pieces, (n_pieces, dim)."""
        spelled = product(self._spellings, self.shared.values)
        found: Floats = (self.own.values + spelled).cpu().numpy()
        return found

    def save(self, path: Path, n_steps: int) -> None:
        """Write all that training goes on from, and how many steps were taken."""
        parts = {
            f"{name} {part}": getattr(rows, part).cpu().numpy()
            for name, rows in (("own", self.own), ("shared", self.shared))
            for part in ("values", "first", "second")
        }
        with whole(path) as temporary:
            np.savez(temporary, n_steps=n_steps, **parts)

    def load(self, path: Path) -> int:
        """Go on from what was saved, on any device, and return how many steps were taken."""
        with np.load(path) as kept:
            self.own, self.shared = (
                Rows(
                    *(
                        torch.from_numpy(kept[f"{name} {part}"]).to(self._device)
                        for part in ("values", "first", "second")
                    )
                )
                for name in ("own", "shared")
            )
            return int(kept["n_steps"])

    def step(
        self,
        bags: Bags,
        batch: Batch,
        rate: float,
        step: int,
        rng: np.random.Generator,
    ) -> float:
        """Learn from items; all others in the batch are what each is told from.

        :return: the loss.
        """
        n_items = len(batch.groups)
        pieces, texts = bags.gather(np.concatenate([batch.left, batch.right]))
        owners = np.concatenate([batch.items, batch.items + n_items])[texts]
        kept = rng.random(len(pieces)) >= _DROPPED
        used, column = np.unique(pieces[kept], return_inverse=True)
        ones = np.ones(len(column), dtype=np.float32)
        sums = sparse.csr_matrix((ones, (owners[kept], column)), shape=(2 * n_items, len(used)))
        spellings = self._spellings[used]
        vectors = self.own.values[torch.from_numpy(used).long().to(self._device)]
        vectors += product(spellings, self.shared.values)
        loss, gradient = contrast(product(sums, vectors), batch.groups)
        gradient = product(sums.T.tocsr(), gradient)
        self.own.update(used, gradient, rate, step)
        shared, column = np.unique(spellings.indices, return_inverse=True)
        mix = sparse.csr_matrix(
            (spellings.data, column, spellings.indptr), shape=(len(used), len(shared))
        )
        gradient = product(mix.T.tocsr(), gradient)
        self.shared.update(shared.astype(np.int64), gradient, rate, step)
        return loss


def contrast(vectors: torch.Tensor, groups: Ints) -> tuple[float, torch.Tensor]:
    """Return the symmetric InfoNCE loss of pairs, whole and of their leading dimensions.

    :param vectors: (2 * n, dim), the first ones of n pairs, then the second ones.
    :param groups: (n,); another pair of one's own group is no contrast.
    :return: the loss and its gradient, (2 * n, dim).
    """
    gradient = torch.zeros_like(vectors)
    total = 0.0
    group = torch.from_numpy(groups).to(vectors.device)
    masked = (group[:, None] == group[None, :]).fill_diagonal_(False)
    for dim, weight in _MATRYOSHKA:
        leading = vectors[:, :dim]
        norms = leading.norm(dim=1, keepdim=True).clamp_(min=1e-6)
        unit = leading / norms
        loss, slope = _info_nce(unit, masked)
        slope = (slope - (slope * unit).sum(dim=1, keepdim=True) * unit) / norms
        gradient[:, :dim] += weight * slope
        total += weight * loss
    return total, gradient


def _info_nce(unit: torch.Tensor, masked: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Return the loss of unit vectors and its gradient; e^20 is no danger to float32."""
    n = len(masked)
    odds = (unit[:n] @ unit[n:].T).mul_(_SCALE)
    right = odds.diagonal().clone()
    odds.exp_().masked_fill_(masked, 0.0)
    rows, columns = odds.sum(dim=1), odds.sum(dim=0)
    loss = float(((rows.log() + columns.log()) / 2 - right).mean())
    odds.mul_((1 / rows)[:, None] + (1 / columns)[None, :]).mul_(0.5)
    odds.diagonal().sub_(1.0)
    odds.mul_(_SCALE / n)
    return loss, torch.cat([odds @ unit[n:], odds.T @ unit[:n]])


def product(matrix: sparse.csr_matrix, dense: torch.Tensor) -> torch.Tensor:
    """Return matrix @ dense, (matrix.shape[0], dense.shape[1]), where dense is."""
    if not dense.is_cpu:
        return product_by_torch(matrix, dense)
    out = np.empty((matrix.shape[0], dense.shape[1]), dtype=np.float32)
    _multiply(matrix.indptr, matrix.indices, matrix.data, dense.numpy(), out)
    return torch.from_numpy(out)


def product_by_torch(matrix: sparse.csr_matrix, dense: torch.Tensor) -> torch.Tensor:
    """Do the same on any device."""
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    places = torch.from_numpy(np.stack([rows, matrix.indices.astype(rows.dtype)]))
    data = torch.from_numpy(matrix.data)
    moved = torch.sparse_coo_tensor(places, data, matrix.shape, check_invariants=False)
    found: torch.Tensor = torch.sparse.mm(moved.to(dense.device), dense)
    return found


@numba.njit(parallel=True, fastmath=True, cache=True)
def _multiply(starts, columns, weights, dense, out):  # type: ignore[no-untyped-def]
    for i in numba.prange(len(out)):
        out[i] = 0
        for at in range(starts[i], starts[i + 1]):
            weight = weights[at]
            row = dense[columns[at]]
            for d in range(out.shape[1]):
                out[i, d] += weight * row[d]


@numba.njit(parallel=True, fastmath=True, cache=True)
def _adam(values, first, second, rows, gradient, rate):  # type: ignore[no-untyped-def]
    b1, b2, epsilon = np.float32(_BETAS[0]), np.float32(_BETAS[1]), np.float32(_EPSILON)
    one = np.float32(1)
    for i in numba.prange(len(rows)):
        r = rows[i]
        for d in range(gradient.shape[1]):
            g = gradient[i, d]
            m = b1 * first[r, d] + (one - b1) * g
            v = b2 * second[r, d] + (one - b2) * g * g
            first[r, d] = m
            second[r, d] = v
            values[r, d] -= rate * m / (np.sqrt(v) + epsilon)
