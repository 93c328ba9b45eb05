"""What tells a hard question, and hard evidence."""

import math

import numpy as np
import pytest

from ragqwen import difficulty
from ragqwen.cues import shipped_cues, shipped_pieces
from ragqwen.difficulty import (
    FEATURES,
    KINDS,
    DifficultyModel,
    evidence_features,
    shipped_weights,
    strained,
)
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import make_passage


@pytest.fixture(scope="module")
def model() -> DifficultyModel:
    return DifficultyModel(StaticEmbedder())


def feature(model: DifficultyModel, name: str, question: str, language: str = "eng_Latn") -> float:
    return float(model.features([(question, language)])[0, FEATURES.index(name)])


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("12 boats and 3 crews", "eng_Latn"),
        ("١٢ قاربا و ٣ أطقم", "arb_Arab"),
        ("१२ नावें और ३ दल", "hin_Deva"),
        ("၁၂ နှင့် ၃", "mya_Mymr"),
        ("12艘船和3个船员", "zho_Hans"),
    ],
)
def test_numbers_are_counted_in_digits_of_any_script(
    model: DifficultyModel, question: str, language: str
) -> None:
    assert feature(model, "numbers", question, language) == pytest.approx(math.log(3))


def test_a_year_is_a_number_and_no_quantity(model: DifficultyModel) -> None:
    assert feature(model, "numbers", "In 1929?") > 0
    assert feature(model, "quantities", "In 1929?") == 0


def test_a_number_with_marks_is_one(model: DifficultyModel) -> None:
    assert feature(model, "quantities", "1,500.75 euros") == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("word", "language"),
    [("insgesamt", "deu_Latn"), ("jumla", "swh_Latn"), ("மொத்தம்", "tam_Taml")],
)
def test_a_cue_is_met_in_another_language(model: DifficultyModel, word: str, language: str) -> None:
    assert feature(model, "cue_total", word, language) > feature(model, "cue_total", "ferry")
    assert feature(model, "cue_total", word, language) > feature(model, "cue_where", word, language)


def test_a_cue_s_own_word_is_the_nearest_to_it(model: DifficultyModel) -> None:
    own, near = (feature(model, "word_total", word) for word in ("altogether", "altogethers"))
    assert own == pytest.approx(0.75)
    assert own > near > 0


def test_a_word_far_from_all_of_a_cue_is_none_of_it(model: DifficultyModel) -> None:
    assert feature(model, "word_total", "ferry") == 0


def test_a_phrase_is_as_good_as_a_cue_s_own_word(model: DifficultyModel) -> None:
    question = "How many were there in all?"
    assert feature(model, "word_total", question) == pytest.approx(0.75)
    assert feature(model, "word_total", question, "fra_Latn") < 0.75


@pytest.mark.parametrize(
    ("fingerprint", "missing"), [("another", ""), (StaticEmbedder().fingerprint, "insgesamt")]
)
def test_pieces_of_another_embedder_or_of_other_words_are_not_gone_by(
    fingerprint: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {word: [0] for word in shipped_pieces()[1] if word != missing}
    monkeypatch.setattr(difficulty, "shipped_pieces", lambda: (fingerprint, wrong))
    german = {"deu_Latn": shipped_cues()["deu_Latn"]}
    question = [("Wie viel insgesamt?", "deu_Latn")]
    cut = DifficultyModel(StaticEmbedder(), cues=german).features(question)
    monkeypatch.undo()
    known = DifficultyModel(StaticEmbedder(), cues=german).features(question)
    np.testing.assert_array_equal(known, cut)


def test_a_language_s_cues_can_be_left_out() -> None:
    others = {code: cues for code, cues in shipped_cues().items() if code != "tur_Latn"}
    without = DifficultyModel(StaticEmbedder(), cues=others)
    word = shipped_cues()["tur_Latn"]["total"].words[0]
    assert feature(without, "word_total", word, "tur_Latn") < 0.75


def test_the_question_s_vector_comes_last(model: DifficultyModel) -> None:
    question = "Which ferry is cheaper?"
    (row,) = model.features([(question, "eng_Latn")])
    assert row[len(FEATURES) :] == pytest.approx(StaticEmbedder().embed_query(question))


def test_a_question_mark_at_the_end_is_no_break(model: DifficultyModel) -> None:
    assert feature(model, "breaks", "Πότε ανοίγει το μουσείο;", "ell_Grek") == 0
    assert feature(model, "breaks", "Wann; und wo?", "deu_Latn") > 0


def test_a_word_that_tells_more_weighs_more(model: DifficultyModel) -> None:
    assert feature(model, "weight", "the the the") < feature(model, "weight", "drought fell king")


def test_the_chances_of_the_kinds_add_up(model: DifficultyModel) -> None:
    estimate = model.estimate("Compare the two models.", "eng_Latn")
    assert set(estimate.kinds) == set(KINDS)
    assert sum(estimate.kinds.values()) == pytest.approx(1)
    assert estimate.kind == "comparison"
    assert "cue_compare" in estimate.for_kind[:3]


def test_the_weights_fit_the_features() -> None:
    n_features = len(FEATURES) + StaticEmbedder().dimension
    for is_cued in (True, False):
        weights = shipped_weights().of(is_cued)
        assert weights.matrix.shape == (n_features, len(KINDS))
        assert weights.bias.shape == (len(KINDS),)
        assert weights.mean.shape == (n_features,)


def test_what_comes_after_8000_characters_does_not_count(model: DifficultyModel) -> None:
    question = "ferry " * 1400
    assert model.estimate(question[:8000]) == model.estimate(question + "why 7? " * 100)


def test_no_passages_say_nothing() -> None:
    assert evidence_features("eng_Latn", ["a"], []) == {}


def test_passages_of_one_group_of_languages_are_not_foreign() -> None:
    found = evidence_features("hrv_Latn", [], [make_passage("a", "x", language="bos_Latn")])
    assert found["foreign"] == 0


def test_foreign_is_the_share_of_the_scores() -> None:
    passages = [
        make_passage("a", "x", language="deu_Latn", score=3.0),
        make_passage("b", "y", score=1.0),
    ]
    assert evidence_features("eng_Latn", [], passages)["foreign"] == pytest.approx(0.75)
    assert evidence_features("und", [], passages)["foreign"] == 0


def test_spread_is_between_one_leader_and_equals() -> None:
    leader = [make_passage("a", "x", score=1.0), make_passage("b", "y", score=0.0)]
    equals = [make_passage("a", "x", score=0.5), make_passage("b", "y", score=0.5)]
    clear, even = (evidence_features("eng_Latn", [], some) for some in (leader, equals))
    assert (clear["spread"], clear["margin"]) == (0, 1)
    assert (even["spread"], even["margin"]) == (pytest.approx(1), 0)


def test_pieces_are_the_passages_that_meet_all_terms() -> None:
    together = [make_passage("a", "ferry fee"), make_passage("b", "owl")]
    apart = [make_passage("a", "ferry"), make_passage("b", "fee")]
    asked = ["ferry", "fee", "harbour"]
    assert evidence_features("eng_Latn", asked, together)["pieces"] == 0
    assert evidence_features("eng_Latn", asked, apart)["pieces"] == 0.25


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, -3.0, 0.0])
def test_a_score_that_is_none_harms_nothing(score: float) -> None:
    passages = [make_passage("a", "x", score=score), make_passage("b", "y", score=score)]
    found = evidence_features("eng_Latn", ["x"], passages)
    assert all(0 <= value <= 1 for value in found.values())


@pytest.mark.parametrize("difficulty", [0.0, 0.3, 1.0])
def test_evidence_only_adds_and_stays_within_one(difficulty: float) -> None:
    worst = {"foreign": 1.0, "spread": 1.0, "documents": 1.0, "pieces": 1.0}
    assert strained(difficulty, {}) == difficulty
    assert difficulty <= strained(difficulty, worst) <= 1


@pytest.mark.parametrize(
    "question",
    [
        "What is 3+4*5-6?",
        "What is (12 + 8) × 3 ÷ 4?",
        "3加4? 8 + 1,5 + 2",
        "३+४*५ क्या है?",
        "１２＋３４は？",
        "Is $12.50 + $3.20 enough?",
        "Was kosten 12€ × 3?",
    ],
)
def test_a_calculation_in_signs_is_an_aggregation(model: DifficultyModel, question: str) -> None:
    estimate = model.estimate(question)
    assert (estimate.kind, estimate.for_kind[0]) == ("aggregation", "calculation")
    assert estimate.difficulty == pytest.approx(0.6)


@pytest.mark.parametrize(
    "question",
    [
        "2+2?",
        "What is in Omega 3+6+9?",
        "Omega 3 + 6 + 9",
        "On 2024-05-06?",
        "10/12/2024",
        "3/4/2021",
        "2024-11-05T10:15:00+02:00",
        "+49-30-123-4567",
        "+49 30 1234-567",
        "Room 1204 +49 30 1234567",
        "a 10×20×5 box",
        "a screen of 1920*1080",
        "3.4.5, 1, 2, 3",
        "Python 3.10-3.12",
        "ISO 9001:2015",
        "978-3-16-148410-0",
        "3:2",
        "A4-A5",
        "C++17",
        "Boeing 747-400",
        "7-11",
        "24/7",
        "$5-10",
        "$10/20",
        "Did it grow 5% in 2020?",
        "from 5% to 10%",
        "What did 12 % of 250 people say?",
    ],
)
def test_a_name_a_date_a_telephone_or_a_measure_is_no_calculation(
    model: DifficultyModel, question: str
) -> None:
    assert "calculation" not in model.estimate(question).for_kind
