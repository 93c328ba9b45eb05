"""The records that pass from stage to stage. All are frozen; positions are code points.

A file becomes elements, a `Document`, chunks; a question becomes passages and an `Answer`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ElementKind = Literal["heading", "text", "list_item", "table", "code"]
Status = Literal["verified", "unsupported"]


@dataclass(frozen=True, slots=True)
class Element:
    """One piece of a file, as a reader saw it.

    `level` is the depth of a heading, 1 for the outermost; 0 for all else. `page` counts from 1
    and is None where the format has no pages.
    """

    text: str
    kind: ElementKind = "text"
    page: int | None = None
    level: int = 0


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a reader made of one file: its elements in reading order, and what it says of itself."""

    elements: tuple[Element, ...]
    title: str = ""
    media_type: str = "application/octet-stream"
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """An element's place in the document's text: `text[start:end]`, on `page`, under `headings`.

    `language` is its own, which need not be the document's.
    """

    start: int
    end: int
    kind: ElementKind = "text"
    page: int | None = None
    headings: tuple[str, ...] = ()
    language: str = "und"


@dataclass(frozen=True, slots=True)
class Document:
    """A document before it is cut: one NFC text, and blocks that are spans of it, in order.

    `language` is the one most of it is in.
    """

    document_id: str
    text: str
    blocks: tuple[Block, ...]
    content_hash: str
    title: str = ""
    source: str = ""
    media_type: str = "text/plain"
    language: str = "und"
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of a document: whole sentences of one language, `text == document.text[start:end]`."""

    ordinal: int
    start: int
    end: int
    text: str
    page: int | None
    headings: tuple[str, ...]
    tokens: int
    language: str = "und"


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as the catalogue gives it back, with all that a citation needs."""

    chunk_id: int
    document_id: str
    version: int
    title: str
    source: str
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved span, perhaps of several chunks in a row: `text == document[start:end]`.

    `pages` gives, for each of its chunks, where it starts in the document and on which page.
    """

    document_id: str
    version: int
    title: str
    source: str
    language: str
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    score: float
    chunk_ids: tuple[int, ...]
    pages: tuple[tuple[int, int | None], ...]

    @property
    def page(self) -> int | None:
        """Return the page on which the passage starts."""
        return self.pages[0][1]

    def page_at(self, position: int) -> int | None:
        """Return the page of a position in the document that lies in this passage."""
        return [page for start, page in self.pages if start <= position][-1]


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a source that an answer rests on: `quote == document_text[start:end]`.

    `language` is the source's, in which the quote stays. `score` in [0, 1] is how well the quote
    supports what cites it; if it doesn't, `status` is "unsupported".
    """

    marker: str
    document_id: str
    version: int
    title: str
    source: str
    language: str
    page: int | None
    start: int
    end: int
    quote: str
    status: Status
    score: float


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much the model was allowed to think, and how much it did, in Qwen tokens.

    `attempts` is 2 where the first answer failed verification and was written again with a larger
    budget, which both counts are the sums of; 0 where no model writes. `searching_tokens` were
    written for further searches. `difficulty` in [0, 1], `reason` (in English) and `features`
    are of the plan.
    """

    mode: Literal["off", "on"]
    budget_tokens: int
    used_tokens: int
    searching_tokens: int
    attempts: int
    difficulty: float
    reason: str
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ask` returns, through every face of the service.

    `language` is that of the answer: the one asked for, else the question's. `unsupported_claims`
    are what it says without any passage that bears it out; `removed_markers` counts citations of
    passages that don't exist. `searches` are the queries that the model searched for besides.
    """

    question: str
    answer: str
    answerable: bool
    language: str
    citations: tuple[Citation, ...]
    unsupported_claims: tuple[str, ...]
    removed_markers: int
    passages: tuple[Passage, ...]
    model: str
    notices: tuple[str, ...]
    thinking: Thinking
    timings_ms: Mapping[str, float]
    searches: tuple[str, ...] = ()
