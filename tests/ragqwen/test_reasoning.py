"""Thinking and the answer are told apart, wherever a server cuts the text and whatever marks it."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ragqwen.reasoning import (
    EARLY_STOP,
    THINK,
    THOUGHT,
    ReasoningSplitter,
    Split,
    without_thinking,
)
from ragqwen.tokens import qwen_encoding

MARKS = [THINK, THOUGHT, "<THINK>", "</THINK>", "<Think>", "</thinK>"]
words = st.text("ab <>/\nก😀", max_size=8).filter(lambda text: "think" not in text)
pieces = st.lists(
    st.one_of(words, st.sampled_from([*MARKS, "<thi", "nk>", "</", "think", ">"])), max_size=8
)


def split(
    parts: Sequence[str], *, expects_thinking: bool = False, cut: bool = False
) -> tuple[str, str]:
    """Return the thinking and the answer of a text that comes in parts."""
    splitter = ReasoningSplitter(expects_thinking=expects_thinking)
    reasoning = content = ""
    for piece in [*map(splitter.feed, parts), splitter.end(cut=cut)]:
        reasoning += piece.reasoning
        content = piece.content if piece.restarts else content + piece.content
    return reasoning, content


def after_marks(text: str) -> str:
    """Return what stands after the last closing mark, up to an opening one."""
    return re.split("(?i)<think>", re.split("(?i)</think>", text)[-1])[0].lstrip()


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


@given(pieces=pieces, expects=st.booleans())
def test_the_answer_is_what_stands_after_the_marks(pieces: list[str], expects: bool) -> None:
    text = "".join(pieces)
    assume(not THINK.startswith(text.strip().lower()))  # which may have been cut off in a mark
    assert split(list(text), expects_thinking=expects)[1] == after_marks(text)


@given(pieces=pieces, expects=st.booleans(), cut=st.booleans())
def test_no_visible_character_but_those_of_marks_is_lost(
    pieces: list[str], expects: bool, cut: bool
) -> None:
    text = "".join(pieces)
    unmarked = re.sub("(?i)</?think>", "", text)
    kept = "".join(split(list(text), expects_thinking=expects, cut=cut))
    assert not Counter("".join(unmarked.split())) - Counter(kept)


@given(pieces=pieces, expects=st.booleans())
def test_a_restart_takes_back_what_was_given_and_nothing_else_restarts(
    pieces: list[str], expects: bool
) -> None:
    splitter = ReasoningSplitter(expects_thinking=expects)
    given = ""
    for char in "".join(pieces):
        piece = splitter.feed(char)
        assert not piece.restarts or given
        assert piece.reasoning.endswith(given) or not piece.restarts
        given = piece.content if piece.restarts else given + piece.content
    assert not splitter.end(cut=False).restarts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nHm.\n</think>\n\nAt six.", ("\nHm.\n", "At six.")),
        ("Hm.\n</think>\n\nAt six.", ("Hm.\n", "At six.")),  # no opening mark
        ("<think>Hm.", ("Hm.", "")),  # no closing mark
        ("At six.", ("", "At six.")),
        ("  \n<think></think>At six.", ("", "At six.")),
        ("<think>a</think>At <think>b</think>six.", ("abAt ", "six.")),
        ("<think>Hm.</think>At </think>six.", ("Hm.At ", "six.")),
        ("<think>a<think>b</think>c</think>At six.", ("a<think>bc", "At six.")),  # nested
        ("Is <think> a mark?</think>No.", (" a mark?Is ", "No.")),
        ("Hm <think>so", ("so", "Hm ")),
        ("<THINK>Hm.</Think>At six.", ("Hm.", "At six.")),
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


def test_an_answer_is_taken_back_where_a_closing_mark_shows_that_it_was_thinking() -> None:
    splitter = ReasoningSplitter(expects_thinking=False)
    assert splitter.feed("Hm, ").content == "Hm, "
    assert splitter.feed("so </thi") == Split(content="so ")
    assert splitter.feed("nk>\nSix") == Split("Hm, so ", "Six", restarts=True)


def test_an_answer_that_quotes_marks_keeps_what_stands_after_them() -> None:
    text = "Between <think> and </think> it thinks [1]."
    assert split(list(text)) == (" and Between ", "it thinks [1].")


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
        ("SECRET</THINK>At</think> six.", "six."),
        ("<think>Hm.", ""),
        ("At six.", "At six."),
    ],
)
def test_a_whole_text_is_rid_of_its_thinking(text: str, answer: str) -> None:
    assert without_thinking(text) == answer


def test_the_sentence_that_ends_thinking_is_the_documented_one() -> None:
    assert len(qwen_encoding().encode(EARLY_STOP, allowed_special="all")) == 24
