"""Searches that the language model makes itself, end to end: HTTP, command line, and the server."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.wiring import make_hard_writer, make_writer
from ragqwen.settings import load_settings
from tests.api.conftest import Collection, CommandLine
from tests.api.contract import sse_events
from tests.api.mill import BRIDGE, HARD, HARD_ENOUGH, MILL, upload_mill
from tests.api.model_server import ModelServer, calling, content

SECRET = "The user wants me to look for Greta"


@pytest.fixture
def model(model: ModelServer) -> ModelServer:
    """Return the server with an answer at hand."""
    model.deltas = content("The mill was founded by Greta Holm [1].")
    return model


@pytest.fixture(scope="module")
def client(make_client: Callable[..., TestClient], running: ModelServer) -> TestClient:
    """Return the service over HTTP with the model configured."""
    return make_client(llm_base_url=running.base_url, llm_model="Qwen/Qwen3-8B")


@pytest.fixture
def served(collection: Collection, model: ModelServer) -> Collection:
    """Return a collection over HTTP, beside another that has what is searched for too."""
    upload_mill(collection)
    other = Collection(collection.client, f"{collection.name}-other")
    other.upload(("secret.txt", "The crossing of the Elm is secret."), document_id="secret")
    return collection


def search(*queries: Any) -> dict[str, Any]:
    calls = (("search", json.dumps({"query": query})) for query in queries)
    return calling(*calls, reasoning=SECRET, content=f"<think>{SECRET}</think>")


def test_a_hard_question_is_searched_further_and_the_answer_says_so(
    served: Collection, model: ModelServer
) -> None:
    model.choices = [search("Ole Brandt crossing Elm"), {"message": {"content": "DONE"}}]
    model.deltas = content("Ole Brandt built a crossing over the river Elm [2].")
    answer = served.post("ask", question=HARD, k=1).json()
    assert answer["searches"] == ["Ole Brandt crossing Elm"]
    assert [passage["text"] for passage in answer["passages"]] == [MILL, BRIDGE]
    (cited,) = answer["citations"]
    assert (cited["document_id"], cited["status"]) == ("bridge", "verified")
    assert BRIDGE[cited["start"] : cited["end"]] == cited["quote"]
    assert answer["timings_ms"]["research"] > 0
    assert [len(body.get("tools", ())) for body in model.bodies] == [1, 1, 0]
    assert model.bodies[-1]["thinking_token_budget"] == answer["thinking"]["budget_tokens"]


def test_a_stream_tells_of_each_search_before_the_answer(
    served: Collection, model: ModelServer
) -> None:
    model.choices = [search("crossing Elm", "zeppelins of Peru"), {"message": {"content": "DONE"}}]
    response = served.post("ask/stream", question=HARD, k=1)
    told = [(name, data.get("searches")) for name, data in sse_events(response.text)]
    assert told == [
        ("passages", []),
        ("passages", ["crossing Elm"]),
        ("passages", ["crossing Elm", "zeppelins of Peru"]),
        ("delta", None),
        ("answer", ["crossing Elm", "zeppelins of Peru"]),
    ]
    assert SECRET not in response.text


def test_a_second_attempt_keeps_what_was_searched_for(
    served: Collection, model: ModelServer
) -> None:
    model.choices = [search("crossing Elm"), {"message": {"content": "DONE"}}]
    model.deltas = content("It was founded in 1433 by Olga Marr [1].")
    events = sse_events(served.post("ask/stream", question=HARD_ENOUGH, k=1).text)
    told = [data for name, data in events if name == "passages"]
    assert [data["searches"] for data in told] == [[], ["crossing Elm"], ["crossing Elm"]]
    assert {passage["text"] for passage in told[-1]["passages"]} == {MILL, BRIDGE}
    assert events[-1][1]["thinking"]["attempts"] == 2
    assert events[-1][1]["searches"] == ["crossing Elm"]


def test_a_search_never_leaves_the_collection(served: Collection, model: ModelServer) -> None:
    model.choices = [search("The crossing of the Elm is secret.")]
    answer = served.post("ask", question=HARD, k=1).json()
    assert len(answer["searches"]) == 1
    assert {passage["document_id"] for passage in answer["passages"]} <= {"mill", "bridge"}


def test_thinking_beside_a_call_leads_nowhere(served: Collection, model: ModelServer) -> None:
    model.choices = [search(f"<think>{SECRET}</think>crossing Elm")]
    response = served.post("ask", question=HARD)
    assert response.json()["searches"] == ["crossing Elm"]
    assert SECRET not in response.text + "".join(map(str, model.bodies))


@pytest.mark.parametrize(
    "choice",
    [
        None,
        {"message": {"content": "<think>never ends"}},
        calling(("search", "{bad")),
        calling(("delete_all", "{}"), ("search", '{"query": 7}')),
        {"message": {"content": None, "tool_calls": [5]}},
    ],
)
def test_an_answer_comes_whatever_the_model_calls(
    served: Collection, model: ModelServer, choice: dict[str, Any] | None
) -> None:
    model.choices = [choice]
    answer = served.post("ask", question=HARD).json()
    assert (answer["searches"], answer["answerable"]) == ([], True)
    refused = choice is None or choice["message"].get("tool_calls") == [5]
    assert ("searches were cut short" in answer["thinking"]["reason"]) == refused


@pytest.mark.parametrize(
    "asked",
    [
        {"question": "Who founded the mill?"},
        {"question": f"{HARD} /no_think"},
        {"question": HARD, "thinking": "off"},
        {"question": HARD, "thinking": 2000},
        {"question": HARD, "max_thinking_tokens": 0},
        {"question": HARD, "max_seconds": 2},
    ],
)
def test_what_is_easy_or_fixed_is_searched_once(
    served: Collection, model: ModelServer, asked: dict[str, Any]
) -> None:
    model.choices = [search("crossing Elm")] * 9
    assert served.post("ask", **asked).json()["searches"] == []
    assert all("tools" not in body for body in model.bodies)


def test_searching_and_thinking_stay_within_the_request_s_ceiling(
    served: Collection, model: ModelServer
) -> None:
    model.choices = [search("one"), search("two"), search("three"), search("four")]
    answer = served.post("ask", question=HARD, max_thinking_tokens=120).json()
    # each reply has 20 tokens: the third would be allowed 20, which is too few
    assert answer["searches"] == ["one", "two"]
    assert answer["thinking"]["searching_tokens"] == 40
    assert [body["max_tokens"] for body in model.bodies[:2]] == [60, 40]
    assert model.bodies[-1]["thinking_token_budget"] == 80


def test_a_server_that_writes_more_than_it_may_leaves_no_thinking(
    served: Collection, model: ModelServer
) -> None:
    model.choices, model.tokens = [search("one")], 121
    served.post("ask", question=HARD, max_thinking_tokens=120)
    assert "thinking_token_budget" not in model.bodies[-1]
    assert model.bodies[-1]["chat_template_kwargs"] == {"enable_thinking": False}


def test_the_command_line_explains_the_searches(
    cli: CommandLine, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.run("ingest", "-", "--name", "mill.txt", input=MILL)
    monkeypatch.setenv("RAGQWEN_LLM_BASE_URL", model.base_url)
    monkeypatch.setenv("RAGQWEN_LLM_MODEL", "Qwen/Qwen3-8B")
    model.choices = [search("Greta Holm")]
    explained = cli.run("ask", "--explain", HARD).stdout
    assert "\nSearched for: Greta Holm\n" in explained
    assert "\nWrote 20 tokens for further searches.\n" in explained
    model.choices = [search("Greta Holm")]
    assert cli.json("ask", HARD)["searches"] == ["Greta Holm"]


def test_it_is_off_by_setting(
    cli: CommandLine, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.run("ingest", "-", "--name", "mill.txt", input=MILL)
    monkeypatch.setenv("RAGQWEN_LLM_BASE_URL", model.base_url)
    monkeypatch.setenv("RAGQWEN_LLM_MODEL", "Qwen/Qwen3-8B")
    monkeypatch.setenv("RAGQWEN_LLM_SEARCHES", "0")
    assert cli.json("ask", HARD)["searches"] == []
    assert all("tools" not in body for body in model.bodies)


@pytest.mark.parametrize(("engine", "able"), [("vllm", True), ("llama.cpp", False)])
def test_a_writer_calls_tools_if_its_engine_does(engine: str, able: bool) -> None:
    named = {"base_url": "http://m/v1", "model": "q"}
    easy = {f"llm_{name}": value for name, value in named.items()}
    hard = {f"llm_hard_{name}": value for name, value in named.items()}
    settings = load_settings(llm_engine=engine, **easy, **hard)
    for writer in (make_writer(settings), make_hard_writer(settings)):
        assert writer is not None
        assert writer.calls_tools is able
