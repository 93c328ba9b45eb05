"""A data folder: the catalogue, and for each collection the indexes derived from it."""

import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
from filelock import FileLock

from indexes.catalogue import Catalogue
from indexes.keywords import KeywordIndex
from indexes.schema import (
    STORED_FLOAT,
    AddedChunk,
    Collection,
    DocumentInfo,
    EmbeddedChunk,
    Stored,
)
from indexes.vectors import VectorIndex
from ragqwen.embedding import Embedder, Vectors
from ragqwen.errors import FingerprintMismatch, InputError, NotFound
from ragqwen.records import Document, StoredChunk
from ragqwen.retrieval import Hits

_SAVE_AFTER_CHANGES = 2000  # a lost generation costs the time to read the vectors again
_MAX_NAME_CHARS = 100
_MIN_AGREEMENT = 0.99  # of two probes, a cosine; half precision keeps it above 0.999


class DerivedIndex(Protocol):
    """An index that follows the catalogue: FAISS's and tantivy's today, another engine's later."""

    revision: int

    def __len__(self) -> int:
        """Count the chunks in it."""

    def apply(self, removed: Sequence[int], added: Iterable[AddedChunk], revision: int) -> None:
        """Catch up with the catalogue; to apply the same change twice must do no harm."""


class CollectionIndex:
    """One collection, opened for search and change; safe to share between threads.

    Both indexes follow the catalogue: every search first looks at the collection's revision and
    catches up if it has risen, here or in another process. What they still hold of a removed chunk
    never gets out, because chunks are read from the catalogue.

    Where vectors are compared or stored, the embedder's probe has to be the collection's. What asks
    for no vectors goes on without: a search by words, a document, a deletion.
    """

    def __init__(self, catalogue: Catalogue, name: str, folder: Path, embedder: Embedder) -> None:
        """Open a collection that exists.

        :raises NotFound: if it doesn't.
        :raises FingerprintMismatch: if it was embedded by another embedder.
        """
        self._catalogue = catalogue
        self.name = name
        self._fingerprint, self._probe = embedder.fingerprint, embedder.probe
        self._collection = self._look_up()  # whose key stays; its revision is looked up anew
        self.uid = self._collection.uid
        self._folder = folder / self.uid
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file_lock = FileLock(self._folder / "lock")
        self._lock = threading.RLock()
        self._unsaved = 0
        with self._file_lock:
            self._vectors = VectorIndex(
                self._folder, fingerprint=embedder.fingerprint, dimension=embedder.dimension
            )
            self._keywords = KeywordIndex(self._folder)

    # --- documents -------------------------------------------------------------------------

    def put(
        self, documents: Sequence[tuple[Document, Sequence[EmbeddedChunk]]], recipe: str
    ) -> list[Stored]:
        """Store documents as their newest versions; see `Catalogue.put`.

        :raises FingerprintMismatch: if the collection was embedded by other weights.
        """
        collection = self.state()
        if collection.probe is None and self._probe is not None:
            self._catalogue.keep_probe(collection, self._probe)
            collection = self.state()  # another process's may have been the first
        self._check_weights(collection)
        return self._catalogue.put(collection, documents, recipe)

    def delete(self, document_id: str) -> None:
        """Delete a document; when this returns, no index can serve it any more.

        :raises NotFound: if there is no such document.
        """
        self._catalogue.delete(self.state(), document_id)
        self.refresh()

    def document(self, document_id: str, version: int | None = None) -> Document:
        """Return a document with its text; see `Catalogue.document`."""
        return self._catalogue.document(self.state(), document_id, version)

    def document_info(self, document_id: str, version: int | None = None) -> DocumentInfo:
        """Return what is known of a document; see `Catalogue.document_info`."""
        return self._catalogue.document_info(self.state(), document_id, version)

    def documents(self, *, limit: int | None = None, offset: int = 0) -> list[DocumentInfo]:
        """Return the documents, by id."""
        return self._catalogue.documents(self.state(), limit=limit, offset=offset)

    def count_documents(self) -> int:
        """Count the documents."""
        return self._catalogue.count_documents(self.state())

    def recipes(self) -> dict[str, tuple[str, str]]:
        """Return each document's (content hash, recipe) by id."""
        return self._catalogue.recipes(self.state())

    def vectors_by_digest(self, document_ids: Sequence[str]) -> dict[str, Vectors]:
        """Return documents' vectors by the digest of what was embedded.

        :raises FingerprintMismatch: if the collection was embedded by other weights.
        """
        collection = self.state()
        self._check_weights(collection)
        return self._catalogue.vectors_by_digest(collection, document_ids)

    # --- search (ragqwen.retrieval.SearchIndex) --------------------------------------------

    def dense(self, query: Vectors, k: int) -> Hits:
        """Return the k nearest chunks to a unit vector, with cosines.

        :raises FingerprintMismatch: if the collection was embedded by other weights.
        """
        with self._caught_up() as collection:
            self._check_weights(collection)
            return self._vectors.search(query, k)

    def lexical(self, query_terms: Sequence[str], k: int) -> Hits:
        """Return the k best chunks for the terms, with BM25 scores."""
        with self._caught_up():
            return self._keywords.search(query_terms, k)

    def document_frequencies(self, query_terms: Sequence[str]) -> Mapping[str, int]:
        """Return in how many chunks each term occurs."""
        with self._caught_up():
            return self._keywords.document_frequencies(query_terms)

    def chunks(self, chunk_ids: Sequence[int]) -> Mapping[int, StoredChunk]:
        """Return the chunks that are current; one that was removed is left out."""
        return self._catalogue.chunks(self._collection, chunk_ids)

    def text(self, document_id: str, version: int, start: int, end: int) -> str:
        """Return a span of a document's text."""
        return self._catalogue.text(self._collection, document_id, version, start, end)

    # --- following the catalogue -----------------------------------------------------------

    def state(self) -> Collection:
        """Return the collection as it stands now.

        :raises NotFound: if it was deleted, even if another of its name was made.
        :raises FingerprintMismatch: if it was embedded by another embedder.
        """
        collection = self._look_up()
        if collection.uid != self.uid:
            raise NotFound(f"the collection {self.name!r} was deleted and made again; open it anew")
        return collection

    def _look_up(self) -> Collection:
        collection = self._catalogue.collection(self.name)
        if collection.fingerprint != self._fingerprint:
            raise FingerprintMismatch(
                f"collection {self.name!r} was embedded by {collection.fingerprint}, but "
                f"{self._fingerprint} is configured: set RAGQWEN_EMBEDDER and "
                "RAGQWEN_EMBEDDER_DIMENSION back, or run "
                f"`ragqwen reindex --collection {self.name}` to embed it anew"
            )
        return collection

    def _check_weights(self, collection: Collection) -> None:
        """Refuse to compare vectors of other weights under the embedder's name.

        :raises FingerprintMismatch: if the probes differ.
        """
        if collection.probe is None or self._probe is None:
            return
        kept = np.frombuffer(collection.probe, STORED_FLOAT).astype(np.float32)
        agreement = float(kept @ self._probe / np.linalg.norm(kept))
        if not agreement >= _MIN_AGREEMENT:
            raise FingerprintMismatch(
                f"collection {self.name!r} was embedded by other weights than {self._fingerprint} "
                f"has now: a text's vector has the cosine {agreement:.3f} to the one kept with the "
                f"collection, expected {_MIN_AGREEMENT} or more; set RAGQWEN_EMBEDDER back to the "
                f"model that it was, or run `ragqwen reindex --collection {self.name}` to embed it "
                "anew"
            )

    def refresh(self) -> None:
        """Bring both indexes up to the catalogue."""
        with self._caught_up():
            pass

    def save(self) -> None:
        """Bring both indexes up to the catalogue and write the vectors to disk."""
        with self._caught_up():
            self._save_vectors()

    @contextmanager
    def _caught_up(self) -> Iterator[Collection]:
        with self._lock:
            collection = self.state()
            behind = min(self._vectors.revision, self._keywords.revision) < collection.revision
            if behind:
                with self._folder_locked():
                    self._catch_up(collection)
            yield collection

    @contextmanager
    def _folder_locked(self) -> Iterator[None]:
        """Keep other processes out of the folder, which is made again if it was lost."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._file_lock:
            yield

    def _catch_up(self, collection: Collection) -> None:
        on_disk = self._keywords.revision_on_disk
        if on_disk < 0:
            self._keywords = KeywordIndex(self._folder)  # new, or its files were lost
        elif on_disk > self._keywords.revision:
            self._keywords.reload()  # another process has been here
        indexes: tuple[DerivedIndex, ...] = (self._vectors, self._keywords)
        for index in indexes:
            seen = index.revision
            if seen >= collection.revision:
                continue
            removed = self._catalogue.removed_since(collection, seen) if seen else []
            added = self._catalogue.added_since(collection, seen)
            before = len(index)
            index.apply(removed, added, collection.revision)
            if index is self._vectors:
                self._unsaved += len(removed) + max(0, len(index) - before)
        if self._unsaved >= _SAVE_AFTER_CHANGES:
            self._save_vectors()

    def _save_vectors(self) -> None:
        with self._folder_locked():
            if self._vectors.revision_on_disk < self._vectors.revision:
                self._vectors.save()
        self._unsaved = 0


class Store:
    """A data folder with its catalogue and its collections."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        """Open a data folder, making it where there is none."""
        self._folder = folder
        self._embedder = embedder
        self._catalogue = Catalogue(folder / "catalogue.sqlite")
        self._open: dict[str, CollectionIndex] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is only in memory to disk and close the catalogue."""
        with self._lock:
            ours = {
                collection.uid
                for collection in self._catalogue.collections()
                if collection.fingerprint == self._embedder.fingerprint
            }  # others were deleted, made again or embedded anew meanwhile, maybe elsewhere
            for index in self._open.values():
                if index.uid in ours:
                    index.save()
            self._open.clear()
            self._catalogue.close()

    def collections(self) -> list[Collection]:
        """Return all collections, by name."""
        return self._catalogue.collections()

    def count_documents(self, collection: Collection) -> int:
        """Count the documents of a collection."""
        return self._catalogue.count_documents(collection)

    def collection(self, name: str, *, create: bool = False) -> CollectionIndex:
        """Open a collection.

        :param create: make it if it isn't there.
        :raises NotFound: if there is none of that name.
        :raises InputError: if a collection to be made has no usable name.
        :raises FingerprintMismatch: if it was embedded by another embedder.
        """
        if create:
            self._create(name)
        with self._lock:
            uid = self._catalogue.collection(name).uid
            index = self._open.get(name)
            if index is None or index.uid != uid:
                index = CollectionIndex(
                    self._catalogue, name, self._folder / "collections", self._embedder
                )
                self._open[name] = index
            return index

    def reindex(
        self, name: str, recipe: str, cut: Callable[[Document], Sequence[EmbeddedChunk]]
    ) -> Iterator[str]:
        """Cut and embed a collection's documents anew, with this store's embedder.

        Nothing changes unless all of it is done. Yields the documents' ids.

        :raises NotFound: if there is no collection of that name.
        """
        yield from self._catalogue.reindex(
            self._catalogue.collection(name),
            fingerprint=self._embedder.fingerprint,
            dimension=self._embedder.dimension,
            probe=self._embedder.probe,
            recipe=recipe,
            cut=cut,
        )
        self.collection(name).save()

    def delete_collection(self, name: str) -> None:
        """Delete a collection, its documents and its indexes.

        :raises NotFound: if there is none of that name.
        """
        collection = self._catalogue.collection(name)
        self._catalogue.delete_collection(collection.pk)  # may wait long, so not under our lock
        with self._lock:
            index = self._open.get(name)
            if index is not None and index.uid == collection.uid:
                del self._open[name]
        shutil.rmtree(self._folder / "collections" / collection.uid, ignore_errors=True)

    def _create(self, name: str) -> None:
        plain = name == name.strip() and name.isprintable() and "/" not in name
        if not (plain and 0 < len(name) <= _MAX_NAME_CHARS and name not in (".", "..")):
            raise InputError(
                f"{name!r} can't be a collection's name: give 1 to {_MAX_NAME_CHARS} printable "
                "characters without a slash and without space at the ends"
            )
        if all(collection.name != name for collection in self._catalogue.collections()):
            self._catalogue.create_collection(
                name,
                uuid.uuid4().hex,
                self._embedder.fingerprint,
                self._embedder.dimension,
                self._embedder.probe,
            )
