"""Reading a data set in BEIR's layout."""

from pathlib import Path

import pytest

from eval.datasets import Dataset, EvalQuery
from ragqwen.errors import InputError


def test_a_folder_has_its_languages_and_judgements(folder: Path) -> None:
    dataset = Dataset.load(folder)
    assert set(dataset.corpora) == set(dataset.queries) == {"eng_Latn", "deu_Latn"}
    assert dataset.qrels == {"q1": {"d3": 1}, "q2": {"d2": 1}, "q3": {"d1": 1}}


def test_a_folder_of_one_unnamed_language_is_taken(folder: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for stem in ("corpus", "queries"):
        (folder / f"{stem}.eng_Latn.jsonl").rename(plain / f"{stem}.jsonl")
    (folder / "qrels.tsv").rename(plain / "qrels.tsv")
    assert Dataset.load(plain).pairs("all", "all") == [("und", "und")]


def test_only_judged_queries_are_read(folder: Path) -> None:
    queries = list(Dataset.load(folder).read_queries("eng_Latn"))
    assert [query.query_id for query in queries] == ["q1", "q2", "q3"]
    assert queries[0] == EvalQuery("q1", "harbour fee", ("12  EUROS",))


@pytest.mark.parametrize(
    ("queries", "corpus", "pairs"),
    [
        ("eng_Latn", "eng_Latn", [("eng_Latn", "eng_Latn")]),
        ("deu_Latn", "eng_Latn", [("deu_Latn", "eng_Latn")]),
        ("all", "eng_Latn", [("deu_Latn", "eng_Latn"), ("eng_Latn", "eng_Latn")]),
    ],
)
def test_pairs_are_those_asked_for(
    folder: Path, queries: str, corpus: str, pairs: list[tuple[str, str]]
) -> None:
    assert Dataset.load(folder).pairs(queries, corpus) == pairs


def test_all_pairs_are_each_language_with_each(folder: Path) -> None:
    assert len(set(Dataset.load(folder).pairs("all", "all"))) == 4


@pytest.mark.parametrize(("queries", "corpus"), [("xxx", "all"), ("all", "xxx")])
def test_a_missing_language_is_refused_with_those_there_are(
    folder: Path, queries: str, corpus: str
) -> None:
    with pytest.raises(InputError, match="'xxx'; there are: deu_Latn, eng_Latn, or 'all'"):
        Dataset.load(folder).pairs(queries, corpus)


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no data set: expected corpus\.<lang>\.jsonl"):
        Dataset.load(tmp_path)


@pytest.mark.parametrize("row", ["q1 d1 1", "q1\td1\thigh", "q1\td1"])
def test_a_bad_judgement_is_refused(folder: Path, row: str) -> None:
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{row}\n")
    with pytest.raises(InputError, match=r"qrels\.tsv can't be read as query-id"):
        Dataset.load(folder)


def test_missing_judgements_are_refused(folder: Path) -> None:
    (folder / "qrels.tsv").unlink()
    with pytest.raises(InputError, match=r"qrels\.tsv can't be read"):
        Dataset.load(folder)


@pytest.mark.parametrize("line", ["not json", "[]", '{"text": "no id"}', '{"_id": "q1"}', "7"])
def test_a_bad_query_is_refused_by_line(folder: Path, line: str) -> None:
    path = folder / "queries.eng_Latn.jsonl"
    path.write_text(path.read_text() + "\n" + line)
    with pytest.raises(InputError, match=r"queries\.eng_Latn\.jsonl, line 6 is no query"):
        list(Dataset.load(folder).read_queries("eng_Latn"))
