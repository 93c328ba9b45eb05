"""A real vLLM server for tests, where RAGQWEN_TEST_VLLM names a `vllm` executable."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

VLLM = os.environ.get("RAGQWEN_TEST_VLLM")  # before the tests hide it
needs_vllm = pytest.mark.skipif(
    not VLLM, reason="RAGQWEN_TEST_VLLM names no vllm executable (CONTRIBUTING.md)"
)
CHAT_MODEL = "Qwen/Qwen3-0.6B"  # what the chat model is served as
CONTEXT = 16_384
QUIET = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
START_SECONDS = 600


@contextmanager
def served(folder: Path, log: Path, *options: str) -> Iterator[str]:
    """Serve a model with vLLM by its folder's name; yield the base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(VLLM), "serve", str(folder), "--max-model-len", str(CONTEXT)]
    command += ["--enforce-eager", "--host", "127.0.0.1", "--port", str(port), *options]
    environment = {**os.environ, **QUIET}
    environment.pop("PYTHONPATH", None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, cwd=log.parent
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(1)
    pytest.fail(f"vLLM did not start: {log.read_text('utf-8', 'replace')[-3000:]}")
