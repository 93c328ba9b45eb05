"""One attempt at an answer by a language model: prompted, streamed, and its citations checked."""

import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragqwen import messages
from ragqwen.alignment import Aligner
from ragqwen.citations import CitedAnswer, cite_generated
from ragqwen.errors import InputError, ModelError
from ragqwen.pace import Pace
from ragqwen.reasoning import ReasoningSplitter
from ragqwen.records import Passage
from ragqwen.retrieval import Evidence
from ragqwen.tokens import count_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

EXTRACTIVE = "extractive"
"""The name of what quotes, and writes nothing."""

_TEMPLATE_TOKENS = 64  # of a prompt, beside its messages' texts


@dataclass(frozen=True, slots=True)
class Writer:
    """A language model that writes answers, and its name.

    The model takes `thinking_budget` with each call, as `QwenChat` does. `calls_tools` says that it
    may be given some. Its `pace` is learned from what it writes. `room_tokens` is what a prompt and
    the thinking may take together in its context, None for any amount; `context_setting` is what
    that context is set by.
    """

    chat: "BaseChatModel"
    name: str
    calls_tools: bool = False
    pace: Pace = field(default_factory=Pace)
    room_tokens: int | None = None
    context_setting: str = "RAGQWEN_LLM_CONTEXT_TOKENS"


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """The passages were found; the answer comes next.

    Another one, after text, takes the text back: it failed verification, or was thinking that
    showed itself late, or a refusal, or a second attempt that was no better. The answer begins
    anew. `searches` are those that the model itself has made, each of which is told by another one.
    """

    passages: tuple[Passage, ...]
    searches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer as it is written; markers in it number passages, not citations."""

    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What came of one attempt, and what it took."""

    cited: CitedAnswer
    evidence: Evidence
    written: str = ""  # before its markers were checked
    model: str = EXTRACTIVE
    budget_tokens: int = 0
    used_tokens: int = 0

    @property
    def n_verified(self) -> int:
        """Return how many citations bear out what they are put to."""
        return sum(citation.status == "verified" for citation in self.cited.citations)

    @property
    def n_failures(self) -> int:
        """Return how much of it no passage bears out."""
        cited = self.cited
        unsupported = len(cited.citations) - self.n_verified
        return unsupported + len(cited.unsupported_claims)


class Drafter:
    """Has language models write answers from passages."""

    def __init__(self, aligner: Aligner, context_tokens: int) -> None:
        """:param aligner: holds what is written against the passages.
        :param context_tokens: Qwen tokens of passages in a prompt.
        """
        self._aligner = aligner
        self._context_tokens = context_tokens

    def draft(
        self,
        evidence: Evidence,
        language: str,
        writer: Writer,
        budget_tokens: int,
        lap: Callable[[str], None],
    ) -> Generator[PassagesFound | TextDelta, None, Draft]:
        """Have the model write; the marker of an unanswerable question is never streamed."""
        from ragqwen.prompt import is_refusal, may_become_refusal

        passages, prompt, room = self._prompt(evidence, language, writer)
        budget_tokens = min(budget_tokens, room)
        splitter = ReasoningSplitter(expects_thinking=False)
        text, streamed, used = "", "", 0
        chunks = writer.chat.stream(prompt, thinking_budget=budget_tokens)
        for chunk in writer.pace.timed(chunks):
            used += _reasoning_tokens(chunk)
            split = splitter.feed(chunk.text)
            text = split.content if split.restarts else text + split.content
            if split.restarts and streamed:
                yield PassagesFound(evidence.passages, evidence.searches)
                streamed = ""
            if not may_become_refusal(text) and len(text) > len(streamed):
                yield TextDelta(text[len(streamed) :])
                streamed = text
        text += splitter.end(cut=False).content
        lap("generation")
        if is_refusal(text, evidence.question, passages):
            refusal = messages.translated(messages.NOT_FOUND, language)
            if streamed:
                yield PassagesFound(evidence.passages, evidence.searches)
            yield TextDelta(refusal)
            cited = CitedAnswer(refusal)
            return Draft(cited, evidence, refusal, writer.name, budget_tokens, used)
        cited = cite_generated(text, passages, language, self._aligner)
        if not cited.text.strip():  # be it that there was a marker
            raise ModelError(
                f"{writer.name} wrote nothing; ask again, or raise RAGQWEN_LLM_MAX_ANSWER_TOKENS"
            )
        if len(text) > len(streamed):  # what might have become the marker, such as "No"
            yield TextDelta(text[len(streamed) :])
        lap("citation")
        return Draft(cited, evidence, text, writer.name, budget_tokens, used)

    def _prompt(
        self, evidence: Evidence, language: str, writer: Writer
    ) -> "tuple[list[Passage], list[BaseMessage], int]":
        """Return as many passages as there is room for, the prompt, and what is left to think.

        :raises InputError: if the question with one passage is longer than the model's context.
        """
        from ragqwen.prompt import build_messages, fit_passages

        passages = fit_passages(evidence.passages, self._context_tokens)
        while True:
            prompt = build_messages(evidence.question, passages, language)
            if writer.room_tokens is None:
                return passages, prompt, sys.maxsize
            taken = _TEMPLATE_TOKENS + sum(count_tokens(each.text) for each in prompt)
            if taken <= writer.room_tokens:
                return passages, prompt, writer.room_tokens - taken
            if len(passages) == 1:
                raise InputError(
                    f"the question takes {count_tokens(evidence.question)} tokens, which are "
                    f"{taken - writer.room_tokens} too many for the language model's context; "
                    f"shorten it, or raise {writer.context_setting} if the model can take more"
                )
            passages = passages[:-1]


def _reasoning_tokens(message: object) -> int:
    usage = getattr(message, "usage_metadata", None) or {}
    details = usage.get("output_token_details") or {}
    return int(details.get("reasoning") or 0)
