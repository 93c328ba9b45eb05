"""The catalogue's tables, and its rows as records."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from ragqwen.embedding import Vectors
from ragqwen.records import Chunk, StoredChunk

SCHEMA_VERSION = 3
STORED_FLOAT = "<f2"  # of vectors: half the space, and no difference in what is found

metadata = sa.MetaData()
COLLECTIONS = sa.Table(
    "collections",
    metadata,
    sa.Column("pk", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, unique=True, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),  # names the folder of its derived indexes
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("dimension", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("probe", sa.LargeBinary),  # float16; none if the fingerprint tells the weights
    sqlite_autoincrement=True,
)
DOCUMENTS = sa.Table(
    "documents",
    metadata,
    sa.Column("pk", sa.Integer, primary_key=True),
    sa.Column("collection", sa.ForeignKey(COLLECTIONS.c.pk), nullable=False),
    sa.Column("document_id", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),  # the one that answers
    sa.UniqueConstraint("collection", "document_id"),
    sqlite_autoincrement=True,
)
VERSIONS = sa.Table(
    "versions",
    metadata,
    sa.Column("pk", sa.Integer, primary_key=True),
    sa.Column("document", sa.ForeignKey(DOCUMENTS.c.pk), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),  # how it was read and cut
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("metadata", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("blocks", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.UniqueConstraint("document", "version"),
)
CHUNKS = sa.Table(
    "chunks",
    metadata,
    sa.Column("pk", sa.Integer, primary_key=True),
    sa.Column("collection", sa.ForeignKey(COLLECTIONS.c.pk), nullable=False),
    sa.Column("document", sa.ForeignKey(DOCUMENTS.c.pk), nullable=False, index=True),
    sa.Column("version", sa.ForeignKey(VERSIONS.c.pk), nullable=False, index=True),
    sa.Column("ordinal", sa.Integer, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("page", sa.Integer),
    sa.Column("headings", sa.Text, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),  # of what was embedded
    sa.Column("vectors", sa.LargeBinary, nullable=False),  # float16, one after another
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Index("chunks_by_revision", "collection", "revision"),
    sqlite_autoincrement=True,  # a chunk's number is never given to another
)
REMOVALS = sa.Table(
    "removals",
    metadata,
    sa.Column("chunk", sa.Integer, primary_key=True),
    sa.Column("collection", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Index("removals_by_revision", "collection", "revision"),
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as it stood when it was looked up; `revision` rises with every change.

    `probe` is `Embedder.probe` as it was when the collection was embedded, in `STORED_FLOAT`. A
    collection from schema 2 has none until something is stored in it.
    """

    pk: int
    name: str
    uid: str
    fingerprint: str
    dimension: int
    revision: int
    probe: bytes | None


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """A chunk on its way in: `digest` is of what was embedded into `vectors`.

    They are (n_vectors, dimension); a chunk's score is the best of them.
    """

    chunk: Chunk
    digest: str
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a document that was put: its current version, and whether that is a new one.

    It isn't if the current version has the same content and was read and cut in the same way.
    """

    version: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What the catalogue knows of a document's current version, its text aside."""

    document_id: str
    version: int
    title: str
    source: str
    media_type: str
    language: str
    content_hash: str
    recipe: str
    created_at: str
    n_chars: int
    n_chunks: int
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AddedChunk:
    """What a derived index needs to know of a chunk; `vectors` is (n_vectors, dimension)."""

    chunk_id: int
    title: str
    headings: tuple[str, ...]
    language: str
    text: str
    vectors: Vectors


def stored_vectors(vectors: Vectors) -> bytes:
    """Return vectors as they are stored, one after another."""
    return np.ascontiguousarray(vectors, dtype=STORED_FLOAT).tobytes()


def is_current() -> sa.ColumnElement[bool]:
    """Join a document with the one of its versions that answers."""
    return sa.and_(VERSIONS.c.document == DOCUMENTS.c.pk, VERSIONS.c.version == DOCUMENTS.c.version)


def info_query(collection: int, version: int | None = None) -> sa.Select[Any]:
    """Select what `info` takes, for the documents of a collection.

    :param version: which version to tell of; the one that answers if None. No other has chunks.
    """
    is_version = sa.and_(VERSIONS.c.document == DOCUMENTS.c.pk, VERSIONS.c.version == version)
    n_chunks = (
        sa.select(sa.func.count())
        .where(CHUNKS.c.document == DOCUMENTS.c.pk, CHUNKS.c.version == VERSIONS.c.pk)
        .correlate(DOCUMENTS, VERSIONS)
        .scalar_subquery()
    )
    return (
        sa.select(
            DOCUMENTS.c.document_id,
            VERSIONS.c.version,
            VERSIONS.c.title,
            VERSIONS.c.source,
            VERSIONS.c.media_type,
            VERSIONS.c.language,
            VERSIONS.c.content_hash,
            VERSIONS.c.recipe,
            VERSIONS.c.created_at,
            VERSIONS.c.metadata,
            sa.func.length(VERSIONS.c.text).label("n_chars"),
            n_chunks.label("n_chunks"),
        )
        .join(VERSIONS, is_current() if version is None else is_version)
        .where(DOCUMENTS.c.collection == collection)
    )


def info(row: sa.RowMapping) -> DocumentInfo:
    """Return a row of `info_query` as a record."""
    return DocumentInfo(**{**row, "metadata": json.loads(row["metadata"])})


def chunk_query() -> sa.Select[Any]:
    """Select what `stored_chunk` takes; a chunk's text is cut out of its version's."""
    length = CHUNKS.c.end - CHUNKS.c.start
    return (
        sa.select(
            CHUNKS.c.pk,
            DOCUMENTS.c.document_id,
            VERSIONS.c.version,
            VERSIONS.c.title,
            VERSIONS.c.source,
            CHUNKS.c.ordinal,
            CHUNKS.c.start,
            CHUNKS.c.end,
            CHUNKS.c.language,
            CHUNKS.c.page,
            CHUNKS.c.headings,
            CHUNKS.c.tokens,
            sa.func.substr(VERSIONS.c.text, CHUNKS.c.start + 1, length).label("text"),
        )
        .join(DOCUMENTS, CHUNKS.c.document == DOCUMENTS.c.pk)
        .join(VERSIONS, CHUNKS.c.version == VERSIONS.c.pk)
    )


def stored_chunk(row: sa.RowMapping) -> StoredChunk:
    """Return a row of `chunk_query` as a record."""
    return StoredChunk(
        chunk_id=row["pk"],
        document_id=row["document_id"],
        version=row["version"],
        title=row["title"],
        source=row["source"],
        chunk=Chunk(
            ordinal=row["ordinal"],
            start=row["start"],
            end=row["end"],
            text=row["text"],
            page=row["page"],
            headings=tuple(json.loads(row["headings"])),
            tokens=row["tokens"],
            language=row["language"],
        ),
    )
