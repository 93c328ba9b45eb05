"""Whole streams of a server that thinks unasked, searches, has to write again, or breaks off.

Whatever of these comes together, what a client has before it in the end is the answer, and no
thinking is in that, in what is kept or logged, or in what the server is sent again.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import Collection
from tests.api.contract import sse_events
from tests.api.mill import HARD, HARD_ENOUGH, MILL, upload_mill
from tests.api.model_server import Attempt, Delta, Ending, ModelServer, calling, content, reasoning

PROVED = ("The mill was founded ", "by Greta Holm [1].")
WRONG = ("It was founded in 1433 ", "by Olga Marr [1].")
SECRET = "SECRET"

Think = Callable[[], list[Delta]]
thoughts = pytest.mark.parametrize(
    "think",
    [
        list,
        lambda: reasoning(f"{SECRET} a", f" b {SECRET}"),
        lambda: reasoning(f"{SECRET} a", key="reasoning_content"),
        lambda: content(f"<think>{SECRET} a", f" {SECRET}</think>\n\n"),
        lambda: content(f"{SECRET} a, to be ", "told late </thi", "nk>\n\n"),
        lambda: content(f"{SECRET}</think>", f" b {SECRET} </THINK>"),
        lambda: [*reasoning(SECRET), *content(f"{SECRET} b", "</think>")],
    ],
    ids=["none", "field", "other field", "marked", "late", "twice late", "field and late"],
)
breaks = pytest.mark.parametrize("ending", ["lost", "silent"])


@pytest.fixture(scope="module")
def client(make_client: Callable[..., TestClient], running: ModelServer) -> TestClient:
    """Return the service over HTTP with the model configured."""
    return make_client(llm_base_url=running.base_url, llm_model="Qwen/Qwen3-8B")


@pytest.fixture
def served(collection: Collection, model: ModelServer) -> Collection:
    """Return a collection over HTTP, and have the model search it in every test."""
    upload_mill(collection)
    call = ("search", json.dumps({"query": f"{SECRET}</think>crossing Elm"}))
    beside = {"reasoning": SECRET, "content": f"{SECRET}</think>"}
    model.choices = [calling(call, **beside), {"message": {"content": f"<think>{SECRET}"}}]
    return collection


def shown(events: list[tuple[str, Any]]) -> str:
    """Return the text that a client has before it."""
    text = ""
    for name, data in events:
        if name == "passages":
            text = ""
        elif name == "delta":
            text += data["text"]
    return text.strip()


def attempts(events: list[tuple[str, Any]]) -> int:
    return int(events[-1][1]["thinking"]["attempts"])


def ask(served: Collection, question: str) -> list[tuple[str, Any]]:
    return sse_events(served.post("ask/stream", question=question, k=1).text)


def assert_contained(
    events: list[tuple[str, Any]], model: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    for told in (events[-1], model.bodies, caplog.text):
        assert SECRET not in str(told)
        assert "think>" not in str(told).lower()


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> None:
    """Keep what is logged at level INFO."""
    caplog.set_level(logging.INFO)


@thoughts
def test_what_is_shown_in_the_end_is_the_answer(
    served: Collection, model: ModelServer, think: Think, caplog: pytest.LogCaptureFixture
) -> None:
    model.deltas = [*think(), *content(*PROVED)]
    events = ask(served, HARD)
    name, answer = events[-1]
    assert name == "answer"
    assert shown(events) == answer["answer"] == "".join(PROVED)
    assert answer["searches"] == ["crossing Elm"]
    assert [cited["quote"] for cited in answer["citations"]] == [MILL]
    assert_contained(events, model, caplog)


@thoughts
@pytest.mark.parametrize("second", [PROVED, WRONG])
def test_a_second_attempt_takes_the_first_s_place_or_gives_it_back(
    served: Collection,
    model: ModelServer,
    think: Think,
    second: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = Attempt([*think(), *content(*WRONG)])
    model.attempts = [first, Attempt([*think(), *content(*second)])]
    events = ask(served, HARD_ENOUGH)
    assert attempts(events) == 2
    assert shown(events) == events[-1][1]["answer"] == "".join(second)
    assert_contained(events, model, caplog)


@thoughts
@breaks
def test_a_second_attempt_that_breaks_off_gives_the_first_back(
    served: Collection,
    model: ModelServer,
    think: Think,
    ending: Ending,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = Attempt([*think(), *content(*WRONG)])
    model.attempts = [first, Attempt([*think(), *content(PROVED[0])], ending)]
    events = ask(served, HARD_ENOUGH)
    assert attempts(events) == 1
    assert shown(events) == events[-1][1]["answer"] == "".join(WRONG)
    assert_contained(events, model, caplog)


@breaks
def test_a_second_attempt_that_breaks_off_in_thinking_gives_the_first_back(
    served: Collection, model: ModelServer, ending: Ending, caplog: pytest.LogCaptureFixture
) -> None:
    model.attempts = [Attempt(content(*WRONG)), Attempt(content(SECRET, " and more"), ending)]
    events = ask(served, HARD_ENOUGH)
    assert shown(events) == events[-1][1]["answer"] == "".join(WRONG)
    assert_contained(events, model, caplog)


@thoughts
@breaks
def test_an_only_attempt_that_breaks_off_is_an_error_and_no_answer(
    served: Collection,
    model: ModelServer,
    think: Think,
    ending: Ending,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model.deltas, model.ending = [*think(), *content(PROVED[0])], ending
    events = ask(served, HARD)
    assert [name for name, _ in events if name in ("answer", "error")] == ["error"]
    assert_contained(events, model, caplog)


@thoughts
def test_a_refusal_is_all_that_is_shown(
    served: Collection, model: ModelServer, think: Think, caplog: pytest.LogCaptureFixture
) -> None:
    model.deltas = [*think(), *content("Sorry: NO_", "ANSWER")]
    events = ask(served, HARD)
    assert events[-1][1]["answerable"] is False
    assert shown(events) == events[-1][1]["answer"]
    assert_contained(events, model, caplog)
