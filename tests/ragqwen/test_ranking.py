"""The light reranker: words and vectors together put candidates in order."""

from dataclasses import replace

import numpy as np
import pytest

from ragqwen.alignment import Aligner
from ragqwen.ranking import FEATURES, Candidate, LightRanker
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import make_stored

RANKER = LightRanker(Aligner(StaticEmbedder()))
QUESTION = "How cold is the water in the river?"


def candidate(chunk_id: int, text: str, language: str, lexical: float = 0.0) -> Candidate:
    stored = make_stored(chunk_id, f"d{chunk_id}", text)
    return Candidate(replace(stored, chunk=replace(stored.chunk, language=language)), lexical)


GERMAN = candidate(1, "Das Wasser im Fluss ist sehr kalt.", "deu_Latn")
DOGS = candidate(2, "Hunde müssen draußen bleiben.", "deu_Latn")
ENGLISH = candidate(3, "The water of the river is very cold.", "eng_Latn", lexical=4.0)
NAME_ONLY = candidate(4, "Die How-Halle steht in Rom.", "deu_Latn", lexical=5.0)


def scores(*candidates: Candidate) -> list[float]:
    return RANKER.scores(QUESTION, "eng_Latn", candidates)


def test_what_answers_in_another_language_goes_before_what_does_not() -> None:
    german, dogs = scores(GERMAN, DOGS)
    assert german > dogs


def test_a_stray_word_does_not_outweigh_what_answers() -> None:
    german, name_only = scores(GERMAN, NAME_ONLY)
    assert german > name_only


def test_the_passage_with_the_very_words_comes_first() -> None:
    assert np.argmax(scores(GERMAN, DOGS, ENGLISH)) == 2


def test_scores_are_odds() -> None:
    assert all(0 <= score <= 1 for score in scores(GERMAN, DOGS, ENGLISH, NAME_ONLY))


def test_no_candidates_have_no_scores() -> None:
    assert scores() == []


@pytest.mark.parametrize("question", ["", "???", "\u200b"])
def test_a_question_without_words_is_ranked_all_the_same(question: str) -> None:
    found = RANKER.scores(question, "und", [GERMAN, DOGS])
    assert all(np.isfinite(found))


def test_features_in_the_questions_language_stand_apart() -> None:
    n = len(FEATURES)
    features = RANKER.features(QUESTION, "eng_Latn", [GERMAN, ENGLISH])
    assert features.shape == (2, 2 * n + 1)
    assert features[0, :n].any() and not features[0, n:].any()
    assert features[1, n:].any() and not features[1, :n].any()


MET = [at for at, name in enumerate(FEATURES) if name.endswith("met")]


def test_in_another_language_what_is_met_is_a_part_of_the_best() -> None:
    german, dogs = RANKER.features(QUESTION, "eng_Latn", [GERMAN, DOGS])
    assert german[MET] == pytest.approx(1)
    assert all(dogs[MET] >= 0) and all(dogs[MET] < 1)


def test_the_best_may_be_in_the_questions_language_where_what_is_met_stays_as_it_is() -> None:
    alone = RANKER.features(QUESTION, "eng_Latn", [ENGLISH])[0, len(FEATURES) : -1]
    german, english = RANKER.features(QUESTION, "eng_Latn", [GERMAN, ENGLISH])
    own = english[len(FEATURES) : -1]
    met, best_met = (FEATURES.index(name) for name in ("met", "best_met"))
    assert own[[met, best_met]] == pytest.approx(alone[[met, best_met]])
    assert all(german[MET] < 1)


def test_what_meets_nothing_has_no_part() -> None:
    features = RANKER.features("", "eng_Latn", [GERMAN, DOGS])
    assert not features[:, MET].any()


def by_words(*candidates: Candidate) -> dict[str, list[float]]:
    features = RANKER.features(QUESTION, "eng_Latn", candidates)
    other, own = np.split(features[:, :-1], 2, axis=1)
    return dict(zip(FEATURES, (other + own).T.tolist(), strict=True))


def test_words_that_follow_one_another_as_in_the_question_are_a_phrase() -> None:
    scattered = candidate(5, "Cold river, and how much water?", "eng_Latn", 4.0)
    together = candidate(6, "I know how cold is the bath.", "eng_Latn", 4.0)
    found = by_words(DOGS, scattered, together)
    assert found["phrases"][2] > found["phrases"][1] == found["phrases"][0] == 0


def test_pieces_are_looked_for_in_one_sentence() -> None:
    one = candidate(5, "A cold river has cold water. Dogs bark.", "eng_Latn", 4.0)
    two = candidate(6, "A cold river has fish. The water is here.", "eng_Latn", 4.0)
    pieces = by_words(DOGS, one, two)["pieces"]
    assert 1 > pieces[1] > pieces[2] > pieces[0]


def test_where_words_found_nothing_no_pieces_are_looked_for() -> None:
    unfound = replace(ENGLISH, lexical=0.0)
    found = by_words(GERMAN, unfound)
    assert found["pieces"] == found["phrases"] == [0, 0]


def test_the_best_by_words_has_all_of_that_feature_and_others_what_part_they_have() -> None:
    assert by_words(GERMAN, ENGLISH, NAME_ONLY)["lexical"] == [0, 0.8, 1]
