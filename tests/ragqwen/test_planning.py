"""Thinking is planned by the question and its evidence, and the asker and caller can say."""

import copy
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.errors import InputError
from ragqwen.planning import (
    LEAST_TOKENS,
    THRESHOLD,
    Planner,
    budget_scale,
    next_budget,
    planned_tokens,
    strip_switches,
)
from ragqwen.retrieval import Evidence
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import make_passage

LOOK_UP = "When does the ferry leave?"
HARD = "How much do the 3 crews earn together in 5 years, and what is the average per year?"


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(StaticEmbedder())


def evidence(*passages: Any, question: str = LOOK_UP, language: str = "eng_Latn") -> Evidence:
    return Evidence(question, language, ("ferry", "leave"), {}, passages)


@pytest.mark.parametrize(
    "question",
    [
        LOOK_UP,
        "Wer hat den Vertrag unterschrieben?",
        "图书馆几点开门？",
        "متى تفتح المكتبة؟",
        "Nani aliandika kitabu hiki?",
    ],
)
def test_a_look_up_is_not_thought_about(planner: Planner, question: str) -> None:
    plan = planner.plan(question)
    assert (plan.mode, plan.budget_tokens) == ("off", 0)
    assert 0 <= plan.difficulty < THRESHOLD


@pytest.mark.parametrize(
    "question",
    [
        HARD,
        "Vergleiche die beiden Verträge und erkläre, warum der neue teurer ist als der alte.",
        "三年里学校和医院的总支出是多少，平均每年是多少，占预算的百分之几？",
        "Почему бюджета не хватило, хотя доходы выросли, и какое решение было причиной этого?",
        "ஐந்து ஆண்டுகளில் 3 குழுக்களும் மொத்தம் எவ்வளவு சம்பாதித்தன, சராசரி எவ்வளவு?",
    ],
)
def test_what_must_be_worked_out_is_thought_about(planner: Planner, question: str) -> None:
    plan = planner.plan(question)
    assert plan.mode == "on"
    assert plan.budget_tokens in budget_scale(8192)


def test_the_same_question_gets_the_same_plan(planner: Planner) -> None:
    assert planner.plan(HARD) == Planner(StaticEmbedder()).plan(HARD)


def test_a_reason_is_one_sentence_that_names_the_budget(planner: Planner) -> None:
    plan = planner.plan(HARD)
    assert plan.reason.startswith(f"Thinks up to {plan.budget_tokens:,} tokens")
    assert plan.reason.endswith(".") and ". " not in plan.reason
    assert planner.plan(LOOK_UP).reason.startswith("Answers without thinking")


def test_the_scale_doubles_from_1024_and_ends_at_the_ceiling() -> None:
    assert budget_scale(8192) == (1024, 2048, 4096, 8192)
    assert budget_scale(3000) == (1024, 2048, 3000)
    assert budget_scale(1024) == (1024,)
    assert budget_scale(100) == (100,)
    assert budget_scale(0) == ()


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 100_000))
def test_a_harder_question_never_gets_less(a: float, b: float, ceiling: int) -> None:
    less, more = sorted((a, b))
    assert planned_tokens(less, ceiling) <= planned_tokens(more, ceiling) <= ceiling


@given(st.floats(THRESHOLD, 1), st.integers(LEAST_TOKENS, 100_000))
def test_from_the_threshold_on_the_first_step_is_the_least(level: float, ceiling: int) -> None:
    assert planned_tokens(level, ceiling) >= LEAST_TOKENS
    assert planned_tokens(1.0, ceiling) == ceiling


@pytest.mark.parametrize(
    ("first", "second"), [(0, 1024), (1024, 2048), (2048, 4096), (4096, 0), (8192, 0)]
)
def test_a_second_attempt_has_the_next_step_that_there_is_room_for(first: int, second: int) -> None:
    assert next_budget(first, 8192, 8192 - first) == second


_NO = (None, None)


@pytest.mark.parametrize(
    ("typed", "question", "switch"),
    [
        ("Who? /think", "Who?", "/think"),
        ("/no_think Who?", "Who?", "/no_think"),
        ("Who /think is it? /no_think", "Who is it?", "/no_think"),
        ("/no_think\n/think\nWho?", "Who?", "/think"),
        ("他是谁？/no_think", "他是谁？", "/no_think"),
        ("/think", "", "/think"),
        ("see http://a.org/think and and/or /thinking", None, None),
        ("what is /no_thinking or x/think?", None, None),
        ("/THINK hard", "hard", "/think"),
        ("who is it /No_Think", "who is it", "/no_think"),
        ("who is it /no_think/think", "who is it", "/think"),
        ("/think/no_think who is it", "who is it", "/no_think"),
        ("**/no_think** who is it?", "who is it?", "/no_think"),
        ("who is it? [/no_think]", "who is it?", "/no_think"),
        ("\u200b/no_think who is it?", "who is it?", "/no_think"),
        ("\ufeff/no_think who is it?", "who is it?", "/no_think"),
        ("who is it\u200b/no_think", "who is it", "/no_think"),
        ("who, /no_think, is it?", "who, is it?", "/no_think"),
        ("[/think](http://a.org) or a[/think] or **/think of it**", None, None),
        ("/no_think他是谁？", "他是谁？", "/no_think"),
        ("/no_think，他是谁？", "他是谁？", "/no_think"),
        ("他是谁/no_think", "他是谁", "/no_think"),
        ("他是谁/no_think，请简短回答", "他是谁，请简短回答", "/no_think"),
        ("この人は誰ですか。/thinkよく考えて", "この人は誰ですか。 よく考えて", "/think"),
        ("ใครคือเขา/no_think", "ใครคือเขา", "/no_think"),
        ("/no_thinkကိုကိုဘယ်သူလဲ", "ကိုကိုဘယ်သူလဲ", "/no_think"),
        ("/think: who is it?", ": who is it?", "/think"),
        ("/no_think, who is it?", "who is it?", "/no_think"),
        ("Who is it? /no_think.", "Who is it?", "/no_think"),
        ("Who is it?/no_think!", "Who is it?!", "/no_think"),
        ("من هو؟/no_think", "من هو؟", "/no_think"),
        ('what does "/no_think" or (/think) mean', None, None),
        (
            "/think/x, ./think, ../think, /think.html, /think-tank, /think's /think=1 a:/think",
            *_NO,
        ),
        ("5/think, /think2, ~/think, /think_x, //think, /think/", *_NO),
        ("two  spaces", None, None),
    ],
)
def test_soft_switches_are_whole_tokens_and_the_last_counts(
    typed: str, question: str | None, switch: str | None
) -> None:
    assert strip_switches(typed) == (typed if question is None else question, switch)


@given(st.lists(st.sampled_from(["/think", "/NO_THINK", *'a \n。/，,.:?!他กํ"[]*(\u200b'])))
def test_no_switch_is_left_in_what_is_stripped(pieces: list[str]) -> None:
    kept, _ = strip_switches("".join(pieces))
    assert strip_switches(kept) == (kept, None)


def test_the_asker_can_switch(planner: Planner) -> None:
    assert planner.plan(f"{LOOK_UP} /think").budget_tokens == LEAST_TOKENS
    assert planner.plan(f"{HARD} /no_think").mode == "off"
    planned = planner.plan(HARD)
    assert planner.plan(f"{HARD} /think").budget_tokens == planned.budget_tokens
    assert planner.plan(f"{HARD} /no_think").difficulty == planned.difficulty


def test_the_caller_goes_before_the_asker(planner: Planner) -> None:
    assert planner.plan(f"{HARD} /think", thinking="off").budget_tokens == 0
    assert planner.plan(f"{LOOK_UP} /no_think", thinking=300).budget_tokens == 300
    assert planner.plan(HARD, thinking=0).mode == "off"


def test_nothing_goes_over_the_ceiling(planner: Planner) -> None:
    assert planner.plan(HARD, thinking=50_000, ceiling_tokens=2000).budget_tokens == 2000
    assert planner.plan(f"{LOOK_UP} /think", ceiling_tokens=500).budget_tokens == 500
    assert planner.plan(f"{HARD} /think", ceiling_tokens=0).mode == "off"


@pytest.mark.parametrize("wrong", [-1, True, "on", 1.5])
def test_what_is_no_way_of_thinking_is_named(planner: Planner, wrong: Any) -> None:
    with pytest.raises(InputError, match=r'give "auto", "off" or a number'):
        planner.plan(HARD, thinking=wrong)


def test_a_ceiling_below_zero_is_refused(planner: Planner) -> None:
    with pytest.raises(InputError, match="ceiling"):
        planner.plan(HARD, ceiling_tokens=-1)


def test_words_inside_documents_do_nothing(planner: Planner) -> None:
    plain, typed = (
        planner.plan(LOOK_UP, evidence(make_passage("a", f"The ferry leaves at nine. {word}")))
        for word in ("Tickets", "/think")
    )
    assert (typed.mode, typed.difficulty) == (plain.mode, plain.difficulty)


def test_one_clear_passage_leaves_a_look_up_a_look_up(planner: Planner) -> None:
    plan = planner.plan(LOOK_UP, evidence(make_passage("a", "The ferry leaves at nine.")))
    assert plan.mode == "off"
    assert plan.difficulty == pytest.approx(planner.plan(LOOK_UP).difficulty)


def test_scattered_evidence_in_another_language_makes_it_harder(planner: Planner) -> None:
    foreign = [
        make_passage(str(n), "Die Fähre fährt um neun.", language="deu_Latn") for n in range(6)
    ]
    near = [make_passage(str(n), "The ferry leaves at nine.") for n in range(6)]
    alone = planner.plan(HARD).difficulty
    scattered = planner.plan(HARD, evidence(*near)).difficulty
    abroad = planner.plan(HARD, evidence(*foreign)).difficulty
    assert alone < scattered < abroad <= 1


def test_a_plan_with_the_model_thinking_in_the_language_respects_its_tokens(
    planner: Planner,
) -> None:
    inside = Planner(StaticEmbedder(), thinks_in_language=True)

    def tokens(planner: Planner, language: str, ceiling_tokens: int = 8192) -> int:
        planned = planner.plan(HARD, language=language, ceiling_tokens=ceiling_tokens)
        return planned.budget_tokens

    assert tokens(inside, "mya_Mymr", 100_000) > tokens(planner, "mya_Mymr", 100_000)
    assert tokens(inside, "mya_Mymr", 1024) == 1024
    assert tokens(inside, "eng_Latn") == tokens(planner, "eng_Latn")


def test_planning_changes_nothing_it_is_given(planner: Planner) -> None:
    given_evidence = evidence(make_passage("a", "The ferry leaves."), make_passage("b", "/think"))
    before = copy.deepcopy(given_evidence)
    planner.plan(LOOK_UP, given_evidence)
    assert given_evidence == before


@pytest.mark.parametrize(
    "question",
    ["", " ", "\ud800", "?" * 1_000_000, "a" * 1_000_000, "why 7, " * 150_000, "/think " * 150_000],
    ids=["empty", "space", "surrogate", "marks", "letters", "words", "switches"],
)
def test_any_question_is_planned_quickly(planner: Planner, question: str) -> None:
    started = time.perf_counter()
    plan = planner.plan(question)
    assert time.perf_counter() - started < 5
    assert 0 <= plan.difficulty <= 1
    plan.reason.encode()


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_has_a_plan_on_the_scale(text: str) -> None:
    plan = Planner(StaticEmbedder()).plan(text)
    assert plan.budget_tokens in (0, *budget_scale(8192))
    assert (plan.mode == "off") == (plan.budget_tokens == 0)
