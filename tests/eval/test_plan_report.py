"""Learning what a plan goes by, and what its figures say."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from eval.graded import (
    GradedQuestion,
    easy_questions,
    hard_questions,
    own_questions,
)
from eval.plan_report import difficulties, shipped_figures
from eval.train_plan import Examples, Material, is_learned_from, write_cue_pieces, write_weights
from ragqwen.difficulty import FEATURES, KINDS, LEVELS, MEANING, DifficultyModel
from ragqwen.errors import InputError
from ragqwen.static_embedding import StaticEmbedder

DATA = Path(__file__).parents[2] / "ragqwen" / "data"
SHARED = Path(__file__).parents[3] / "shared" / "data"
HARD, EASY = SHARED / "difficulty" / "mgsm", SHARED / "retrieval" / "xquad"


def made(kind: int, n: int, language: str = "eng_Latn") -> list[GradedQuestion]:
    texts = [
        "When did boat {} leave?",
        "List all the boats of harbour {}.",
        "Compare boat {} with the other: which is larger?",
        "What is the total of all {} fees, and what is the average?",
        "Why did boat {} sink although it was new, and what caused the fire that led to it?",
    ]
    return [
        GradedQuestion(f"{kind}-{i}", language, kind, texts[kind - 1].format(i)) for i in range(n)
    ]


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder()


def material(
    own: Sequence[GradedQuestion], lines: Sequence[GradedQuestion] = (), times: int = 1
) -> Material:
    return Material.of(own, made(4, times), made(1, times), lines)


def test_what_was_learned_tells_the_kinds_apart(embedder: StaticEmbedder) -> None:
    own = [question for kind in range(1, 6) for question in made(kind, 6)]
    trained = DifficultyModel(embedder, material(own).fit())
    for kind, name in enumerate(KINDS, start=1):
        assert trained.estimate(made(kind, 20)[-1].text, "eng_Latn").kind == name


def test_the_same_examples_give_the_same_weights(tmp_path: Path) -> None:
    own = [question for kind in range(1, 6) for question in made(kind, 3)]
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        write_weights(path, material(own).fit())
    first, second = (path.read_text("utf-8") for path in paths)
    assert first == second
    assert set(json.loads(first)["uncued"]["weights"]) == {*FEATURES, MEANING}


def test_what_differs_across_translations_counts_less(embedder: StaticEmbedder) -> None:
    own = [question for kind in range(1, 6) for question in made(kind, 6)]
    texts = [f"Why did boat {n} sink although it was new?" for n in range(30)]
    lines = [
        GradedQuestion(f"line-{n}", language, 0, text)
        for n, long in enumerate(texts)
        for language, text in (("eng_Latn", long), ("deu_Latn", "Wann?"))
    ]
    free, tied = (
        Examples.of(lines, embedder).features @ material(own, some).fit().cued.matrix @ LEVELS
        for some in ([], lines)
    )
    apart, nearer = (abs(some[::2] - some[1::2]).mean() for some in (free, tied))
    assert nearer < apart


def test_what_is_learned_of_other_languages_leaves_one_out(embedder: StaticEmbedder) -> None:
    examples = Examples.of(made(1, 2) + made(1, 2, "deu_Latn"), embedder)
    kept = examples.where(is_learned_from)
    assert [question.language for question in kept.questions] == ["eng_Latn"] * 2
    rest = examples.where(is_learned_from, yes=False)
    assert [question.language for question in rest.questions] == ["deu_Latn"] * 2
    assert np.array_equal(np.concatenate([kept.features, rest.features]), examples.features)


def test_of_hard_and_easy_questions_three_languages_are_learned_from() -> None:
    hard = made(4, 2) + made(4, 2, "deu_Latn")
    learned = Material.of(made(1, 2), hard, made(1, 3), [])
    assert [question.language for question in learned.hard.questions] == ["eng_Latn"] * 2


def test_without_its_cues_a_language_is_none_that_has_some(embedder: StaticEmbedder) -> None:
    questions = made(4, 2) + made(4, 1, "fra_Latn")
    assert Examples.of(questions, embedder).cued.tolist() == [True, True, False]
    assert not Examples.without_cues(questions, embedder).cued.any()


def test_without_other_languages_there_is_nothing_to_measure() -> None:
    with pytest.raises(InputError, match="other languages"):
        shipped_figures(made(4, 2), made(1, 2))


@pytest.mark.skipif(not (HARD.exists() and EASY.exists()), reason="no mgsm or xquad beside it")
def test_the_plan_that_ships_keeps_what_it_promises() -> None:
    easy = easy_questions(EASY)
    some = set(sorted({question.question_id for question in easy})[::5])
    figures = shipped_figures(
        hard_questions(HARD), [question for question in easy if question.question_id in some]
    )
    assert figures["auc"]["one threshold"] >= 0.97
    steady = figures["translations within a step"]
    assert min(steady["hard"]["all"], steady["easy"]["all"]) >= 0.88
    assert min(steady["hard"]["pairs"], steady["easy"]["pairs"]) >= 0.95
    spending = figures["tokens of a fixed 4,096"]
    assert spending["first attempts"] <= 0.15
    assert spending["failing answers within 20 %"] >= 0.1
    assert spending["if every answer failed and was written again"] > 0.2


def test_the_plan_follows_the_grades_in_a_language_of_which_it_learned_nothing() -> None:
    material = Material.of(own_questions(), made(4, 1), made(1, 1), [])
    weights = material.where(_is_german, yes=False).fit()
    aided, unaided = (some.where(_is_german) for some in (material.own, material.unaided))
    grades = [question.grade for question in aided.questions]
    assert spearmanr(difficulties(aided, weights), grades).statistic >= 0.65
    assert spearmanr(difficulties(unaided, weights), grades).statistic >= 0.6


def _is_german(question: GradedQuestion) -> bool:
    return question.language == "deu_Latn"


def test_the_pieces_of_the_cues_that_ship_are_the_shipped_embedder_s(
    embedder: StaticEmbedder, tmp_path: Path
) -> None:
    path = tmp_path / "cue_pieces.json"
    write_cue_pieces(path, embedder)
    assert path.read_text("utf-8") == (DATA / path.name).read_text("utf-8")
