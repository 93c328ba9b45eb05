"""Learning what a plan goes by, and what its figures say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.graded import GradedQuestion, easy_questions, hard_questions, own_questions
from eval.plan_report import plan_figures
from eval.train_plan import Examples, fit, untrained, write_weights
from ragqwen.difficulty import FEATURES, KINDS, DifficultyModel
from ragqwen.errors import InputError
from ragqwen.static_embedding import StaticEmbedder

SHARED = Path(__file__).parents[3] / "shared" / "data"
NONE = Examples([], np.zeros((0, len(FEATURES))))
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
def model() -> DifficultyModel:
    return DifficultyModel(StaticEmbedder(), untrained())


def test_what_was_learned_tells_the_kinds_apart(model: DifficultyModel) -> None:
    own = Examples.of([question for kind in range(1, 6) for question in made(kind, 6)], model)
    weights = fit(own, NONE, NONE)
    trained = DifficultyModel(StaticEmbedder(), weights)
    for kind, name in enumerate(KINDS, start=1):
        assert trained.estimate(made(kind, 20)[-1].text, "eng_Latn").kind == name


def test_the_same_examples_give_the_same_weights(model: DifficultyModel, tmp_path: Path) -> None:
    own = Examples.of([question for kind in range(1, 6) for question in made(kind, 3)], model)
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path in paths:
        write_weights(path, fit(own, own, own))
    first, second = (path.read_text("utf-8") for path in paths)
    assert first == second
    assert set(json.loads(first)["weights"]) == set(FEATURES)


def test_a_feature_that_differs_across_translations_counts_less() -> None:
    """Two features tell the kinds apart as well; one of them is there in half the languages."""
    rows, questions = [], []
    for n in range(40):
        kind = 1 + 4 * (n % 2)
        for language, has_second in (("eng_Latn", 1), ("deu_Latn", 0)):
            hard = float(kind == 5)
            rows.append([hard, hard * has_second, *np.zeros(len(FEATURES) - 2)])
            questions.append(GradedQuestion(f"q{n}", language, kind, ""))
    alike = [replace(question, question_id=str(at)) for at, question in enumerate(questions)]
    untied, tied = (
        fit(Examples(some, np.array(rows)), NONE, NONE).matrix for some in (alike, questions)
    )
    first, second = (weights[0, 4] / weights[1, 4] for weights in (untied, tied))
    assert second > first


def test_what_is_learned_of_other_languages_leaves_one_out(model: DifficultyModel) -> None:
    examples = Examples.of(made(1, 2) + made(1, 2, "deu_Latn"), model)
    assert [q.language for q in examples.outside("eng_Latn").questions] == ["deu_Latn"] * 2


def test_examples_are_joined_with_their_features(model: DifficultyModel) -> None:
    first, second = Examples.of(made(1, 2), model), Examples.of(made(5, 3), model)
    both = first.joined(second)
    assert [q.grade for q in both.questions] == [1, 1, 5, 5, 5]
    assert np.array_equal(both.features[2:], second.features)


def test_only_three_languages_are_learned_from(model: DifficultyModel) -> None:
    questions = made(1, 2) + made(1, 2, "deu_Latn")
    examples = Examples.of(questions, model)
    assert [q.language for q in examples.learned_from().questions] == ["eng_Latn"] * 2
    assert [q.language for q in examples.learned_from(False).questions] == ["deu_Latn"] * 2


def test_without_other_languages_there_is_nothing_to_measure() -> None:
    with pytest.raises(InputError, match="other languages"):
        plan_figures(made(1, 2), made(4, 2), made(1, 2))


@pytest.mark.skipif(not (HARD.exists() and EASY.exists()), reason="no mgsm or xquad beside it")
def test_the_plan_that_ships_keeps_what_it_promises() -> None:
    easy = easy_questions(EASY)
    some = set(sorted({question.question_id for question in easy})[::5])  # all take half a minute
    figures = plan_figures(
        own_questions(),
        hard_questions(HARD),
        [question for question in easy if question.question_id in some],
    )
    assert figures["auc"]["one threshold"] >= 0.97
    assert figures["auc"]["all learned from three languages"] >= 0.97
    assert figures["rank correlation"]["mean of languages"] >= 0.7
    assert figures["rank correlation"]["by language, translated"] >= 0.74
    assert figures["rank correlation"]["by language, without its cue words"] >= 0.62
    assert figures["rank correlation"]["by question, all at once"] >= 0.66
    steady = figures["translations within a step"]
    assert min(steady["hard"]["pairs"], steady["easy"]["pairs"]) >= 0.95
    assert max(figures["tokens of a fixed 4,096"].values()) <= 0.15
