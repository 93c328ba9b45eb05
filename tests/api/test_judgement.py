"""A grade from the language model, from a server to what `plan` and `ask --explain` show."""

import json
import time
from typing import Any

import pytest

import api.wiring
from tests.api.conftest import CommandLine
from tests.api.model_server import ModelServer, content, graded

QUESTION = "What is the harbour fee?"


@pytest.fixture
def model(model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> ModelServer:
    """Return the server, configured to judge."""
    monkeypatch.setenv("RAGQWEN_LLM_BASE_URL", model.base_url)
    monkeypatch.setenv("RAGQWEN_LLM_MODEL", "Qwen/Qwen3-8B")
    monkeypatch.setenv("RAGQWEN_LLM_JUDGES_DIFFICULTY", "1")
    return model


def planned(cli: CommandLine) -> dict[str, Any]:
    return dict(json.loads(cli.run("plan", input=QUESTION).stdout))


def test_a_plan_shows_the_grade(cli: CommandLine, model: ModelServer) -> None:
    model.choices = [graded(g5=0.9, g1=0.1)]
    plan = planned(cli)
    assert plan["features"]["judged"] == pytest.approx(0.9)
    assert "own grade is 0.90" in plan["reason"]
    assert plan["mode"] == "on"
    (body,) = model.bodies
    assert body["structured_outputs"] == {"choice": ["1", "2", "3", "4", "5"]}


def test_an_answer_explains_the_grade(filled: CommandLine, model: ModelServer) -> None:
    model.choices, model.deltas = [graded(g1=1.0)], content("The harbour fee is 12 euros [1].")
    said = filled.run("ask", "--explain", QUESTION).stdout
    assert "own grade is 0.00" in said
    assert "  judged                   0.000\n" in said
    assert len(model.bodies) == 2


@pytest.mark.parametrize(
    "choice", [None, {"message": {"content": "5"}}, {"message": {"content": "?"}, "logprobs": {}}]
)
def test_a_grade_that_fails_never_fails_the_answer(
    filled: CommandLine, model: ModelServer, choice: dict[str, Any] | None
) -> None:
    model.choices, model.deltas = [choice], content("The harbour fee is 12 euros [1].")
    answer = filled.json("ask", QUESTION)
    assert answer["answerable"]
    assert "gave none" in answer["thinking"]["reason"]


def test_a_grade_is_not_waited_for_long(
    filled: CommandLine, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.wiring, "_JUDGE_SECONDS", 0.2)
    model.choices, model.seconds = [graded(g5=1.0)], 3
    model.deltas = content("The harbour fee is 12 euros [1].")
    started = time.monotonic()
    answer = filled.json("ask", QUESTION)
    assert time.monotonic() - started < 3
    assert "gave none" in answer["thinking"]["reason"]
    assert answer["answerable"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("LLM_JUDGES_DIFFICULTY", "0"), ("LLM_ENGINE", "sglang"), ("LLM_ENGINE", "other")],
)
def test_nothing_is_asked_where_it_is_off_or_can_not_be(
    filled: CommandLine, model: ModelServer, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RAGQWEN_{name}", value)
    model.deltas = content("The harbour fee is 12 euros [1].")
    answer = filled.json("ask", QUESTION)
    assert len(model.bodies) == 1
    assert "judged" not in answer["thinking"]["features"]
    assert "grade" not in answer["thinking"]["reason"]


def test_a_plan_without_a_model_needs_none(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGQWEN_LLM_JUDGES_DIFFICULTY", "1")
    assert "judged" not in planned(cli)["features"]
