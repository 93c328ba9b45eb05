"""What there is time to think, by how fast a model was seen to write."""

import time
from collections.abc import Iterator

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessageChunk
from langchain_core.messages.ai import UsageMetadata

from ragqwen.pace import Pace


class Clock:
    """A time that goes on when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def chunks(
        self, wait: float, writes: float, n_tokens: int, n_thought: int = 0
    ) -> Iterator[BaseMessageChunk]:
        """Yield the first chunk after a wait and the last one, with the usage, after writing."""
        self.now += wait
        for _ in range(99):
            yield AIMessageChunk("At")
            self.now += writes / 99
        yield AIMessageChunk(
            " six.",
            usage_metadata=UsageMetadata(
                input_tokens=9,
                output_tokens=n_tokens,
                total_tokens=9 + n_tokens,
                output_token_details={"reasoning": n_thought},
            ),
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_at_first_a_pace_is_assumed_and_an_answer_left_room_for() -> None:
    pace = Pace(50)
    assert pace.thinking_tokens(24) == 24 * 50 - 200
    assert pace.thinking_tokens(1) == 0


def test_the_first_answer_says_how_fast_the_model_is(clock: Clock) -> None:
    pace = Pace(50)
    assert len(list(pace.timed(clock.chunks(2, 10, n_tokens=1000, n_thought=900)))) == 100
    assert pace.thinking_tokens(12) == 10 * 100 - 100


def test_a_busy_server_shows_soon(clock: Clock) -> None:
    pace = Pace()
    for seconds in [10] * 20 + [40] * 12:
        list(pace.timed(clock.chunks(0, seconds, n_tokens=1000)))
    assert 25 * 100 - 1000 <= pace.thinking_tokens(100) < 30 * 100 - 1000


def test_an_answer_that_comes_at_once_was_written_while_one_waited(clock: Clock) -> None:
    pace = Pace(50)
    whole = [*clock.chunks(0, 0, n_tokens=1000)][-1:]

    def sent() -> Iterator[BaseMessageChunk]:
        clock.now += 10
        yield from whole

    list(pace.timed(sent()))
    assert pace.thinking_tokens(20) == 20 * 100 - 1000


def test_a_slow_reader_says_nothing_of_the_model(clock: Clock) -> None:
    pace = Pace(50)
    for _ in pace.timed(clock.chunks(1, 1, n_tokens=1000)):
        clock.now += 1
    assert pace.thinking_tokens(24) == 24 * 50 - 200


@pytest.mark.parametrize("n_tokens", [0, 5])
def test_an_answer_of_few_tokens_says_nothing(clock: Clock, n_tokens: int) -> None:
    pace = Pace(50)
    list(pace.timed(clock.chunks(1, 1, n_tokens=n_tokens)))
    assert pace.thinking_tokens(24) == 24 * 50 - 200


def test_a_stream_that_breaks_off_says_nothing(clock: Clock) -> None:
    pace = Pace(50)
    next(pace.timed(clock.chunks(1, 1, n_tokens=1000)))
    assert pace.thinking_tokens(24) == 24 * 50 - 200
