"""The normal form of text, and lines that were wrapped."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.text import normalise_text, unwrap_lines

MARKS = "\u0301\u0308\u0344\u0f73\u0f71\u0345\u064b\u1037\u0323"
anything = st.text(st.characters(exclude_categories=()))
towers = st.lists(
    st.one_of(
        st.text("aeo\u0e01\u1000ᄀ ᅡ\n\u00a0\x0b\u2028"),
        st.text(MARKS, max_size=40),
        st.sampled_from(MARKS).map(lambda mark: mark * 35),
    )
).map("".join)


@given(st.one_of(anything, towers))
def test_normal_form_is_its_own_normal_form(text: str) -> None:
    once = normalise_text(text)
    assert normalise_text(once) == once


@given(st.one_of(anything, towers))
def test_normal_form_is_nfc(text: str) -> None:
    assert unicodedata.is_normalized("NFC", normalise_text(text))


@given(anything)
def test_normal_form_can_be_encoded_and_has_no_control_characters(text: str) -> None:
    normal = normalise_text(text)
    normal.encode("utf-8")
    assert not regex.search(r"[\p{Cc}--[\t\n]]", normal, flags=regex.V1)


@given(anything)
def test_normal_form_keeps_every_letter_and_digit(text: str) -> None:
    def letters(some: str) -> list[str]:
        return [c for c in unicodedata.normalize("NFD", some) if unicodedata.category(c)[0] in "LN"]

    assert letters(normalise_text(text)) == letters(text)


@given(towers)
def test_runs_of_marks_are_bounded(text: str) -> None:
    assert not regex.search(r"\p{M}{31}", normalise_text(text))


@pytest.mark.parametrize("end", ["\r\n", "\r", "\u0085", "\u2028", "\u2029", "\v", "\f"])
def test_every_line_end_becomes_a_newline(end: str) -> None:
    assert normalise_text(f"one{end}two") == "one\ntwo"


def test_blank_lines_and_space_at_line_ends_are_reduced() -> None:
    assert normalise_text("\n one \t\n\n \n\n\ntwo  \n") == "one\n\ntwo"


def test_a_surrogate_becomes_the_replacement_character() -> None:
    assert normalise_text("a\ud800b") == "a\ufffdb"


def test_soft_hyphens_and_byte_order_marks_go() -> None:
    assert normalise_text("\ufeffSilben\u00adtrennung") == "Silbentrennung"


def test_joiners_stay() -> None:
    text = "می\u200cخواهم क्\u200dष"
    assert normalise_text(text) == text


def test_wrapped_lines_are_joined_with_a_space() -> None:
    text = "The ferry leaves from the old\nharbour every Monday, and it\nreturns at noon."
    assert unwrap_lines(text) == text.replace("\n", " ")


def test_wrapped_lines_of_a_spaceless_script_are_joined_without() -> None:
    text = "渡轮每周一早上六点从老港口出发，中午返回，\n船票可以在港口的售票处购买，儿童\n本船。"
    assert unwrap_lines(text) == text.replace("\n", "")


@pytest.mark.parametrize(
    "text",
    [
        "one line alone, of a fair length",
        "Roses are red\nViolets",
        "The first sentence ends here.\nThe second one ends here.\nThe third one ends.",
        "A long line that goes on and on and on and on\nshort\nanother long line that goes on",
        "\n".join(["x" * 300] * 3),
    ],
)
def test_lines_that_were_not_wrapped_stay(text: str) -> None:
    assert unwrap_lines(text) == text


@given(st.text("ab. \n渡，", max_size=200))
def test_unwrapping_changes_white_space_alone(text: str) -> None:
    assert "".join(unwrap_lines(text).split()) == "".join(text.split())
