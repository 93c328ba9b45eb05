"""`python -m eval compare`: what changed between two results."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.comparison import compare, figures_by_language, worst_change
from ragqwen.errors import InputError


def result(kind: str = "mixed", **languages: dict[str, Any]) -> dict[str, Any]:
    return {
        "run": {
            "kind": kind,
            "versions": {"tantivy": "0.27"},
            "settings": {"chunk_words": 160},
            "dataset": {"name": "set", "digest": "abc"},
        },
        "languages": [{"language": code, "queries": 9, **row} for code, row in languages.items()],
    }


OLD = result(
    deu_Latn={"own@1": 0.5, "own@10": 0.9},
    tha_Thai={"own@1": 0.5, "own@10": 0.9},
    eng_Latn={"own@1": 0.8, "own@10": None},
    fra_Latn={"own@1": 0.7},
)
NEW = result(
    deu_Latn={"own@1": 0.6, "own@10": 0.85},
    tha_Thai={"own@1": 0.3, "own@10": 0.9},
    eng_Latn={"own@1": 0.8, "own@10": None},
    ron_Latn={"own@1": 0.7},
)


def test_the_biggest_losses_come_first_and_averages_last() -> None:
    assert list(compare(OLD, NEW)) == [
        "versions, settings, options and data set are the same",
        "only in the first: fra_Latn",
        "only in the second: ron_Latn",
        "tha_Thai                  own@1 0.500 -> 0.300 (-0.200)",
        "deu_Latn                  own@1 0.500 -> 0.600 (+0.100)  own@10 0.900 -> 0.850 (-0.050)",
        "1 of 3 without a change",
        "average over   3  own@1 0.600 -> 0.567 (-0.033)",
        "average over   2  own@10 0.900 -> 0.875 (-0.025)",
    ]


def test_what_they_ran_with_is_compared() -> None:
    new = copy.deepcopy(OLD)
    new["run"]["versions"] = {"tantivy": "0.28", "torch": "2"}
    new["run"]["settings"]["chunk_words"] = 80
    new["run"]["dataset"]["digest"] = "def"
    assert list(compare(OLD, new))[:5] == [
        "versions.tantivy: 0.27 -> 0.28",
        "versions.torch: - -> 2",
        "settings.chunk_words: 160 -> 80",
        "dataset.digest: abc -> def",
        "4 of 4 without a change",
    ]


def test_results_of_two_kinds_are_not_compared() -> None:
    with pytest.raises(InputError, match="a result of 'mixed' can't be compared with one of 'ans"):
        list(compare(OLD, result("answers")))


def test_results_without_a_common_language_are_not_compared() -> None:
    with pytest.raises(InputError, match="no language in common: deu_Latn"):
        list(compare(OLD, result(ron_Latn={"own@1": 1.0})))


def test_pairs_are_named_by_both_languages() -> None:
    pair = {"query_language": "a", "corpus_language": "b", "queries": 3, "recall@1": 1.0}
    assert figures_by_language({"pairs": [pair]}) == {"a in b": {"recall@1": 1.0}}


def test_only_figures_are_compared() -> None:
    row = {
        "language": "a",
        "sure": True,
        "documents": 9,
        "name": "A",
        "words": 3,
        "words_to_english": None,
        "hybrid_recall@1_points": -3.0,
    }
    assert figures_by_language({"languages": [row]}) == {"a": {"words": 3.0}}


@pytest.mark.parametrize(
    ("changes", "worst"),
    [
        ({"answered": 0.1, "refused": 0.2}, -0.2),
        ({"answered": -0.1, "refused": -0.2}, -0.1),
        ({"recall@1": 0.1, "recall@10": 0.3}, 0.1),
        ({"words": -7.0, "quote_chars": -30.0}, 0.0),
    ],
)
def test_a_loss_is_what_got_worse(changes: dict[str, float], worst: float) -> None:
    assert worst_change(changes) == pytest.approx(worst)


def test_results_that_were_kept_are_compared(folder: Path, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{leg}.json") for leg in ("lexical", "hybrid")]
    for path in paths:
        leg = Path(path).stem
        arguments = ["retrieval", str(folder), "--retriever", leg, "--out", path]
        assert CliRunner().invoke(main, arguments, catch_exceptions=False).exit_code == 0
    said = CliRunner().invoke(main, ["compare", *paths], catch_exceptions=False)
    assert said.exit_code == 0
    assert said.stdout.startswith("options.retriever: lexical -> hybrid\n")
    assert json.loads(Path(paths[0]).read_text())["run"]["kind"] == "retrieval"
