"""The command line as a process of its own: pipes, exit codes, and the server."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.api.conftest import HARBOUR, CommandLine

PROGRAM = [sys.executable, "-c", "from api.cli import main; main()"]
ROOT = Path(__file__).parents[2]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "RAGQWEN_DATA_DIR": str(data_dir), **more}


def ragqwen(data_dir: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=environment(data_dir, **more),
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_ingest_and_ask_work_from_a_shell(tmp_path: Path) -> None:
    (tmp_path / "harbour.txt").write_text(HARBOUR)
    (tmp_path / "empty.txt").touch()
    paths = [str(tmp_path / "harbour.txt"), str(tmp_path / "empty.txt")]
    ingested = ragqwen(tmp_path / "data", "ingest", *paths)
    assert ingested.returncode == 1
    assert ingested.stdout.startswith(b"ingested 1, unchanged 0, refused 1\n  refused: empty.txt")
    asked = ragqwen(tmp_path / "data", "ask", "What is the harbour fee?", "--json")
    assert asked.returncode == 0
    assert asked.stderr == b""
    assert json.loads(asked.stdout)["citations"][0]["quote"] == "The harbour fee is 12 euros."


def test_a_bad_setting_is_one_line_on_stderr(tmp_path: Path) -> None:
    done = ragqwen(tmp_path, "list", RAGQWEN_CHUNK_WORDS="abc")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"Error: bad setting: RAGQWEN_CHUNK_WORDS")
    assert done.stderr.count(b"\n") == 1


def test_a_pipe_that_closes_early_says_nothing(cli: CommandLine, tmp_path: Path) -> None:
    lines = "\n\n".join(f"Line {n} of a long text." for n in range(8_000))
    record = json.dumps({"id": "long", "text": lines})
    cli.run("ingest", "-", input=record)
    with subprocess.Popen(
        [*PROGRAM, "show", "long"],
        env=environment(cli.data_dir),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == b"Line 0 of a long text.\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait(timeout=30)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_text_is_printed_whatever_the_terminal_takes(cli: CommandLine, encoding: str) -> None:
    cli.run("ingest", "-", input=json.dumps({"id": "tea", "text": "tea လက်ဖက် 茶"}))
    done = ragqwen(cli.data_dir, "show", "tea", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"tea ")


def test_bytes_that_are_no_text_can_be_asked(cli: CommandLine, corpus: Path) -> None:
    cli.run("ingest", corpus)
    done = subprocess.run(
        [os.fsencode(part) for part in PROGRAM] + [b"ask", b"harbour fee \xff euros"],
        env=environment(cli.data_dir),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert b"12 euros" in done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_serve_answers_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [*PROGRAM, "serve", "--port", str(port)],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                wait_until_ready(client, process)
                document_id = "a b/ü?#%20&"
                uploaded = client.post(
                    "/v1/collections/default/documents",
                    files={"files": ("harbour.txt", HARBOUR)},
                    data={"document_id": document_id},
                )
                assert uploaded.status_code == 201
                path = f"/v1/collections/default/documents/{quote(document_id, safe='')}"
                assert client.get(path).json()["document_id"] == document_id
        finally:
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=30)[1]
    assert b"Traceback" not in said
    assert f"http://127.0.0.1:{port}".encode() in said
    kept = CommandLine(tmp_path).json("ask", "What is the harbour fee?")
    assert kept["answerable"]


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/ready").status_code == 200:
                return
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError("the server did not become ready")


def test_serve_on_a_port_in_use_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = ragqwen(tmp_path, "serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode != 0
    assert b"ddress already in use; give another --host or --port" in done.stderr
    assert b"Traceback" not in done.stderr
