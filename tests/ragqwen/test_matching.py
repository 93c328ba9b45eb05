"""How much of a question a text speaks of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.matching import rarity, term_weights, word_likeness

words = st.text("abcdeäß渡轮กข", min_size=1, max_size=8)


@given(words, st.frozensets(words, max_size=9))
def test_a_likeness_is_a_share(word: str, text_terms: frozenset[str]) -> None:
    assert 0 <= word_likeness(word, text_terms) <= 1


@given(words, st.frozensets(words))
def test_a_word_that_is_there_is_met_whole(word: str, more: frozenset[str]) -> None:
    assert word_likeness(word, more | {word}) == 1


@given(words, st.frozensets(words, max_size=9), words)
def test_one_more_word_never_lowers_the_likeness(
    word: str, text_terms: frozenset[str], more: str
) -> None:
    assert word_likeness(word, text_terms | {more}) >= word_likeness(word, text_terms)


@given(st.dictionaries(words, st.integers(0, 1000), max_size=8))
def test_weights_are_positive_and_fall_with_frequency(frequencies: dict[str, int]) -> None:
    weights = term_weights(frequencies)
    assert all(weight > 0 for weight in weights.values())
    by_frequency = sorted(frequencies, key=lambda term: frequencies[term])
    ordered = [weights[term] for term in by_frequency]
    assert ordered == sorted(ordered, reverse=True)


def test_a_telling_word_outweighs_all_function_words() -> None:
    weights = term_weights({"the": 950, "of": 900, "is": 870, "to": 820, "gavdos": 2})
    assert weights["gavdos"] > 3 * sum(weights[term] for term in ("the", "of", "is", "to"))


def test_function_words_of_a_rare_language_weigh_little_too() -> None:
    weights = term_weights({"der": 48, "die": 45, "fähre": 3})
    assert weights["fähre"] > 3 * (weights["der"] + weights["die"])


@pytest.mark.parametrize(
    ("asked", "said"), [("harbour", "harbours"), ("limanı", "limanın"), ("fähre", "fähren")]
)
def test_an_inflected_form_counts_in_part(asked: str, said: str) -> None:
    assert 0.5 <= word_likeness(asked, {said}) < 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [("six", "sea"), ("渡轮", "渡口"), ("a", "ab"), ("23837", "23836"), ("b17x", "b17y")],
)
def test_another_word_does_not_count(asked: str, said: str) -> None:
    assert word_likeness(asked, {said}) == 0


def test_what_fewer_texts_have_is_rarer() -> None:
    there = np.array([[True, True, True], [True, False, False], [False, False, False]])
    everywhere, once, nowhere = rarity(there)
    assert 0 < everywhere < once < nowhere
