"""What goes over the wire: the HTTP service's bodies, which the command line prints too."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ragqwen.errors import InputError
from ragqwen.languages import check_language
from ragqwen.text import MAX_QUESTION_CHARS

MAX_INTEGER = 2**31 - 1  # of offsets and versions; SQLite refuses more than 63 bits
_NOT_BLANK = r"\S"


class _Schema(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="forbid")


class PassageOut(_Schema):
    """A retrieved span of a document: `text` is its text from `start` to `end`, in code points."""

    document_id: str
    version: int
    title: str
    source: str = Field(description="what the document was ingested as, such as its file name")
    language: str = Field(description="FLORES-200 code, or 'und'")
    page: int | None
    headings: tuple[str, ...]
    start: int
    end: int
    text: str
    score: float


class CitationOut(_Schema):
    """A place that the answer rests on: `quote` is the document's text from `start` to `end`."""

    marker: str = Field(description="as it stands in the answer: [1]")
    document_id: str
    version: int
    title: str
    source: str
    language: str = Field(description="of the source, in which the quote stays")
    page: int | None
    start: int
    end: int
    quote: str
    status: Literal["verified", "unsupported"] = Field(
        description="whether the quote supports what cites it"
    )
    score: float = Field(ge=0, le=1, description="how well it does")


class ThinkingOut(_Schema):
    """How much the model was allowed to think, and how much it did, in Qwen tokens."""

    mode: Literal["off", "on"]
    budget_tokens: int = Field(description="of all attempts together")
    used_tokens: int
    searching_tokens: int = Field(description="written for further searches, besides")
    attempts: int = Field(
        description="2 if the first answer failed verification; 0 without a language model"
    )
    difficulty: float = Field(ge=0, le=1)
    reason: str = Field(description="why so much, in a sentence")
    features: Mapping[str, float] = Field(description="what the plan was made from")


class AnswerOut(_Schema):
    """An answer with its citations and the passages it was made from."""

    question: str
    answer: str
    answerable: bool = Field(description="false if the documents hold no answer")
    language: str = Field(
        description="FLORES-200 code of the answer, the question's if none was asked for; or 'und'"
    )
    citations: tuple[CitationOut, ...]
    unsupported_claims: tuple[str, ...] = Field(
        description="what the answer says without any passage that bears it out"
    )
    removed_markers: int = Field(ge=0, description="citations of passages that don't exist")
    passages: tuple[PassageOut, ...]
    model: str = Field(description="the language model, or 'extractive' where there is none")
    notices: tuple[str, ...]
    thinking: ThinkingOut
    timings_ms: Mapping[str, float]
    searches: tuple[str, ...] = Field(
        description="queries that the language model searched for besides, as the question is hard"
    )


class SearchOut(_Schema):
    """The passages found for a query, best first."""

    query: str
    language: str
    passages: tuple[PassageOut, ...]


class DocumentOut(_Schema):
    """What is known of a document, its text aside."""

    document_id: str
    version: int
    title: str
    source: str
    media_type: str
    language: str = Field(description="of most of it; passages and citations have their own")
    content_hash: str
    created_at: str
    n_chars: int
    n_chunks: int
    metadata: Mapping[str, Any]


class DocumentTextOut(DocumentOut):
    """A document with its text, which citations and passages are spans of."""

    text: str


class DocumentsOut(_Schema):
    """A page of a collection's documents, by id."""

    total: int
    offset: int
    documents: tuple[DocumentOut, ...]


class IngestResultOut(_Schema):
    """What became of one file."""

    name: str
    status: Literal["ingested", "unchanged", "refused"]
    document_id: str
    version: int = Field(description="0 unless ingested")
    n_chunks: int
    reason: str = Field(description="why it was refused")


class UploadOut(_Schema):
    """What became of the uploaded files, in their order."""

    results: tuple[IngestResultOut, ...]


class CollectionOut(_Schema):
    """A collection; documents of one are never found in another."""

    name: str
    n_documents: int
    embedder: str
    dimension: int
    revision: int = Field(description="rises with every change")


class CollectionsOut(_Schema):
    """All collections, by name."""

    collections: tuple[CollectionOut, ...]


class HealthOut(_Schema):
    """The service runs, and with what."""

    status: Literal["ok"]
    version: str
    embedder: str
    model: str


class SearchIn(_Schema):
    """A query."""

    query: str = Field(max_length=MAX_QUESTION_CHARS, pattern=_NOT_BLANK)
    k: int = Field(10, ge=1, le=200, description="how many passages at most")
    retriever: Literal["hybrid", "dense", "lexical"] = "hybrid"


class AskIn(_Schema):
    """A question."""

    question: str = Field(max_length=MAX_QUESTION_CHARS, pattern=_NOT_BLANK)
    k: int = Field(8, ge=1, le=100, description="how many passages to look at")
    language: str | None = Field(
        None,
        description="of the answer, FLORES-200 code or BCP 47 tag; by default the question's. "
        "Quotes stay in the language of their source.",
    )
    thinking: Literal["auto", "off"] | Annotated[int, Field(ge=0, le=MAX_INTEGER, strict=True)] = (
        Field("auto", description="by the question's difficulty, not at all, or so many tokens")
    )
    max_thinking_tokens: int | None = Field(
        None,
        ge=0,
        le=MAX_INTEGER,
        description="a lower ceiling of thinking than the service's, for what it may cost",
    )
    max_seconds: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="how long the answer may take: no more is thought than there is time for at "
        "the model's usual pace. It is planned, not enforced: nothing is cut off",
    )

    @field_validator("language")
    @classmethod
    def _canonical(cls, language: str | None) -> str | None:
        try:
            return language and check_language(language)
        except InputError as exc:
            raise ValueError(str(exc)) from exc


class PassagesEvent(_Schema):
    """Server-sent event `passages`: what was found; the answer comes next."""

    passages: tuple[PassageOut, ...]
    searches: tuple[str, ...] = Field(
        description="queries that the language model has searched for besides, by now"
    )


class DeltaEvent(_Schema):
    """Server-sent event `delta`: a piece of the answer; markers in it may still change."""

    text: str


class ProblemOut(_Schema):
    """A problem response (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
