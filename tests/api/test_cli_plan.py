"""`ragqwen plan`: one plan for each question."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import CommandLine

LOOK_UP = "When does the ferry leave?"
HARD = "How much do the 3 crews earn together in 5 years, and what is the average per year?"


def plans(cli: CommandLine, text: str, *arguments: str) -> list[dict[str, Any]]:
    said = cli.run("plan", *arguments, input=text).stdout
    return [json.loads(line) for line in said.splitlines()]


def test_each_question_gets_a_plan_in_order(cli: CommandLine) -> None:
    easy, hard = plans(cli, f"{LOOK_UP}\n{HARD}\n")
    assert (easy["question"], easy["mode"], easy["budget_tokens"]) == (LOOK_UP, "off", 0)
    assert (hard["question"], hard["mode"]) == (HARD, "on")
    assert hard["budget_tokens"] >= 1024
    assert 0 <= easy["difficulty"] < hard["difficulty"] <= 1
    assert hard["reason"].endswith(".") and hard["features"]["numbers"] > 0


@pytest.mark.parametrize("name", ["question", "text"])
def test_a_json_line_is_planned_like_a_plain_one(cli: CommandLine, name: str) -> None:
    lines = f"{HARD}\n{json.dumps({name: HARD, 'id': 7})}\n"
    plain, of_json = plans(cli, lines)
    assert plain == of_json


@pytest.mark.parametrize("question", [None, "", " ", 5, ["?"]])
def test_whichever_of_question_and_text_says_something_is_planned(
    cli: CommandLine, question: object
) -> None:
    (planned,) = plans(cli, json.dumps({"question": question, "text": LOOK_UP}))
    assert planned["question"] == LOOK_UP
    (planned,) = plans(cli, json.dumps({"question": LOOK_UP, "text": question}))
    assert planned["question"] == LOOK_UP


def test_empty_lines_are_passed_over(cli: CommandLine) -> None:
    assert len(plans(cli, f"\n  \n{LOOK_UP}\n\n")) == 1
    assert plans(cli, "") == []


def test_a_file_is_read(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_bytes(b"\xef\xbb\xbf" + LOOK_UP.encode() + b"\r\n\xff?\n")
    first, _ = plans(cli, "", str(path))
    assert first["question"] == LOOK_UP


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": ', "is no JSON object"),
        ('{"title": "x"}', "has no question"),
        ('{"question": 5}', "has no question"),
        ('{"question": null, "text": null}', "has no question"),
        ('{"question": " ", "text": ""}', "has no question"),
        ("{" * 100_000, "is no JSON object"),
    ],
)
def test_a_bad_line_is_told_by_its_number_and_stops_no_other(
    cli: CommandLine, line: str, said: str
) -> None:
    result = cli.run("plan", input=f"{LOOK_UP}\n{line}\n{HARD}\n", exit_code=1)
    assert "line 2" in result.stderr and said in result.stderr
    planned = [json.loads(line)["question"] for line in result.stdout.splitlines()]
    assert planned == [LOOK_UP, HARD]


def test_a_lone_surrogate_in_json_is_printed(cli: CommandLine) -> None:
    (planned,) = plans(cli, '{"question": "who \\ud800?"}\n')
    assert planned["mode"] == "off"


def test_thinking_and_ceiling_are_heeded(cli: CommandLine) -> None:
    assert [p["budget_tokens"] for p in plans(cli, f"{LOOK_UP}\n{HARD}", "--thinking", "off")] == [
        0,
        0,
    ]
    assert plans(cli, LOOK_UP, "--thinking", "77")[0]["budget_tokens"] == 77
    assert plans(cli, HARD, "--ceiling", "1024")[0]["budget_tokens"] == 1024
    assert plans(cli, HARD, "--ceiling", "0")[0]["mode"] == "off"


def test_the_ceiling_is_a_setting(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQWEN_THINKING_CEILING_TOKENS", "1024")
    assert plans(cli, LOOK_UP, "--thinking", "5000")[0]["budget_tokens"] == 1024


@pytest.mark.parametrize(("tokens", "budget"), [("9500", 1452), ("8192", 144), ("4096", 0)])
def test_no_more_is_planned_than_the_model_s_context_has_room_for(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tokens: str, budget: int
) -> None:
    monkeypatch.setenv("RAGQWEN_LLM_CONTEXT_TOKENS", tokens)
    assert plans(cli, HARD, "--thinking", "30000")[0]["budget_tokens"] == budget


@pytest.mark.parametrize("value", ["on", "-1", "1.5", "", "٣"])
def test_another_word_for_thinking_is_refused(cli: CommandLine, value: str) -> None:
    told = cli.run("plan", f"--thinking={value}", input=LOOK_UP, exit_code=2).output
    assert "auto, off or a number" in told


def test_a_model_that_thinks_in_the_question_s_language_gets_more(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "அனைத்துப் படகுகளின் மொத்த விலை என்ன, சராசரி எவ்வளவு? /think"
    (english,) = plans(cli, asked)
    monkeypatch.setenv("RAGQWEN_LLM_THINKS_IN_QUESTION_LANGUAGE", "1")
    (tamil,) = plans(cli, asked)
    assert tamil["budget_tokens"] > english["budget_tokens"] > 0
