"""Search and answers over HTTP, whole and as a stream."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

import ragqwen
from ragqwen import messages
from ragqwen.static_embedding import StaticEmbedder
from tests.api.conftest import HARBOUR, OWLS, Collection
from tests.api.contract import sse_events
from tests.fakes import ScriptedChat

QUESTION = "What is the harbour fee?"
CHANGING = ("timings_ms",)


def stable(answer: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in answer.items() if key not in CHANGING}


def test_search_finds_spans_best_first(harbour: Collection) -> None:
    harbour.upload(("owls.txt", OWLS), document_id="owls")
    found = harbour.post("search", query=QUESTION, k=5).json()
    first = found["passages"][0]
    assert (found["query"], found["language"]) == (QUESTION, "eng_Latn")
    assert (first["document_id"], first["text"]) == ("harbour", HARBOUR)
    assert HARBOUR[first["start"] : first["end"]] == first["text"]
    scores = [passage["score"] for passage in found["passages"]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("retriever", ["hybrid", "dense", "lexical"])
def test_search_takes_each_retriever(harbour: Collection, retriever: str) -> None:
    found = harbour.post("search", query="harbour", retriever=retriever).json()
    assert [passage["document_id"] for passage in found["passages"]] == ["harbour"]


def test_an_answer_cites_spans_of_the_document(harbour: Collection) -> None:
    answer = harbour.post("ask", question=QUESTION).json()
    text = harbour.get("documents/harbour").json()["text"]
    assert answer["answerable"]
    assert answer["citations"]
    for cited in answer["citations"]:
        assert text[cited["start"] : cited["end"]] == cited["quote"]
        assert cited["marker"] in answer["answer"]


def test_an_answer_says_its_language_and_each_citation_that_of_its_source(
    harbour: Collection,
) -> None:
    response = harbour.post("ask", question=QUESTION, language="zh-TW")
    answer = response.json()
    assert (answer["language"], response.headers["content-language"]) == ("zho_Hant", "zh-Hant")
    assert {cited["language"] for cited in answer["citations"]} == {"eng_Latn"}


def test_without_one_asked_for_the_language_is_the_question_s(harbour: Collection) -> None:
    response = harbour.post("ask", question=QUESTION)
    assert response.json()["language"] == "eng_Latn"
    assert response.headers["content-language"] == "en"
    assert "content-language" not in harbour.post("ask", question="???").headers


def test_a_stream_comes_in_the_language_asked_for(harbour: Collection) -> None:
    response = harbour.post("ask/stream", question=QUESTION, language="de")
    assert response.headers["content-language"] == "de"
    assert sse_events(response.text)[-1][1]["language"] == "deu_Latn"


@pytest.mark.parametrize("path", ["ask", "ask/stream"])
def test_an_answer_in_no_known_language_is_refused(harbour: Collection, path: str) -> None:
    response = harbour.post(path, question=QUESTION, language="tlh")
    assert response.status_code == 422
    assert "'tlh' is not one of the 119 languages" in response.json()["detail"]


def test_a_refusal_quotes_nothing(harbour: Collection) -> None:
    answer = harbour.post("ask", question="Who won the chess championship in Reykjavik?").json()
    assert (answer["answer"], answer["answerable"]) == (messages.NOT_FOUND, False)
    assert answer["citations"] == []


def test_an_emptied_collection_says_that_it_is_empty(harbour: Collection) -> None:
    harbour.delete("documents/harbour")
    answer = harbour.post("ask", question=QUESTION).json()
    assert (answer["answer"], answer["answerable"]) == (messages.NO_DOCUMENTS, False)


def test_notices_say_what_is_not_configured(harbour: Collection) -> None:
    notices = harbour.post("ask", question=QUESTION).json()["notices"]
    assert notices == [messages.NO_MODEL]


def test_a_stream_gives_passages_then_text_then_the_answer(harbour: Collection) -> None:
    response = harbour.post("ask/stream", question=QUESTION)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = sse_events(response.text)
    assert [name for name, _ in events] == ["passages", "delta", "answer"]
    (_, found), (_, delta), (_, answer) = events
    assert found["passages"] == answer["passages"]
    assert delta["text"] == answer["answer"]


@pytest.mark.parametrize("question", [QUESTION, "Who won the chess championship in Reykjavik?"])
def test_a_stream_ends_with_the_answer_that_ask_gives(harbour: Collection, question: str) -> None:
    whole = harbour.post("ask", question=question).json()
    name, streamed = sse_events(harbour.post("ask/stream", question=question).text)[-1]
    assert name == "answer"
    assert stable(streamed) == stable(whole)


def test_a_model_writes_in_pieces(make_client: Callable[..., TestClient]) -> None:
    chat = ScriptedChat(pieces=["The fee ", "is 12 euros", " [1]."])
    collection = Collection(make_client(chat=chat), "c")
    collection.upload(("harbour.txt", HARBOUR))
    events = sse_events(collection.post("ask/stream", question=QUESTION).text)
    assert [name for name, _ in events] == ["passages", "delta", "delta", "delta", "answer"]
    assert "".join(data["text"] for name, data in events if name == "delta") == (
        "The fee is 12 euros [1]."
    )
    assert events[-1][1]["citations"][0]["quote"] == "The harbour fee is 12 euros."


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_names_what_it_runs_with(client: TestClient, path: str) -> None:
    assert client.get(path).json() == {
        "status": "ok",
        "version": ragqwen.__version__,
        "embedder": StaticEmbedder().fingerprint,
        "model": "extractive",
    }
