"""Answers for clients that may leave, in threads of their own.

No model goes on writing for one who has gone, and all else goes on while many wait for a model.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any

from anyio import CapacityLimiter
from fastapi import HTTPException, Request

from ragqwen.answer import Answerer, AnswerEvent
from ragqwen.cancellation import Cancellation

_RETRY_SECONDS = 5


class Answering:
    """Has answers made, so many at once."""

    def __init__(self, max_answers: int = 128) -> None:
        """:param max_answers: each takes a thread, which waits for a model most of the time."""
        self._threads = CapacityLimiter(max_answers)
        self._n_answers = 0  # counted by the event loop's thread alone

    @contextlib.contextmanager
    def room(self) -> Iterator[None]:
        """Hold room for one answer, from the request to the end of its response.

        :raises HTTPException: if there is none.
        """
        if self._n_answers >= self._threads.total_tokens:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{self._n_answers} answers are being made, which is the most at "
                f"once; ask again in {_RETRY_SECONDS} seconds",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        self._n_answers += 1
        try:
            yield
        finally:
            self._n_answers -= 1

    async def events(
        self, request: Request, answerer: Answerer, asked: dict[str, Any]
    ) -> AsyncIterator[AnswerEvent]:
        """Yield what `Answerer.stream` does, made in threads, as long as the client is there.

        :raises GivenUp: if it leaves.
        """
        cancellation = Cancellation()

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            cancellation.cancel()

        watching = asyncio.create_task(watch())
        try:
            events = answerer.stream(**asked)
            async for event in cancellation.in_threads(events, self._threads):
                yield event
        finally:
            watching.cancel()
