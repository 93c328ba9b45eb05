"""Figures of one language's pool, of pairs of languages, and of all at once."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.datasets import Dataset
from eval.embedder_questions import is_kept_out, only_kept_out


def test_each_kind_of_pool_has_its_figures(folder: Path) -> None:
    said = CliRunner().invoke(main, ["pools", str(folder), "--json"])
    found = json.loads(said.stdout)
    assert found["run"]["kind"] == "pools"
    german, english = found["languages"]
    assert (german["language"], german["queries"]) == ("deu_Latn", 3)
    assert english["words@1"] == pytest.approx(1 / 3)
    assert english["words@10"] == pytest.approx(2 / 3)
    assert 0 <= english["vectors@1"] <= english["vectors@10"] == english["hybrid@10"] == 1
    assert found["average"]["words@1"] == pytest.approx(1 / 3)
    assert found["cross"]["pairs"] == 2
    assert found["cross"].keys() == {"pairs", "vectors@1", "vectors@10"}
    assert found["mixed"]["own@10"] <= 1


def test_the_pools_are_told_apart_in_the_table(folder: Path) -> None:
    said = CliRunner().invoke(main, ["pools", str(folder)]).stdout.splitlines()
    assert [line[:24].strip() for line in said] == [
        "deu_Latn in its own",
        "eng_Latn in its own",
        "cross average",
        "average",
        "mixed",
    ]


def test_only_questions_of_paragraphs_kept_out_are_asked(folder: Path) -> None:
    dataset = Dataset.load(folder)
    kept = only_kept_out(dataset)
    assert kept.corpora == dataset.corpora
    assert kept.qrels == {
        query: right
        for query, right in dataset.qrels.items()
        if all(is_kept_out("set", name) for name in right)
    }


def test_so_many_questions_are_asked(folder: Path) -> None:
    said = CliRunner().invoke(main, ["pools", str(folder), "--questions", "2", "--json"])
    rows = json.loads(said.stdout)["languages"]
    assert [row["queries"] for row in rows] == [2, 2]
