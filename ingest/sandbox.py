"""Parse files in child processes: a file that hangs, crashes or eats memory costs only itself."""

import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, TimeoutError
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from ragqwen.errors import DocumentRefused
from ragqwen.records import ParsedFile

MEMORY_BYTES = 4 * 2**30
"""Address space of a child, well above need: libraries map more than they use."""
TIMEOUT_SECONDS = 120.0
"""How long one file may take, its converters included."""
READ_AHEAD = 2
"""How many files wait for each worker in `parse_many`."""
BACKSTOP_SECONDS = 30
"""How much longer than its time-out a child lives when its parent is no more there to end it."""

Reader = Callable[..., ParsedFile]


def read_in_child(path: Path, *, name: str) -> ParsedFile:
    """Read a file; `ingest.readers` is imported here, so that the parent stays light."""
    from ingest.readers import read_file

    return read_file(path, name=name)


class ParserPool:
    """Processes that read files. The first call starts them; `with` or `close` ends them.

    Safe to share between threads.

    :param workers: how many processes, at least 1.
    :param timeout_seconds: how long one file may take before its process is ended.
    :param memory_bytes: how much address space a process may map.
    :param reader: what the processes call; a top-level function, for it is pickled by name.
    """

    def __init__(
        self,
        workers: int,
        timeout_seconds: float = TIMEOUT_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        *,
        reader: Reader = read_in_child,
    ) -> None:
        self._workers = workers
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._reader = reader
        self._lock = threading.Lock()
        self._pool: Any = None
        self._folder: TemporaryDirectory[str] | None = None
        self._closed = False

    def parse(self, path: Path, name: str) -> ParsedFile:
        """Read one file and wait for it.

        :raises DocumentRefused: if it can't be read, takes too long, or ends its process.
        """
        return self._outcome(self._schedule(path, name), name)

    def parse_many(
        self, items: Iterable[tuple[Path, str]]
    ) -> Iterator[tuple[Path, str, ParsedFile | DocumentRefused]]:
        """Read files in the order given, all workers busy, a few files ahead of what is taken.

        :param items: paths and what to call the files.
        """
        waiting: deque[tuple[Path, str, Future[ParsedFile]]] = deque()
        try:
            for path, name in items:
                waiting.append((path, name, self._schedule(path, name)))
                if len(waiting) >= self._workers * (1 + READ_AHEAD):
                    yield self._next(waiting)
            while waiting:
                yield self._next(waiting)
        finally:
            for _, _, future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
            folder, self._folder = self._folder, None
        if pool is not None:
            pool.stop()
            pool.join()
        if folder is not None:
            folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _next(
        self, waiting: deque[tuple[Path, str, Future[ParsedFile]]]
    ) -> tuple[Path, str, ParsedFile | DocumentRefused]:
        path, name, future = waiting.popleft()
        try:
            return path, name, self._outcome(future, name)
        except DocumentRefused as refusal:
            return path, name, refusal

    def _schedule(self, path: Path, name: str) -> Future[ParsedFile]:
        with self._lock:
            if self._closed:
                raise RuntimeError("this ParserPool is closed; make another")
            if self._pool is None:
                from pebble import ProcessPool

                self._folder = TemporaryDirectory(prefix="ragqwen-", ignore_cleanup_errors=True)
                self._pool = ProcessPool(
                    max_workers=self._workers,
                    initializer=_prepare_child,
                    initargs=(self._memory_bytes, self._folder.name),
                    context=get_context("spawn"),
                )
            future: Future[ParsedFile] = self._pool.schedule(
                _read_guarded,
                args=(self._reader, path, name, self._timeout_seconds),
                timeout=self._timeout_seconds,
            )
            return future

    def _outcome(self, future: Future[ParsedFile], name: str) -> ParsedFile:
        from pebble import ProcessExpired

        try:
            return future.result()
        except TimeoutError as exc:
            raise DocumentRefused(
                f"{name} took longer than {self._timeout_seconds:g} seconds to read and was left; "
                "split it, or allow more time"
            ) from exc
        except ProcessExpired as exc:
            raise DocumentRefused(
                f"{name} ended the process that read it (exit code {exc.exitcode}), so it may be "
                "damaged or too large; save it again in the program that made it, or split it"
            ) from exc


def _prepare_child(memory_bytes: int, folder: str) -> None:
    """Bound a child before it opens a file.

    :param folder: for its temporary files, which a child that is ended leaves behind.

    It leads a session, so that ending it (SIGTERM comes when time is up) ends what it started,
    LibreOffice and pandoc, too, and so that Ctrl-C reaches the parent alone.
    """
    if hasattr(os, "setsid"):
        os.setsid()
        signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["TMPDIR"] = tempfile.tempdir = folder
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # each maps memory
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        limit = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read_guarded(reader: Reader, path: Path, name: str, timeout_seconds: float) -> ParsedFile:
    """Read a file in the child: whatever a parser raises comes back as a refusal."""
    if hasattr(signal, "alarm"):  # ends the process by itself, should the parent be gone
        signal.alarm(int(timeout_seconds) + BACKSTOP_SECONDS)
    try:
        return reader(path, name=name)
    except DocumentRefused as refusal:
        raise DocumentRefused(str(refusal)) from None  # its causes may not pickle
    except MemoryError:
        raise DocumentRefused(
            f"{name} needs more memory to read than is allowed; split it, or allow more"
        ) from None
    except Exception as exc:  # noqa: BLE001 - a dozen parsers; their bugs must not end an ingest
        raise DocumentRefused(
            f"{name}: the file looks damaged ({type(exc).__name__}: {str(exc)[:200]}); open it in "
            "the program that made it, save it again and ingest that copy"
        ) from None
    finally:
        if hasattr(signal, "alarm"):
            signal.alarm(0)
