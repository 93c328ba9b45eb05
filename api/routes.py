"""The routes: collections, their documents, search and answers."""

import shutil
import tempfile
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

import ragqwen
from api import problems
from api.answering import Answering
from api.schemas import (
    MAX_INTEGER,
    AnswerOut,
    AskIn,
    CollectionsOut,
    DeltaEvent,
    DocumentOut,
    DocumentsOut,
    DocumentTextOut,
    HealthOut,
    IngestResultOut,
    PassagesEvent,
    ProblemOut,
    SearchIn,
    SearchOut,
    UploadOut,
)
from api.wiring import Service
from ingest.pipeline import IngestResult
from ingest.sources import RefusedSource, Source, upload_sources
from ragqwen.answer import AnswerDone, AnswerEvent
from ragqwen.drafting import EXTRACTIVE, TextDelta
from ragqwen.errors import InputError, RagqwenError
from ragqwen.languages import check_language, languages

health = APIRouter(tags=["health"])
router = APIRouter(prefix="/v1/collections")


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]


@health.get("/health")
async def get_health(service: ServiceDep) -> HealthOut:
    """Say that the service runs, and with which embedder and language model."""
    return HealthOut(
        status="ok",
        version=ragqwen.__version__,
        embedder=service.embedder.fingerprint,
        model=service.settings.llm_model or EXTRACTIVE,
    )


@health.get("/ready")
async def get_ready(service: ServiceDep) -> HealthOut:
    """Say that the catalogue answers too, so that requests can be sent here."""
    of_its_own = CapacityLimiter(1)  # so that it waits for no other request
    await to_thread.run_sync(service.store.collections, limiter=of_its_own)
    return await get_health(service)


@router.get("", tags=["collections"])
def list_collections(service: ServiceDep) -> CollectionsOut:
    """List the collections."""
    return CollectionsOut(collections=tuple(service.collections()))


@router.delete("/{collection}", tags=["collections"], status_code=HTTPStatus.NO_CONTENT)
def delete_collection(collection: str, service: ServiceDep) -> None:
    """Delete a collection with all its documents."""
    service.store.delete_collection(collection)


@router.post(
    "/{collection}/documents",
    tags=["documents"],
    status_code=HTTPStatus.CREATED,
    responses={
        HTTPStatus.OK: {"model": UploadOut, "description": "Nothing new: all was unchanged."},
        HTTPStatus.UNPROCESSABLE_ENTITY: {
            "description": "No file could be read; `results` says why for each.",
            "content": problems.CONTENT,
        },
    },
)
def upload_documents(
    collection: str,
    service: ServiceDep,
    response: Response,
    files: Annotated[list[UploadFile], File(description="one file or several")],
    document_id: Annotated[
        str | None,
        Form(description="id of the document, for one file; by default made from its name"),
    ] = None,
    language: Annotated[
        str | None,
        Form(description="FLORES-200 code or BCP 47 tag: mya_Mymr, my; by default found out"),
    ] = None,
) -> UploadOut:
    """Upload documents; when this returns, they are stored for good and can be found.

    A `.jsonl` file is a corpus, of which each line is a document with an id of its own. A file of
    the same name, or a document of the same id, becomes a new version that replaces the old one at
    once. The collection is made if it isn't there.
    """
    if document_id is not None and len(files) != 1:
        raise InputError(f"document_id names one document, but {len(files)} files came with it")
    if language is not None:
        language = check_language(language)
    with tempfile.TemporaryDirectory() as folder:
        sources = [
            source
            for number, file in enumerate(files)
            for source in _kept(file, Path(folder) / str(number), document_id, language)
        ]
        results = list(service.pipeline(collection).ingest(sources))
    service.index(collection).refresh()
    outcomes = tuple(map(IngestResultOut.model_validate, _in_order(results, sources)))
    statuses = {outcome.status for outcome in outcomes}
    if statuses == {"refused"}:
        raise UploadRefused(outcomes)
    if "ingested" not in statuses:
        response.status_code = HTTPStatus.OK
    return UploadOut(results=outcomes)


class UploadRefused(RagqwenError):
    """No file of an upload could be read."""

    def __init__(self, outcomes: tuple[IngestResultOut, ...]) -> None:
        super().__init__("; ".join(outcome.reason for outcome in outcomes))
        self.outcomes = outcomes


def refused_response(_: Request, error: Exception) -> JSONResponse:
    """Return the problem response for an upload of which no file could be read."""
    assert isinstance(error, UploadRefused)
    results = [outcome.model_dump() for outcome in error.outcomes]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return problems.respond(problems.problem(status, str(error), results=results))


def _in_order(results: Iterable[IngestResult], sources: Iterable[Source]) -> Iterator[IngestResult]:
    """Yield one result for each source, in the order of the sources.

    Of sources with one id the first is what was ingested, if any was.
    """
    by_id: dict[str, deque[IngestResult]] = defaultdict(deque)
    for result in sorted(results, key=lambda result: result.status != "ingested"):
        by_id[result.document_id].append(result)
    for source in sources:
        known = "" if isinstance(source, RefusedSource) else source.document_id
        yield by_id[known].popleft()


def _kept(
    file: UploadFile, path: Path, document_id: str | None, language: str | None
) -> list[Source]:
    with path.open("wb") as kept:
        shutil.copyfileobj(file.file, kept)
    return upload_sources(path, file.filename or "upload", document_id, language)


@router.get("/{collection}/documents", tags=["documents"])
def list_documents(
    collection: str,
    service: ServiceDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0,
) -> DocumentsOut:
    """List the documents of a collection, by id."""
    index = service.index(collection)
    return DocumentsOut(
        total=index.count_documents(),
        offset=offset,
        documents=tuple(
            DocumentOut.model_validate(info) for info in index.documents(limit=limit, offset=offset)
        ),
    )


@router.get("/{collection}/documents/{document_id:path}", tags=["documents"])
def get_document(
    collection: str,
    document_id: str,
    service: ServiceDep,
    version: Annotated[
        int | None, Query(ge=1, le=MAX_INTEGER, description="by default the current one")
    ] = None,
) -> DocumentTextOut:
    """Return a document with its text; an older version's text serves citations made from it."""
    index = service.index(collection)
    about = DocumentOut.model_validate(index.document_info(document_id, version))
    document = index.document(document_id, about.version)
    return DocumentTextOut(**about.model_dump(), text=document.text)


@router.delete(
    "/{collection}/documents/{document_id:path}",
    tags=["documents"],
    status_code=HTTPStatus.NO_CONTENT,
)
def delete_document(collection: str, document_id: str, service: ServiceDep) -> None:
    """Delete a document; when this returns, nothing can answer from it."""
    service.index(collection).delete(document_id)


@router.post("/{collection}/search", tags=["answers"])
def search(collection: str, query: SearchIn, service: ServiceDep) -> SearchOut:
    """Find the passages for a query, best first."""
    retriever = service.retriever(collection)
    evidence = retriever.retrieve(query.query, k=query.k, leg=query.retriever)
    return SearchOut.model_validate(
        {"query": query.query, "language": evidence.language, "passages": evidence.passages}
    )


_CONTENT_LANGUAGE = "Content-Language"
_SAYS_LANGUAGE: dict[int | str, dict[str, Any]] = {
    HTTPStatus.OK: {
        "headers": {
            _CONTENT_LANGUAGE: {
                "description": "BCP 47 tag of the answer's language, where that is known by then",
                "schema": {"type": "string"},
            }
        }
    }
}


async def _answering(request: Request) -> AsyncIterator[Answering]:
    """Hold room for an answer before a thread is waited for, and until it is sent."""
    answering: Answering = request.app.state.answering
    with answering.room():
        yield answering


def _events(
    answering: Annotated[Answering, Depends(_answering)],
    collection: str,
    question: AskIn,
    service: ServiceDep,
    request: Request,
    response: Response,
) -> AsyncIterator[AnswerEvent]:
    """Look the collection up before a stream begins, so that its errors are responses."""
    _say_language(response, question.language)
    asked = {name: getattr(question, name) for name in AskIn.model_fields}
    return answering.events(request, service.answerer(collection), asked)


EventsDep = Annotated[AsyncIterator[AnswerEvent], Depends(_events)]


@router.post("/{collection}/ask", tags=["answers"], responses=_SAYS_LANGUAGE)
async def ask(events: EventsDep, response: Response) -> AnswerOut:
    """Answer a question from the documents, citing them."""
    async for event in events:
        if isinstance(event, AnswerDone):
            _say_language(response, event.answer.language)
            answer = AnswerOut.model_validate(event.answer)
    return answer


def _say_language(response: Response, code: str | None) -> None:
    if code in languages():
        response.headers[_CONTENT_LANGUAGE] = languages()[code].bcp47


@router.post(
    "/{collection}/ask/stream",
    tags=["answers"],
    response_class=EventSourceResponse,
    responses=_SAYS_LANGUAGE,
)
async def ask_stream(
    events: EventsDep,
) -> AsyncIterator[PassagesEvent | DeltaEvent | AnswerOut | ProblemOut]:
    """Answer a question as server-sent events.

    `passages` (PassagesEvent) comes first, then `delta` (DeltaEvent) as the answer is written, then
    `answer` (AnswerOut) with the whole answer and its checked citations. Another `passages` after
    each search that the model makes itself has all passages and these `searches`. One after a
    `delta` takes back all text before it, as when that failed verification; the answer is written
    anew. An error on the way comes as `error` (ProblemOut) and ends the stream; text before it is
    no answer, nothing having checked it.
    """
    try:
        async for event in events:
            yield _sent(event)
    except RagqwenError as error:
        yield _named("error", ProblemOut(**problems.problem_of(error)))


def _sent(event: AnswerEvent) -> Any:
    if isinstance(event, AnswerDone):
        return _named("answer", AnswerOut.model_validate(event.answer))
    if isinstance(event, TextDelta):
        return _named("delta", DeltaEvent.model_validate(event))
    return _named("passages", PassagesEvent.model_validate(event))


def _named(event: str, data: BaseModel) -> Any:
    """Give an event its name; FastAPI sends `data`, whose types the route's annotation lists."""
    return ServerSentEvent(event=event, data=data)
