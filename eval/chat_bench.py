"""What QwenChat costs on top of a bare request to the same server, many streams at once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from statistics import median
from typing import Any, cast

import httpx
from langchain_core.messages import HumanMessage

from ragqwen.generation import QwenChat

_MAX_TOKENS = 40
_QUESTION = "Tell what you know of ferries, stream {number}."

Stream = Callable[[int], AsyncIterator[bool]]  # yields for each piece whether it has text


def measure(chat: QwenChat, *, n_streams: int = 32, n_rounds: int = 5) -> dict[str, float]:
    """Stream bare and through QwenChat in turns, and compare the medians of the rounds.

    The first round of each is not counted. All streams of a round start at once.
    """
    rounds: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
    for _ in range(n_rounds + 1):
        rounds["bare"].append(asyncio.run(_round_bare(chat, n_streams)))
        rounds["ours"].append(asyncio.run(_round(lambda number: _ours(chat, number), n_streams)))
    first = {name: median(first for first, _ in found[1:]) for name, found in rounds.items()}
    rate = {name: median(rate for _, rate in found[1:]) for name, found in rounds.items()}
    return {
        "streams": n_streams,
        "bare_first_token_ms": 1000 * first["bare"],
        "first_token_over_bare_ms": 1000 * (first["ours"] - first["bare"]),
        "bare_pieces_per_s": rate["bare"],
        "throughput_to_bare": rate["ours"] / rate["bare"],
    }


async def _round_bare(chat: QwenChat, n_streams: int) -> tuple[float, float]:
    limits = httpx.Limits(max_connections=n_streams)
    async with httpx.AsyncClient(timeout=chat.timeout_seconds, limits=limits) as client:
        return await _round(lambda number: _bare(client, chat, number), n_streams)


async def _round(stream: Stream, n_streams: int) -> tuple[float, float]:
    """Return the median seconds to the first piece, and pieces a second of all streams."""
    start = time.perf_counter()

    async def read(number: int) -> tuple[float, int]:
        first, count = 0.0, 0
        async with aclosing(cast(Any, stream(number))) as pieces:
            async for has_text in pieces:
                count += has_text
                first = first or (time.perf_counter() - start if has_text else 0.0)
        return first, count

    found = await asyncio.gather(*map(read, range(n_streams)))
    elapsed = time.perf_counter() - start
    return median(first for first, _ in found), sum(count for _, count in found) / elapsed


async def _bare(client: httpx.AsyncClient, chat: QwenChat, number: int) -> AsyncIterator[bool]:
    body = {
        "model": chat.model,
        "messages": [{"role": "user", "content": _QUESTION.format(number=number)}],
        "max_tokens": _MAX_TOKENS,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.7,
        "top_p": 0.8,
        "top_k": 20,
        "min_p": 0.0,
        "chat_template_kwargs": {"enable_thinking": False},
    }
    headers = {"Authorization": f"Bearer {chat.api_key}"} if chat.api_key else {}
    url = chat.base_url.rstrip("/") + "/chat/completions"
    async with client.stream("POST", url, json=body, headers=headers) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("data:") and not line.endswith("[DONE]"):
                choices = json.loads(line.removeprefix("data:"))["choices"]
                yield bool(choices and choices[0]["delta"].get("content"))


async def _ours(chat: QwenChat, number: int) -> AsyncIterator[bool]:
    messages = [HumanMessage(_QUESTION.format(number=number))]
    given = {"max_tokens": _MAX_TOKENS, "thinking_budget": 0, "ignore_eos": True}
    async for chunk in chat.astream(messages, **cast(Any, given)):
        yield bool(chunk.text)
