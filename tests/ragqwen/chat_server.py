"""A fake server of a chat model, and the ways to ask it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage

from ragqwen.generation import QwenChat

QUESTION = [SystemMessage("Be brief."), HumanMessage("When?")]


class Server:
    """A fake server: gives its responses in turn, the last again; keeps what it was sent."""

    def __init__(
        self,
        *texts: str,
        text: str = "",
        status: int = 200,
        error: Exception | None = None,
        n_busy: int = 0,
    ) -> None:
        self._texts, self._status, self._error = list(texts) or [text], status, error
        self._n_busy = n_busy
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._error:
            raise self._error
        if len(self.requests) <= self._n_busy:
            return httpx.Response(503, headers={"retry-after": "0"})
        text = self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
        return httpx.Response(self._status, content=text.encode())

    @property
    def body(self) -> dict[str, Any]:
        """Return the last request's body."""
        return self.bodies[-1]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Return the bodies of all requests."""
        return [json.loads(request.content) for request in self.requests]

    def chat(self, **more: Any) -> QwenChat:
        """Return a chat model that speaks to this server."""
        given = {"base_url": "http://model/v1/", "model": "Qwen/Qwen3-8B", **more}
        transport = httpx.MockTransport(self)
        return QwenChat(transport=transport, async_transport=transport, **given)


def reply(**message: Any) -> str:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    choice = {"message": message, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": usage})


def events(*deltas: dict[str, Any] | str) -> str:
    lines = [
        delta
        if isinstance(delta, str)
        else "data: " + json.dumps({"choices": [{"delta": delta}]}, ensure_ascii=False)
        for delta in deltas
    ]
    return "\n\n".join([*lines, "data: [DONE]", ""])


def stream(chat: QwenChat) -> str:
    return "".join(chunk.text for chunk in chat.stream(QUESTION))


def invoke(chat: QwenChat) -> str:
    return chat.invoke(QUESTION).text


def ainvoke(chat: QwenChat) -> str:
    return asyncio.run(chat.ainvoke(QUESTION)).text


def astream(chat: QwenChat) -> str:
    async def read() -> str:
        return "".join([chunk.text async for chunk in chat.astream(QUESTION)])

    return asyncio.run(read())


def gather(chat: QwenChat, **more: Any) -> AIMessageChunk:
    """Stream a message and put it together."""
    whole = AIMessageChunk(content="")
    for chunk in chat.stream(QUESTION, **more):
        whole += cast(AIMessageChunk, chunk)
    return whole


ways = pytest.mark.parametrize("ask", [invoke, stream, ainvoke, astream])
Ask = Callable[[QwenChat], str]
