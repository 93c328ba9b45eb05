"""Answerers over two documents, and a model that says another thing each time."""

from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk
from pydantic import Field

from ragqwen.alignment import Aligner
from ragqwen.answer import Answerer
from ragqwen.drafting import Writer
from ragqwen.planning import Planner
from ragqwen.reader import ExtractiveReader
from ragqwen.retrieval import Retriever
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import ListIndex, ScriptedChat, make_stored

MODEL = "Qwen/Qwen3-8B"
FERRY = "The ferry to Gavdos leaves at six."
DOGS = "Dogs stay on the upper deck."
QUESTION = "When does the ferry to Gavdos leave?"


def make_answerer(
    *pieces: str,
    stored: bool = True,
    chat: ScriptedChat | None = None,
    room_tokens: int | None = None,
    **more: Any,
) -> Answerer:
    """Return what answers from two documents, with a model that says the pieces, if any."""
    chunks = [make_stored(1, "ferry", FERRY, page=2), make_stored(2, "dogs", DOGS, start=9)]
    index = ListIndex(
        chunks if stored else [],
        lexical=[(1, 4.0), (2, 1.0)] if stored else [],
        dense=[(1, 0.8), (2, 0.3)] if stored else [],
    )
    embedder = StaticEmbedder()
    aligner = Aligner(embedder)
    if chat is None and pieces:
        chat = ScriptedChat(pieces=list(pieces))
    return Answerer(
        Retriever(index, embedder, dense_weight=0.4),
        ExtractiveReader(aligner),
        aligner,
        Planner(embedder),
        writer=Writer(chat, MODEL, room_tokens=room_tokens) if chat else None,
        **more,
    )


class Turns(ScriptedChat):
    """A model that says another thing each time; `budgets` is what it was allowed to think."""

    turns: list[str]
    budgets: list[int] = Field(default_factory=list)

    def _stream(
        self, messages: list[BaseMessage], *_: Any, thinking_budget: int, **__: Any
    ) -> Iterator[ChatGenerationChunk]:
        self.budgets.append(thinking_budget)
        text = self.turns[min(len(self.budgets), len(self.turns)) - 1]
        yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        usage = UsageMetadata(
            input_tokens=9,
            output_tokens=9,
            total_tokens=18,
            output_token_details={"reasoning": thinking_budget // 2},
        )
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))


def turns(*texts: str) -> Turns:
    return Turns(pieces=[], turns=list(texts))
