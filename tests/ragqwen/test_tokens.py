"""Counting in Qwen3's tokens."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.tokens import count_tokens, qwen_encoding


def test_the_vocabulary_is_qwen3_s() -> None:
    encoding = qwen_encoding()
    assert encoding.n_vocab == 151_669
    assert encoding.encode("<|im_end|>", allowed_special="all") == [151_645]
    assert encoding.encode("</think>", allowed_special="all") == [151_668]


@pytest.mark.parametrize(
    ("text", "n"), [("", 0), ("Hello, world!", 4), ("2024", 4), ("你好", 1), (" ", 1)]
)
def test_tokens_are_counted(text: str, n: int) -> None:
    assert count_tokens(text) == n


def test_special_tokens_in_a_text_count_as_text() -> None:
    assert count_tokens("<|im_end|>") > 1


@given(st.text(max_size=200))
def test_a_character_has_at_most_four_tokens(text: str) -> None:
    assert count_tokens(text) <= 4 * len(unicodedata.normalize("NFC", text))


@given(st.text(max_size=200))
def test_both_normal_forms_count_alike(text: str) -> None:
    forms = {count_tokens(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")}
    assert len(forms) == 1


def test_a_long_unbroken_text_is_counted_in_a_bounded_time() -> None:
    assert count_tokens("a" * 300_000) < 100_000
