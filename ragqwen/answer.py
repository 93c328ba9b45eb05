"""The answer path: retrieve, then read or generate, then cite."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import regex

from ragqwen import messages
from ragqwen.citations import cite_generated, cite_quotes
from ragqwen.errors import ModelError
from ragqwen.reader import ExtractiveReader
from ragqwen.reasoning import without_thinking
from ragqwen.records import Answer, Citation, Passage, Thinking
from ragqwen.retrieval import Evidence, Retriever

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

EXTRACTIVE = "extractive"
_DRESS = " \t\n\"'`*_“”«»"  # what models put around a bare word
_NO_THINKING = Thinking("off", 0, 0, "answers are given without thinking in this version")


@dataclass(frozen=True, slots=True)
class PassagesFound:
    """The passages were found; the answer comes next."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer as it is written; markers in it number passages, not citations."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """The whole answer, its citations checked."""

    answer: Answer


AnswerEvent = PassagesFound | TextDelta | AnswerDone


@dataclass(slots=True)
class _Timer:
    """Milliseconds spent in each stage."""

    timings_ms: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """Note the time since the last lap under a stage's name."""
        now = time.perf_counter()
        self.timings_ms[stage] = round(1000 * (now - self._last), 1)
        self._last = now


class Answerer:
    """Answers questions about one collection, with a language model or without."""

    def __init__(
        self,
        retriever: Retriever,
        reader: ExtractiveReader,
        *,
        chat: "BaseChatModel | None" = None,
        model_name: str = EXTRACTIVE,
        context_tokens: int = 6000,
        notices: tuple[str, ...] = (),
    ) -> None:
        """:param context_tokens: Qwen tokens of passages in a prompt.
        :param notices: what every answer is to say of how it came about.
        """
        self._retriever = retriever
        self._reader = reader
        self._chat = chat
        self._model_name = model_name
        self._context_tokens = context_tokens
        self._notices = notices

    def ask(self, question: str, *, k: int = 8, language: str | None = None) -> Answer:
        """Answer a question from the collection's documents.

        :param k: how many passages to look at.
        :param language: FLORES-200 code of the answer; the question's if None. Quotes stay in the
            language of their source.
        :raises ModelError: if the language model fails.
        """
        for event in self.stream(question, k=k, language=language):
            if isinstance(event, AnswerDone):
                return event.answer
        raise AssertionError("a stream ends with AnswerDone")

    def stream(
        self, question: str, *, k: int = 8, language: str | None = None
    ) -> Iterator[AnswerEvent]:
        """Answer a question step by step: the passages, pieces of text, the whole answer."""
        timer = _Timer()
        evidence = self._retriever.retrieve(question, k=k, max_tokens=self._context_tokens)
        timer.lap("retrieval")
        yield PassagesFound(evidence.passages)
        language = language or evidence.language
        if self._chat is None or not evidence.passages:
            text, citations = self._read(evidence, language)
            timer.lap("reading")
            yield TextDelta(text)
        else:
            text, citations = yield from self._generate(evidence, language, self._chat, timer.lap)
        yield AnswerDone(
            Answer(
                question=question,
                answer=text,
                answerable=bool(citations),  # what cites nothing rests on no document
                language=language,
                citations=citations,
                passages=evidence.passages,
                model=self._model_name,
                notices=tuple(messages.translated(notice, language) for notice in self._notices),
                thinking=_NO_THINKING,
                timings_ms=timer.timings_ms | {"total": round(sum(timer.timings_ms.values()), 1)},
            )
        )

    def _read(self, evidence: Evidence, language: str) -> tuple[str, tuple[Citation, ...]]:
        citations = cite_quotes(self._reader.read(evidence).quotes)
        if not citations:
            message = messages.NOT_FOUND if evidence.passages else messages.NO_DOCUMENTS
            return messages.translated(message, language), ()
        return "\n".join(f"{cited.quote} {cited.marker}" for cited in citations), citations

    def _generate(
        self,
        evidence: Evidence,
        language: str,
        chat: "BaseChatModel",
        lap: Callable[[str], None],
    ) -> Generator[AnswerEvent, None, tuple[str, tuple[Citation, ...]]]:
        """Have the model write; the marker of an unanswerable question is never streamed."""
        from ragqwen.prompt import NO_ANSWER, build_messages, fit_passages

        passages = fit_passages(evidence.passages, self._context_tokens)
        prompt = build_messages(evidence.question, passages, language)
        written, text, sent = "", "", 0
        for chunk in chat.stream(prompt):
            written += chunk.text
            text = without_thinking(written)
            bare = text.strip(_DRESS)
            if not NO_ANSWER.startswith(bare[: len(NO_ANSWER)]) and len(text) > sent:
                yield TextDelta(text[sent:])
                sent = len(text)
        lap("generation")
        if not text.strip():
            raise ModelError(
                f"{self._model_name} wrote nothing; ask again, or raise "
                "RAGQWEN_LLM_MAX_ANSWER_TOKENS"
            )
        if regex.search(rf"\b{NO_ANSWER}\b", text):
            refusal = messages.translated(messages.NOT_FOUND, language)
            yield TextDelta(refusal)
            return refusal, ()
        if len(text) > sent:  # a whole answer that might have become the marker, such as "No"
            yield TextDelta(text[sent:])
        answer, citations = cite_generated(text, passages, language)
        lap("citation")
        return answer, citations
