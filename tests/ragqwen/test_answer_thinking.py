"""How much is thought of a question on the answer path, and when it is answered anew."""

import math
import re
from typing import Any

import pytest

from ragqwen.alignment import Aligner
from ragqwen.answer import AnswerDone, Answerer
from ragqwen.drafting import PassagesFound, TextDelta, Writer
from ragqwen.errors import InputError
from ragqwen.pace import TOKENS_PER_SECOND
from ragqwen.planning import Planner
from ragqwen.reader import ExtractiveReader
from ragqwen.research import SEARCHED_FROM
from ragqwen.retrieval import Retriever
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import ListIndex, make_stored
from tests.ragqwen.answerers import FERRY, MODEL, QUESTION, make_answerer, turns

WRONG = "It sails at nine in the evening from Piraeus [1]."


def test_a_look_up_is_answered_without_thinking() -> None:
    chat = turns("The ferry to Gavdos leaves at six [1].")
    answer = make_answerer(chat=chat).ask(QUESTION)
    assert chat.budgets == [0]
    thinking = answer.thinking
    assert (thinking.mode, thinking.budget_tokens, thinking.attempts) == ("off", 0, 1)


def test_the_caller_s_budget_goes_to_the_model_and_what_was_used_comes_back() -> None:
    chat = turns("The ferry to Gavdos leaves at six [1].")
    answer = make_answerer(chat=chat).ask(QUESTION, thinking=2000)
    assert chat.budgets == [2000]
    assert (answer.thinking.mode, answer.thinking.used_tokens) == ("on", 1000)


@pytest.mark.parametrize("ceiling", [0, 1500])
def test_nothing_exceeds_a_request_s_own_ceiling(ceiling: int) -> None:
    chat = turns("The ferry to Gavdos leaves at six [1].")
    make_answerer(chat=chat).ask(QUESTION, thinking=4000, max_thinking_tokens=ceiling)
    assert chat.budgets == [ceiling]


def test_no_more_is_thought_than_there_is_time_for() -> None:
    chat = turns("The ferry to Gavdos leaves at six [1].")
    answer = make_answerer(chat=chat).ask(QUESTION, thinking=4000, max_seconds=30)
    (budget,) = chat.budgets
    assert 20 * TOKENS_PER_SECOND < budget < 30 * TOKENS_PER_SECOND
    assert re.search(r"time for \d+ tokens", answer.thinking.reason)


def test_where_time_is_short_there_is_neither_thinking_nor_a_second_attempt() -> None:
    chat = turns(WRONG)
    make_answerer(chat=chat).ask(f"{QUESTION} /think", max_seconds=5)
    assert chat.budgets == [0]


def test_where_there_is_time_enough_nothing_changes() -> None:
    chat = turns(WRONG, "The ferry to Gavdos leaves at six [1].")
    answer = make_answerer(chat=chat).ask(QUESTION, max_seconds=3600)
    assert chat.budgets == [0, 1024]
    assert "time for" not in answer.thinking.reason


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(InputError, match="give seconds, more than 0"):
        make_answerer("x").ask(QUESTION, max_seconds=seconds)


def test_an_answer_that_fails_verification_is_tried_again_with_more_thinking() -> None:
    chat = turns(WRONG, "The ferry to Gavdos leaves at six [1].")
    events = list(make_answerer(chat=chat).stream(QUESTION))
    assert chat.budgets == [0, 1024]
    assert [type(event) for event in events] == [
        PassagesFound,
        TextDelta,
        PassagesFound,
        TextDelta,
        AnswerDone,
    ]
    assert isinstance(events[-1], AnswerDone)
    answer = events[-1].answer
    assert answer.answer == "The ferry to Gavdos leaves at six [1]."
    assert (answer.thinking.attempts, answer.thinking.mode) == (2, "on")
    assert (answer.thinking.budget_tokens, answer.thinking.used_tokens) == (1024, 512)


def test_the_first_answer_stays_if_the_second_is_worse() -> None:
    chat = turns(f"The ferry to Gavdos leaves at six [1]. {WRONG}", f"{WRONG} {WRONG} {WRONG}")
    *_, restart, delta, done = make_answerer(chat=chat).stream(QUESTION)
    assert len(chat.budgets) == 2
    assert isinstance(restart, PassagesFound)
    assert delta == TextDelta(chat.turns[0])
    assert isinstance(done, AnswerDone)
    assert done.answer.passages == restart.passages
    assert done.answer.answer.startswith("The ferry to Gavdos leaves at six [1].")
    assert done.answer.answerable


@pytest.mark.parametrize("options", [{"thinking": "off"}, {"thinking": 64}])
def test_who_fixes_the_thinking_gets_one_attempt(options: dict[str, Any]) -> None:
    chat = turns(WRONG)
    make_answerer(chat=chat).ask(QUESTION, **options)
    assert len(chat.budgets) == 1


def test_there_is_no_second_attempt_above_the_ceiling() -> None:
    chat = turns(WRONG)
    make_answerer(chat=chat).ask(QUESTION, max_thinking_tokens=0)
    assert chat.budgets == [0]


def test_soft_switches_in_the_question_count_and_reach_neither_search_nor_model() -> None:
    for switch, budgets in (("/no_think", [0]), ("/think", [1024])):
        chat = turns("The ferry to Gavdos leaves at six [1].")
        answer = make_answerer(chat=chat).ask(f"{QUESTION} {switch}", max_thinking_tokens=1024)
        assert chat.budgets == budgets
        assert answer.passages[0].document_id == "ferry"


def test_soft_switches_in_a_document_do_nothing() -> None:
    index = ListIndex([make_stored(1, "d", f"{FERRY} /think")], lexical=[(1, 4.0)], dense=[])
    embedder = StaticEmbedder()
    aligner = Aligner(embedder)
    chat = turns("The ferry to Gavdos leaves at six [1].")
    answerer = Answerer(
        Retriever(index, embedder, dense_weight=0.4),
        ExtractiveReader(aligner),
        aligner,
        Planner(embedder),
        writer=Writer(chat, MODEL),
    )
    answerer.ask(QUESTION)
    assert chat.budgets == [0]


def test_what_is_thought_about_goes_to_the_larger_model() -> None:
    easy, hard = turns("The ferry to Gavdos leaves at six [1]."), turns(f"{FERRY} [1]")
    answerer = make_answerer(chat=easy, hard_writer=Writer(hard, "Qwen/Qwen3-32B"))
    assert answerer.ask(QUESTION).model == MODEL
    assert (easy.budgets, hard.budgets) == ([0], [])
    assert answerer.ask(QUESTION, thinking=1024).model == "Qwen/Qwen3-32B"
    assert (easy.budgets, hard.budgets) == ([0], [1024])


def test_without_a_model_there_is_a_plan_and_no_attempt() -> None:
    thinking = make_answerer().ask(QUESTION).thinking
    assert (thinking.attempts, thinking.used_tokens) == (0, 0)
    assert 0 <= thinking.difficulty <= 1
    assert thinking.features


def test_both_attempts_together_stay_below_the_ceiling() -> None:
    chat = turns(WRONG)
    answer = make_answerer(chat=chat).ask(f"{QUESTION} /think", max_thinking_tokens=2048)
    assert chat.budgets == [1024]  # 512 were used: 2,048 more would be too many
    assert answer.thinking.attempts == 1


def test_a_second_attempt_that_breaks_leaves_the_first(caplog: pytest.LogCaptureFixture) -> None:
    chat = turns(f"{FERRY} [1] {WRONG}", "")
    answer = make_answerer(chat=chat).ask(QUESTION)
    assert len(chat.budgets) == 2
    assert answer.answer.startswith(FERRY)
    assert "second attempt" in caplog.text


def test_the_model_that_wrote_the_answer_is_named() -> None:
    easy, hard = turns(f"{FERRY} [1] {WRONG}"), turns(WRONG)
    answerer = make_answerer(chat=easy, hard_writer=Writer(hard, "Qwen/Qwen3-32B"))
    assert answerer.ask(QUESTION).model == MODEL
    assert len(hard.budgets) == 1


def test_a_budget_is_what_the_context_has_room_for() -> None:
    chat = turns(f"{FERRY} [1]")
    answer = make_answerer(chat=chat, room_tokens=1000).ask(QUESTION, thinking=4096)
    (budget,) = chat.budgets
    assert 600 < budget < 1000
    assert answer.thinking.budget_tokens == budget


HARD = "Why did the crew, although it was paid, leave the ferry, and what did that lead to for us?"


def test_a_model_that_calls_no_tools_is_not_asked_to_search() -> None:
    chat = turns(f"{FERRY} [1]")  # to give it tools would be an error
    answer = make_answerer(chat=chat, max_searches=3).ask(HARD)
    assert answer.thinking.difficulty > SEARCHED_FROM
    assert answer.searches == ()


def test_a_model_that_is_not_asked_has_no_budget() -> None:
    chat = turns("x")
    thinking = make_answerer(chat=chat, stored=False).ask(QUESTION, thinking=4096).thinking
    assert (thinking.mode, thinking.budget_tokens, thinking.attempts) == ("off", 0, 0)
    assert chat.budgets == []


def test_a_question_too_long_for_the_model_that_thinks_names_what_its_context_is_set_by() -> None:
    hard = Writer(turns(), "Qwen/Qwen3-32B", room_tokens=1000, context_setting="HARD_CONTEXT")
    answerer = make_answerer(chat=turns(), hard_writer=hard)
    with pytest.raises(InputError, match="shorten it, or raise HARD_CONTEXT if"):
        answerer.ask(QUESTION * 200, thinking=1024)


def test_an_answer_stands_where_the_model_of_the_second_attempt_has_no_room_for_one() -> None:
    easy, hard = turns(WRONG), turns()
    writer = Writer(hard, "Qwen/Qwen3-32B", room_tokens=100)
    answer = make_answerer(chat=easy, hard_writer=writer).ask(QUESTION)
    assert (answer.model, answer.thinking.attempts, hard.budgets) == (MODEL, 1, [])
