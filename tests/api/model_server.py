"""A small OpenAI-compatible server on this machine, which says what a test gives it."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

Delta = dict[str, Any]
Ending = Literal["whole", "lost", "silent"]


def content(*pieces: str) -> list[Delta]:
    """Return deltas of an answer's text."""
    return [{"content": piece} for piece in pieces]


def reasoning(*pieces: str, key: str = "reasoning") -> list[Delta]:
    """Return deltas of what the server marks as thinking."""
    return [{key: piece} for piece in pieces]


def graded(**chances: float) -> dict[str, Any]:
    """Return a choice of one token, with the chances of `g1` to `g5`."""
    tokens = [
        {"token": name.removeprefix("g"), "logprob": math.log(chance), "bytes": None}
        for name, chance in chances.items()
    ]
    logprobs = {"content": [{**tokens[0], "top_logprobs": tokens}]}
    return {"message": {"content": tokens[0]["token"]}, "logprobs": logprobs}


def calling(*calls: tuple[str, Any], **message: Any) -> dict[str, Any]:
    """Return a choice that calls tools, each a name and its arguments as the model wrote them."""
    made = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(calls)
    ]
    return {"message": {"content": None, **message, "tool_calls": made}}


@dataclass(frozen=True)
class Attempt:
    """What is streamed in answer to one request, and how that ends."""

    deltas: list[Delta]
    ending: Ending = "whole"


@dataclass
class ModelServer:
    """`bodies` is what was asked; `deltas`, `status` and `error` say how it answers.

    What is to be streamed gets `attempts` in turn, then `deltas` with `ending`: whole, with the
    connection lost, or silent, without a word that it is whole.

    What is to be answered whole gets `choices` in turn, after so many `seconds`, and is said to
    have so many `tokens`; without one left, or with None, it is refused.
    """

    deltas: list[Delta] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    ending: Ending = "whole"
    choices: list[dict[str, Any] | None] = field(default_factory=list)
    seconds: float = 0
    tokens: int = 20
    status: int = 200
    error: str | None = None
    bodies: list[dict[str, Any]] = field(default_factory=list)
    authorization: str | None = None
    base_url: str = ""

    def reset(self) -> None:
        """Forget what was asked and say nothing, without an error."""
        self.deltas, self.status, self.error = [], 200, None
        self.attempts, self.ending = [], "whole"
        self.choices, self.seconds, self.tokens = [], 0, 20
        self.bodies, self.authorization = [], None

    def prompt(self) -> str:
        """Return all text of the last request's messages."""
        return "\n".join(message["content"] for message in self.bodies[-1]["messages"])

    def app(self) -> FastAPI:
        """Return the server's app."""
        app = FastAPI()

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> Any:
            self.bodies.append(await request.json())
            self.authorization = request.headers.get("authorization")
            if not self.bodies[-1].get("stream"):
                return await self._whole()
            if self.status != 200:
                return JSONResponse({"error": {"message": "no such model"}}, self.status)
            return StreamingResponse(self._events(), media_type="text/event-stream")

        return app

    async def _whole(self) -> JSONResponse:
        await asyncio.sleep(self.seconds)
        choice = self.choices.pop(0) if self.choices else None
        if choice is None:
            return JSONResponse({"error": {"message": "not here"}}, 400)
        usage = {"prompt_tokens": 9, "completion_tokens": self.tokens}
        return JSONResponse({"choices": [{"finish_reason": "stop", **choice}], "usage": usage})

    def _events(self) -> Iterator[str]:
        now = Attempt(self.deltas, self.ending)
        if self.attempts:
            now = self.attempts.pop(0)
        chunks: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": delta}]} for delta in now.deltas
        ]
        if self.error:
            chunks.append({"error": {"message": self.error}})
        elif now.ending == "whole":
            chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            chunks.append({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})
        for chunk in chunks:
            yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
        if now.ending == "lost":
            raise ConnectionResetError
        if now.ending == "whole":
            yield "data: [DONE]\n\n"


def run(server: ModelServer) -> Iterator[ModelServer]:
    """Serve on a free port, in a thread, until the generator is closed."""
    with served(server.app()) as address:
        server.base_url = f"http://{address}/v1"
        yield server


@contextmanager
def served(app: Any, lifespan: Literal["on", "off"] = "off") -> Iterator[str]:
    """Serve an app on a free port, in a thread; give its host and port."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", lifespan=lifespan, ws="none"
    )
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(target=uvicorn_server.run)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not uvicorn_server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        port = uvicorn_server.servers[0].sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    finally:
        uvicorn_server.should_exit = True
        thread.join(timeout=10)
