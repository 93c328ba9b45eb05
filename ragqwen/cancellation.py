"""Giving up what threads have asked of models' servers, once nobody waits for it any more.

A thread that waits for a server's next byte can't be interrupted, but its connection can be shut
down by another thread: the wait ends at once, and the server knows that it can stop.
"""

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread

from ragqwen.errors import GivenUp

_CONNECTED = "connect_tcp.complete"  # how httpcore's name ends; TLS begins after it
_Item = TypeVar("_Item")
Trace = Callable[[str, Mapping[str, Any]], None]
"""httpx's extension `trace`, which a request tells of what happens to it."""


class Cancellation:
    """What is asked of servers in its scope is given up when another thread calls `cancel`."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Make it this thread's own, within the `with`."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    async def in_threads(
        self, items: Iterator[_Item], limiter: CapacityLimiter | None = None
    ) -> AsyncIterator[_Item]:
        """Yield items, each made by a thread in this scope; cancel if not all are asked for.

        :param items: none of which is None.
        :param limiter: says how many threads there may be, otherwise anyio's own.
        """

        def make_next() -> _Item | None:
            with self.scope():
                return next(items, None)

        try:
            while (item := await to_thread.run_sync(make_next, limiter=limiter)) is not None:
                yield item
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Shut down all connections, now and from now on."""
        with self._lock:
            self._cancelled.set()
            for connection in self._connections:
                _shut_down(connection)

    def check(self) -> None:
        """Do nothing, unless it was cancelled.

        :raises GivenUp: if it was.
        """
        if self._cancelled.is_set():
            raise GivenUp("an answer was given up: whoever asked for it has gone")

    def sleep(self, seconds: float) -> None:
        """Wait, or wake up and raise as `check` does."""
        self._cancelled.wait(seconds)
        self.check()

    @contextlib.contextmanager
    def connections(self) -> Iterator[Trace]:
        """Give requests a `trace`, which lets `cancel` shut their connections down in the `with`.

        A handle of our own on each connection does that in the middle of a TLS handshake too, when
        the socket has changed hands and can't be reached otherwise.
        """
        ours: list[socket.socket] = []

        def trace(event: str, about: Mapping[str, Any]) -> None:
            if not event.endswith(_CONNECTED):
                return
            connection: socket.socket = about["return_value"].get_extra_info("socket").dup()
            ours.append(connection)
            with self._lock:
                self._connections.add(connection)
                if self._cancelled.is_set():
                    _shut_down(connection)

        try:
            yield trace
        finally:
            with self._lock:
                self._connections.difference_update(ours)
            for connection in ours:
                connection.close()


_current: ContextVar[Cancellation] = ContextVar("cancellation")


def current() -> Cancellation:
    """Return that of this thread's scope, otherwise one that nobody will cancel."""
    return _current.get(None) or Cancellation()


def sleep(seconds: float) -> None:
    """Wait, but no longer than there is someone who waits too.

    :raises GivenUp: if there is nobody any more.
    """
    current().sleep(seconds)


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended already
        connection.shutdown(socket.SHUT_RDWR)
