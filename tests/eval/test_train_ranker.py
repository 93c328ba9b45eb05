"""Learning the light reranker's weights from examples."""

from dataclasses import replace

import numpy as np
import pytest

from eval.train_ranker import Example, cross_validated, fit_odds, fit_order


@pytest.fixture
def examples() -> list[Example]:
    """Return questions whose right candidate has most of the second of three features."""
    rng = np.random.default_rng(1)
    some = []
    for number in range(60):
        features = rng.random((8, 3))
        right = features[:, 1] == features[:, 1].max()
        some.append(Example(features, right, "same" if number % 3 else "cross"))
    return some


def test_the_feature_that_tells_gets_the_weight(examples: list[Example]) -> None:
    weights = fit_order(examples)
    assert weights[1] > 5 * max(abs(weights[0]), abs(weights[2]))
    first = [example.right[(example.features @ weights).argmax()] for example in examples]
    assert np.mean(first) > 0.9


def test_each_kind_counts_the_same_however_many_it_has() -> None:
    right = np.array([True, False])
    many = [Example(np.array([[1.0, 0.0], [0.0, 1.0]]), right, "cross")] * 90
    few = [Example(np.array([[0.0, 1.0], [1.0, 0.0]]), right, "same")] * 10
    weights = fit_order(many + few)
    assert weights == pytest.approx([0, 0], abs=1e-3)


def test_a_kind_that_counts_more_has_its_way() -> None:
    right = np.array([True, False])
    cross = [Example(np.array([[1.0, 0.0], [0.0, 1.0]]), right, "cross")]
    same = [Example(np.array([[0.0, 1.0], [1.0, 0.0]]), right, "same")]
    weights = fit_order(cross + same, counting={"same": 3, "cross": 1})
    assert weights[1] > weights[0]


def test_each_paragraph_is_ranked_by_what_the_others_taught() -> None:
    right = np.array([False, True])
    example = Example(np.array([[1.0, 0.0], [0.5, 1.0]]), right, "same", "only", "set eng_Latn")
    others = [replace(example, paragraph=f"p{number}") for number in range(20)]
    found = cross_validated([example, *others], penalty=1e-4)
    assert found["same"] == [(True, False)] * 21 == found["same, set eng_Latn"]


def test_what_is_penalised_more_weighs_less() -> None:
    right = np.array([True, False])
    alike = [Example(np.array([[1.0, 1.0], [0.0, 0.0]]), right, "same")]
    one, other = fit_order(alike, penalty=np.array([1e-3, 1e-2]))
    assert one == pytest.approx(10 * other, rel=1e-2)


def test_odds_rise_with_the_score_and_fit_how_many_are_right(examples: list[Example]) -> None:
    weights = fit_order(examples)
    scale, bias = fit_odds(examples, weights)
    scores = np.concatenate([example.features @ weights for example in examples])
    odds = 1 / (1 + np.exp(-(scale * scores + bias)))
    assert scale > 0
    assert odds.mean() == pytest.approx(1 / 8, abs=0.01)
