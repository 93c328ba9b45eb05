"""The steps of a change to the catalogue; each runs inside a writing transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from indexes.schema import (
    CHUNKS,
    COLLECTIONS,
    DOCUMENTS,
    REMOVALS,
    VERSIONS,
    Collection,
    EmbeddedChunk,
    Stored,
    is_current,
    stored_vectors,
)
from ragqwen.errors import NotFound
from ragqwen.records import Document


def raise_revision(connection: sa.Connection, collection: Collection) -> int:
    """Raise the collection's revision and return it.

    :raises NotFound: if it was deleted, or embedded anew by another embedder or by other weights,
        since it was read.
    """
    unchanged = sa.and_(
        COLLECTIONS.c.pk == collection.pk,
        COLLECTIONS.c.uid == collection.uid,
        COLLECTIONS.c.fingerprint == collection.fingerprint,
        # the first probe of a collection is no change of weights
        sa.true() if collection.probe is None else COLLECTIONS.c.probe == collection.probe,
    )
    revision = connection.execute(
        sa.update(COLLECTIONS)
        .where(unchanged)
        .values(revision=COLLECTIONS.c.revision + 1)
        .returning(COLLECTIONS.c.revision)
    ).scalar()
    if revision is None:
        raise NotFound(
            f"the collection {collection.name!r} was deleted or embedded anew meanwhile; try again"
        )
    return int(revision)


def put_versions(
    connection: sa.Connection,
    collection: Collection,
    documents: Sequence[tuple[Document, Sequence[EmbeddedChunk]]],
    recipe: str,
) -> list[Stored]:
    """Store each document's next version in place of its current one, unless they are the same.

    That is looked up in here, because another may have stored it since the caller looked. The
    revision rises if anything is stored.

    :param documents: of different ids.
    """
    current = _current_versions(connection, collection, [item.document_id for item, _ in documents])
    results = [_outcome(document, recipe, current) for document, _ in documents]
    new = [
        (document, chunks, stored.version)
        for (document, chunks), stored in zip(documents, results, strict=True)
        if stored.is_new
    ]
    if new:
        keys = {name: row["pk"] for name, row in current.items()}
        _store(connection, collection, new, recipe, keys)
    return results


def _current_versions(
    connection: sa.Connection, collection: Collection, document_ids: Sequence[str]
) -> dict[str, sa.RowMapping]:
    """Return (document_id, pk, version, content_hash, recipe) of those that there are, by id."""
    query = (
        sa.select(
            DOCUMENTS.c.document_id,
            DOCUMENTS.c.pk,
            DOCUMENTS.c.version,
            VERSIONS.c.content_hash,
            VERSIONS.c.recipe,
        )
        .join(VERSIONS, is_current())
        .where(DOCUMENTS.c.collection == collection.pk, DOCUMENTS.c.document_id.in_(document_ids))
    )
    return {row["document_id"]: row for row in connection.execute(query).mappings()}


def _outcome(document: Document, recipe: str, current: Mapping[str, sa.RowMapping]) -> Stored:
    row = current.get(document.document_id)
    if row is None:
        return Stored(1, is_new=True)
    is_new = (row["content_hash"], row["recipe"]) != (document.content_hash, recipe)
    return Stored(row["version"] + is_new, is_new)


def _store(
    connection: sa.Connection,
    collection: Collection,
    documents: Sequence[tuple[Document, Sequence[EmbeddedChunk], int]],
    recipe: str,
    known: Mapping[str, int],
) -> None:
    """Store versions under their numbers.

    :param known: the keys of documents that have a version already, by id.
    """
    revision = raise_revision(connection, collection)
    keys = dict(known)
    newer = [
        {"key": known[document.document_id], "newer": version}
        for document, _, version in documents
        if document.document_id in known
    ]
    if newer:
        remove_chunks(connection, collection.pk, [row["key"] for row in newer], revision)
        connection.execute(
            sa.update(DOCUMENTS)
            .where(DOCUMENTS.c.pk == sa.bindparam("key"))
            .values(version=sa.bindparam("newer")),
            newer,
        )
    ids = (document.document_id for document, _, _ in documents)
    fresh = [document_id for document_id in ids if document_id not in known]
    rows = [{"collection": collection.pk, "document_id": name, "version": 1} for name in fresh]
    keys |= dict(zip(fresh, _insert(connection, DOCUMENTS, rows), strict=True))
    version_rows = [
        _version_row(document, keys[document.document_id], version, recipe)
        for document, _, version in documents
    ]
    version_keys = _insert(connection, VERSIONS, version_rows)
    for (document, chunks, _), version_key in zip(documents, version_keys, strict=True):
        key = keys[document.document_id]
        insert_chunks(connection, collection.pk, key, version_key, chunks, revision)


def insert_chunks(
    connection: sa.Connection,
    collection: int,
    document: int,
    version: int,
    chunks: Sequence[EmbeddedChunk],
    revision: int,
) -> None:
    """Store a version's chunks with their vectors, as come with a revision."""
    rows = [
        {
            "collection": collection,
            "document": document,
            "version": version,
            "ordinal": item.chunk.ordinal,
            "start": item.chunk.start,
            "end": item.chunk.end,
            "language": item.chunk.language,
            "page": item.chunk.page,
            "headings": json.dumps(item.chunk.headings, ensure_ascii=False),
            "tokens": item.chunk.tokens,
            "digest": item.digest,
            "vectors": stored_vectors(item.vectors),
            "revision": revision,
        }
        for item in chunks
    ]
    if rows:
        connection.execute(sa.insert(CHUNKS), rows)


def remove_chunks(
    connection: sa.Connection, collection: int, documents: Sequence[int], revision: int
) -> None:
    """Remove the documents' chunks and note it for the indexes that follow."""
    gone = CHUNKS.c.document.in_(documents)
    noted = sa.select(CHUNKS.c.pk, sa.literal(collection), sa.literal(revision)).where(gone)
    connection.execute(sa.insert(REMOVALS).from_select(["chunk", "collection", "revision"], noted))
    connection.execute(sa.delete(CHUNKS).where(gone))


def _insert(
    connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]
) -> Iterable[int]:
    """Insert rows and return their keys, in order."""
    if not rows:
        return []
    statement = sa.insert(table).returning(table.c.pk, sort_by_parameter_order=True)
    return list(connection.execute(statement, rows).scalars())


def _version_row(document: Document, key: int, version: int, recipe: str) -> dict[str, Any]:
    return {
        "document": key,
        "version": version,
        "content_hash": document.content_hash,
        "recipe": recipe,
        "title": document.title,
        "source": document.source,
        "media_type": document.media_type,
        "language": document.language,
        "metadata": json.dumps(dict(document.metadata), ensure_ascii=False, default=str),
        "text": document.text,
        "blocks": json.dumps([asdict(block) for block in document.blocks]),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
