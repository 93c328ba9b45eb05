"""What LangChain's own standard tests ask of a retriever and of embeddings, and the answer path."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import EmbeddingsIntegrationTests, RetrieversIntegrationTests

from api.wiring import Service
from ragqwen.answer import AnswerDone, PassagesFound
from ragqwen.langchain import (
    LangChainEmbeddings,
    LangChainRetriever,
    answer_runnable,
    event_runnable,
)
from ragqwen.records import Answer
from ragqwen.settings import Settings
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import put_texts

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
    answer = chain.invoke("When does the ferry to Gavdos leave?")
    assert isinstance(answer, Answer)
    assert answer.citations[0].quote == TEXTS["ferry"]
    assert len(answer.passages) <= 2


def test_it_goes_on_in_a_chain_and_over_many_questions(service: Service) -> None:
    chain = answer_runnable(service.answerer("default")) | (lambda answer: answer.answerable)
    assert chain.batch(["When does the ferry to Gavdos leave?", "Who wrote the opera?"]) == [
        True,
        False,
    ]


def test_the_answer_path_streams_its_events(service: Service) -> None:
    chain = event_runnable(service.answerer("default"))
    events = list(chain.stream("When does the ferry to Gavdos leave?"))
    assert isinstance(events[0], PassagesFound)
    assert isinstance(events[-1], AnswerDone)
