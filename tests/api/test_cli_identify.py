"""`ragqwen identify`: one JSON object for each line."""

import json
from pathlib import Path
from typing import Any

from tests.api.conftest import GRUETZE, HARBOUR, CommandLine


def found(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_each_line_has_its_language(cli: CommandLine) -> None:
    languages = found(cli.run("identify", input=f"{GRUETZE}\n{HARBOUR}\n").stdout)
    assert [language["code"] for language in languages] == ["deu_Latn", "eng_Latn"]
    assert all(0.5 < language["probability"] <= 1 for language in languages)


def test_an_empty_line_has_none_but_keeps_its_place(cli: CommandLine) -> None:
    languages = found(cli.run("identify", input=f"{GRUETZE}\n\n{HARBOUR}").stdout)
    assert [language["code"] for language in languages] == ["deu_Latn", "und", "eng_Latn"]


def test_more_lines_than_are_read_at_once_all_come_back(cli: CommandLine) -> None:
    assert len(found(cli.run("identify", input=f"{HARBOUR}\n" * 1100).stdout)) == 1100


def test_a_file_is_read_whatever_its_bytes(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(GRUETZE.encode() + b" \xff\xfe\n")
    assert [language["code"] for language in found(cli.run("identify", path).stdout)] == [
        "deu_Latn"
    ]


def test_no_text_gives_no_lines(cli: CommandLine) -> None:
    assert cli.run("identify", input="").stdout == ""


def test_a_missing_file_is_named(cli: CommandLine, tmp_path: Path) -> None:
    assert "gone.txt" in cli.run("identify", tmp_path / "gone.txt", exit_code=2).stderr


def test_it_makes_no_data_folder(cli: CommandLine) -> None:
    cli.run("identify", input=HARBOUR)
    assert not cli.data_dir.exists()
