"""The vector index on disk: whole and of this embedder, or built anew."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.schema import AddedChunk
from indexes.vectors import VectorIndex
from ragqwen.embedding import Vectors

DIMENSION = 4


def unit(*values: float) -> Vectors:
    vector = np.zeros(DIMENSION, dtype=np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def chunk(chunk_id: int, *values: float) -> AddedChunk:
    return AddedChunk(chunk_id, "", (), "und", "", unit(*values)[None, :])


def chunk_of_many(chunk_id: int, *vectors: Vectors) -> AddedChunk:
    return AddedChunk(chunk_id, "", (), "und", "", np.stack(vectors))


def open_index(folder: Path, fingerprint: str = "fake", dimension: int = DIMENSION) -> VectorIndex:
    return VectorIndex(folder, fingerprint=fingerprint, dimension=dimension)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return the folder of an index of two chunks, saved at revision 7."""
    index = open_index(tmp_path)
    index.apply([], [chunk(10, 1), chunk(20, 0, 1)], 7)
    index.save()
    return tmp_path


def test_the_nearest_come_first_with_their_cosines(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.apply([], [chunk(10, 1), chunk(20, 0, 1), chunk(30, -1)], 1)
    ids, cosines = zip(*index.search(unit(3, 4), 5), strict=True)
    assert ids == (20, 10, 30)
    assert cosines == pytest.approx((0.8, 0.6, -0.6), abs=1e-3)


def test_a_chunk_counts_by_its_best_vector(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.apply([], [chunk_of_many(10, unit(1), unit(0, 1)), chunk(20, 3, 4)], 1)
    assert index.search(unit(0, 1), 5) == [(10, 1), (20, pytest.approx(0.8, abs=1e-3))]


def test_chunks_come_in_full_number_past_one_of_many_vectors(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    many = [unit(1, n / 100) for n in range(100)]
    index.apply([], [chunk_of_many(10, *many), chunk(20, 0, 1), chunk(30, 0, 0, 1)], 1)
    assert [chunk_id for chunk_id, _ in index.search(unit(3, 2, 1), 3)] == [10, 20, 30]


def test_a_removed_chunk_goes_with_all_its_vectors(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.apply([], [chunk_of_many(10, unit(1), unit(0, 1)), chunk(20, 0, 0, 1)], 1)
    index.apply([10], [], 2)
    assert [chunk_id for chunk_id, _ in index.search(unit(1, 1, 1), 5)] == [20]


def test_no_more_come_than_asked_for(saved: Path) -> None:
    index = open_index(saved)
    assert [len(index.search(unit(1), k)) for k in (0, 1, 2, 9)] == [0, 1, 2, 2]


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    assert open_index(tmp_path).search(unit(1), 3) == []


def test_a_removed_chunk_is_not_found(saved: Path) -> None:
    index = open_index(saved)
    index.apply([10, 999], [], 8)
    assert [chunk_id for chunk_id, _ in index.search(unit(1), 5)] == [20]


def test_a_change_applied_twice_does_no_harm(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    for _ in range(2):
        index.apply([5], [chunk(10, 1), chunk(20, 0, 1)], 1)
    assert len(index) == 2


def test_a_change_cut_short_can_be_applied_again(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.apply([], [chunk(10, 1)], 1)
    with pytest.raises(OSError, match="gone"):
        index.apply([10], cut_short(chunk(20, 0, 1)), 2)
    index.apply([10], [chunk(20, 0, 1), chunk(30, 0, 0, 1)], 2)
    assert [chunk_id for chunk_id, _ in index.search(unit(1, 3, 2), 5)] == [20, 30]


def cut_short(*chunks: AddedChunk) -> Iterator[AddedChunk]:
    yield from chunks
    raise OSError("the disk is gone")


def test_a_chunk_removed_can_come_again(saved: Path) -> None:
    index = open_index(saved)
    index.apply([10], [], 8)
    index.apply([], [chunk(10, 1)], 9)
    assert sorted(chunk_id for chunk_id, _ in index.search(unit(1), 5)) == [10, 20]


def test_more_chunks_than_a_batch_are_all_added(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.apply([], (chunk(n, 1, n) for n in range(1, 5001)), 1)
    assert len(index) == 5000
    ((found, _),) = index.search(unit(1, 2), 1)
    assert found == 2


def test_a_saved_index_comes_back_with_its_revision(saved: Path) -> None:
    index = open_index(saved)
    assert (index.revision, len(index)) == (7, 2)
    assert index.search(unit(1), 1) == [(10, pytest.approx(1))]


def test_saving_leaves_one_generation(saved: Path) -> None:
    index = open_index(saved)
    index.apply([], [chunk(30, 1, 1)], 9)
    index.save()
    assert sorted(path.name for path in saved.iterdir()) == ["vectors-9.faiss", "vectors.json"]
    assert len(open_index(saved)) == 3


def test_an_index_unchanged_is_not_written_again(saved: Path) -> None:
    before = (saved / "vectors.json").stat().st_mtime_ns
    open_index(saved).save()
    assert (saved / "vectors.json").stat().st_mtime_ns == before


def edit(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "vectors.json"
        manifest = json.loads(path.read_text()) | changes
        kept = {name: value for name, value in manifest.items() if value is not None}
        path.write_text(json.dumps(kept))

    return change


def truncate(folder: Path) -> None:
    path = folder / "vectors-7.faiss"
    path.write_bytes(path.read_bytes()[:-9])


def flip_a_byte(folder: Path) -> None:
    data = bytearray((folder / "vectors-7.faiss").read_bytes())
    data[-30] ^= 1
    (folder / "vectors-7.faiss").write_bytes(data)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "truncated": truncate,
    "another byte": flip_a_byte,
    "empty": lambda folder: (folder / "vectors-7.faiss").write_bytes(b"") and None,
    "file gone": lambda folder: (folder / "vectors-7.faiss").unlink(),
    "manifest gone": lambda folder: (folder / "vectors.json").unlink(),
    "manifest empty": lambda folder: (folder / "vectors.json").write_bytes(b"") and None,
    "manifest no JSON": lambda folder: (folder / "vectors.json").write_bytes(b"\xff{") and None,
    "manifest a list": lambda folder: (folder / "vectors.json").write_bytes(b"[]") and None,
    "other format": edit(format=99),
    "other checksum": edit(sha256="0" * 64),
    "no checksum": edit(sha256=None),
    "no file": edit(file=None),
    "no revision": edit(revision=None),
    "revision no number": edit(revision="x"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_generation_counts_as_none(saved: Path, damage: str) -> None:
    DAMAGES[damage](saved)
    index = open_index(saved)
    assert (index.revision, len(index)) == (0, 0)
    index.apply([], [chunk(10, 1)], 8)
    index.save()
    assert (open_index(saved).revision, len(open_index(saved))) == (8, 1)


def test_a_generation_of_another_embedder_counts_as_none(saved: Path) -> None:
    assert (open_index(saved, "other").revision, len(open_index(saved, "other"))) == (0, 0)
    assert open_index(saved, "other").revision_on_disk == -1


def test_a_generation_of_another_dimension_counts_as_none(saved: Path) -> None:
    assert len(open_index(saved, dimension=8)) == 0
