"""Thinking and the answer are told apart, wherever a server cuts the text and whatever marks it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.reasoning import EARLY_STOP, THINK, THOUGHT, ReasoningSplitter, without_thinking
from ragqwen.tokens import qwen_encoding

words = st.text("ab <>/\nก😀", max_size=8).filter(lambda text: "think" not in text)
pieces = st.lists(
    st.one_of(words, st.sampled_from([THINK, THOUGHT, "<thi", "nk>", "</", "think", ">"])),
    max_size=8,
)


def split(
    parts: Sequence[str], *, expects_thinking: bool = False, cut: bool = False
) -> tuple[str, str]:
    splitter = ReasoningSplitter(expects_thinking=expects_thinking)
    splits = [*map(splitter.feed, parts), splitter.end(cut=cut)]
    return "".join(s.reasoning for s in splits), "".join(s.content for s in splits)


@given(pieces=pieces, sizes=st.lists(st.integers(1, 9)), expects=st.booleans(), cut=st.booleans())
def test_where_the_text_is_cut_changes_nothing(
    pieces: list[str], sizes: list[int], expects: bool, cut: bool
) -> None:
    text = "".join(pieces)
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    parts.append(text[at:])
    whole = split([text], expects_thinking=expects, cut=cut)
    assert split(parts, expects_thinking=expects, cut=cut) == whole
    assert split(list(text), expects_thinking=expects, cut=cut) == whole


@given(pieces=pieces, expects=st.booleans(), cut=st.booleans())
def test_no_mark_is_in_an_answer(pieces: list[str], expects: bool, cut: bool) -> None:
    splitter = ReasoningSplitter(expects_thinking=expects)
    for char in "".join(pieces):
        content = splitter.feed(char).content
        assert THINK not in content
        assert THOUGHT not in content


@given(thought=words, answer=words, expects=st.booleans())
def test_nothing_between_the_marks_is_in_the_answer(
    thought: str, answer: str, expects: bool
) -> None:
    text = f"{THINK}{thought}SECRET{THOUGHT}\n\n{answer}"
    reasoning, content = split(list(text), expects_thinking=expects)
    assert reasoning == f"{thought}SECRET"
    assert content == answer.lstrip() or THINK.startswith(answer.strip())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nHm.\n</think>\n\nAt six.", ("\nHm.\n", "At six.")),
        ("Hm.\n</think>\n\nAt six.", ("Hm.\n", "At six.")),  # no opening mark
        ("<think>Hm.", ("Hm.", "")),  # no closing mark
        ("At six.", ("", "At six.")),
        ("  \n<think></think>At six.", ("", "At six.")),
        ("<think>a</think>At <think>b</think>six.", ("ab", "At six.")),
        ("<think>Hm.</think>At </think>six.", ("Hm.", "At six.")),
        ("<think>Is <think> a mark?</think>No.", ("Is <think> a mark?", "No.")),
        ("1 < 2", ("", "1 < 2")),
        ("<thi", ("<thi", "")),
        ("", ("", "")),
    ],
)
def test_thinking_that_is_expected_is_told_apart(text: str, expected: tuple[str, str]) -> None:
    assert split(list(text), expects_thinking=True) == expected


@pytest.mark.parametrize(("cut", "expected"), [(True, ("Hm, so", "")), (False, ("", "Hm, so"))])
def test_text_without_a_mark_is_thinking_if_it_was_cut_off(
    cut: bool, expected: tuple[str, str]
) -> None:
    assert split(["Hm,", " so"], expects_thinking=True, cut=cut) == expected


def test_without_thinking_the_answer_comes_as_it_is_written() -> None:
    splitter = ReasoningSplitter(expects_thinking=False)
    assert [splitter.feed(text).content for text in ("At", " six", ".")] == ["At", " six", "."]


def test_beside_thinking_in_a_field_of_its_own_the_answer_comes_as_it_is_written() -> None:
    splitter = ReasoningSplitter(expects_thinking=True)
    splitter.separated()
    assert splitter.feed("At six").content == "At six"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>Hm.</think>\n\nAt six.", "At six."),
        ("Hm.</think>At six.", "At six."),
        ("<think>Hm.", ""),
        ("At six.", "At six."),
    ],
)
def test_a_whole_text_is_rid_of_its_thinking(text: str, answer: str) -> None:
    assert without_thinking(text) == answer


def test_the_sentence_that_ends_thinking_is_the_documented_one() -> None:
    assert len(qwen_encoding().encode(EARLY_STOP, allowed_special="all")) == 24
