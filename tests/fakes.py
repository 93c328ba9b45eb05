"""Stand-ins for what is slow, remote or elsewhere, and small makers of records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from indexes.schema import EmbeddedChunk, Stored
from indexes.store import CollectionIndex
from ingest.documents import assemble, content_hash, elements_from_text
from ingest.pipeline import Cutter
from ragqwen.analysis import terms
from ragqwen.embedding import Vectors
from ragqwen.errors import DocumentRefused
from ragqwen.records import Chunk, Document, ParsedFile, Passage, StoredChunk
from ragqwen.static_embedding import StaticEmbedder


class CountingEmbedder(StaticEmbedder):
    """The built-in embedder, of whole passages; `texts` is all that it has embedded so."""

    by_sentence = False

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Note the texts and embed them."""
        self.texts.extend(texts)
        return super().embed_documents(texts)


class LetterEmbedder:
    """Another embedder of another dimension: how often each of 32 kinds of letters occurs."""

    fingerprint = "fake:letters:32"
    dimension = 32
    by_sentence = False

    def __init__(self, *, shift: int = 0) -> None:
        """:param shift: of the code points; another one is like other weights under this name."""
        self._shift = shift
        self.probe = self.embed_query("Tea grows in the hills.")

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Count letters by code point modulo 32."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for char in text.casefold():
                vectors[row, (ord(char) + self._shift) % self.dimension] += 1
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, norms, out=vectors, where=norms > 0)

    def embed_query(self, text: str) -> Vectors:
        """Count letters in the same way."""
        vector: Vectors = self.embed_documents([text])[0]
        return vector


class ScriptedChat(BaseChatModel):
    """A chat model that says the pieces it was given; `prompts` is what it was asked."""

    pieces: list[str]
    prompts: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.prompts.append(messages)
        return ChatResult(
            generations=[ChatGeneration(message=AIMessage(content="".join(self.pieces)))]
        )

    def _stream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        self.prompts.append(messages)
        for piece in self.pieces:
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


class PlainParser:
    """Stands in for `ParserPool`: reads UTF-8 text in this process; a file of "refuse" is refused.

    `names` is what it has read.
    """

    def __init__(self) -> None:
        self.names: list[str] = []

    def parse(self, path: Path, name: str) -> ParsedFile:
        """Read one file."""
        self.names.append(name)
        text = path.read_text("utf-8", "replace")
        if text.startswith("refuse"):
            raise DocumentRefused(f"{name} is refused")
        return ParsedFile(elements_from_text(text), media_type="text/plain")

    def parse_many(
        self, items: Iterable[tuple[Path, str]]
    ) -> Iterator[tuple[Path, str, ParsedFile | DocumentRefused]]:
        """Read files in order."""
        for path, name in items:
            try:
                yield path, name, self.parse(path, name)
            except DocumentRefused as refusal:
                yield path, name, refusal


class ListIndex:
    """A `SearchIndex` whose hits are given; it remembers which texts were asked of it."""

    def __init__(
        self,
        stored: Iterable[StoredChunk] = (),
        *,
        texts: Mapping[str, str] | None = None,
        dense: Sequence[tuple[int, float]] = (),
        lexical: Sequence[tuple[int, float]] = (),
    ) -> None:
        self._stored = {item.chunk_id: item for item in stored}
        self._texts = dict(texts or {})
        self._dense, self._lexical = dense, lexical
        self.calls: list[str] = []

    def dense(self, query: Vectors, k: int) -> Sequence[tuple[int, float]]:
        """Return the first k of the given hits."""
        self.calls.append("dense")
        return self._dense[:k]

    def lexical(self, query_terms: Sequence[str], k: int) -> Sequence[tuple[int, float]]:
        """Return the first k of the given hits."""
        self.calls.append("lexical")
        return self._lexical[:k]

    def document_frequencies(self, query_terms: Sequence[str]) -> Mapping[str, int]:
        """Count in how many of the chunks each term is."""
        of_chunks = [set(terms(item.chunk.text)) for item in self._stored.values()]
        return {term: sum(term in some for some in of_chunks) for term in query_terms}

    def chunks(self, chunk_ids: Sequence[int]) -> Mapping[int, StoredChunk]:
        """Return those of the chunks that there are."""
        return {i: self._stored[i] for i in chunk_ids if i in self._stored}

    def text(self, document_id: str, version: int, start: int, end: int) -> str:
        """Return a span of a given text."""
        return self._texts[document_id][start:end]


def make_document(document_id: str, text: str, **more: Any) -> Document:
    """Return the document that a plain text makes."""
    given = {"source": f"{document_id}.txt", "content_hash": content_hash(text.encode()), **more}
    return assemble(ParsedFile(elements_from_text(text)), document_id=document_id, **given)


def make_cutter(embedder: Any, *, chunk_words: int = 40) -> Cutter:
    """Return a cutter of small chunks."""
    return Cutter(embedder, chunk_words=chunk_words, chunk_tokens=512)


def embedded(document: Document, embedder: Any) -> tuple[Document, list[EmbeddedChunk]]:
    """Cut and embed a document, as `put` takes it."""
    return document, make_cutter(embedder).cut_and_embed(document)


def put_texts(index: CollectionIndex, embedder: Any, **texts: str) -> list[Stored]:
    """Store plain texts by document id and return their versions."""
    documents = [embedded(make_document(name, text), embedder) for name, text in texts.items()]
    return index.put(documents, make_cutter(embedder).recipe)


def make_stored(
    chunk_id: int, document_id: str, text: str, *, ordinal: int = 0, start: int = 0, **more: Any
) -> StoredChunk:
    """Return a chunk as the catalogue would give it back."""
    given = {"page": None, "headings": (), "tokens": 10, "language": "eng_Latn", **more}
    return StoredChunk(
        chunk_id=chunk_id,
        document_id=document_id,
        version=1,
        title=document_id,
        source=f"{document_id}.txt",
        chunk=Chunk(ordinal, start, start + len(text), text, **given),
    )


def make_passage(document_id: str, text: str, *, start: int = 0, **more: Any) -> Passage:
    """Return a passage that begins at `start` of a document."""
    given = {
        "version": 1,
        "title": document_id,
        "source": f"{document_id}.txt",
        "language": "eng_Latn",
        "headings": (),
        "score": 1.0,
        "chunk_ids": (1,),
        "pages": ((start, None),),
        **more,
    }
    return Passage(document_id=document_id, start=start, end=start + len(text), text=text, **given)
