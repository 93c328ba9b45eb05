"""A `vllm serve` of our own: started, waited for, started again when it falls, and stopped."""

import contextlib
import math
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from ragqwen.errors import ModelUnavailable

_POLL_SECONDS = 0.5
_HEALTH_SECONDS = 10.0  # between two looks at a server that runs
_UNHEALTHY = 3  # looks in a row without an answer before it is started again
_STOP_SECONDS = 20.0
_MAX_WAIT_SECONDS = 60.0  # between two starts
_LOG_TAIL = 1500
_RESTART_SECONDS = 300.0  # least time that a restart is given to load
_RESTART_FACTOR = 3  # of the time that the first start took
_ENVIRONMENT = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
# Waits until its standard input ends, as it does when ragqwen ends in whatever way, a kill -9 too;
# then ends the process group, by force if it is there after 20 seconds
_GUARD = """\
read -r _
kill -s TERM -- "-$0"
seconds=20
while [ "$seconds" -gt 0 ] && kill -s 0 -- "-$0"; do
    sleep 1
    seconds=$((seconds - 1))
done
kill -s KILL -- "-$0"
"""


class VllmProcess:
    """One `vllm serve` on a free port of this machine, for as long as the context lasts.

    What it prints goes to a log file. When it ends by itself or stops answering `/health`, it is
    started again, after a wait that doubles up to a minute; a restart that hangs is given up for
    another. When this process is killed, a shell that waits for that ends vLLM and its workers.
    """

    def __init__(
        self,
        model: str,
        options: Sequence[str] = (),
        *,
        log: Path,
        port: int | None = None,
        command: str = "vllm",
        say: Callable[[str], None] = lambda _: None,
        health_seconds: float = _HEALTH_SECONDS,
        restart_seconds: float | None = None,
    ) -> None:
        """Note what to run; nothing is started yet.

        :param model: a name such as Qwen/Qwen3-8B, or a folder.
        :param options: of `vllm serve`.
        :param port: where it is to listen, by default on one that is free.
        :param command: the executable.
        :param say: told in a line when it starts, is ready and falls.
        :param health_seconds: between two looks at it.
        :param restart_seconds: the most that a restart may take; by default three times what the
            first start took, and five minutes at least.
        """
        self._model = model
        self._options = list(options)
        self._log = log
        self._command = command
        self._say = say
        self._health_seconds = health_seconds
        self._port = port or free_port()
        self._restart_seconds = restart_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="vllm", daemon=True)

    @property
    def base_url(self) -> str:
        """Return where it takes requests, as in RAGQWEN_LLM_BASE_URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def process_id(self) -> int | None:
        """Return the id of the process that runs now."""
        process = self._process
        return process.pid if process else None

    def __enter__(self) -> Self:
        """Start it and wait until it answers, however long the model takes to load.

        :raises ModelUnavailable: if there is no such command, or it ends before it answers.
        """
        if shutil.which(self._command) is None:
            raise ModelUnavailable(
                f"there is no command {self._command!r}: install the extra "
                "(pip install 'ragqwen[vllm]'), or name the executable by RAGQWEN_VLLM_COMMAND"
            )
        try:
            self._start()
            took = self._wait_until_ready()
            if self._restart_seconds is None:
                self._restart_seconds = max(_RESTART_SECONDS, _RESTART_FACTOR * took)
        except BaseException:  # an interrupt too must not leave it running
            self._stop()
            raise
        self._watcher.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        try:
            self._watcher.join()
            self._stop()
        except BaseException:  # a second interrupt: it must not stay behind
            if self._process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            raise

    def _start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        arguments = [self._command, "serve", self._model, *address, *self._options]
        self._say(f"starts {' '.join(arguments)} (log: {self._log})")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_ENVIRONMENT},
                start_new_session=True,  # its workers stop with it, and not by our own Ctrl-C
            )
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _wait_until_ready(self, limit_seconds: float = math.inf) -> float:
        """Wait until it answers, and return for how many seconds.

        :raises ModelUnavailable: if it ends before, or takes longer than the limit.
        """
        began = time.monotonic()
        while not self._healthy():
            waited = time.monotonic() - began
            trouble = "ended before it was ready" if self._ended() else ""
            if waited > limit_seconds:
                trouble = f"was not ready after {waited:.0f} s and is given up"
            if trouble:
                raise ModelUnavailable(
                    f"vllm {trouble}; see {self._log}, which ends:\n{_tail(self._log)}"
                )
            if self._stopping.wait(_POLL_SECONDS):
                return waited
        took = time.monotonic() - began
        self._say(f"vllm serves {self._model} after {took:.0f} s")
        return took

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _healthy(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self._port}/health"
            return not self._ended() and httpx.get(url, timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _watch(self) -> None:
        """Look after the server until it is to stop."""
        wait, failures = 1.0, 0
        while not self._stopping.wait(self._health_seconds):
            if self._healthy():
                wait, failures = 1.0, 0
                continue
            failures += 1
            if not self._ended() and failures < _UNHEALTHY:
                continue
            self._say(f"vllm fell and is started again in {wait:.0f} s; see {self._log}")
            self._stop()
            if self._stopping.wait(wait):
                return
            wait, failures = min(2 * wait, _MAX_WAIT_SECONDS), 0
            try:
                self._start()
                self._wait_until_ready(self._restart_seconds or math.inf)
            except (ModelUnavailable, OSError) as error:
                self._say(str(error))
                failures = _UNHEALTHY  # so that one that hangs isn't waited for further

    def _stop(self) -> None:
        """End the process and its workers, by force if they don't go."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                break
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        self._process = None
        if self._guard is not None:  # after all else, so that it guards this too
            self._guard.kill()
            self._guard.communicate()
            self._guard = None


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _tail(log: Path) -> str:
    return log.read_bytes()[-_LOG_TAIL:].decode("utf-8", "replace")
