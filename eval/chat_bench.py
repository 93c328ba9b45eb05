"""What QwenChat costs on top of a bare request to the same server, many streams at once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

import httpx
import numpy as np
from langchain_core.messages import HumanMessage

from ragqwen.generation import QwenChat

_MAX_TOKENS = 40
_GREEDY = 0.0  # so that a small server's time isn't spent on sorting chances: the harder comparison
_RESAMPLES = 10_000
_QUESTION = "Tell what you know of ferries, stream {number}."

Stream = Callable[[int], AsyncIterator[bool]]  # yields for each piece whether it has text


@dataclass(frozen=True, slots=True)
class _Round:
    """What the streams of a round took: to their first piece in the median, and all in all.

    `first_token_cpu_seconds` is what this process worked until then, which is all that it can have
    kept a stream waiting for; other processes do not show in it.
    """

    first_token_seconds: float
    first_token_cpu_seconds: float
    pieces_per_second: float


def measure(chat: QwenChat, *, n_streams: int = 32, n_pairs: int = 40) -> dict[str, Any]:
    """Stream bare and through QwenChat in turns, and compare them pair by pair.

    A machine that is busy now and idle then is so for both of a pair, which follow each other, in
    turns with one and the other first. The first pair is not counted; all streams of a round start
    at once. Differences and ratios are medians over the pairs, with their 95 % interval.
    """
    pairs: list[tuple[_Round, _Round]] = []
    for number in range(n_pairs + 1):
        if number % 2:
            ours, bare = _our_round(chat, n_streams), _bare_round(chat, n_streams)
        else:
            bare, ours = _bare_round(chat, n_streams), _our_round(chat, n_streams)
        pairs.append((bare, ours))
    counted = pairs[1:]
    later = [1000 * (ours.first_token_seconds - bare.first_token_seconds) for bare, ours in counted]
    rates = [ours.pieces_per_second / bare.pieces_per_second for bare, ours in counted]
    cpu = [
        1000 * (ours.first_token_cpu_seconds - bare.first_token_cpu_seconds)
        for bare, ours in counted
    ]
    return {
        "streams": n_streams,
        "pairs": n_pairs,
        "bare_first_token_ms": 1000 * median(bare.first_token_seconds for bare, _ in counted),
        "first_token_over_bare_ms": median(later),
        "first_token_over_bare_interval": _interval(later),
        "first_token_cpu_over_bare_ms": median(cpu),
        "first_token_cpu_over_bare_interval": _interval(cpu),
        "bare_pieces_per_s": median(bare.pieces_per_second for bare, _ in counted),
        "throughput_to_bare": median(rates),
        "throughput_to_bare_interval": _interval(rates),
    }


def _interval(values: Sequence[float]) -> list[float]:
    """Return the 95 % interval of a median: of resamples' medians, the middle 95 %."""
    rng = np.random.default_rng(7)
    medians = np.median(rng.choice(values, (_RESAMPLES, len(values))), axis=1)
    return [float(edge) for edge in np.quantile(medians, [0.025, 0.975])]


def _our_round(chat: QwenChat, n_streams: int) -> _Round:
    return asyncio.run(_round(lambda number: _ours(chat, number), n_streams))


def _bare_round(chat: QwenChat, n_streams: int) -> _Round:
    return asyncio.run(_round_bare(chat, n_streams))


async def _round_bare(chat: QwenChat, n_streams: int) -> _Round:
    limits = httpx.Limits(max_connections=n_streams)
    async with httpx.AsyncClient(timeout=chat.timeout_seconds, limits=limits) as client:
        return await _round(lambda number: _bare(client, chat, number), n_streams)


async def _round(stream: Stream, n_streams: int) -> _Round:
    start, cpu_start = time.perf_counter(), time.process_time()

    async def read(number: int) -> tuple[float, float, int]:
        first, cpu, count = 0.0, 0.0, 0
        async with aclosing(cast(Any, stream(number))) as pieces:
            async for has_text in pieces:
                if has_text and not count:
                    first = time.perf_counter() - start
                    cpu = time.process_time() - cpu_start
                count += has_text
        return first, cpu, count

    found = await asyncio.gather(*map(read, range(n_streams)))
    elapsed = time.perf_counter() - start
    return _Round(
        first_token_seconds=median(first for first, _, _ in found),
        first_token_cpu_seconds=median(cpu for _, cpu, _ in found),
        pieces_per_second=sum(count for _, _, count in found) / elapsed,
    )


async def _bare(client: httpx.AsyncClient, chat: QwenChat, number: int) -> AsyncIterator[bool]:
    body = {
        "model": chat.model,
        "messages": [{"role": "user", "content": _QUESTION.format(number=number)}],
        "max_tokens": _MAX_TOKENS,
        "ignore_eos": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": _GREEDY,
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
    given = {
        "max_tokens": _MAX_TOKENS,
        "thinking_budget": 0,
        "ignore_eos": True,
        "temperature": _GREEDY,
    }
    async for chunk in chat.astream(messages, **cast(Any, given)):
        yield bool(chunk.text)
