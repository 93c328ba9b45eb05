"""The metrics, against values computed by hand."""

import math

import pytest

from eval.metrics import NAMES, measure

QRELS = {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 1, "d": 1}}
RANKINGS = {"q1": ["a", "x"], "q2": ["x", "b"], "q3": ["x", "y", "c", "d"]}


def gain(rank: int) -> float:
    return 1 / math.log2(1 + rank)


def test_the_metrics_are_the_means_over_the_queries() -> None:
    ndcg = (1 + gain(2) + (gain(3) + gain(4)) / (gain(1) + gain(2))) / 3
    assert measure(QRELS, RANKINGS) == pytest.approx(
        {"recall@1": 1 / 3, "recall@10": 1, "mrr@10": (1 + 1 / 2 + 1 / 3) / 3, "ndcg@10": ndcg}
    )


def test_a_query_without_a_ranking_counts_as_nothing_found() -> None:
    found = measure({"q1": {"a": 1}, "q2": {"b": 1}}, {"q1": ["a"]})
    assert found == dict.fromkeys(NAMES, 0.5)


def test_nothing_found_at_all_is_zero() -> None:
    assert measure(QRELS, {name: [] for name in QRELS}) == dict.fromkeys(NAMES, 0.0)


def test_what_comes_after_the_tenth_does_not_count() -> None:
    ranking = [*"abcdefghij", "late"]
    assert measure({"q": {"late": 1}}, {"q": ranking}) == dict.fromkeys(NAMES, 0.0)
    assert measure({"q": {"j": 1}}, {"q": ranking})["mrr@10"] == pytest.approx(0.1)


def test_recall_is_the_share_of_the_relevant_documents() -> None:
    found = measure({"q": {"a": 1, "b": 1, "c": 1, "d": 1}}, {"q": ["a", "b", "x"]})
    assert (found["recall@1"], found["recall@10"]) == (0.25, 0.5)


def test_more_relevant_documents_gain_more() -> None:
    found = measure({"q": {"a": 2, "b": 1}}, {"q": ["b", "a"]})["ndcg@10"]
    assert found == pytest.approx((1 + 2 * gain(2)) / (2 + gain(2)))


def test_the_order_of_a_ranking_holds_whatever_the_ids() -> None:
    names = [f"d{n}" for n in range(9)]
    for ranking in (names, names[::-1]):
        found = measure({"q": {ranking[3]: 1}}, {"q": ranking})
        assert found["mrr@10"] == pytest.approx(1 / 4)
