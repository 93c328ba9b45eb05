"""`python -m eval`: the real pipeline over a data set whose figures are known."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.bench import run
from ragqwen.errors import InputError
from ragqwen.settings import Settings

ROOT = Path(__file__).parents[2]
XQUAD = ROOT.parent / "shared" / "data" / "retrieval" / "xquad"
# q1 is found first, q2 second and q3 not at all
BY_HAND = {
    "recall@1": 1 / 3,
    "recall@10": 2 / 3,
    "mrr@10": (1 + 1 / 2) / 3,
    "ndcg@10": (1 + 1 / math.log2(3)) / 3,
}


def measured(*arguments: str | Path) -> dict[str, Any]:
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def languages(*codes: str) -> Sequence[str]:
    query, corpus = codes
    return ("--query-lang", query, "--corpus-lang", corpus)


def pairs(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(pair["query_language"], pair["corpus_language"]): pair for pair in found["pairs"]}


def eval_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eval", *map(str, arguments)],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_retrieval_of_one_language_gives_the_figures_computed_by_hand(folder: Path) -> None:
    english = languages("eng_Latn", "eng_Latn")
    found = measured("retrieval", folder, *english, "--retriever", "lexical")
    (pair,) = found["pairs"]
    assert {name: pair[name] for name in BY_HAND} == pytest.approx(BY_HAND)
    assert pair["queries"] == 3
    assert found["mono"] == pytest.approx({"pairs": 1, **BY_HAND})
    assert "cross" not in found
    assert (found["retriever"], found["embedder"]) == ("lexical", "builtin")


def test_all_languages_give_every_pair_and_two_averages(folder: Path) -> None:
    found = measured("retrieval", folder, "--retriever", "lexical")
    assert set(pairs(found)) == {
        (query, corpus) for query in ("eng_Latn", "deu_Latn") for corpus in ("eng_Latn", "deu_Latn")
    }
    assert found["mono"] == pytest.approx({"pairs": 2, **BY_HAND})
    assert found["cross"]["pairs"] == 2
    assert found["cross"]["recall@10"] == 0.0


def test_averages_are_means_of_the_pairs(folder: Path) -> None:
    found = measured("retrieval", folder)
    cross = [pair for (query, corpus), pair in pairs(found).items() if query != corpus]
    for name in BY_HAND:
        assert found["cross"][name] == pytest.approx(sum(pair[name] for pair in cross) / 2)


def test_figures_for_a_person_name_the_languages(folder: Path) -> None:
    english = languages("eng_Latn", "eng_Latn")
    said = CliRunner().invoke(main, ["retrieval", str(folder), *english, "--retriever", "lexical"])
    assert said.stdout.splitlines() == [
        "eng_Latn in eng_Latn      recall@1 0.333  recall@10 0.667  mrr@10 0.500  ndcg@10 0.544",
        "mono average              recall@1 0.333  recall@10 0.667  mrr@10 0.500  ndcg@10 0.544",
    ]


def test_answers_are_counted_as_shares(folder: Path) -> None:
    found = measured("answers", folder, *languages("eng_Latn", "eng_Latn"))
    (pair,) = found["pairs"]
    assert pair["queries"] == 2
    assert (pair["answered"], pair["refused"]) == (0.5, 0.5)
    assert (pair["citations"], pair["citations_exact"]) == (1, 1.0)
    assert pair["quote_chars"] == len("The harbour fee is 12 euros.") / 2
    assert found["model"] == "extractive"
    assert found["mono"]["answered"] == 0.5


def test_answers_need_queries_that_have_some(folder: Path) -> None:
    path = folder / "queries.eng_Latn.jsonl"
    path.write_text(path.read_text().replace("answers", "notes"))
    with pytest.raises(InputError, match="'eng_Latn' have no answers to compare with"):
        measured("answers", folder, *languages("eng_Latn", "eng_Latn"))


def test_an_eval_leaves_the_data_folder_of_its_user_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGQWEN_DATA_DIR", str(tmp_path / "mine"))
    measured("retrieval", folder, *languages("eng_Latn", "eng_Latn"))
    assert not (tmp_path / "mine").exists()


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["retrieval", str(tmp_path / "gone")])
    assert result.exit_code == 2
    assert "gone' does not exist" in result.stderr


def test_a_missing_language_is_one_line_on_stderr(folder: Path) -> None:
    done = eval_process("retrieval", folder, *languages("xxx", "eng_Latn"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("Error: no queries in 'xxx'; there are: deu_Latn, eng_Latn, or 'all'\n")


def test_a_refused_document_ends_a_run(folder: Path) -> None:
    with (folder / "corpus.eng_Latn.jsonl").open("a") as corpus:
        corpus.write('{"_id": "d4", "text": " "}\n')
    with pytest.raises(InputError, match="line 4: document d4: no text"):
        measured("retrieval", folder, *languages("eng_Latn", "eng_Latn"))


def test_queries_without_judgements_end_a_run(folder: Path) -> None:
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq9\td1\t1\n")
    with pytest.raises(InputError, match=r"no query in 'eng_Latn' has a document in qrels\.tsv"):
        measured("retrieval", folder, *languages("eng_Latn", "eng_Latn"))


def test_a_benchmark_gives_its_ratios(tmp_path: Path) -> None:
    found = run(Settings(data_dir=tmp_path / "mine"), n_chunks=100, n_runs=1)
    assert found["chunks"] == 100
    assert found["cold_ask_to_bare_python"] > 2
    assert found["ingest_to_tokenizing"] > 1
    assert 0 < found["indexing_share"] < 1
    assert not (tmp_path / "mine").exists()


@pytest.mark.skipif(not XQUAD.is_dir(), reason="shared/data/retrieval/xquad is not here")
def test_xquad_in_english_is_found_as_well_as_before(tmp_path: Path) -> None:
    for stem in ("corpus", "queries"):
        (tmp_path / f"{stem}.eng_Latn.jsonl").symlink_to(XQUAD / f"{stem}.eng_Latn.jsonl")
    judgements = (XQUAD / "qrels.tsv").read_text().splitlines(keepends=True)
    (tmp_path / "qrels.tsv").write_text("".join(judgements[:61]))
    found = measured("retrieval", tmp_path)
    assert found["pairs"][0]["queries"] == 60
    assert found["mono"]["recall@1"] > 0.85
    assert found["mono"]["recall@10"] > 0.95
