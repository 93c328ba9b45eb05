"""Answers for clients that may leave: no model goes on writing for one who has gone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from anyio import to_thread
from fastapi import Request

from ragqwen.answer import Answerer, AnswerEvent
from ragqwen.cancellation import Cancellation


async def answer_events(
    request: Request, answerer: Answerer, asked: dict[str, Any]
) -> AsyncIterator[AnswerEvent]:
    """Yield what `Answerer.stream` does, each event made in a thread, while the client is there.

    :raises GivenUp: if it leaves.
    """
    events = answerer.stream(**asked)
    cancellation = Cancellation()

    def make_next() -> AnswerEvent | None:
        with cancellation.scope():
            return next(events, None)

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        cancellation.cancel()

    watching = asyncio.create_task(watch())
    try:
        while event := await to_thread.run_sync(make_next):
            yield event
    finally:
        watching.cancel()
        cancellation.cancel()
