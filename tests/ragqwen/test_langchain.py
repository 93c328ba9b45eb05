"""What LangChain's own standard tests ask of a retriever and of embeddings, and the answer path."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_tests.integration_tests import EmbeddingsIntegrationTests, RetrieversIntegrationTests
from pydantic import Field

from api.wiring import Service
from ragqwen import cancellation
from ragqwen.answer import AnswerDone, AnswerEvent
from ragqwen.drafting import PassagesFound, TextDelta
from ragqwen.langchain import (
    LangChainEmbeddings,
    LangChainRetriever,
    answer_runnable,
    event_runnable,
)
from ragqwen.records import Answer
from ragqwen.settings import Settings
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import ScriptedChat, put_texts

FERRY = "When does the ferry to Gavdos leave?"
TEXTS = {
    "ferry": "The ferry to Gavdos leaves at six.",
    "dogs": "Dogs stay on the upper deck.",
    "tea": "Tea grows in the hills of the north.",
    "glass": "The glass works were founded in 1704.",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("langchain")
    with Service(Settings(data_dir=folder)) as service:
        put_texts(service.store.collection("default", create=True), service.embedder, **TEXTS)
        yield service


def retriever_of(service: Service, **more: Any) -> LangChainRetriever:
    return LangChainRetriever(retriever=service.retriever("default"), **more)


class TestEmbeddings(EmbeddingsIntegrationTests):
    """The built-in embedder is a LangChain `Embeddings`."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return LangChainEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"embedder": StaticEmbedder()}


class TestRetriever(RetrieversIntegrationTests):
    """A collection is a LangChain retriever."""

    @pytest.fixture(autouse=True)
    def _collection(self, service: Service) -> None:
        self.service = service

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return LangChainRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"retriever": self.service.retriever("default")}

    @property
    def retriever_query_example(self) -> str:
        return "ferry dogs tea glass"


def test_a_document_says_where_its_text_is(service: Service) -> None:
    (found,) = retriever_of(service, k=1).invoke("When does the ferry leave?")
    assert isinstance(found, Document)
    about = found.metadata
    text = service.index("default").document(about["document_id"], about["version"]).text
    assert text[about["start"] : about["end"]] == found.page_content == TEXTS["ferry"]


def test_the_answer_path_is_a_runnable(service: Service) -> None:
    chain = answer_runnable(service.answerer("default"), k=2)
    answer = chain.invoke(FERRY)
    assert isinstance(answer, Answer)
    assert answer.citations[0].quote == TEXTS["ferry"]
    assert len(answer.passages) <= 2


def test_it_goes_on_in_a_chain_and_over_many_questions(service: Service) -> None:
    chain = answer_runnable(service.answerer("default")) | (lambda answer: answer.answerable)
    assert chain.batch([FERRY, "Who wrote the opera?"]) == [
        True,
        False,
    ]


def stream(chain: Runnable[str, AnswerEvent]) -> list[AnswerEvent]:
    return list(chain.stream(FERRY))


def astream(chain: Runnable[str, AnswerEvent]) -> list[AnswerEvent]:
    async def read() -> list[AnswerEvent]:
        return [event async for event in chain.astream(FERRY)]

    return asyncio.run(read())


@pytest.mark.parametrize("read", [stream, astream])
def test_the_answer_path_streams_its_events(service: Service, read: Any) -> None:
    events = read(event_runnable(service.answerer("default")))
    assert isinstance(events[0], PassagesFound)
    assert isinstance(events[-1], AnswerDone)


def invoke(chain: Runnable[str, AnswerEvent]) -> AnswerEvent:
    return chain.invoke(FERRY)


def ainvoke(chain: Runnable[str, AnswerEvent]) -> AnswerEvent:
    return asyncio.run(chain.ainvoke(FERRY))


@pytest.mark.parametrize("ask", [invoke, ainvoke])
def test_a_stream_of_events_is_invoked_to_the_answer(service: Service, ask: Any) -> None:
    last = ask(event_runnable(service.answerer("default")))
    assert isinstance(last, AnswerDone)
    assert last.answer.citations[0].quote == TEXTS["ferry"]


def test_a_stream_of_events_goes_on_in_a_chain(service: Service) -> None:
    chain = event_runnable(service.answerer("default")) | (lambda last: last.answer.answerable)
    assert chain.invoke(FERRY) is True
    assert list(chain.stream(FERRY)) == [True]
    assert chain.batch([FERRY, "Who wrote the opera?"]) == [True, False]


class Unending(ScriptedChat):
    """Says its pieces and then waits for ten seconds, unless it is given up."""

    asked: threading.Event = Field(default_factory=threading.Event)
    stopped: threading.Event = Field(default_factory=threading.Event)

    def _stream(self, *args: Any, **more: Any) -> Iterator[ChatGenerationChunk]:
        self.asked.set()
        try:
            yield from super()._stream(*args, **more)
            cancellation.sleep(10)
        finally:
            self.stopped.set()


@pytest.mark.parametrize("make", [answer_runnable, event_runnable])
def test_the_model_stops_when_the_awaiting_task_is_cancelled(service: Service, make: Any) -> None:
    chat = Unending(pieces=[])

    async def leave(chain: Runnable[str, Any]) -> None:
        task = asyncio.create_task(chain.ainvoke(FERRY))
        await asyncio.to_thread(chat.asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(chat.stopped.wait, 5)

    with Service(service.settings, chat=chat) as waiting:
        asyncio.run(leave(make(waiting.answerer("default"))))


def test_the_model_stops_when_a_stream_of_events_is_closed_early(service: Service) -> None:
    chat = Unending(pieces=["At six."])

    async def leave(chain: Runnable[str, AnswerEvent]) -> None:
        async with aclosing(cast(AsyncGenerator[AnswerEvent], chain.astream(FERRY))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        assert await asyncio.to_thread(chat.stopped.wait, 5)

    with Service(service.settings, chat=chat) as waiting:
        asyncio.run(leave(event_runnable(waiting.answerer("default"))))
