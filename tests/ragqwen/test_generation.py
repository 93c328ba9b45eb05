"""Qwen3 over HTTP: what is sent, what is read, and what goes wrong."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from ragqwen.errors import ModelError, ModelUnavailable
from ragqwen.generation import QwenChat

QUESTION = [SystemMessage("Be brief."), HumanMessage("When?")]


class Server:
    """A fake server: gives one response, and keeps what it was sent."""

    def __init__(
        self, *, text: str = "", status: int = 200, error: Exception | None = None
    ) -> None:
        self._text, self._status, self._error = text, status, error
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._error:
            raise self._error
        return httpx.Response(self._status, content=self._text.encode())

    @property
    def body(self) -> dict[str, Any]:
        """Return the last request's body."""
        body: dict[str, Any] = json.loads(self.requests[-1].content)
        return body

    def chat(self, **more: Any) -> QwenChat:
        """Return a chat model that speaks to this server."""
        given = {"base_url": "http://model/v1/", "model": "Qwen/Qwen3-8B", **more}
        return QwenChat(transport=httpx.MockTransport(self), **given)


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


def test_thinking_is_switched_off_and_messages_have_their_roles() -> None:
    server = Server(text=reply(content="At six."))
    server.chat(max_tokens=99).invoke([*QUESTION, AIMessage("At?")], stop=["\n\n"])
    assert str(server.requests[0].url) == "http://model/v1/chat/completions"
    assert server.body["chat_template_kwargs"] == {"enable_thinking": False}
    assert server.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": "At?"},
    ]
    assert (server.body["model"], server.body["max_tokens"]) == ("Qwen/Qwen3-8B", 99)
    assert server.body["stop"] == ["\n\n"]


@pytest.mark.parametrize(("api_key", "header"), [("secret", "Bearer secret"), (None, None)])
def test_a_key_is_sent_as_a_bearer_token(api_key: str | None, header: str | None) -> None:
    server = Server(text=reply(content="At six."))
    server.chat(api_key=api_key).invoke(QUESTION)
    assert server.requests[0].headers.get("authorization") == header


def test_a_key_is_never_shown() -> None:
    chat = Server().chat(api_key="secret")
    assert "secret" not in repr(chat) + str(chat._identifying_params)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_apart_from_the_answer(name: str) -> None:
    message = Server(text=reply(content="At six.", **{name: "Hm."})).chat().invoke(QUESTION)
    assert message.content == "At six."
    assert message.additional_kwargs == {"reasoning_content": "Hm."}


def test_usage_and_finish_reason_are_read() -> None:
    message = Server(text=reply(content="At six.")).chat().invoke(QUESTION)
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "output_token_details": {"reasoning": 2},
    }


def test_a_reply_without_content_is_empty() -> None:
    assert invoke(Server(text=reply(content=None)).chat()) == ""


# --- streaming -------------------------------------------------------------------------------


def test_pieces_come_as_they_are_sent_and_usage_with_them() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    last = "data: " + json.dumps({"choices": [], "usage": usage})
    server = Server(
        text=events({"role": "assistant"}, {"content": "At "}, {"content": "six."}, last)
    )
    chunks = list(server.chat().stream(QUESTION))
    assert [chunk.text for chunk in chunks if chunk.text] == ["At ", "six."]
    assert [c.usage_metadata["total_tokens"] for c in chunks if c.usage_metadata] == [15]
    assert server.body["stream"] is True
    assert server.body["stream_options"] == {"include_usage": True}
    assert server.body["chat_template_kwargs"] == {"enable_thinking": False}


def test_streamed_reasoning_is_kept_apart() -> None:
    chunks = list(
        Server(text=events({"reasoning": "Hm."}, {"content": "Six."})).chat().stream(QUESTION)
    )
    assert "".join(chunk.text for chunk in chunks) == "Six."
    assert chunks[0].additional_kwargs == {"reasoning_content": "Hm."}


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\u0085", "\n", "😀", "မြ"])
def test_any_character_may_be_in_a_piece(char: str) -> None:
    assert stream(Server(text=events({"content": f"a{char}b"})).chat()) == f"a{char}b"


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"])
def test_comments_and_either_line_end_are_taken(end: str) -> None:
    text = events(": ping", "event: x", {"content": "Six."}).replace("\n\n", end)
    assert stream(Server(text=text).chat()) == "Six."


def test_a_stream_that_comes_in_odd_pieces_is_put_together() -> None:
    data = events({"content": "渡轮 "}, {"content": "😀 မြ"}).encode()

    def pieces() -> Iterator[bytes]:
        yield from (data[at : at + 3] for at in range(0, len(data), 3))

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pieces()))
    chat = QwenChat(base_url="http://model", model="m", transport=transport)
    assert stream(chat) == "渡轮 😀 မြ"


def test_a_stream_whose_last_line_has_no_end_is_read_to_the_end() -> None:
    assert stream(Server(text='data: {"choices":[{"delta":{"content":"Six."}}]}').chat()) == "Six."


# --- what goes wrong -------------------------------------------------------------------------

ways = pytest.mark.parametrize("ask", [invoke, stream])
Ask = Callable[[QwenChat], str]


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
        '{"choices": [1]}',
        '{"choices": [{"message": null}]}',
    ],
)
def test_an_odd_reply_is_an_error_of_the_model(text: str) -> None:
    with pytest.raises(ModelError, match=r"sent no (JSON object|message)"):
        invoke(Server(text=text).chat())


@pytest.mark.parametrize("line", ['data: {"choices', "data: [1]", "data: 5", "data: null"])
def test_an_odd_event_is_an_error_of_the_model(line: str) -> None:
    with pytest.raises(ModelError, match="event"):
        stream(Server(text=events({"content": "At "}, line)).chat())


@pytest.mark.parametrize("text", ["", "data: [DONE]\n\n", "<html>", reply(content="whole")])
def test_a_stream_of_nothing_is_an_error_of_the_model(text: str) -> None:
    with pytest.raises(ModelError, match="sent no events"):
        stream(Server(text=text).chat())


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
