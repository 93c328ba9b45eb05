"""Whatever a server makes of its marks, thinking is in no answer, citation, history or log."""

import json
import logging
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk

from ragqwen.alignment import Aligner
from ragqwen.answer import AnswerDone, Answerer, AnswerEvent
from ragqwen.chatml import openai_messages, thinking_prompt
from ragqwen.drafting import PassagesFound, TextDelta, Writer
from ragqwen.engines import EngineName
from ragqwen.errors import ModelError
from ragqwen.planning import Planner
from ragqwen.reader import ExtractiveReader
from ragqwen.reasoning import THINK
from ragqwen.retrieval import Retriever
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import ListIndex, ScriptedChat, make_stored
from tests.ragqwen.chat_server import QUESTION, Server, ainvoke, events, gather, invoke, reply

FERRY = "The ferry to Gavdos leaves at six."
ASKED = "When does the ferry to Gavdos leave?"
MARKS = ["<think>", "</think>", "<THINK>", "</Think>"]
# Words of their own, so that each can be told in what comes out, and that no passage holds
WORDS = [
    *("zarp", "blick", "quomp", "vlust", "drenk", "fyllo"),
    *("groap", "hunst", "jibel", "krott", "mulsk", "nirve"),
]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw words in some order of marks."""
    count = draw(st.integers(1, len(WORDS)))
    marks = st.lists(st.sampled_from(MARKS), max_size=2).map("".join)
    return "".join(f"{draw(marks)}{word} " for word in WORDS[:count]) + draw(marks)


def answer_of(text: str) -> str:
    """Return what stands after the last closing mark, up to an opening one."""
    return re.split("(?i)<think>", re.split("(?i)</think>", text)[-1])[0].strip()


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    """Cut a text into pieces of these sizes, in turn."""
    pieces = []
    for size in sizes * (len(text) // sum(sizes) + 1):
        pieces.append(text[:size])
        text = text[size:]
    return [piece for piece in pieces if piece]


def secrets(text: str) -> list[str]:
    return [word for word in WORDS if word in text and word not in answer_of(text)]


cuts = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def make_answerer() -> Callable[..., Answerer]:
    embedder = StaticEmbedder()
    aligner, planner = Aligner(embedder), Planner(embedder)
    index = ListIndex([make_stored(1, "ferry", FERRY)], lexical=[(1, 4.0)], dense=[(1, 0.8)])

    def make(chat: Any) -> Answerer:
        retriever = Retriever(index, embedder, dense_weight=0.4)
        reader = ExtractiveReader(aligner)
        return Answerer(retriever, reader, aligner, planner, writer=Writer(chat, "Qwen/Qwen3-8B"))

    return make


def through_qwen(pieces: Sequence[str]) -> Any:
    end = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    deltas = [{"content": piece} for piece in pieces]
    return Server(text=events(*deltas, "data: " + json.dumps(end))).chat()


def through_any_model(pieces: Sequence[str]) -> Any:
    return ScriptedChat(pieces=list(pieces))


def streamed_last(happened: Sequence[AnswerEvent]) -> str:
    """Return the text that was streamed after the last restart."""
    begun = max(n for n, event in enumerate(happened) if isinstance(event, PassagesFound))
    return "".join(event.text for event in happened[begun:] if isinstance(event, TextDelta))


@pytest.mark.parametrize("make_chat", [through_qwen, through_any_model])
@pytest.mark.parametrize("thinking", ["off", "auto", 1024])
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(text=texts(), sizes=cuts)
def test_an_answer_has_all_that_follows_thinking_and_nothing_of_it(
    make_answerer: Callable[..., Answerer],
    make_chat: Callable[[Sequence[str]], Any],
    thinking: Any,
    text: str,
    sizes: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.clear()
    caplog.set_level(logging.INFO)
    answerer = make_answerer(make_chat(cut(text, sizes)))
    expected = answer_of(text)
    if not expected:
        with pytest.raises(ModelError, match="wrote nothing") as failed:
            answerer.ask(ASKED, thinking=thinking)
        assert not any(word in str(failed.value) for word in WORDS)
        return
    happened = list(answerer.stream(ASKED, thinking=thinking))
    last = happened[-1]
    assert isinstance(last, AnswerDone)
    assert last.answer.answer == streamed_last(happened).strip() == expected
    for word in secrets(text):
        assert word not in repr(last.answer) + caplog.text


@given(text=texts(), sizes=cuts, budget=st.sampled_from([0, 1024]))
@settings(deadline=None, max_examples=50)
def test_a_message_put_together_from_a_stream_is_an_answer_alone_in_a_history(
    text: str, sizes: list[int], budget: int
) -> None:
    chat = through_qwen(cut(text, sizes))
    message = gather(chat, thinking_budget=budget)
    said = AIMessage(message.content, additional_kwargs=message.additional_kwargs)
    (sent,) = openai_messages([said])
    assert sent["content"].strip() == answer_of(text)
    assert not any(word in thinking_prompt([said]) for word in secrets(text))


@pytest.mark.parametrize("engine", ["vllm", "dashscope"])
@pytest.mark.parametrize("budget", [0, 1024])
@pytest.mark.parametrize("ask", [invoke, ainvoke])
@settings(deadline=None, max_examples=50)
@given(text=texts(), sizes=cuts)
def test_a_whole_answer_is_an_answer_alone(
    engine: EngineName, budget: int, ask: Callable[[Any], str], text: str, sizes: list[int]
) -> None:
    if engine == "dashscope" and budget:  # which is streamed from
        chat = through_qwen(cut(text, sizes))
    else:
        chat = Server(text=reply(content=text)).chat()
    given = {"engine": engine, "thinking_budget": budget}
    assert ask(chat.model_copy(update=given)).strip() == answer_of(text)


def test_thinking_after_a_budget_is_contained_where_the_answer_is_asked_for_alone() -> None:
    def written(text: str) -> str:
        choice = {"text": text, "finish_reason": "stop"}
        return f"data: {json.dumps({'choices': [choice]})}\n\n"

    answer = written("SECRET ") + written("plan</th") + written("ink>Six.")
    server = Server(written("Hm."), answer)
    message = server.chat(engine="other").invoke(QUESTION, thinking_budget=99)
    assert message.text == "Six."
    assert message.additional_kwargs["reasoning_content"] == "Hm.SECRET plan"


def test_a_stream_says_by_the_closing_mark_what_it_takes_back() -> None:
    chunks = list(through_qwen(["SECRET ", "</th", "ink>Six", "."]).stream(QUESTION))
    assert [chunk.text for chunk in chunks if chunk.text] == ["SECRET ", "</think>Six", "."]
    late = chunks[1]
    assert isinstance(late, AIMessageChunk)
    assert late.additional_kwargs == {"reasoning_content": "SECRET "}


def test_a_refusal_after_some_words_takes_them_back(make_answerer: Callable[..., Answerer]) -> None:
    answerer = make_answerer(ScriptedChat(pieces=["Sorry, ", "NO_ANSWER"]))
    happened = list(answerer.stream(ASKED, thinking="off"))
    last = happened[-1]
    assert isinstance(last, AnswerDone)
    assert streamed_last(happened) == last.answer.answer


def test_an_answer_that_quotes_an_opening_mark_ends_there(
    make_answerer: Callable[..., Answerer],
) -> None:
    chat = ScriptedChat(pieces=[f"{FERRY} [1] The mark is {THINK} in the text."])
    answer = make_answerer(chat).ask(ASKED, thinking="off")
    assert answer.answer == f"{FERRY} [1] The mark is"


@pytest.mark.parametrize(
    "line", ['data: {"choices": [{"delta": {"reasoning": "SECRET', 'data: ["SECRET"]']
)
def test_a_broken_event_is_told_without_what_is_in_it(line: str) -> None:
    with pytest.raises(ModelError, match="event") as failed:
        gather(Server(text=events({"content": "At "}, line)).chat())
    assert "SECRET" not in str(failed.value)


@pytest.mark.parametrize("text", ['{"choices": [{"text": "SECRET"}]}', '["SECRET"]', "SECRET"])
def test_a_reply_that_is_none_is_told_without_what_is_in_it(text: str) -> None:
    with pytest.raises(ModelError, match="sent no") as failed:
        invoke(Server(text=text).chat())
    assert "SECRET" not in str(failed.value)
