"""The measured columns of the languages table."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.datasets import Dataset
from eval.sizes import measured_languages
from ragqwen.errors import InputError
from ragqwen.languages import languages

ENGLISH = "The ferry sails at six in the morning."


@pytest.fixture
def parallel(tmp_path: Path) -> Path:
    """Return a data set that has the same document in all languages, twice as long in German."""
    for code in languages():
        text = f"{ENGLISH} {ENGLISH}" if code == "deu_Latn" else ENGLISH
        record = json.dumps({"_id": "d", "text": text})
        (tmp_path / f"corpus.{code}.jsonl").write_text(record + "\n", "utf-8")
    query = json.dumps({"_id": "q", "text": "When does it sail?"})
    (tmp_path / "queries.eng_Latn.jsonl").write_text(query + "\n", "utf-8")
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n", "utf-8")
    return tmp_path


def test_words_and_tokens_are_compared_with_english(parallel: Path) -> None:
    measured = {of.code: of for of in measured_languages(Dataset.load(parallel))}
    assert measured["deu_Latn"].words_to_english == 2
    assert measured["deu_Latn"].tokens_per_char_to_english == pytest.approx(1, abs=0.05)
    assert measured["fra_Latn"].words_to_english == 1


def test_the_table_is_written_anew_with_all_its_columns(parallel: Path) -> None:
    out = parallel / "languages.csv"
    result = CliRunner().invoke(main, ["sizes", str(parallel), "--out", str(out)])
    assert result.exit_code == 0, result.output
    header, first, *rest = out.read_text("utf-8").splitlines()
    assert header.startswith("code,name,iso,")
    assert first == "eng_Latn,English,en,eng,Latn,Indo-European,eng_Latn,1.0,1.0,1390000000"
    assert len(rest) == 118


def test_a_data_set_must_have_every_language(parallel: Path) -> None:
    (parallel / "corpus.mya_Mymr.jsonl").unlink()
    with pytest.raises(InputError, match="mya_Mymr; all languages are needed"):
        list(measured_languages(Dataset.load(parallel)))
