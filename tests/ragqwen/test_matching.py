"""How much of a question a text speaks of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.matching import overlap, rarity, term_weights

words = st.text("abcdeäß渡轮กข", min_size=1, max_size=8)


@given(st.dictionaries(words, st.floats(0, 20), max_size=6), st.lists(words, max_size=9))
def test_an_overlap_is_a_share(weights: dict[str, float], text_terms: list[str]) -> None:
    assert 0 <= overlap(weights, text_terms) <= 1 + 1e-9


@given(st.dictionaries(words, st.floats(0.1, 20), min_size=1, max_size=6), st.lists(words))
def test_a_text_with_all_words_has_all_weight(weights: dict[str, float], more: list[str]) -> None:
    assert overlap(weights, [*weights, *more]) == pytest.approx(1)


@given(st.dictionaries(words, st.floats(0.1, 20), max_size=6), st.lists(words), words)
def test_one_more_word_never_lowers_the_overlap(
    weights: dict[str, float], text_terms: list[str], more: str
) -> None:
    assert overlap(weights, [*text_terms, more]) >= overlap(weights, text_terms) - 1e-9


def test_nothing_asked_overlaps_with_nothing() -> None:
    assert overlap({}, ["ferry"]) == 0


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
    assert 0.5 <= overlap({asked: 1.0}, [said]) < 1


@pytest.mark.parametrize(("asked", "said"), [("six", "sea"), ("渡轮", "渡口"), ("a", "ab")])
def test_another_word_does_not_count(asked: str, said: str) -> None:
    assert overlap({asked: 1.0}, [said]) == 0


def test_what_fewer_texts_have_is_rarer() -> None:
    there = np.array([[True, True, True], [True, False, False], [False, False, False]])
    everywhere, once, nowhere = rarity(there)
    assert 0 < everywhere < once < nowhere
