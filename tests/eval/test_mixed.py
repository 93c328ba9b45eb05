"""All languages in one collection: what is counted as right, and as own."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.mixed import mixed_figures

QRELS = {"q1": {"a": 1}, "q2": {"b": 1}}


def test_a_right_document_in_another_language_is_right_but_not_own() -> None:
    rankings = {
        "q1": [("eng_Latn", "a"), ("deu_Latn", "a")],
        "q2": [("deu_Latn", "b"), ("fra_Latn", "x")],
    }
    assert mixed_figures("deu_Latn", QRELS, rankings) == {
        "any@1": 1.0,
        "own@1": 0.5,
        "own@10": 1.0,
        "from_own": 0.5,
        "from_english": 0.25,
        "from_others": 0.25,
    }


def test_english_queries_have_no_share_of_english_beside_their_own() -> None:
    found = mixed_figures("eng_Latn", QRELS, {"q1": [("eng_Latn", "x")], "q2": []})
    assert (found["any@1"], found["own@10"]) == (0, 0)
    assert (found["from_own"], found["from_english"], found["from_others"]) == (1, None, 0)


def test_nothing_found_has_no_shares() -> None:
    found = mixed_figures("deu_Latn", QRELS, {"q1": [], "q2": []})
    assert (found["own@1"], found["from_own"], found["from_others"]) == (0, None, None)


def test_every_language_is_searched_at_once(folder: Path) -> None:
    said = CliRunner().invoke(
        main, ["retrieval", str(folder), "--mixed", "--retriever", "lexical", "--json"]
    )
    found = json.loads(said.stdout)
    assert found["run"]["kind"] == "mixed"
    assert [row["language"] for row in found["languages"]] == ["deu_Latn", "eng_Latn"]
    german, english = found["languages"]
    assert german["own@10"] == english["own@10"] == pytest.approx(2 / 3)
    assert german["from_own"] == 1.0
    assert found["english"] == english
    assert found["average"]["languages"] == 2
    assert found["average"]["own@1"] == pytest.approx(1 / 3)


def test_one_query_language_can_be_chosen(folder: Path) -> None:
    said = CliRunner().invoke(
        main, ["retrieval", str(folder), "--mixed", "--query-lang", "deu_Latn"]
    )
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["deu_Latn", "average"]


def test_mixed_searches_all_languages(folder: Path) -> None:
    said = CliRunner().invoke(
        main, ["retrieval", str(folder), "--mixed", "--corpus-lang", "deu_Latn"]
    )
    assert (said.exit_code, "leave --corpus-lang out" in said.stderr) == (2, True)
