"""The way of a document from a source into the index."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexes.schema import EmbeddedChunk
from indexes.store import CollectionIndex
from ingest.chunks import CHUNKING_VERSION, chunk_document, text_to_embed
from ingest.documents import assemble
from ingest.sandbox import ParserPool
from ingest.sources import FileSource, RecordSource, RefusedSource, Source
from ragqwen.embedding import Embedder, Vectors, embed_passages, text_digest
from ragqwen.errors import DocumentRefused
from ragqwen.records import Chunk, Document, ParsedFile
from ragqwen.segmentation import sentences

READING_VERSION = "2"  # part of the recipe; raise it when files are read differently

_DOCUMENTS_PER_COMMIT = 64
_MAX_PARTS = 48  # of a chunk; 160 words have about ten sentences
_CHUNKS_PER_COMMIT = 512


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of one source."""

    name: str
    status: Literal["ingested", "unchanged", "refused"]
    document_id: str = ""
    version: int = 0
    n_chunks: int = 0
    reason: str = ""


class Cutter:
    """Cuts documents into chunks and embeds them."""

    def __init__(self, embedder: Embedder, *, chunk_words: int, chunk_tokens: int) -> None:
        """:param chunk_words, chunk_tokens: see `chunk_document`."""
        self._embedder = embedder
        self._chunk_words = chunk_words
        self._chunk_tokens = chunk_tokens
        self.recipe = f"read-{READING_VERSION} cut-{CHUNKING_VERSION}-{chunk_words}-{chunk_tokens}"

    def cut(self, document: Document) -> list[Chunk]:
        """Cut a document."""
        return list(
            chunk_document(document, max_words=self._chunk_words, max_tokens=self._chunk_tokens)
        )

    def embed(
        self,
        cut_documents: Sequence[tuple[Document, Sequence[Chunk]]],
        known: Mapping[str, Vectors] | None = None,
    ) -> list[tuple[Document, list[EmbeddedChunk]]]:
        """Embed chunks.

        :param known: vectors embedded before, by the digest of what was embedded; not done again.
        """
        passages = [
            [self._to_embed(document, chunk) for chunk in chunks]
            for document, chunks in cut_documents
        ]
        digests = [
            [text_digest("\x1f".join((whole, *parts))) for whole, parts in some]
            for some in passages
        ]
        vectors = dict(known or {})
        fresh = {
            digest: passage
            for some, names in zip(passages, digests, strict=True)
            for passage, digest in zip(some, names, strict=True)
            if digest not in vectors
        }
        embedded = embed_passages(self._embedder, list(fresh.values()))
        vectors.update(zip(fresh, embedded, strict=True))
        return [
            (
                document,
                [
                    EmbeddedChunk(chunk, digest, vectors[digest])
                    for chunk, digest in zip(chunks, names, strict=True)
                ],
            )
            for (document, chunks), names in zip(cut_documents, digests, strict=True)
        ]

    def _to_embed(self, document: Document, chunk: Chunk) -> tuple[str, list[str]]:
        """Return a chunk's whole text with its context, and its sentences if they count."""
        spans = sentences(chunk.text, chunk.language) if self._embedder.by_sentence else ()
        parts = list(dict.fromkeys(chunk.text[start:end] for start, end in spans))
        if len(parts) > _MAX_PARTS:
            parts[_MAX_PARTS - 1 :] = [" ".join(parts[_MAX_PARTS - 1 :])]
        return text_to_embed(document, chunk), parts

    def cut_and_embed(self, document: Document) -> list[EmbeddedChunk]:
        """Cut and embed one document."""
        return self.embed([(document, self.cut(document))])[0][1]


class Pipeline:
    """Reads, cuts, embeds and stores documents; what is unchanged is left alone."""

    def __init__(self, index: CollectionIndex, parser: ParserPool, cutter: Cutter) -> None:
        self._index = index
        self._parser = parser
        self._cutter = cutter

    def ingest(self, sources: Iterable[Source]) -> Iterator[IngestResult]:
        """Ingest documents in batches, each stored as a whole; yield what became of each source.

        A refused source never stops the others. The order is that in which they are done.
        """
        batch: list[tuple[str, Document, list[Chunk]]] = []
        n_chunks = 0
        for item in self._documents(sources):
            if isinstance(item, IngestResult):
                yield item
                continue
            chunks = self._cutter.cut(item[1])
            batch.append((*item, chunks))
            n_chunks += len(chunks)
            if len(batch) >= _DOCUMENTS_PER_COMMIT or n_chunks >= _CHUNKS_PER_COMMIT:
                yield from self._store(batch)
                batch, n_chunks = [], 0
        if batch:
            yield from self._store(batch)

    def _documents(
        self, sources: Iterable[Source]
    ) -> Iterator[tuple[str, Document] | IngestResult]:
        """Yield (source name, document) for what is new or changed, and results for the rest."""
        for kind, run in itertools.groupby(self._settle(sources), key=_kind):
            if kind == "file":
                yield from self._parsed(item for item in run if isinstance(item, _Work))
                continue
            for item in run:
                if isinstance(item, IngestResult):
                    yield item
                elif isinstance(item.source, RecordSource):
                    yield _assembled(item, item.source.content)

    def _parsed(self, works: Iterator["_Work"]) -> Iterator[tuple[str, Document] | IngestResult]:
        """Parse files in the child processes, in order."""
        in_order, to_parse = itertools.tee(works)
        files = (
            (work.source.path, work.source.name)
            for work in to_parse
            if isinstance(work.source, FileSource)
        )
        for work, (_, _, parsed) in zip(in_order, self._parser.parse_many(files), strict=False):
            yield _assembled(work, parsed)

    def _settle(self, sources: Iterable[Source]) -> Iterator["_Work | IngestResult"]:
        """Yield what is to be done, and results for what is unchanged or can't be taken."""
        known = self._index.recipes()
        seen: dict[str, str] = {}  # content hashes of this run, by document id
        for source in sources:
            if isinstance(source, RefusedSource):
                yield IngestResult(source.name, "refused", reason=source.reason)
                continue
            document_id = source.document_id
            try:
                digest = (
                    source.content_hash
                    if isinstance(source, RecordSource)
                    else source.read_content_hash()
                )
            except DocumentRefused as exc:
                yield IngestResult(source.name, "refused", document_id, reason=str(exc))
                continue
            if seen.get(document_id, digest) != digest:
                reason = (
                    f"{source.name}: another document with the id {document_id!r} came before in "
                    "this run; give each its own id, or a collection of its own"
                )
                yield IngestResult(source.name, "refused", document_id, reason=reason)
            elif document_id in seen or known.get(document_id) == (digest, self._cutter.recipe):
                yield IngestResult(source.name, "unchanged", document_id)
            else:
                yield _Work(source, digest)
            seen.setdefault(document_id, digest)

    def _store(self, batch: Sequence[tuple[str, Document, list[Chunk]]]) -> Iterator[IngestResult]:
        """Embed the chunks that are new and store the documents in one transaction.

        A document that another ingest stored since this one began is unchanged too.
        """
        known = self._index.vectors_by_digest([document.document_id for _, document, _ in batch])
        embedded = self._cutter.embed([(document, chunks) for _, document, chunks in batch], known)
        outcomes = self._index.put(embedded, self._cutter.recipe)
        for (name, document, chunks), stored in zip(batch, outcomes, strict=True):
            document_id = document.document_id
            if stored.is_new:
                yield IngestResult(name, "ingested", document_id, stored.version, len(chunks))
            else:
                yield IngestResult(name, "unchanged", document_id)


@dataclass(frozen=True, slots=True)
class _Work:
    """A source that is new or changed."""

    source: FileSource | RecordSource
    digest: str


def _kind(item: _Work | IngestResult) -> Literal["result", "record", "file"]:
    if isinstance(item, IngestResult):
        return "result"
    return "record" if isinstance(item.source, RecordSource) else "file"


def _assembled(
    work: _Work, parsed: ParsedFile | DocumentRefused
) -> tuple[str, Document] | IngestResult:
    source = work.source
    try:
        if isinstance(parsed, DocumentRefused):
            raise parsed
        document = assemble(
            parsed,
            document_id=source.document_id,
            source=source.name,
            content_hash=work.digest,
            language=source.language,
        )
    except DocumentRefused as exc:
        return IngestResult(source.name, "refused", source.document_id, reason=str(exc))
    return source.name, document
