"""Bad files through the command line: each a clear refusal, or its text; never a traceback."""

import os
from pathlib import Path

import pytest

from tests.api.conftest import HARBOUR, OWLS, CommandLine
from tests.ingest.making import make_docx, make_pdf, write, zipped

PDF_LOCK = (
    "/Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -44 "
    f"/O <{'28' * 32}> /U <{'4e' * 32}> >> /ID [<0123> <0123>]"
)


def refusal(cli: CommandLine, path: Path) -> str:
    """Ingest a file that is refused, beside one that is not, and return the reason."""
    good = write(path.parent / "good.txt", OWLS)
    report = cli.json("ingest", path, good, exit_code=1)
    assert (report["ingested"], report["refused"]) == (1, 1)
    (reason,) = (result["reason"] for result in report["results"] if result["reason"])
    assert isinstance(reason, str)
    return reason


@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a.docx"])
def test_an_empty_file_is_refused(cli: CommandLine, tmp_path: Path, name: str) -> None:
    assert f"{name} is empty" in refusal(cli, write(tmp_path / name, b""))


def test_a_pdf_with_a_password_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    path = make_pdf(tmp_path / "locked.pdf", ["Secret fees."], trailer=PDF_LOCK)
    assert "locked.pdf needs a password" in refusal(cli, path)


def test_a_zip_bomb_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": bytes(120_000_000),
    }
    assert "would unpack to" in refusal(cli, zipped(tmp_path / "bomb.docx", parts))


def test_a_damaged_pdf_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    assert "a.pdf" in refusal(cli, write(tmp_path / "a.pdf", b"%PDF-1.4\nrubbish"))


def test_a_wrong_ending_does_not_matter(cli: CommandLine, tmp_path: Path) -> None:
    path = make_docx(tmp_path / "notes.docx").rename(tmp_path / "notes.pdf")
    cli.run("ingest", path)
    assert "Children travel free." in cli.run("show", *cli.ids()).stdout


def test_a_binary_file_called_text_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    content = b"\x7fELF" + bytes(range(256)) * 40
    assert "a.txt" in refusal(cli, write(tmp_path / "a.txt", content))


def test_invalid_utf8_keeps_the_text_around_it(cli: CommandLine, tmp_path: Path) -> None:
    content = HARBOUR.encode() + " Žluťoučký kůň.".encode() + b"\xff\xfe ok"
    cli.run("ingest", write(tmp_path / "a.txt", content))
    answer = cli.json("ask", "What is the harbour fee?")
    assert answer["citations"][0]["quote"] == "The harbour fee is 12 euros."


def test_a_name_that_is_not_utf8_is_taken(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    try:
        path.write_text(OWLS)
    except OSError:
        pytest.skip("this file system takes no such name")
    report = cli.json("ingest", path)
    assert report["results"][0]["name"] == "caf\ufffd.txt"


def test_a_name_that_climbs_stays_in_its_place(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    write(tmp_path / "outer.txt", OWLS)
    cli.run("ingest", "../outer.txt")
    (document,) = cli.json("list")
    assert document["source"] == "outer.txt"
    assert "/" not in document["document_id"]


def test_standard_input_called_by_a_climbing_name_writes_nothing_there(
    cli: CommandLine, tmp_path: Path
) -> None:
    cli.run("ingest", "-", "--name", "../../evil.txt", input=OWLS)
    assert len(cli.ids()) == 1
    assert not list(tmp_path.parent.rglob("evil*"))


def test_a_missing_path_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    assert "there is no such file or folder" in refusal(cli, tmp_path / "gone.txt")


def test_empty_standard_input_is_refused(cli: CommandLine) -> None:
    assert "stdin is empty" in cli.run("ingest", "-", input="", exit_code=1).stdout


def test_a_special_file_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert "pipe.txt is no regular file" in refusal(cli, tmp_path / "pipe.txt")


@pytest.mark.parametrize("unit", ["a", "harbour fee ", "港湾の料金"])
def test_a_very_long_line_is_ingested_and_shown_whole(
    cli: CommandLine, tmp_path: Path, unit: str
) -> None:
    text = unit * (300_000 // len(unit))
    cli.run("ingest", write(tmp_path / "line.txt", text))
    assert cli.run("show", *cli.ids()).stdout == text.strip() + "\n"


def test_one_line_of_fifty_megabytes_is_left_when_its_time_is_up(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "line.txt", "a" * 50_000_000)
    monkeypatch.setenv("RAGQWEN_PARSE_SECONDS", "0.2")
    said = cli.run("ingest", path, exit_code=1).stdout
    assert "line.txt took longer than 0.2 seconds to read and was left" in said
    monkeypatch.delenv("RAGQWEN_PARSE_SECONDS")
    cli.run("ingest", write(tmp_path / "good.txt", OWLS))
    assert len(cli.ids()) == 1


def test_a_reader_out_of_memory_is_a_refusal(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGQWEN_PARSE_MEMORY_MB", "512")
    reason = refusal(cli, write(tmp_path / "line.txt", "слово " * 12_000_000))
    assert "line.txt" in reason
    assert "memory" in reason or "too large" in reason


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_question_longer_than_any_is_refused(cli: CommandLine, command: str) -> None:
    said = cli.run(command, "word " * 5000, exit_code=2).stderr
    assert "25,000 characters, and a question at most 20,000" in said
