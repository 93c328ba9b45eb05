"""What Qwen3 thinks and answers on a real vLLM server, to the token; `make test-vllm` runs this.

The model is of tests/chain_model.py: it thinks 20 words and answers in 40.
"""

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Literal, cast

import httpx
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool

from ragqwen.generation import QwenChat
from ragqwen.judgement import LEVEL_OF, QwenJudge
from ragqwen.pace import Pace
from ragqwen.prompt import build_messages
from ragqwen.research import Research, Researcher
from ragqwen.retrieval import Evidence
from tests.chain_model import ANSWER, ENDLESS, GRADE_LOGITS, REASONING
from tests.fakes import make_passage
from tests.vllm_server import CHAT_MODEL, needs_vllm

pytestmark = needs_vllm
QUESTION: list[BaseMessage] = [SystemMessage("Be brief."), HumanMessage("When does it leave?")]
BLOCK = 128  # tokens of a prompt that vLLM caches together, on a CPU
LONG: dict[str, Any] = {"ignore_eos": True, "max_tokens": 2000}  # 20 seconds
FEW_SECONDS = 8

MakeChat = Callable[..., QwenChat]
engines = pytest.mark.parametrize("engine", ["vllm", "other"])
budgets = pytest.mark.parametrize("budget", [0, 1, 19, 20, 21, 1000, -1])


@pytest.fixture
def make_chat(chat_url: str) -> MakeChat:
    return partial(QwenChat, base_url=chat_url, model=CHAT_MODEL)


def thought(message: AIMessage) -> str:
    return str(message.additional_kwargs.get("reasoning_content", ""))


def words(budget: int) -> str:
    """Return the words that are thought within a budget."""
    kept = REASONING.split()[: 20 if budget < 0 else budget]
    return "".join(f" {word}" for word in kept)


def streamed(chat: QwenChat, **more: Any) -> AIMessage:
    whole = AIMessageChunk(content="")
    for chunk in chat.stream(QUESTION, **more):
        whole += cast(AIMessageChunk, chunk)
    return whole


def ask(chat: QwenChat, **more: Any) -> AIMessage:
    return chat.invoke(QUESTION, **more)


def ask_async(chat: QwenChat, **more: Any) -> AIMessage:
    return asyncio.run(chat.ainvoke(QUESTION, **more))


@engines
@budgets
@pytest.mark.parametrize("way", [ask, ask_async, streamed])
def test_vllm_thinks_to_the_token(
    make_chat: MakeChat, engine: str, budget: int, way: Callable[..., AIMessage]
) -> None:
    message = way(make_chat(engine=engine), thinking_budget=budget)
    assert (thought(message), message.content) == (words(budget), ANSWER)
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata
    assert message.usage_metadata["output_token_details"]["reasoning"] == len(words(budget).split())


@engines
@pytest.mark.parametrize("budget", [0, 7])
def test_vllm_gives_the_answer_all_of_its_tokens(
    make_chat: MakeChat, engine: str, budget: int
) -> None:
    message = ask(make_chat(engine=engine), thinking_budget=budget, max_tokens=5)
    assert message.content == "at six every day except"
    assert message.response_metadata["finish_reason"] == "length"


def test_vllm_cut_off_within_thinking_gives_no_answer(make_chat: MakeChat) -> None:
    """Without a budget of its own, a model that thinks on has no answer: content is null."""
    chat = make_chat(thinking_budget=-1)
    exchange = chat._exchange(QUESTION, None, stream=False)
    (request,) = exchange.requests()
    data = chat._server.post(request.path, {**request.body, "max_tokens": 6})
    assert data["choices"][0]["message"]["content"] is None
    (generation,) = exchange.whole(data).generations
    message = cast(AIMessage, generation.message)
    assert (message.content, thought(message)) == ("", words(5))


@engines
@pytest.mark.parametrize("budget", [0, 5])
@pytest.mark.parametrize("way", [ask, streamed])
def test_vllm_keeps_an_answer_to_a_choice(
    make_chat: MakeChat, engine: str, budget: int, way: Callable[..., AIMessage]
) -> None:
    choice = {"choice": ["yes", "no"]}
    message = way(make_chat(engine=engine), thinking_budget=budget, structured_outputs=choice)
    assert message.content in ("yes", "no")
    assert thought(message) == words(budget)


@pytest.mark.parametrize("budget", [0, 5])
@pytest.mark.parametrize("way", [ask, streamed])
def test_vllm_calls_a_tool_and_takes_its_result(
    make_chat: MakeChat, budget: int, way: Callable[..., AIMessage]
) -> None:
    @tool
    def ferry(day: Literal["Monday", "Sunday"]) -> str:
        """Return when the ferry leaves."""
        return day

    chat = make_chat(thinking_budget=budget)
    given = cast(Any, chat.bind_tools([ferry], tool_choice="required", strict=True)).kwargs
    asked = way(chat, **given)
    (call,) = asked.tool_calls
    assert (call["name"], call["args"]) == ("ferry", {"day": "Monday"})
    assert (asked.content, thought(asked)) == ("", words(budget))
    result = ToolMessage("at six", tool_call_id=str(call["id"]))
    assert chat.bind_tools([ferry]).invoke([*QUESTION, asked, result]).content == ANSWER


def test_vllm_tells_the_chances_of_each_grade(make_chat: MakeChat) -> None:
    odds = {grade: math.exp(logit) for grade, logit in GRADE_LOGITS.items()}
    expected = sum(LEVEL_OF[grade] * odd for grade, odd in odds.items()) / sum(odds.values())
    for question in ("When does it leave?", "</think> Why? /think"):
        judgement = QwenJudge(make_chat()).judge(question)
        assert judgement == pytest.approx(expected, abs=0.02)


def test_vllm_takes_a_tool_that_the_model_does_not_call(make_chat: MakeChat) -> None:
    ferry = make_passage("ferry", "The ferry leaves at noon.")
    found = Evidence("When does it leave?", "eng_Latn", (), {}, (ferry,))
    researcher = Researcher(lambda *_: found, max_searches=3, context_tokens=1000)
    (only,) = researcher.steps(make_chat(), found, 1000)
    assert only == Research(used_tokens=only.used_tokens)
    assert only.used_tokens >= len(ANSWER.split())


# --- giving up -------------------------------------------------------------------------------


def running(url: str) -> float:
    """Return how many requests the server is at."""
    text = httpx.get(url.removesuffix("/v1") + "/metrics").text
    (line,) = (line for line in text.splitlines() if line.startswith("vllm:num_requests_running{"))
    return float(line.rpartition(" ")[2])


def wait_until_running(url: str, count: int) -> None:
    end = time.monotonic() + FEW_SECONDS
    while running(url) != count:
        assert time.monotonic() < end, f"{running(url)} requests run, not {count}"
        time.sleep(0.05)


@engines
def test_vllm_stops_when_a_stream_is_closed(
    make_chat: MakeChat, chat_url: str, engine: str
) -> None:
    stream = make_chat(engine=engine, thinking_budget=1500).stream(QUESTION, **LONG)
    next(stream)
    wait_until_running(chat_url, 1)
    cast(Any, stream).close()
    wait_until_running(chat_url, 0)


def test_vllm_stops_when_an_async_stream_is_closed(make_chat: MakeChat, chat_url: str) -> None:
    async def look_in() -> None:
        async with aclosing(cast(Any, make_chat().astream(QUESTION, **LONG))) as stream:
            await anext(stream)
            await asyncio.to_thread(wait_until_running, chat_url, 1)
        await asyncio.to_thread(wait_until_running, chat_url, 0)

    asyncio.run(look_in())


@pytest.mark.parametrize("budget", [0, 1500])
def test_vllm_stops_when_a_task_is_cancelled(
    make_chat: MakeChat, chat_url: str, budget: int
) -> None:
    async def give_up() -> None:
        chat = make_chat(thinking_budget=budget)
        task = asyncio.create_task(chat.ainvoke(QUESTION, **LONG))
        await asyncio.to_thread(wait_until_running, chat_url, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_until_running, chat_url, 0)

    asyncio.run(give_up())


# --- many at once ----------------------------------------------------------------------------


def test_vllm_answers_32_at_once_each_within_its_own_budget(make_chat: MakeChat) -> None:
    async def ask_all() -> list[AIMessage]:
        chat = make_chat()
        return await asyncio.gather(
            *(chat.ainvoke(QUESTION, thinking_budget=budget) for budget in range(32))
        )

    for budget, message in enumerate(asyncio.run(ask_all())):
        assert (thought(message), message.content) == (words(budget), ANSWER)


def test_vllm_streams_32_at_once(make_chat: MakeChat) -> None:
    async def stream(budget: int) -> tuple[str, str]:
        pieces = [c async for c in make_chat().astream(QUESTION, thinking_budget=budget)]
        return "".join(map(thought, pieces)), "".join(str(piece.text) for piece in pieces)

    async def stream_all() -> list[tuple[str, str]]:
        return await asyncio.gather(*map(stream, range(32)))

    assert asyncio.run(stream_all()) == [(words(budget), ANSWER) for budget in range(32)]


def test_vllm_has_the_stable_part_of_a_prompt_cached(make_chat: MakeChat) -> None:
    passages = [make_passage("ferry", "The ferry to the island leaves at noon. " * 60)]
    first, second = (
        make_chat().invoke(build_messages(question, passages, "eng_Latn"))
        for question in ("When does the ferry leave?", "Is there a boat at noon?")
    )
    assert first.usage_metadata
    assert second.usage_metadata
    stable = min(first.usage_metadata["input_tokens"], second.usage_metadata["input_tokens"])
    cached = second.usage_metadata["input_token_details"]["cache_read"]
    assert stable - 2 * BLOCK < cached < stable
    assert cached > first.usage_metadata["input_token_details"]["cache_read"]


def test_a_stream_tells_how_long_so_much_thinking_takes(make_chat: MakeChat) -> None:
    pace, started = Pace(), time.perf_counter()
    chunks = make_chat().stream(QUESTION, thinking_budget=300, **ENDLESS)
    assert len(list(pace.timed(chunks))) > 300
    thought_tokens = pace.thinking_tokens(time.perf_counter() - started)
    assert thought_tokens == pytest.approx(300, rel=0.05)
