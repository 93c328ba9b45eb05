"""A `vllm serve` that is looked after, with a stand-in for the executable."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from api.cli import main
from api.model_commands import visible_gpus_gb
from api.vllm_process import VllmProcess
from api.wiring import Service
from ragqwen.errors import ModelUnavailable, StoreError
from ragqwen.settings import Settings

# Answers /health, notes its arguments, and starts a worker, as vLLM does
SERVER = """\
#!{python}
import http.server, pathlib, subprocess, sys, time
folder = pathlib.Path(__file__).parent
with (folder / "calls").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if (folder / "broken").exists():
    sys.exit("the model does not fit")
while (folder / "hung").exists():
    time.sleep(0.05)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with (folder / "workers").open("a") as workers:
    workers.write(f"{{worker.pid}}\\n")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if (folder / "ill").exists() else 200)
        self.end_headers()
    def log_message(self, *_):
        pass
port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def command(tmp_path: Path) -> Path:
    path = tmp_path / "vllm"
    path.write_text(SERVER.format(python=sys.executable))
    path.chmod(0o755)
    return path


def server(command: Path, said: list[str] | None = None, **more: Any) -> VllmProcess:
    return VllmProcess(
        "Qwen/Qwen3-8B",
        ["--max-model-len", "4096"],
        log=command.parent / "logs" / "vllm.log",
        command=str(command),
        say=(said if said is not None else []).append,
        health_seconds=0.05,
        **more,
    )


def healthy(process: VllmProcess) -> bool:
    try:
        return httpx.get(process.base_url.removesuffix("/v1") + "/health").is_success
    except httpx.HTTPError:
        return False


def runs(process_id: int) -> bool:
    """Say whether a process runs; one that is dead and not yet fetched by its parent doesn't."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def workers(command: Path) -> list[int]:
    return [int(line) for line in (command.parent / "workers").read_text().split()]


def test_it_answers_when_the_context_begins_and_is_gone_with_its_workers_after(
    command: Path,
) -> None:
    with server(command) as process:
        assert healthy(process)
        process_id = process.process_id
    assert process_id
    assert eventually(lambda: not any(map(runs, [process_id, *workers(command)])))
    call = (command.parent / "calls").read_text()
    assert call.startswith("serve Qwen/Qwen3-8B --host 127.0.0.1 --port ")
    assert call.endswith("--max-model-len 4096\n")


def test_a_server_that_is_killed_is_started_again(command: Path) -> None:
    said: list[str] = []
    with server(command, said) as process:
        first = process.process_id
        assert first
        os.killpg(first, signal.SIGKILL)
        assert eventually(lambda: process.process_id not in (first, None) and healthy(process))
    assert any("started again" in line for line in said)
    assert eventually(lambda: not any(map(runs, workers(command))))


def test_a_server_that_stays_ill_is_started_again(command: Path) -> None:
    with server(command) as process:
        first = process.process_id
        ill = command.parent / "ill"
        ill.touch()
        assert eventually(lambda: process.process_id != first)
        ill.unlink()
        assert eventually(lambda: healthy(process))


def test_a_restart_that_hangs_is_given_up_for_another(command: Path) -> None:
    said: list[str] = []
    hung = command.parent / "hung"
    with server(command, said, restart_seconds=0.5) as process:
        hung.touch()
        assert process.process_id
        os.killpg(process.process_id, signal.SIGKILL)
        assert eventually(lambda: sum("starts" in line for line in said) >= 3)
        hung.unlink()
        assert eventually(lambda: healthy(process))
    assert any("was not ready after" in line and "given up" in line for line in said)
    waits = [line for line in said if "started again in" in line]
    assert ["in 1 s" in waits[0], "in 2 s" in waits[1]] == [True, True]


def test_a_server_that_ends_at_once_is_reported_with_its_log(command: Path) -> None:
    (command.parent / "broken").touch()
    with pytest.raises(ModelUnavailable, match="the model does not fit"), server(command):
        pass


def test_a_missing_command_says_what_to_install(tmp_path: Path) -> None:
    process = VllmProcess("m", log=tmp_path / "log", command=str(tmp_path / "none"))
    with pytest.raises(ModelUnavailable, match=r"ragqwen\[vllm\]"), process:
        pass


def test_models_says_what_to_run_with_the_arithmetic() -> None:
    result = CliRunner().invoke(main, ["models", "--memory", "24"])
    assert result.exit_code == 0
    assert "Run Qwen/Qwen3-8B-FP8: 9.3 GB weights + 9.7 GB KV cache" in result.output
    assert "ragqwen serve --vllm Qwen/Qwen3-8B-FP8" in result.output
    assert "vllm serve Qwen/Qwen3-8B-FP8 --reasoning-parser qwen3" in result.output


@pytest.mark.parametrize(
    ("memory", "room"),
    [("8", "--concurrency 2 --context 16384 or --concurrency 4 --context 10240"), ("1", "no")],
)
def test_models_says_what_there_is_room_for_when_none_fits(memory: str, room: str) -> None:
    result = CliRunner().invoke(main, ["models", "--memory", memory])
    assert result.exit_code == 0
    assert "None fits" in result.output
    assert f"There is room for {room}" in result.output


@pytest.mark.parametrize("memory", [["--memory", "24"], []])
def test_models_refuses_a_context_that_no_size_has(memory: list[str]) -> None:
    result = CliRunner().invoke(main, ["models", *memory, "--context", "200000"])
    assert result.exit_code == 1
    assert "131,072" in result.output


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("echo 24564; echo 24564", 2),
        ("exec sleep 60", 0),
        ("echo no devices; exit 9", 0),
    ],
)
def test_gpus_are_seen_where_their_tool_says_so_in_time(
    script: str, seen: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert len(visible_gpus_gb(timeout_seconds=2)) == seen


def serve_vllm(command: Path, *options: str, **environment: str) -> Result:
    environment["RAGQWEN_VLLM_COMMAND"] = str(command)
    arguments = ["--data-dir", str(command.parent / "data"), "serve", "--vllm", "m", *options]
    return CliRunner().invoke(main, arguments, env=environment)


@pytest.mark.parametrize(
    ("options", "environment", "advice"),
    [
        (["--vllm-context", "1024"], {}, "RAGQWEN_LLM_CONTEXT_TOKENS"),
        (
            ["--vllm-context", "4096"],
            {"RAGQWEN_LLM_MAX_ANSWER_TOKENS": "4000"},
            "lower RAGQWEN_LLM_MAX_ANSWER_TOKENS",
        ),
    ],
)
def test_serve_refuses_what_its_model_has_no_room_for_before_it_starts_it(
    command: Path, options: list[str], environment: dict[str, str], advice: str
) -> None:
    result = serve_vllm(command, "--port", "0", *options, **environment)
    assert result.exit_code == 1
    assert advice in result.output
    assert not (command.parent / "calls").exists()


def test_serve_tries_its_port_before_it_starts_a_model(command: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = serve_vllm(command, "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "give another --host or --port" in result.output
    assert not (command.parent / "calls").exists()


def test_serve_takes_its_own_model_for_vllm_whatever_the_environment_says(
    command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Settings] = []

    class Kept(Service):
        def __init__(self, settings: Settings) -> None:
            made.append(settings)
            raise StoreError("far enough")

    monkeypatch.setattr("api.wiring.Service", Kept)
    environment = {"RAGQWEN_LLM_ENGINE": "sglang", "RAGQWEN_LLM_BASE_URL": "http://other/v1"}
    serve_vllm(command, "--port", "0", "--vllm-context", "4096", **environment)
    (settings,) = made
    assert (settings.llm_engine, settings.llm_model) == ("vllm", "m")
    assert settings.llm_base_url.startswith("http://127.0.0.1:")
    assert settings.llm_context_tokens == 4096


def test_serve_says_at_the_start_that_a_context_has_no_room_for_thinking(
    command: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: None)
    serve_vllm(command, "--port", "0", "--vllm-context", "16384")
    assert caplog.messages == []
    serve_vllm(command, "--port", "0", "--vllm-context", "4096")
    assert "nothing will be thought" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_serve_answers_with_its_own_vllm_and_takes_it_along_when_it_ends(
    command: Path, number: signal.Signals
) -> None:
    environment = {**os.environ, "RAGQWEN_VLLM_COMMAND": str(command)}
    folder = str(command.parent / "data")
    arguments = ["--data-dir", folder, "serve", "--port", "0", "--vllm", "Qwen/Qwen3-8B"]
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    with subprocess.Popen(  # which a shell's background jobs don't by themselves
        [sys.executable, "-c", f"{heeding}from api.cli import main; main()", *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr
            assert any(line.startswith("ragqwen serves") for line in process.stderr)
            assert all(map(runs, workers(command)))
            process.send_signal(number)
            process.wait(60)
        finally:
            process.kill()
    assert eventually(lambda: not any(map(runs, workers(command))))
