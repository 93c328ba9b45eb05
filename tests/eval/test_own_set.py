"""The own test set as a data set, and as a folder."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.datasets import Dataset, EvalQuery
from eval.own_set import own_set, read_fact_files, write_own_set
from ragqwen.errors import InputError

FILE = """
language = "{code}"
sure = {sure}
subject = "a harbour in {code}"
title = "The harbour"

[[facts]]
text = "The quay was built in 1907."

[[facts]]
text = "A berth costs 12 euros a night."
question = "What does a night at the quay cost?"
answer = "12 euros"
question_english = "What does a night cost?"
"""


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    made = tmp_path / "facts"
    made.mkdir()
    for code, sure in (("eng_Latn", "true"), ("deu_Latn", "false")):
        (made / f"{code}.toml").write_text(FILE.format(code=code, sure=sure), "utf-8")
    return made


def test_each_question_has_its_own_fact_as_its_document(facts: Path) -> None:
    with own_set(facts) as dataset:
        assert list(dataset.read_queries("deu_Latn")) == [
            EvalQuery("deu_Latn-2-q", "What does a night at the quay cost?", ("12 euros",))
        ]
        assert dataset.qrels["deu_Latn-2-q"] == {"deu_Latn-2": 1}
        lines = dataset.corpora["deu_Latn"].read_text("utf-8").splitlines()
    assert json.loads(lines[0]) == {
        "_id": "deu_Latn-1",
        "title": "The harbour",
        "text": "The quay was built in 1907.",
    }
    assert len(lines) == 2


def test_the_set_says_where_its_text_is_less_sure(facts: Path) -> None:
    with own_set(facts) as dataset:
        assert (dataset.name, dataset.unsure) == ("own", {"deu_Latn"})


def test_only_pairs_of_one_language_are_of_use(facts: Path) -> None:
    with own_set(facts) as dataset:
        same = [("deu_Latn", "deu_Latn"), ("eng_Latn", "eng_Latn")]
        assert dataset.pairs("all", "all") == same
        with pytest.raises(InputError, match="no question in 'deu_Latn' has its document in 'eng"):
            dataset.pairs("deu_Latn", "eng_Latn")


def test_the_temporary_folder_goes(facts: Path) -> None:
    with own_set(facts) as dataset:
        path = dataset.corpora["eng_Latn"]
        assert path.exists()
    assert not path.exists()


def test_a_written_folder_is_a_data_set(facts: Path, tmp_path: Path) -> None:
    write_own_set(tmp_path / "out", read_fact_files(facts))
    dataset = Dataset.load(tmp_path / "out")
    assert set(dataset.corpora) == set(dataset.queries) == {"eng_Latn", "deu_Latn"}
    assert len(dataset.qrels) == 2


def test_the_facts_command_writes_the_files_there_are(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["facts", "--out", str(tmp_path / "out")])
    assert (said.exit_code, said.stdout.split()[1]) == (0, "facts")
    query = next(Dataset.load(tmp_path / "out").read_queries("eng_Latn"))
    assert query.query_id.startswith("eng_Latn-")
    assert query.query_id.endswith("-q")


def test_without_a_folder_the_own_set_is_measured() -> None:
    arguments = ["answers", "--query-lang", "eng_Latn", "--corpus-lang", "eng_Latn", "--json"]
    said = CliRunner().invoke(main, arguments, catch_exceptions=False)
    found = json.loads(said.stdout)
    assert found["run"]["dataset"]["name"] == "own"
    assert found["pairs"][0]["queries"] == 4


@pytest.mark.parametrize(
    "text", ["language = ", 'language = "eng_Latn"', FILE + "colour = 1\n", FILE + "\n[[facts]]\n"]
)
def test_a_file_of_another_form_is_refused_by_name(facts: Path, text: str) -> None:
    (facts / "eng_Latn.toml").write_text(text.format(code="eng_Latn", sure="true"))
    with pytest.raises(InputError, match=r"eng_Latn\.toml is no file of facts"):
        read_fact_files(facts)


def test_a_folder_without_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no <FLORES-200 code>\.toml in"):
        read_fact_files(tmp_path)
