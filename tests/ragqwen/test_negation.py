"""Denials are told by words, in each language that has some."""

import pytest

from ragqwen.negation import clauses, is_negated


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It isn’t open", "eng_Latn"),
        ("Elle n’est pas ouverte", "fra_Latn"),
        ("Açılmamıştır", "tur_Latn"),
        ("它不在这里", "zho_Hans"),
        ("ودون خطأ", "arb_Arab"),
    ],
)
def test_a_denial_is_told(text: str, language: str) -> None:
    assert is_negated(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A note on knots", "eng_Latn"),
        ("Not only the mill, not just the church", "eng_Latn"),
        ("Passage", "fra_Latn"),
        ("两者不同，而且不断增长", "zho_Hans"),
        ("数は少ない", "jpn_Jpan"),
        ("", "eng_Latn"),
    ],
)
def test_what_only_looks_like_one_is_none(text: str, language: str) -> None:
    assert is_negated(text, language) is False


@pytest.mark.parametrize("language", ["und", "tpi_Latn"])
def test_nothing_is_told_in_a_language_without_words(language: str) -> None:
    assert is_negated("not", language) is None


def test_a_sentence_is_cut_at_its_commas_and_not_in_figures() -> None:
    assert clauses("No, 2 500 people (or 2,500) came") == ["No,", "2 500 people", "(or 2,500) came"]


def test_a_sentence_is_cut_before_brackets_and_at_dashes_but_not_at_hyphens() -> None:
    assert clauses("It is open (not late) - or was - in mid-May") == [
        "It is open",
        "(not late)",
        "or was",
        "in mid-May",
    ]


def test_a_text_of_spaces_is_cut_at_once() -> None:
    assert clauses(f"a{' ' * 1_000_000}b") == [f"a{' ' * 1_000_000}b"]
