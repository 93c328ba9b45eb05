"""The built-in embedder's report, on sentences whose neighbours can be told by hand."""

import gzip
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from eval.datasets import ENGLISH, Dataset
from eval.embedder_report import english_pool, main, recall_of_english, trained_lines
from eval.parallel import is_kept_out
from ragqwen.embedding import Vectors
from ragqwen.languages import languages
from tests.eval.conftest import write_jsonl

QUESTIONS = {
    "eng_Latn": {"q1": "Where is the harbour?", "q2": "What does an apple cost?"},
    "deu_Latn": {"q1": "Wo ist der Hafen?", "q2": "Was kostet ein Apfel?"},
    "fra_Latn": {"q1": "Où est le port ?", "q2": "Combien coûte une pomme ?"},
}
PLACES = {  # in degrees
    "Where is the harbour?": 0,
    "What does an apple cost?": 90,
    "Wo ist der Hafen?": 10,
    "Was kostet ein Apfel?": 30,
    "Où est le port ?": 5,
    "Combien coûte une pomme ?": 70,
}


class PlacedEmbedder:
    """Puts each text at its place on a circle, and all others opposite to the first."""

    fingerprint = "fake:placed"
    probe = None
    dimension = 2
    by_sentence = False

    def __init__(self, **more: int) -> None:
        self._places = PLACES | more

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Look the places up."""
        angles = np.radians([self._places.get(text, 180) for text in texts])
        return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)

    def embed_query(self, text: str) -> Vectors:
        """Look the place up."""
        vector: Vectors = self.embed_documents([text])[0]
        return vector


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Return a data set of three languages, and of one that is none of the 119."""
    folder = tmp_path / "questions"
    folder.mkdir()
    for language, some in (QUESTIONS | {"tlh_Latn": QUESTIONS["deu_Latn"]}).items():
        rows = [{"_id": name, "text": text} for name, text in some.items()]
        write_jsonl(folder / f"queries.{language}.jsonl", rows)
        write_jsonl(folder / f"corpus.{language}.jsonl", [{"_id": "d", "text": "A text."}])
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td\t1\nq2\td\t1\n")
    return folder


def recall(embedder: PlacedEmbedder, questions: Path, lines: Sequence[str]) -> dict[str, float]:
    """Return each language's recall beside some English lines."""
    dataset = Dataset.load(questions)
    return recall_of_english(embedder, dataset, english_pool(dataset, lines))


def test_a_sentence_is_right_if_its_own_english_is_nearest(questions: Path) -> None:
    found = recall(PlacedEmbedder(), questions, [])
    assert found == {"deu_Latn": 0.5, "fra_Latn": 1.0}  # q2 in German is nearer to the harbour


def test_a_line_beside_them_that_is_nearer_makes_it_wrong(questions: Path) -> None:
    embedder = PlacedEmbedder(near=60)
    found = recall(embedder, questions, ["far", "near"])
    assert found == {"deu_Latn": 0.5, "fra_Latn": 0.5}


@pytest.mark.parametrize(("place", "figure"), [(1009, 0.5), (1010, 1.0)])
def test_the_pool_ends_at_1012_different_lines(questions: Path, place: int, figure: float) -> None:
    lines = [str(n) for n in range(1200)]
    lines[place] = "near"
    repeated = [line for line in lines for _ in range(2)]
    assert recall(PlacedEmbedder(near=60), questions, repeated)["fra_Latn"] == figure


@pytest.fixture
def kept_out_key() -> str:
    return next(key for key in map(str, range(1000)) if is_kept_out("udhr", key))


@pytest.fixture
def trained_key() -> str:
    return next(key for key in map(str, range(1000)) if not is_kept_out("udhr", key))


def report(folder: Path, questions: Path, lines: dict[str, str]) -> str:
    """Return what the command prints, beside English lines of the parallel text by their keys."""
    folder.mkdir()
    with gzip.open(folder / "eng_Latn.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"udhr\t{key}\t{text}\n" for key, text in lines.items())
    result = CliRunner().invoke(main, [str(folder), str(questions)], catch_exceptions=False)
    return result.output


def test_the_command_prints_the_mean_and_the_worst_language_first(
    questions: Path, tmp_path: Path
) -> None:
    apple, port = "¿Cuánto cuesta una manzana?", "¿Dónde está el puerto?"
    for language, q1, q2 in (
        ("deu_Latn", "Was kostet ein Apfel?", "Was kostet ein Apfel?"),
        ("spa_Latn", apple, port),
    ):
        rows = [{"_id": "q1", "text": q1}, {"_id": "q2", "text": q2}]
        write_jsonl(questions / f"queries.{language}.jsonl", rows)
    printed = report(tmp_path / "parallel", questions, {})
    assert printed.splitlines()[0].endswith(": 0.500")
    lines = {code: f"{n:,}" for code, n in trained_lines().items()}
    assert printed.splitlines()[-1] == (
        f"| Spanish (spa_Latn) | {lines['spa_Latn']} | 0.00 "
        f"| German (deu_Latn) | {lines['deu_Latn']} | 0.50 "
        f"| French (fra_Latn) | {lines['fra_Latn']} | 1.00 |"
    )


def test_the_command_says_how_large_the_pool_was(
    questions: Path, tmp_path: Path, kept_out_key: str
) -> None:
    beside = {kept_out_key: "Beside the two questions stands this one line, long enough for it."}
    assert "English among 2:" in report(tmp_path / "none", questions, {})
    assert "English among 3:" in report(tmp_path / "one", questions, beside)


def test_languages_stand_in_columns_whose_rest_is_empty(questions: Path, tmp_path: Path) -> None:
    for language in ("spa_Latn", "ita_Latn", "acq_Arab"):
        rows = [{"_id": "q1", "text": "zzz"}, {"_id": "q2", "text": "zzz"}]
        write_jsonl(questions / f"queries.{language}.jsonl", rows)
    head, rule, *rows_of_table = report(tmp_path / "parallel", questions, {}).splitlines()[-4:]
    assert {line.count("|") for line in (head, rule, *rows_of_table)} == {10}
    codes = [re.findall(r"\w{3}_\w{4}", line) for line in rows_of_table]
    assert [len(some) for some in codes] == [3, 2]
    assert "(acq_Arab) | 0 | " in "".join(rows_of_table)
    assert rows_of_table[-1].endswith("|  |  |  |")


def test_the_model_card_has_the_lines_that_training_counted() -> None:
    card = files("ragqwen").joinpath("data/embedder/README.md").read_text("utf-8")
    in_card = dict(re.findall(r"\((\w+)\) \| ([\d,]+) \| \d", card))
    counted = {code: f"{trained_lines().get(code, 0):,}" for code in languages()}
    english = counted.pop(ENGLISH)
    assert in_card == counted
    assert f"of English there were {english}" in card


def test_only_long_lines_that_were_kept_out_stand_beside_the_questions(
    questions: Path, tmp_path: Path, kept_out_key: str, trained_key: str
) -> None:
    asked = "Was kostet ein Apfel, und was kostet er im Winter auf dem Markt?"
    write_jsonl(
        questions / "queries.deu_Latn.jsonl",
        [{"_id": "q1", "text": "Wo ist der Hafen?"}, {"_id": "q2", "text": asked}],
    )
    german = {"trained": "1.00", "kept out": "0.50", "short": "1.00"}
    lines = {
        "trained": {trained_key: asked},
        "kept out": {kept_out_key: asked},
        "short": {kept_out_key: "Was kostet ein Apfel?"},
    }
    for case, figure in german.items():
        printed = report(tmp_path / case, questions, lines[case])
        n_lines = f"{trained_lines()['deu_Latn']:,}"
        assert f"| German (deu_Latn) | {n_lines} | {figure} |" in printed, case
