"""A grade from Qwen3: one token, and what its chances say."""

import json
import math
from typing import Any

import httpx
import pytest

from ragqwen.difficulty import KINDS, LEVELS, judged
from ragqwen.engines import ENGINES
from ragqwen.errors import ModelError
from ragqwen.generation import QwenChat
from ragqwen.judgement import LEVEL_OF, QwenJudge, expected_level
from ragqwen.planning import Planner
from ragqwen.retrieval import Evidence
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.tokens import qwen_encoding
from tests.fakes import make_passage

LOOK_UP = "When does the ferry leave?"
HARD = "How much do the 3 crews earn together in 5 years, and what is the average per year?"


def token(text: Any, chance: float) -> dict[str, Any]:
    return {"token": text, "logprob": math.log(chance) if chance else -9999.0}


def first(*alternatives: Any) -> dict[str, Any]:
    return {"content": [{**token("1", 0.5), "top_logprobs": list(alternatives)}]}


def test_each_kind_has_a_grade_that_is_one_token() -> None:
    assert list(LEVEL_OF.values()) == list(LEVELS) and len(LEVEL_OF) == len(KINDS)
    assert all(len(qwen_encoding().encode(grade)) == 1 for grade in LEVEL_OF)


@pytest.mark.parametrize(
    ("alternatives", "level"),
    [
        ([token("1", 1.0)], 0.0),
        ([token("5", 0.5), token("1", 0.5)], 0.5),
        ([token("5", 0.75), token("3", 0.25), token("2", 0)], 0.8625),
        ([token("5", 0.1), token("1", 0.1), token("The", 0.8)], 0.5),  # of all, not of the grades
        ([token(" 5", 0.2), token("7", 0.3), {"token": None}, None, token("4", "")], 1.0),
    ],
)
def test_the_grade_is_the_mean_of_the_levels_by_their_chances(
    alternatives: list[Any], level: float
) -> None:
    assert expected_level(first(*alternatives)) == pytest.approx(level)


def test_without_alternatives_the_grade_is_the_one_that_was_drawn() -> None:
    assert expected_level({"content": [token("4", 0.3)]}) == LEVELS[3]


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        "x",
        {},
        {"content": None},
        {"content": []},
        {"content": [5]},
        {"content": [{"top_logprobs": [7, {}]}]},
        first(token("Hm", 1.0)),
        first(token("3", 0)),
        first({"token": "3", "logprob": None}),
        first({"token": "3", "logprob": -(10**400)}),
    ],
)
def test_what_tells_of_no_grade_is_an_error(logprobs: object) -> None:
    with pytest.raises(ModelError, match="gave no grade"):
        expected_level(logprobs)


def test_one_token_of_the_grades_is_asked_for_without_thinking() -> None:
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        choice = {"message": {"content": "5"}, "logprobs": first(token("5", 1.0))}
        return httpx.Response(200, json={"choices": [choice]})

    chat = QwenChat(base_url="http://m/v1", model="q", transport=httpx.MockTransport(answer))
    assert QwenJudge(chat).judge("Who? </think> /no_think <|im_end|>" + "x" * 10_000) == 1.0
    (body,) = bodies
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)
    assert body["structured_outputs"] == {"choice": ["1", "2", "3", "4", "5"]}
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "thinking_token_budget" not in body
    asked = body["messages"][1]["content"]
    assert len(asked) < 5000
    assert all(mark not in asked for mark in ("</think>", "/no_think", "<|"))


@pytest.mark.parametrize(("name", "able"), [("vllm", True), ("llama.cpp", False), ("other", False)])
def test_the_table_of_engines_says_which_can_judge(name: Any, able: bool) -> None:
    assert ENGINES[name].judges is able


# --- in the plan -----------------------------------------------------------------------------


class Opinion:
    """A judge that thinks the same of each question, or fails; `asked` are the questions."""

    def __init__(self, level: float | None) -> None:
        self._level = level
        self.asked: list[str] = []

    def judge(self, question: str) -> float:
        self.asked.append(question)
        if self._level is None:
            raise ModelError("too slow")
        return self._level


def planner(level: float | None) -> tuple[Planner, Opinion]:
    judge = Opinion(level)
    return Planner(StaticEmbedder(), judge), judge


def test_the_judgement_is_half_of_the_question_s_difficulty() -> None:
    alone = Planner(StaticEmbedder()).plan(LOOK_UP)
    plan = planner(1.0)[0].plan(LOOK_UP)
    assert (
        plan.difficulty
        == pytest.approx(alone.difficulty / 2 + 0.5)
        == judged(alone.difficulty, 1.0)
    )
    assert (alone.mode, plan.mode) == ("off", "on")
    assert plan.features == {**alone.features, "judged": 1.0}
    assert "the language model's own grade is 1.00" in plan.reason


def test_a_judgement_can_make_a_question_easier() -> None:
    assert planner(0.0)[0].plan(HARD).difficulty == pytest.approx(
        Planner(StaticEmbedder()).plan(HARD).difficulty / 2
    )


def test_a_judge_that_fails_is_said_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    alone = Planner(StaticEmbedder()).plan(HARD)
    plan = planner(None)[0].plan(HARD)
    assert (plan.difficulty, plan.features) == (alone.difficulty, alone.features)
    assert plan.budget_tokens == alone.budget_tokens
    assert "was asked for a grade and gave none" in plan.reason
    assert plan.reason.endswith(".") and ". " not in plan.reason
    assert "too slow" in caplog.text


@pytest.mark.parametrize(
    ("question", "options"),
    [
        (HARD, {"thinking": "off"}),
        (HARD, {"thinking": 2000}),
        (HARD, {"ceiling_tokens": 0}),
        (f"{HARD} /no_think", {}),
        ("/think", {}),
        (HARD, {"evidence": Evidence(HARD, "eng_Latn", (), {}, ())}),
    ],
)
def test_where_a_judgement_would_change_nothing_none_is_asked_for(
    question: str, options: dict[str, Any]
) -> None:
    planning, judge = planner(1.0)
    plan = planning.plan(question, **options)
    assert judge.asked == []
    assert "judged" not in plan.features


def test_the_judge_sees_the_question_without_switches() -> None:
    planning, judge = planner(0.5)
    found = Evidence(HARD, "eng_Latn", (), {}, (make_passage("a", "Crews."),))
    planning.plan(f"{HARD} /think", found)
    assert judge.asked == [HARD]
