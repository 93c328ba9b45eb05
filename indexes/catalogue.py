"""The catalogue: collections, documents, versions, chunks and vectors in SQLite. It is the truth.

Every change is one transaction that raises its collection's revision and notes which chunks came
and went, so that an index derived from the catalogue can catch up from the revision it has seen.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from indexes.changes import insert_chunks, put_versions, raise_revision, remove_chunks
from indexes.schema import (
    CHUNKS,
    COLLECTIONS,
    DOCUMENTS,
    REMOVALS,
    STORED_FLOAT,
    VERSIONS,
    AddedChunk,
    Collection,
    DocumentInfo,
    EmbeddedChunk,
    Stored,
    chunk_query,
    info,
    info_query,
    is_current,
    stored_chunk,
    stored_vectors,
)
from indexes.sqlite import begin, begin_writing, configure_connection, create_or_migrate, is_busy
from ragqwen.embedding import Vectors
from ragqwen.errors import DimensionMismatch, NotFound, StoreBusy, StoreError
from ragqwen.records import Block, Document, StoredChunk

_CHECKPOINT_TIMEOUT_MS = 1000
_IDS_PER_QUERY = 500  # under SQLite's oldest bound on variables
_ROWS_PER_BATCH = 256


class Catalogue:
    """The catalogue in one SQLite file, in WAL mode; safe to share between threads."""

    def __init__(self, path: Path, *, busy_timeout_seconds: float = 60) -> None:
        """Open the catalogue, making it where there is none.

        Any method raises StoreError if the file can't be used, and StoreBusy if it has to write
        and another process doesn't let it.

        :param busy_timeout_seconds: how long to wait for another who writes.
        :raises StoreError: if the file is no catalogue or one of another schema.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(
                f"{path.parent} can't be made or is no folder ({exc.strerror}); give another data "
                "folder"
            ) from exc
        self._path = path
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)),
            connect_args={"timeout": busy_timeout_seconds},
        )
        sa.event.listen(self._engine, "connect", configure_connection)
        sa.event.listen(self._engine, "begin", begin)
        with self._errors_mapped("opened as a catalogue"), self._engine.begin() as connection:
            create_or_migrate(connection, path)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """Read in one transaction, so that what is read is of one moment."""
        with self._errors_mapped(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Change in one transaction, which is rolled back if the block is left early."""
        with self._errors_mapped(), self._engine.begin() as connection:
            begin_writing(connection)
            yield connection

    @contextmanager
    def _errors_mapped(self, task: str = "read or written") -> Iterator[None]:
        try:
            yield
        except sa.exc.DatabaseError as exc:
            if is_busy(exc):
                raise StoreBusy(
                    f"another process is writing to the catalogue {self._path}: try again later; "
                    "a reindex holds it until it is done"
                ) from exc
            raise StoreError(
                f"the catalogue {self._path} can't be {task}: {exc.orig}; restore it from a "
                "copy, or ingest into a new data folder"
            ) from exc

    def _empty_log(self) -> None:
        """Take what was deleted out of the write-ahead log too.

        If others are still reading from the log, a later change does it.
        """
        with self._reading() as connection:
            connection.detach()  # as it gets a timeout of its own, no other may use it afterwards
            connection.exec_driver_sql("ROLLBACK")  # no checkpoint runs inside a transaction
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {_CHECKPOINT_TIMEOUT_MS}")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    # --- collections -----------------------------------------------------------------------

    def collections(self) -> list[Collection]:
        """Return all collections, by name."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(COLLECTIONS).order_by(COLLECTIONS.c.name))
            return [Collection(**row) for row in rows.mappings()]

    def collection(self, name: str) -> Collection:
        """Look a collection up as it stands now.

        :raises NotFound: if there is none of that name.
        """
        with self._reading() as connection:
            query = sa.select(COLLECTIONS).where(COLLECTIONS.c.name == name)
            row = connection.execute(query).mappings().first()
        if row is None:
            raise NotFound(f"there is no collection {name!r}; ingest a document into it first")
        return Collection(**row)

    def create_collection(
        self, name: str, uid: str, fingerprint: str, dimension: int, probe: Vectors | None = None
    ) -> None:
        """Make a collection for vectors of one embedder; nothing happens if it is there."""
        with self._writing() as connection:
            connection.execute(
                sa.insert(COLLECTIONS).prefix_with("OR IGNORE"),
                {
                    "name": name,
                    "uid": uid,
                    "fingerprint": fingerprint,
                    "dimension": dimension,
                    "revision": 0,
                    "probe": None if probe is None else stored_vectors(probe),
                },
            )

    def keep_probe(self, collection: Collection, probe: Vectors) -> None:
        """Keep the embedder's probe with a collection; nothing happens if it has one."""
        without = sa.and_(
            COLLECTIONS.c.uid == collection.uid,
            COLLECTIONS.c.fingerprint == collection.fingerprint,
            COLLECTIONS.c.probe.is_(None),
        )
        with self._writing() as connection:
            connection.execute(
                sa.update(COLLECTIONS).where(without).values(probe=stored_vectors(probe))
            )

    def delete_collection(self, pk: int) -> None:
        """Delete a collection with all that is in it."""
        documents = sa.select(DOCUMENTS.c.pk).where(DOCUMENTS.c.collection == pk)
        with self._writing() as connection:
            connection.execute(sa.delete(CHUNKS).where(CHUNKS.c.collection == pk))
            connection.execute(sa.delete(REMOVALS).where(REMOVALS.c.collection == pk))
            connection.execute(sa.delete(VERSIONS).where(VERSIONS.c.document.in_(documents)))
            connection.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.collection == pk))
            connection.execute(sa.delete(COLLECTIONS).where(COLLECTIONS.c.pk == pk))
        self._empty_log()

    # --- documents -------------------------------------------------------------------------

    def put(
        self,
        collection: Collection,
        documents: Sequence[tuple[Document, Sequence[EmbeddedChunk]]],
        recipe: str,
    ) -> list[Stored]:
        """Store documents as their newest versions, in one transaction.

        An older version stops answering in the same step; its text stays, for old citations. A
        document whose content hash and recipe are those of its current version is left alone.

        :return: for each document the version that is current now, 1 for a new document.
        :raises DimensionMismatch: if a vector's length is not the collection's.
        """
        for document, chunks in documents:
            for item in chunks:
                if item.vectors.shape[1:] != (collection.dimension,):
                    raise DimensionMismatch(
                        f"{document.document_id}: vectors of shape {item.vectors.shape}, but "
                        f"{collection.name!r} holds vectors of {collection.dimension} numbers"
                    )
        with self._writing() as connection:
            return put_versions(connection, collection, documents, recipe)

    def reindex(
        self,
        collection: Collection,
        *,
        fingerprint: str,
        dimension: int,
        probe: Vectors | None = None,
        recipe: str,
        cut: Callable[[Document], Sequence[EmbeddedChunk]],
    ) -> Iterator[str]:
        """Give every document new chunks, in one transaction; yield the ids as they are done.

        Searches see the old chunks until the last document is done; other writers wait. Versions
        stay what they are, because the text does.
        """
        query = sa.select(DOCUMENTS.c.pk, DOCUMENTS.c.document_id, VERSIONS.c.pk.label("version"))
        query = query.join(VERSIONS, is_current()).where(DOCUMENTS.c.collection == collection.pk)
        with self._writing() as connection:
            revision = raise_revision(connection, collection)
            connection.execute(
                sa.update(COLLECTIONS)
                .where(COLLECTIONS.c.pk == collection.pk)
                .values(
                    fingerprint=fingerprint,
                    dimension=dimension,
                    probe=None if probe is None else stored_vectors(probe),
                )
            )
            for document, document_id, version in connection.execute(query).all():
                chunks = cut(self.document(collection, document_id))
                remove_chunks(connection, collection.pk, [document], revision)
                insert_chunks(connection, collection.pk, document, version, chunks, revision)
                connection.execute(
                    sa.update(VERSIONS).where(VERSIONS.c.pk == version).values(recipe=recipe)
                )
                yield document_id

    def delete(self, collection: Collection, document_id: str) -> None:
        """Delete a document, all its versions and chunks.

        :raises NotFound: if the collection has no such document.
        """
        with self._writing() as connection:
            query = sa.select(DOCUMENTS.c.pk).where(
                DOCUMENTS.c.collection == collection.pk,
                DOCUMENTS.c.document_id == document_id,
            )
            document_pk = connection.execute(query).scalar()
            if document_pk is None:
                raise _no_document(collection, document_id)
            revision = raise_revision(connection, collection)
            remove_chunks(connection, collection.pk, [document_pk], revision)
            connection.execute(sa.delete(VERSIONS).where(VERSIONS.c.document == document_pk))
            connection.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.pk == document_pk))
        self._empty_log()

    def documents(
        self, collection: Collection, *, limit: int | None = None, offset: int = 0
    ) -> list[DocumentInfo]:
        """Return the documents of a collection, by id."""
        query = info_query(collection.pk).order_by(DOCUMENTS.c.document_id)
        with self._reading() as connection:
            rows = connection.execute(query.limit(limit).offset(offset)).mappings()
            return [info(row) for row in rows]

    def count_documents(self, collection: Collection) -> int:
        """Count the documents of a collection."""
        query = sa.select(sa.func.count()).where(DOCUMENTS.c.collection == collection.pk)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def document_info(
        self, collection: Collection, document_id: str, version: int | None = None
    ) -> DocumentInfo:
        """Return what is known of a document; without a version, of the current one.

        :raises NotFound: if the collection has no such document or version.
        """
        query = info_query(collection.pk, version).where(DOCUMENTS.c.document_id == document_id)
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise _no_document(collection, document_id, version)
        return info(row)

    def recipes(self, collection: Collection) -> dict[str, tuple[str, str]]:
        """Return each document's (content hash, recipe) by id: what is unchanged is known by it."""
        query = sa.select(DOCUMENTS.c.document_id, VERSIONS.c.content_hash, VERSIONS.c.recipe)
        query = query.join(VERSIONS, is_current()).where(DOCUMENTS.c.collection == collection.pk)
        with self._reading() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(query)}

    def document(
        self, collection: Collection, document_id: str, version: int | None = None
    ) -> Document:
        """Return a document with its text and blocks; without a version, the current one.

        :raises NotFound: if there is no such document or version.
        """
        query = sa.select(VERSIONS).join(DOCUMENTS, VERSIONS.c.document == DOCUMENTS.c.pk)
        query = query.where(
            DOCUMENTS.c.collection == collection.pk,
            DOCUMENTS.c.document_id == document_id,
            VERSIONS.c.version == (DOCUMENTS.c.version if version is None else version),
        )
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise _no_document(collection, document_id, version)
        return Document(
            document_id=document_id,
            text=row["text"],
            blocks=tuple(
                Block(**{**block, "headings": tuple(block["headings"])})
                for block in json.loads(row["blocks"])
            ),
            content_hash=row["content_hash"],
            title=row["title"],
            source=row["source"],
            media_type=row["media_type"],
            language=row["language"],
            metadata=json.loads(row["metadata"]),
        )

    def text(
        self, collection: Collection, document_id: str, version: int, start: int, end: int
    ) -> str:
        """Return a span of a document's text.

        :raises NotFound: if there is no such document or version.
        """
        query = (
            sa.select(sa.func.substr(VERSIONS.c.text, start + 1, end - start))
            .join(DOCUMENTS, VERSIONS.c.document == DOCUMENTS.c.pk)
            .where(
                DOCUMENTS.c.collection == collection.pk,
                DOCUMENTS.c.document_id == document_id,
                VERSIONS.c.version == version,
            )
        )
        with self._reading() as connection:
            text = connection.execute(query).scalar()
        if text is None:
            raise _no_document(collection, document_id, version)
        return str(text)

    def vectors_by_digest(
        self, collection: Collection, document_ids: Sequence[str]
    ) -> dict[str, Vectors]:
        """Return the vectors of documents' chunks by the digest of what was embedded."""
        query = sa.select(CHUNKS.c.digest, CHUNKS.c.vectors).join(
            DOCUMENTS, CHUNKS.c.document == DOCUMENTS.c.pk
        )
        query = query.where(
            DOCUMENTS.c.collection == collection.pk, DOCUMENTS.c.document_id.in_(document_ids)
        )
        with self._reading() as connection:
            return {
                digest: _vectors(data, collection.dimension)
                for digest, data in connection.execute(query)
            }

    # --- chunks ----------------------------------------------------------------------------

    def chunks(self, collection: Collection, chunk_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return those of the chunks that are current, by id; one that was removed is left out."""
        query = chunk_query().where(CHUNKS.c.collection == collection.pk)
        found: dict[int, StoredChunk] = {}
        with self._reading() as connection:
            for at in range(0, len(chunk_ids), _IDS_PER_QUERY):
                some = [int(chunk_id) for chunk_id in chunk_ids[at : at + _IDS_PER_QUERY]]
                for row in connection.execute(query.where(CHUNKS.c.pk.in_(some))).mappings():
                    found[row["pk"]] = stored_chunk(row)
        return found

    def removed_since(self, collection: Collection, revision: int) -> list[int]:
        """Return the ids of the chunks removed after a revision."""
        query = sa.select(REMOVALS.c.chunk).where(
            REMOVALS.c.collection == collection.pk, REMOVALS.c.revision > revision
        )
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def added_since(self, collection: Collection, revision: int) -> Iterator[AddedChunk]:
        """Yield the current chunks that came after a revision, in the order in which they came."""
        query = sa.select(CHUNKS).where(
            CHUNKS.c.collection == collection.pk, CHUNKS.c.revision > revision
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(CHUNKS.c.pk)).mappings()
            for some in rows.partitions(_ROWS_PER_BATCH):
                texts = _texts(connection, {row["version"] for row in some})
                for row in some:
                    text, title = texts[row["version"]]
                    yield AddedChunk(
                        chunk_id=row["pk"],
                        title=title,
                        headings=tuple(json.loads(row["headings"])),
                        language=row["language"],
                        text=text[row["start"] : row["end"]],
                        vectors=_vectors(row["vectors"], collection.dimension),
                    )


def _vectors(data: bytes, dimension: int) -> Vectors:
    return np.frombuffer(data, STORED_FLOAT).reshape(-1, dimension).astype(np.float32)


def _texts(connection: sa.Connection, versions: set[int]) -> dict[int, tuple[str, str]]:
    """Return (text, title) of versions, by key."""
    query = sa.select(VERSIONS.c.pk, VERSIONS.c.text, VERSIONS.c.title)
    rows = connection.execute(query.where(VERSIONS.c.pk.in_(versions)))
    return {row.pk: (row.text, row.title) for row in rows}


def _no_document(collection: Collection, document_id: str, version: int | None = None) -> NotFound:
    which = f"document {document_id!r}" + (f" version {version}" if version else "")
    return NotFound(f"there is no {which} in collection {collection.name!r}")
