"""The record of a run says what it ran with, and nothing of the machine."""

import json
import socket
from pathlib import Path

import pytest

from eval.datasets import Dataset
from eval.records import (
    Stopwatch,
    read_result,
    run_record,
    shown_settings,
    shown_value,
    versions,
    write_result,
)
from ragqwen.errors import InputError
from ragqwen.settings import Settings

SECRETIVE = {
    "llm_base_url": "http://gpu-7.internal:8000/v1",
    "llm_model": "/models/Qwen3-8B/",
    "llm_api_key": "hush-hush",
}


def test_a_record_has_what_figures_depend_on(folder: Path) -> None:
    watch = Stopwatch()
    with watch.stage("ingest"):
        pass
    record = run_record("answers", Dataset.load(folder), Settings(), watch, query_lang="all")
    assert record["kind"] == "answers"
    assert record["options"] == {"query_lang": "all"}
    assert {"ragqwen", "analysis", "python", "tantivy", "embedder"} <= set(record["versions"])
    assert record["settings"]["chunk_words"] == 160
    assert record["dataset"]["name"] == "set"
    assert record["started"].endswith("+00:00")
    assert set(record["seconds"]) == {"ingest", "whole"}


def test_no_secret_folder_or_host_is_in_a_record(folder: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", **SECRETIVE)  # type: ignore[arg-type]
    record = run_record("answers", Dataset.load(folder), settings, Stopwatch())
    written = json.dumps(record)
    for hidden in (str(tmp_path), "hush-hush", "gpu-7", "/models", socket.gethostname()):
        assert hidden not in written
    assert record["settings"]["llm_model"] == "Qwen3-8B"


def test_secrets_and_folders_are_left_out_by_name() -> None:
    shown = shown_settings(Settings())
    assert "embedder" in shown
    assert not {"data_dir", "llm_api_key", "llm_base_url"} & set(shown)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Qwen/Qwen3-Embedding-0.6B", "Qwen/Qwen3-Embedding-0.6B"),
        ("/srv/models/mine", "mine"),
        ("~/mine/", "mine"),
        ("../models/mine", "mine"),
        ("https://example.org/mine", "mine"),
        ("builtin", "builtin"),
        (0.4, 0.4),
        (None, None),
        (Path("x"), "x"),
    ],
)
def test_of_a_folder_only_the_name_is_shown(value: object, shown: object) -> None:
    assert shown_value(value) == shown


def test_a_folder_of_the_working_folder_is_known_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert shown_value("models/mine") == "mine"
    assert versions(Settings(embedder="models/mine"))["embedder"] == "mine"


def test_the_digest_follows_the_files(folder: Path) -> None:
    first = Dataset.load(folder).digest()
    assert Dataset.load(folder).digest() == first
    path = folder / "queries.deu_Latn.jsonl"
    path.write_text(path.read_text().replace("Apfel", "Birne"))
    changed = Dataset.load(folder).digest()
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    assert len({first, changed, Dataset.load(folder).digest()}) == 3


def test_a_stopwatch_adds_up() -> None:
    watch = Stopwatch()
    for _ in range(2):
        watch.add({"search": 1.5, "ingest": 1.0})
    assert {name: watch.seconds[name] for name in ("search", "ingest")} == {
        "search": 3.0,
        "ingest": 2.0,
    }


def test_a_result_comes_back(tmp_path: Path) -> None:
    result = {"run": {"kind": "answers"}, "pairs": [{"name": "ශ්‍රී"}]}
    write_result(tmp_path / "new" / "a.json", result)
    assert read_result(tmp_path / "new" / "a.json") == result


@pytest.mark.parametrize("text", ["not json", "[]", '{"pairs": []}', '{"run": 7}', "\udc80"])
def test_another_file_is_no_result(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"a\.json is no result of `python -m eval`"):
        read_result(path)
