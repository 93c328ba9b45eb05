"""Qwen3 over HTTP: what is sent and what is read."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from ragqwen.engines import ENGINES
from ragqwen.errors import InputError
from ragqwen.generation import QwenChat
from tests.ragqwen.chat_server import QUESTION, Server, events, gather, invoke, reply, stream


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


def test_what_ends_an_answer_can_be_said_once_or_with_a_request() -> None:
    server = Server(text=reply(content="At six."))
    chat = server.chat(stop=["\n"])
    chat.invoke(QUESTION)
    chat.invoke(QUESTION, stop=["\n\n"])
    assert [json.loads(request.content)["stop"] for request in server.requests] == [
        ["\n"],
        ["\n\n"],
    ]


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
    line = 'data: {"choices":[{"delta":{"content":"Six."},"finish_reason":"stop"}]}'
    assert stream(Server(text=line).chat()) == "Six."


# --- thinking --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "budget", "fields"),
    [
        ("vllm", 0, {"chat_template_kwargs": {"enable_thinking": False}}),
        (
            "vllm",
            99,
            {"chat_template_kwargs": {"enable_thinking": True}, "thinking_token_budget": 99},
        ),
        ("vllm", -1, {"chat_template_kwargs": {"enable_thinking": True}}),
        (
            "sglang",
            99,
            {
                "chat_template_kwargs": {"enable_thinking": True},
                "custom_params": {"thinking_budget": 99},
            },
        ),
        ("sglang", 0, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("dashscope", 99, {"enable_thinking": True, "thinking_budget": 99}),
        ("dashscope", 0, {"enable_thinking": False}),
        ("llama.cpp", -1, {"chat_template_kwargs": {"enable_thinking": True}}),
        ("other", 0, {"chat_template_kwargs": {"enable_thinking": False}}),
    ],
)
def test_each_engine_is_told_the_budget_in_its_own_way(
    engine: Any, budget: int, fields: dict[str, Any]
) -> None:
    server = Server(text=events({"content": "At six."}))
    gather(server.chat(engine=engine), thinking_budget=budget)
    names = {"chat_template_kwargs", "thinking_token_budget", "custom_params"}
    names |= {"enable_thinking", "thinking_budget"}
    assert {k: v for k, v in server.body.items() if k in names} == fields
    assert ENGINES[engine].fields(budget) == fields


@pytest.mark.parametrize(("budget", "sampling"), [(0, (0.7, 0.8, 20, 0)), (99, (0.6, 0.95, 20, 0))])
def test_each_mode_has_its_sampling(budget: int, sampling: tuple[float, ...]) -> None:
    server = Server(text=reply(content="At six."))
    server.chat(thinking_budget=budget).invoke(QUESTION)
    assert tuple(server.body[k] for k in ("temperature", "top_p", "top_k", "min_p")) == sampling


def test_a_budget_leaves_the_answer_its_tokens() -> None:
    server = Server(text=reply(content="At six."))
    server.chat(max_tokens=50).invoke(QUESTION, thinking_budget=100)
    assert server.body["max_tokens"] == 100 + 3 + 50  # 3 for the marks of thinking


def test_thinking_without_a_limit_sets_none() -> None:
    server = Server(text=reply(content="At six."))
    server.chat(thinking_budget=-1).invoke(QUESTION)
    assert "max_tokens" not in server.body


def test_a_budget_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"thinking_budget is -2"):
        Server().chat().invoke(QUESTION, thinking_budget=-2)


@pytest.mark.parametrize("pieces", [["<th", "ink>Hm.</thi", "nk>\n\nSix."], ["Hm.</think>Six."]])
def test_thinking_in_the_text_is_kept_apart(pieces: list[str]) -> None:
    server = Server(text=events(*({"content": piece} for piece in pieces)))
    message = gather(server.chat(thinking_budget=99))
    assert (message.content, message.additional_kwargs["reasoning_content"]) == ("Six.", "Hm.")


def test_a_model_that_always_thinks_is_kept_from_leaking() -> None:
    server = Server(text=events({"content": "Hm.</think>Six."}))
    assert stream(server.chat(model="Qwen/Qwen3-4B-Thinking-2507")) == "Six."


@pytest.mark.parametrize("reason", ["abort", "content_filter", "length", None])
def test_what_may_be_thinking_is_kept_back_where_the_stream_breaks_off(reason: str | None) -> None:
    end = {"choices": [{"delta": {}, "finish_reason": reason}]}
    text = events({"content": "SECRET plan"}, "data: " + json.dumps(end))
    message = gather(Server(text=text).chat(thinking_budget=99))
    assert (message.text, message.additional_kwargs["reasoning_content"]) == ("", "SECRET plan")


def test_thinking_is_a_content_block_of_its_own() -> None:
    message = Server(text=reply(content="Six.", reasoning="Hm.")).chat().invoke(QUESTION)
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]


def test_reasoning_tokens_are_counted_where_the_server_does_not() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60}
    text = events({"reasoning": "one two three"}, {"content": "Six."})
    counted = json.dumps({"choices": [], "usage": usage})
    text = text.replace("data: [DONE]", f"data: {counted}\n\ndata: [DONE]")
    message = gather(Server(text=text).chat(thinking_budget=99))
    assert message.usage_metadata
    assert message.usage_metadata["output_token_details"] == {"reasoning": 3}


# --- two phases ------------------------------------------------------------------------------


def written(text: str, finish_reason: str, n_tokens: int) -> str:
    """Return the stream of a plain completion."""
    choice = {"text": text, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 10, "completion_tokens": n_tokens, "total_tokens": 10 + n_tokens}
    lines = [{"choices": [choice]}, {"choices": [], "usage": usage}]
    return "".join(f"data: {json.dumps(line)}\n\n" for line in lines)


def test_thinking_is_cut_off_where_the_engine_takes_no_budget() -> None:
    server = Server(written("Hm, so", "length", 4), written("At six.", "stop", 3))
    chat = server.chat(engine="llama.cpp", max_tokens=50)
    message = chat.invoke(QUESTION, thinking_budget=4, stop=["\n\n"], seed=1)
    assert [request.url.path for request in server.requests] == ["/v1/completions"] * 2
    think, answer = server.bodies
    assert (think["max_tokens"], think["stop"]) == (4, ["</think>"])
    assert (answer["max_tokens"], answer["stop"]) == (50, ["\n\n"])
    assert think["seed"] == answer["seed"] == 1
    assert think["prompt"].endswith("<|im_start|>assistant\n<think>")
    assert answer["prompt"].startswith(think["prompt"] + "Hm, so\n\nConsidering the limited time")
    assert answer["prompt"].endswith("</think>\n\n")
    assert (message.content, message.additional_kwargs["reasoning_content"]) == (
        "At six.",
        "Hm, so",
    )
    assert message.usage_metadata == {
        "input_tokens": 10,
        "output_tokens": 7,
        "total_tokens": 17,
        "output_token_details": {"reasoning": 4},
    }


def test_thinking_that_ends_within_the_budget_is_not_cut_off() -> None:
    server = Server(written("Hm.", "stop", 3), written("At six.", "stop", 3))
    server.chat(engine="other").invoke(QUESTION, thinking_budget=99)
    assert server.body["prompt"].endswith("<think>Hm.</think>\n\n")


def test_a_grammar_holds_for_the_answer_alone() -> None:
    server = Server(written("Hm.", "stop", 3), written("yes", "stop", 1))
    choice = {"choice": ["yes", "no"]}
    chat = server.chat(engine="other")
    chat.invoke(QUESTION, thinking_budget=99, structured_outputs=choice)
    assert [body.get("structured_outputs") for body in server.bodies] == [None, choice]


def test_tools_and_a_budget_that_the_engine_does_not_take_are_refused() -> None:
    chat = Server().chat(engine="other", thinking_budget=99)
    with pytest.raises(InputError, match="can't call tools with a thinking budget of 99"):
        chat.bind_tools([ferry]).invoke(QUESTION)


# --- tools -----------------------------------------------------------------------------------


@tool
def ferry(day: str) -> str:
    """Return when the ferry leaves."""
    return day


FUNCTION = {"name": "ferry", "arguments": '{"day": "Monday"}'}
CALL = {"name": "ferry", "args": {"day": "Monday"}, "id": "c1", "type": "tool_call"}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (None, None),
        ("auto", "auto"),
        ("any", "required"),
        (True, "required"),
        ("ferry", {"type": "function", "function": {"name": "ferry"}}),
    ],
)
def test_tools_are_bound_in_openais_form(choice: Any, sent: Any) -> None:
    server = Server(text=reply(content="At six."))
    server.chat().bind_tools([ferry], tool_choice=choice).invoke(QUESTION)
    assert server.body["tools"][0]["function"]["name"] == "ferry"
    assert server.body.get("tool_choice") == sent


def test_calls_of_tools_are_read() -> None:
    text = reply(content=None, tool_calls=[{"id": "c1", "function": FUNCTION}])
    assert Server(text=text).chat().invoke(QUESTION).tool_calls == [CALL]


def test_calls_of_tools_are_put_together_from_a_stream() -> None:
    name, more = {"name": "ferry", "arguments": '{"day": '}, {"arguments": '"Monday"}'}
    deltas = [
        {"tool_calls": [{"index": 0, "id": "c1", "function": name}]},
        {"tool_calls": [{"index": 0, "function": more}]},
    ]
    assert gather(Server(text=events(*deltas)).chat()).tool_calls == [CALL]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_budget_with_a_request_is_the_models_own(engine: str) -> None:
    server = Server(text=reply(content="At six."))
    message = server.chat(engine=engine).invoke(QUESTION, thinking_budget=None)
    assert message.content == "At six."
