"""Dense search over one collection: an exhaustive FAISS index, derived from the catalogue."""

import functools
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexes.schema import AddedChunk
from ragqwen.embedding import Vectors

_FORMAT = 2
_BATCH = 4096
_VECTORS_PER_CHUNK = 4  # as a start: what is near comes with several vectors


class VectorIndex:
    """Inner products over all vectors of a collection, in float16; a chunk's best one is its score.

    A chunk may have several vectors, which stand under its id. Nothing is left out by an
    approximation; float16 changes a product by about 0.001.

    What is on disk is one generation: `vectors.json`, written last and renamed into place, names
    the file, its checksum, the embedder's fingerprint and the revision of the catalogue it shows.
    Whatever doesn't fit is built anew from the catalogue.
    """

    def __init__(self, folder: Path, *, fingerprint: str, dimension: int) -> None:
        """Load the generation in a folder if it is whole and of this embedder, else start empty.

        :param dimension: length of a vector.
        """
        self._folder = folder
        self._manifest_path = folder / "vectors.json"
        self._fingerprint = fingerprint
        self._dimension = dimension
        self._saved_revision = -1
        self.revision = 0
        self._index = self._load() or _empty(dimension)

    @property
    def revision_on_disk(self) -> int:
        """Return the revision that the generation on disk shows, -1 if there is none."""
        return int(self._read_manifest().get("revision", -1))

    def __len__(self) -> int:
        """Count the vectors, of which a chunk may have several."""
        return int(self._index.ntotal)

    def apply(self, removed: Sequence[int], added: Iterable[AddedChunk], revision: int) -> None:
        """Catch up with the catalogue; to apply the same change twice does no harm."""
        gone = self._known.intersection(removed)
        if gone:
            self._index.remove_ids(np.fromiter(gone, dtype=np.int64))
            self._known -= gone
        ids: list[int] = []
        vectors: list[Vectors] = []
        for chunk in added:
            if chunk.chunk_id not in self._known:
                ids.extend([chunk.chunk_id] * len(chunk.vectors))
                vectors.append(chunk.vectors)
            if len(ids) >= _BATCH:
                self._add(ids, vectors)
                ids, vectors = [], []
        if ids:
            self._add(ids, vectors)
        self.revision = revision

    def search(self, query: Vectors, k: int) -> list[tuple[int, float]]:
        """Return the k nearest chunks.

        :param query: (dimension,) float32, L2-normalised.
        :return: (chunk id, product in [-1, 1]), best first.
        """
        import faiss

        # FAISS shares out questions and not vectors: for one, other threads only spin and wait.
        faiss.omp_set_num_threads(1)  # of this thread alone
        best: dict[int, float] = {}
        n_vectors = _VECTORS_PER_CHUNK * k
        while k > 0 and len(self):
            n_vectors = min(n_vectors, len(self))
            scores, ids = self._index.search(np.ascontiguousarray(query[None, :]), n_vectors)
            best = {}
            for chunk_id, score in zip(ids[0].tolist(), scores[0].tolist(), strict=True):
                if chunk_id >= 0:  # faiss fills up with -1 where a product is no number
                    best.setdefault(chunk_id, score)
            if len(best) >= k or n_vectors == len(self):
                break
            n_vectors *= 4
        return list(best.items())[:k]

    def save(self) -> None:
        """Write the generation to disk, whole or not at all."""
        if self._saved_revision == self.revision:
            return
        import faiss

        self._folder.mkdir(parents=True, exist_ok=True)
        data = faiss.serialize_index(self._index).tobytes()
        path = self._folder / f"vectors-{self.revision}.faiss"
        _write_whole(path, data)
        manifest = {
            "format": _FORMAT,
            "file": path.name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "fingerprint": self._fingerprint,
            "dimension": self._dimension,
            "revision": self.revision,
        }
        _write_whole(self._manifest_path, json.dumps(manifest, indent=1).encode())
        self._saved_revision = self.revision
        for old in self._folder.glob("vectors-*.faiss"):
            if old != path:
                old.unlink(missing_ok=True)

    @functools.cached_property
    def _known(self) -> set[int]:
        """The chunks in the index, kept because reading them out takes longer than a change."""
        import faiss

        return set(faiss.vector_to_array(self._index.id_map).tolist())

    def _add(self, ids: list[int], vectors: list[Vectors]) -> None:
        self._index.add_with_ids(np.concatenate(vectors), np.asarray(ids, dtype=np.int64))
        self._known.update(ids)

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads(self._manifest_path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        expected = {
            "format": _FORMAT,
            "fingerprint": self._fingerprint,
            "dimension": self._dimension,
        }
        fits = isinstance(manifest, dict) and expected.items() <= manifest.items()
        return manifest if fits and isinstance(manifest.get("revision"), int) else {}

    def _load(self) -> Any | None:
        manifest = self._read_manifest()
        try:
            data = (self._folder / manifest["file"]).read_bytes()
        except (KeyError, FileNotFoundError):
            return None
        if hashlib.sha256(data).hexdigest() != manifest.get("sha256"):
            return None
        import faiss

        self.revision = self._saved_revision = int(manifest["revision"])
        return faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))


def _empty(dimension: int) -> Any:
    import faiss

    half = faiss.IndexScalarQuantizer(
        dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    return faiss.IndexIDMap(half)


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file so that after a crash it is either the old one or the new one."""
    temporary = path.with_suffix(path.suffix + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
