"""What the chat model does where its server is busy, breaks off or sends what is no answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from ragqwen.errors import ModelError, ModelUnavailable
from ragqwen.generation import QwenChat
from tests.ragqwen.chat_server import (
    QUESTION,
    Ask,
    Server,
    astream,
    events,
    gather,
    invoke,
    reply,
    stream,
    ways,
)

# --- patience --------------------------------------------------------------------------------


@ways
def test_a_busy_server_is_asked_again(ask: Ask) -> None:
    text = events({"content": "At six."}) if "stream" in ask.__name__ else reply(content="At six.")
    server = Server(text=text, n_busy=2)
    assert ask(server.chat()) == "At six."
    assert len(server.requests) == 3


@ways
def test_a_server_that_stays_busy_is_unavailable(ask: Ask) -> None:
    server = Server(n_busy=99)
    with pytest.raises(ModelUnavailable, match="is busy"):
        ask(server.chat())
    assert len(server.requests) == 5


def test_once_the_answer_has_begun_nothing_is_asked_again() -> None:
    server = Server(text=events({"content": "At "}, 'data: {"error": "overloaded"}'))
    with pytest.raises(ModelError, match="overloaded"):
        stream(server.chat())
    assert len(server.requests) == 1


def test_a_cancelled_stream_closes_its_connection() -> None:
    closed = asyncio.Event()

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield events({"content": "At "}).encode().removesuffix(b"data: [DONE]\n\n")
            await asyncio.sleep(60)

        async def aclose(self) -> None:
            closed.set()

    async def give_up() -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
        chat = QwenChat(base_url="http://model", model="m", async_transport=transport)
        begun = asyncio.Event()

        async def read() -> None:
            async for _ in chat.astream(QUESTION):
                begun.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(begun.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)

    asyncio.run(give_up())


# --- what goes wrong -------------------------------------------------------------------------


@ways
def test_an_error_of_the_server_is_told_with_what_it_said(ask: Ask) -> None:
    with pytest.raises(ModelError, match="answered 500: out of memory"):
        ask(Server(status=500, text="out of memory").chat())


@ways
@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("gone")]
)
def test_a_server_that_does_not_answer_is_unavailable(ask: Ask, error: Exception) -> None:
    with pytest.raises(ModelUnavailable, match=r"http://model/v1 .*RAGQWEN_LLM_BASE_URL"):
        ask(Server(error=error).chat())


@ways
@pytest.mark.parametrize("base_url", ["http://[::1", "http://model:port/v1"])
def test_an_address_that_is_none_is_unavailable(ask: Ask, base_url: str) -> None:
    with pytest.raises(ModelUnavailable, match="RAGQWEN_LLM_BASE_URL"):
        ask(Server(text=reply(content="x")).chat(base_url=base_url))


@pytest.mark.parametrize(
    "text",
    [
        "<html>",
        "",
        "[1]",
        "{}",
        '{"choices": []}',
        '{"choices": null}',
        '{"choices": [1]}',
        '{"choices": [{"message": null}]}',
        '{"choices": [{"message": {"content": 5}}]}',
    ],
)
def test_an_odd_reply_is_an_error_of_the_model(text: str) -> None:
    with pytest.raises(ModelError, match=r"sent (no JSON object|no message|an odd reply)"):
        invoke(Server(text=text).chat())


@pytest.mark.parametrize("line", ['data: {"choices', "data: [1]", "data: 5", "data: null"])
def test_an_odd_event_is_an_error_of_the_model(line: str) -> None:
    with pytest.raises(ModelError, match="event"):
        stream(Server(text=events({"content": "At "}, line)).chat())


@pytest.mark.parametrize("ask", [stream, astream])
@pytest.mark.parametrize(
    "odd",
    [
        '"choices": {}',
        '"choices": [{"delta": "At six."}]',
        '"choices": [{"delta": {"content": 5}}]',
        '"choices": [{"delta": {"content": [{"type": "text", "text": "At six."}]}}]',
        '"choices": [{"delta": {"reasoning": {"text": "Hm."}}}]',
        '"choices": [{"delta": {"tool_calls": 5}}]',
        '"usage": [1]',
        '"usage": {"completion_tokens": "many"}',
        '"usage": {"completion_tokens_details": [1]}',
    ],
)
def test_what_is_not_as_openai_sends_it_is_an_error_of_the_model(ask: Ask, odd: str) -> None:
    with pytest.raises(ModelError, match="sent an odd reply"):
        ask(Server(text=events({"content": "At "}, f"data: {{{odd}}}")).chat())


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([r"a \ud83d", r"\ude80 b"], "a 🚀 b"),
        ([r"a \ud83d", " b"], "a \N{REPLACEMENT CHARACTER} b"),
        ([r"a \ude80 b"], "a \N{REPLACEMENT CHARACTER} b"),
        ([r"a \ud83d"], "a "),
    ],
)
def test_half_a_character_is_joined_with_the_other_or_replaced(
    pieces: list[str], text: str
) -> None:
    lines = [f'data: {{"choices": [{{"delta": {{"content": "{piece}"}}}}]}}' for piece in pieces]
    assert stream(Server(text=events(*lines)).chat()) == text


def test_half_a_character_of_thinking_is_joined_with_the_other() -> None:
    halves = [r"\ud83d", r"\ude80"]
    lines = [f'data: {{"choices": [{{"delta": {{"reasoning": "{half}"}}}}]}}' for half in halves]
    message = gather(Server(text=events(*lines, {"content": "At six."})).chat())
    assert message.additional_kwargs == {"reasoning_content": "🚀"}


@pytest.mark.parametrize("text", ["", "data: [DONE]\n\n", "<html>", reply(content="whole")])
def test_a_stream_of_nothing_is_an_error_of_the_model(text: str) -> None:
    with pytest.raises(ModelError, match="sent no events"):
        stream(Server(text=text).chat())


@pytest.mark.parametrize("ask", [stream, astream])
def test_a_stream_that_just_ends_was_broken_off(ask: Ask) -> None:
    text = events({"content": "The user wants"}).removesuffix("data: [DONE]\n\n")
    with pytest.raises(ModelError, match=r"broke off: .*without a finish_reason or \[DONE\]"):
        ask(Server(text=text).chat())


@pytest.mark.parametrize("line", ["data: [DONE]", 'data: {"choices":[{"finish_reason":"stop"}]}'])
def test_either_end_of_a_stream_will_do(line: str) -> None:
    text = events({"content": "At six."}).removesuffix("data: [DONE]\n\n")
    assert stream(Server(text=f"{text}{line}\n\n").chat()) == "At six."


def test_an_error_in_the_middle_of_a_stream_is_told() -> None:
    line = 'data: {"error": {"message": "out of memory"}}'
    with pytest.raises(ModelError, match=r"broke off: .*out of memory"):
        stream(Server(text=events({"content": "At "}, line)).chat())


def test_a_connection_that_breaks_in_a_stream_is_unavailable() -> None:
    def pieces() -> Iterator[bytes]:
        yield events({"content": "At "}).encode()[:60]
        raise httpx.ReadError("gone")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pieces()))
    with pytest.raises(ModelUnavailable, match="gone"):
        stream(QwenChat(base_url="http://model", model="m", transport=transport))
