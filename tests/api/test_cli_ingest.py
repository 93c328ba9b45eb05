"""`ragqwen ingest`: what it takes, what it leaves alone and what it reports."""

import json
from pathlib import Path

import pytest

from tests.api.conftest import HARBOUR, OWLS, CommandLine


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def sources(cli: CommandLine) -> set[str]:
    return {document["source"] for document in cli.json("list")}


def test_files_are_ingested(cli: CommandLine, tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.txt", HARBOUR), write(tmp_path / "b.md", "# Owls\n\n" + OWLS)
    assert cli.run("ingest", a, b).stdout == "ingested 2, unchanged 0, refused 0\n"
    assert sources(cli) == {"a.txt", "b.md"}


def test_a_folder_is_walked_without_hidden_files(cli: CommandLine, tmp_path: Path) -> None:
    write(tmp_path / "docs" / "deep" / "a.txt", HARBOUR)
    write(tmp_path / "docs" / "b.txt", OWLS)
    write(tmp_path / "docs" / ".hidden.txt", "secret")
    cli.run("ingest", tmp_path / "docs")
    assert sources(cli) == {"a.txt", "b.txt"}


def test_a_glob_is_expanded(cli: CommandLine, tmp_path: Path) -> None:
    write(tmp_path / "a.txt", HARBOUR)
    write(tmp_path / "b.text", OWLS)
    cli.run("ingest", tmp_path / "*.txt")
    assert sources(cli) == {"a.txt"}


def test_standard_input_is_a_document_of_the_given_name(cli: CommandLine) -> None:
    cli.run("ingest", "-", "--name", "note.txt", input=HARBOUR)
    (document,) = cli.json("list")
    assert document["source"] == "note.txt"
    assert cli.run("show", document["document_id"]).stdout == HARBOUR + "\n"


def test_standard_input_may_be_a_corpus(cli: CommandLine, corpus: Path) -> None:
    cli.run("ingest", "-", input=corpus.read_bytes())
    assert cli.ids() == ["gruetze", "harbour", "owls"]


def test_a_corpus_gives_ids_titles_metadata_and_languages(cli: CommandLine, tmp_path: Path) -> None:
    record = {
        "id": "r1",
        "text": HARBOUR,
        "title": "Fees",
        "metadata": {"year": 2026},
        "language": "lim_Latn",
    }
    cli.run("ingest", write(tmp_path / "c.jsonl", json.dumps(record)))
    (document,) = cli.json("list")
    about = {key: document[key] for key in ("document_id", "title", "metadata", "language")}
    assert about == {
        "document_id": "r1",
        "title": "Fees",
        "metadata": {"year": 2026},
        "language": "lim_Latn",
    }


def test_the_language_can_be_given(cli: CommandLine, corpus: Path) -> None:
    for given in ("mya_Mymr", "my"):
        cli.run("ingest", corpus, "-c", given, "--language", given)
        assert {document["language"] for document in cli.json("list", "-c", given)} == {"mya_Mymr"}


def test_a_second_ingest_changes_nothing(filled: CommandLine, corpus: Path) -> None:
    before = filled.json("list"), filled.json("collections")
    assert filled.run("ingest", corpus).stdout == "ingested 0, unchanged 3, refused 0\n"
    assert (filled.json("list"), filled.json("collections")) == before


def test_a_changed_file_replaces_its_version(cli: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", HARBOUR)
    cli.run("ingest", path)
    write(path, HARBOUR.replace("12 euros", "99 euros"))
    cli.run("ingest", path)
    (document,) = cli.json("list")
    assert document["version"] == 2
    answer = cli.json("ask", "What is the harbour fee?")["answer"]
    assert "99 euros" in answer
    assert "12 euros" not in answer


def test_an_older_version_can_still_be_shown(cli: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", HARBOUR)
    cli.run("ingest", path)
    write(path, OWLS)
    cli.run("ingest", path)
    (document_id,) = cli.ids()
    assert cli.run("show", document_id, "--version", "1").stdout == HARBOUR + "\n"
    assert cli.run("show", document_id).stdout == OWLS + "\n"


def test_a_refused_file_is_reported_and_the_others_are_ingested(
    cli: CommandLine, tmp_path: Path
) -> None:
    empty, good = write(tmp_path / "a.txt", ""), write(tmp_path / "b.txt", OWLS)
    said = cli.run("ingest", empty, good, exit_code=1).stdout
    assert said.splitlines() == [
        "ingested 1, unchanged 0, refused 1",
        "  refused: a.txt is empty; ingest a file that holds some text",
    ]
    assert sources(cli) == {"b.txt"}


def test_a_bad_line_of_a_corpus_is_reported_by_number(cli: CommandLine, tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", '{"id": "a", "text": "Rain fell."}\nnot json\n{"id": "b"}\n')
    said = cli.run("ingest", path, exit_code=1).stdout
    assert "c.jsonl, line 2: not JSON" in said
    assert "c.jsonl, line 3: document b: no text" in said
    assert cli.ids() == ["a"]


def test_the_report_as_json_counts_and_explains(cli: CommandLine, tmp_path: Path) -> None:
    good, empty = write(tmp_path / "a.txt", OWLS), write(tmp_path / "b.txt", "")
    report = cli.json("ingest", good, empty, exit_code=1)
    assert {key: report[key] for key in ("ingested", "unchanged", "refused")} == {
        "ingested": 1,
        "unchanged": 0,
        "refused": 1,
    }
    by_name = {result["name"]: result for result in report["results"]}
    assert by_name["a.txt"] == {
        "name": "a.txt",
        "status": "ingested",
        "document_id": cli.ids()[0],
        "version": 1,
        "n_chunks": 1,
        "reason": "",
    }
    assert by_name["b.txt"]["status"] == "refused"
    assert "is empty" in by_name["b.txt"]["reason"]


def test_collections_are_apart(filled: CommandLine, tmp_path: Path) -> None:
    filled.run("ingest", write(tmp_path / "bees.txt", "Bees dance."), "-c", "garden")
    assert len(filled.ids("-c", "garden")) == 1
    refusal = filled.json("ask", "What is the harbour fee?", "-c", "garden")
    assert not refusal["answerable"]
    assert {item["name"]: item["n_documents"] for item in filled.json("collections")} == {
        "default": 3,
        "garden": 1,
    }


@pytest.mark.parametrize("name", [" padded", "", "a\nb", "x" * 101])
def test_a_bad_collection_name_is_refused(cli: CommandLine, corpus: Path, name: str) -> None:
    said = cli.run("ingest", corpus, "-c", name, exit_code=1).stderr
    assert "can't be a collection's name" in said


def test_a_bad_language_is_refused_with_the_form_it_has(cli: CommandLine, corpus: Path) -> None:
    said = cli.run("ingest", corpus, "--language", "burmese", exit_code=1).stderr
    assert "'burmese' is not one of the 119 languages" in said
    assert "mya_Mymr" in said
    assert not cli.data_dir.exists()
