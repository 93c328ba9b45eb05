"""How fast a language model writes, so that a time can be told in tokens.

There is the wait until an answer begins, then so many tokens, each of which takes a time. All three
are means over the answers so far, of which the last dozen count: a busy server shows it soon.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessageChunk

TOKENS_PER_SECOND = 30.0
"""Assumed until an answer has shown better; Qwen3-8B on one consumer GPU writes a little faster."""

_ANSWER_TOKENS = 200.0  # so too
_LEAST_TOKENS = 16  # of an answer that says something of the rate
_AT_ONCE = 50  # tokens in a chunk: from so many on, the model has written before they are sent
_LEAST_WEIGHT = 0.2  # of the newest answer
_WAITED = 0.8  # of the time; less, and the stream was held up by who read it


class Pace:
    """The pace of one model. Threads may share it; at worst an answer is not counted."""

    def __init__(self, tokens_per_second: float = TOKENS_PER_SECOND) -> None:
        """:param tokens_per_second: assumed until an answer has shown it."""
        self._n_answers = 0
        self._wait_seconds = 0.0
        self._token_seconds = 1 / tokens_per_second
        self._answer_tokens = _ANSWER_TOKENS

    def thinking_tokens(self, seconds: float) -> int:
        """Return how many tokens can be thought, if the answer is to be whole after so long."""
        writes = (seconds - self._wait_seconds) / self._token_seconds
        return max(0, int(writes - self._answer_tokens))

    def timed(self, chunks: "Iterator[BaseMessageChunk]") -> "Iterator[BaseMessageChunk]":
        """Yield a stream's chunks, and note how fast they came if the last one counts tokens."""
        started = asked = time.perf_counter()
        waited = first = 0.0
        n_chunks = n_tokens = n_thought = 0
        for chunk in chunks:
            waited += time.perf_counter() - asked
            first = first if n_chunks else waited
            n_chunks += 1
            if usage := getattr(chunk, "usage_metadata", None):
                n_tokens += usage["output_tokens"]
                n_thought += usage.get("output_token_details", {}).get("reasoning") or 0
            yield chunk
            asked = time.perf_counter()
        if n_tokens < _LEAST_TOKENS or waited < _WAITED * (asked - started):
            return
        if n_tokens > _AT_ONCE * n_chunks:
            first = 0.0  # the wait was for all of it
        self._note(first, max(waited - first, 1e-3) / n_tokens, n_tokens - n_thought)

    def _note(self, wait_seconds: float, token_seconds: float, answer_tokens: int) -> None:
        self._n_answers += 1
        weight = max(_LEAST_WEIGHT, 1 / self._n_answers)
        self._wait_seconds += weight * (wait_seconds - self._wait_seconds)
        self._token_seconds += weight * (token_seconds - self._token_seconds)
        self._answer_tokens += weight * (answer_tokens - self._answer_tokens)
