"""The steps of a change to the catalogue; each runs inside a writing transaction."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from indexes.schema import (
    CHUNKS,
    COLLECTIONS,
    DOCUMENTS,
    REMOVALS,
    VERSIONS,
    Collection,
    EmbeddedChunk,
)
from ragqwen.errors import NotFound
from ragqwen.records import Document


def raise_revision(connection: sa.Connection, collection: Collection) -> int:
    """Raise the collection's revision and return it."""
    revision = connection.execute(
        sa.update(COLLECTIONS)
        .where(COLLECTIONS.c.pk == collection.pk, COLLECTIONS.c.uid == collection.uid)
        .values(revision=COLLECTIONS.c.revision + 1)
        .returning(COLLECTIONS.c.revision)
    ).scalar()
    if revision is None:
        raise NotFound(f"the collection {collection.name!r} was deleted meanwhile")
    return int(revision)


def put_versions(
    connection: sa.Connection,
    collection: int,
    documents: Sequence[tuple[Document, Sequence[EmbeddedChunk]]],
    recipe: str,
    revision: int,
) -> list[int]:
    """Store each document's next version in place of its current one; return their numbers.

    :param documents: of different ids.
    """
    ids = [document.document_id for document, _ in documents]
    query = sa.select(DOCUMENTS.c.document_id, DOCUMENTS.c.pk, DOCUMENTS.c.version).where(
        DOCUMENTS.c.collection == collection, DOCUMENTS.c.document_id.in_(ids)
    )
    known = {row.document_id: (row.pk, row.version) for row in connection.execute(query)}
    if known:
        remove_chunks(connection, collection, [pk for pk, _ in known.values()], revision)
        newer = [{"key": pk, "newer": version + 1} for pk, version in known.values()]
        connection.execute(
            sa.update(DOCUMENTS)
            .where(DOCUMENTS.c.pk == sa.bindparam("key"))
            .values(version=sa.bindparam("newer")),
            newer,
        )
    fresh = [document_id for document_id in ids if document_id not in known]
    rows = [{"collection": collection, "document_id": name, "version": 1} for name in fresh]
    keys = {name: pk for name, (pk, _) in known.items()}
    keys |= dict(zip(fresh, _insert(connection, DOCUMENTS, rows), strict=True))
    versions = [known.get(document_id, (0, 0))[1] + 1 for document_id in ids]
    version_keys = _insert(
        connection,
        VERSIONS,
        [
            _version_row(document, keys[document.document_id], version, recipe)
            for (document, _), version in zip(documents, versions, strict=True)
        ],
    )
    for (document, chunks), version_key in zip(documents, version_keys, strict=True):
        insert_chunks(
            connection, collection, keys[document.document_id], version_key, chunks, revision
        )
    return versions


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
            "page": item.chunk.page,
            "headings": json.dumps(item.chunk.headings, ensure_ascii=False),
            "tokens": item.chunk.tokens,
            "digest": item.digest,
            "vector": np.ascontiguousarray(item.vector, dtype="<f4").tobytes(),
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
