"""How well a question's words are met in sentences."""

import pytest

from ragqwen.alignment import Aligner
from ragqwen.static_embedding import StaticEmbedder

ALIGNER = Aligner(StaticEmbedder())


def test_a_question_is_met_wholly_by_itself() -> None:
    question = "Where does the ferry leave?"
    (found,) = ALIGNER.align(question, [[question]])
    assert found.cosine == pytest.approx(1, abs=1e-5)
    assert found.whole_met == pytest.approx(1, abs=1e-5)


def test_a_text_meets_what_its_sentences_meet_together() -> None:
    (found,) = ALIGNER.align("river bread", [["The river.", "The bread."]])
    assert found.whole_met > found.met.max() + 0.1
    assert (len(found.met), len(found.cosines)) == (2, 2)


def test_texts_are_compared_each_for_itself() -> None:
    texts = [["The river.", "The bread."], ["A dog."], ["River bread."]]
    together = ALIGNER.align("river bread", texts)
    for text, found in zip(texts, together, strict=True):
        (alone,) = ALIGNER.align("river bread", [text])
        assert found.whole_met == pytest.approx(alone.whole_met, abs=1e-5)
        assert found.cosines == pytest.approx(alone.cosines, abs=1e-5)


@pytest.mark.parametrize("sentence", ["", " ", "…", "\u200d"])
def test_a_sentence_without_words_meets_nothing(sentence: str) -> None:
    (found,) = ALIGNER.align("river", [[sentence]])
    assert (found.whole_met, found.cosine) == (0, 0)


def test_no_texts_have_no_alignments() -> None:
    assert ALIGNER.align("river", []) == []


def test_a_word_said_twice_counts_twice_and_costs_once() -> None:
    once, often = (
        ALIGNER.align(question, [["The river.", "The bread."]])[0]
        for question in ("river bread", f"bread {'river ' * 5000}")
    )
    assert often.met[0] > once.met[0] > often.met[1]


def test_of_a_very_long_question_the_telling_words_count() -> None:
    question = " ".join(f"w{n}x" for n in range(5000))
    (found,) = ALIGNER.align(f"{question} {'volcano ' * 3000}", [["A volcano."], ["Bread."]][:1])
    assert found.whole_met > 0.85


def test_a_sentence_met_again_is_compared_as_the_first_time() -> None:
    texts = [["The river is cold.", "The bread."], ["A dog."]]
    first, again = (ALIGNER.align("cold river", texts) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert (one.cosine, one.whole_met) == (other.cosine, other.whole_met)
        assert one.met.tolist() == other.met.tolist()


def test_a_word_that_few_texts_meet_counts_more_where_rare_ones_are_asked_for() -> None:
    texts = [["The river."], ["The volcano."], ["A river."], ["The river and the sea."]]
    river, volcano, *_ = ALIGNER.align("river volcano", texts)
    assert river.whole_rare_met < river.whole_met
    assert volcano.whole_rare_met > volcano.whole_met
    assert volcano.rare_met.max() == pytest.approx(volcano.whole_rare_met)
