"""The answer path: retrieve, plan, then read or generate, then cite and prove."""

import logging
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ragqwen import messages
from ragqwen.alignment import Aligner
from ragqwen.citations import CitedAnswer, cite_generated, cite_quotes
from ragqwen.errors import InputError, ModelError
from ragqwen.planning import Asked, Planner, ThinkingPlan, budget_scale, strip_switches
from ragqwen.reader import ExtractiveReader
from ragqwen.reasoning import ReasoningSplitter
from ragqwen.records import Answer, Passage, Thinking
from ragqwen.retrieval import Evidence, Retriever
from ragqwen.tokens import count_tokens

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

    from ragqwen.research import Research

EXTRACTIVE = "extractive"
_log = logging.getLogger(__name__)
_SECOND = "The answer failed verification and was written again, with the next larger budget."
_CUT_SHORT = "Further searches were cut short: the language model's server failed."
_TEMPLATE_TOKENS = 64  # of a prompt, beside its messages' texts
_WIDER = 2  # times as many passages for a second attempt


@dataclass(frozen=True, slots=True)
class Writer:
    """A language model that writes answers, and its name.

    The model takes `thinking_budget` with each call, as `QwenChat` does. `calls_tools` says that it
    may be given some.
    """

    chat: "BaseChatModel"
    name: str
    calls_tools: bool = False


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
        """Add the time since the last lap to a stage's."""
        now = time.perf_counter()
        spent = self.timings_ms.get(stage, 0.0) + 1000 * (now - self._last)
        self.timings_ms[stage] = round(spent, 1)
        self._last = now


@dataclass(frozen=True, slots=True)
class _Draft:
    """What came of one attempt, and what it took."""

    cited: CitedAnswer
    evidence: Evidence
    written: str = ""  # before its markers were checked
    model: str = EXTRACTIVE
    budget_tokens: int = 0
    used_tokens: int = 0

    @property
    def n_verified(self) -> int:
        return sum(citation.status == "verified" for citation in self.cited.citations)

    @property
    def n_failures(self) -> int:
        """Return how much of it no passage bears out."""
        cited = self.cited
        unsupported = len(cited.citations) - self.n_verified
        return unsupported + len(cited.unsupported_claims)


class Answerer:
    """Answers questions about one collection, with a language model or without."""

    def __init__(
        self,
        retriever: Retriever,
        reader: ExtractiveReader,
        aligner: Aligner,
        planner: Planner,
        *,
        writer: Writer | None = None,
        hard_writer: Writer | None = None,
        context_tokens: int = 6000,
        room_tokens: int | None = None,
        thinking_ceiling_tokens: int = 8192,
        max_searches: int = 0,
        notices: tuple[str, ...] = (),
    ) -> None:
        """:param aligner: holds what a language model says against the passages.
        :param writer: writes the answers; without it they are quoted.
        :param hard_writer: writes those that are to be thought about, instead of the other.
        :param context_tokens: Qwen tokens of passages in a prompt.
        :param room_tokens: what a prompt and the thinking may take together in the model's context.
        :param thinking_ceiling_tokens: most that is ever thought of a question.
        :param max_searches: how often the model itself may search further for a hard question.
        :param notices: what every answer is to say of how it came about.
        """
        self._retriever = retriever
        self._reader = reader
        self._aligner = aligner
        self._planner = planner
        self._writer = writer
        self._hard_writer = hard_writer or writer
        self._context_tokens = context_tokens
        self._room_tokens = room_tokens
        self._ceiling_tokens = thinking_ceiling_tokens
        self._max_searches = max_searches
        self._notices = notices

    def ask(
        self,
        question: str,
        *,
        k: int = 8,
        language: str | None = None,
        thinking: Asked = "auto",
        max_thinking_tokens: int | None = None,
    ) -> Answer:
        """Answer a question from the collection's documents.

        :param k: how many passages to look at.
        :param language: FLORES-200 code of the answer; the question's if None. Quotes stay in the
            language of their source.
        :param thinking: "auto" to plan it by the question's difficulty, "off", or so many tokens.
        :param max_thinking_tokens: a lower ceiling than the service's, for this question.
        :raises ModelError: if the language model fails.
        """
        for event in self.stream(
            question,
            k=k,
            language=language,
            thinking=thinking,
            max_thinking_tokens=max_thinking_tokens,
        ):
            if isinstance(event, AnswerDone):
                return event.answer
        raise AssertionError("a stream ends with AnswerDone")

    def stream(
        self,
        question: str,
        *,
        k: int = 8,
        language: str | None = None,
        thinking: Asked = "auto",
        max_thinking_tokens: int | None = None,
    ) -> Iterator[AnswerEvent]:
        """Answer a question step by step: the passages, pieces of text, the whole answer."""
        timer = _Timer()
        asked, switch = strip_switches(question)
        evidence = self._retrieve(asked, k)
        timer.lap("retrieval")
        yield PassagesFound(evidence.passages, evidence.searches)
        ceiling = self._ceiling_tokens
        if max_thinking_tokens is not None:
            ceiling = min(ceiling, max_thinking_tokens)
        plan = self._planner.plan(question, evidence, thinking=thinking, ceiling_tokens=ceiling)
        timer.lap("planning")
        language = language or evidence.language
        writer = self._hard_writer if plan.mode == "on" else self._writer
        drafts: list[_Draft] = []
        if writer is None or not evidence.passages:
            cited = self._read(evidence, language)
            planned = 0 if writer else plan.budget_tokens  # a model not asked thinks nothing
            drafts.append(_Draft(cited, evidence, budget_tokens=planned))
            timer.lap("reading")
            yield TextDelta(cited.text)
        else:
            auto = ceiling if thinking == "auto" else 0
            research = yield from self._research(evidence, writer, plan, auto, k, timer.lap)
            evidence = research.added_to(evidence, self._context_tokens)
            if research.failed:
                plan = replace(plan, reason=f"{plan.reason} {_CUT_SHORT}")
            written = research.used_tokens
            # a server may have written more than it was allowed, and -1 would be no limit
            budget = max(0, min(plan.budget_tokens, ceiling - written))
            first = yield from self._generate(evidence, language, writer, budget, timer.lap)
            drafts.append(first)
            more = _next_budget(plan.budget_tokens, ceiling, first.used_tokens + written)
            if first.n_failures and more and thinking == "auto" and switch != "/no_think":
                writer = self._hard_writer or writer
                wider = self._retrieve(asked, _WIDER * k)
                wider = research.added_to(wider, self._context_tokens)
                timer.lap("retrieval")
                yield PassagesFound(wider.passages, wider.searches)
                try:
                    second = yield from self._generate(wider, language, writer, more, timer.lap)
                    drafts.append(second)
                except ModelError as error:  # there is an answer already
                    _log.warning("the second attempt at an answer failed: %s", error)
                if _better(drafts) is first:
                    yield PassagesFound(first.evidence.passages, first.evidence.searches)
                    yield TextDelta(first.written)
        yield AnswerDone(self._answer(question, language, plan, drafts, timer.timings_ms))

    def _retrieve(self, question: str, k: int, max_tokens: int | None = None) -> Evidence:
        most = self._context_tokens if max_tokens is None else max_tokens
        return self._retriever.retrieve(question, k=k, max_tokens=most)

    def _research(
        self,
        evidence: Evidence,
        writer: Writer,
        plan: ThinkingPlan,
        ceiling_tokens: int,
        k: int,
        lap: Callable[[str], None],
    ) -> Generator[AnswerEvent, None, "Research"]:
        """Have the model search further where the question is hard enough and it can."""
        from ragqwen.research import SEARCHED_FROM, Research, Researcher

        research, told = Research(), 0
        hard = plan.mode == "on" and plan.difficulty >= SEARCHED_FROM
        if not (hard and self._max_searches and writer.calls_tools and ceiling_tokens):
            return research
        researcher = Researcher(
            lambda query, max_tokens: self._retrieve(query, k, max_tokens),
            max_searches=self._max_searches,
            context_tokens=self._context_tokens,
        )
        for research in researcher.steps(writer.chat, evidence, ceiling_tokens // 2):
            if len(research.searches) > told:
                found = research.added_to(evidence, self._context_tokens)
                yield PassagesFound(found.passages, found.searches)
                told = len(research.searches)
        lap("research")
        return research

    def _answer(
        self,
        question: str,
        language: str,
        plan: ThinkingPlan,
        drafts: list[_Draft],
        timings_ms: dict[str, float],
    ) -> Answer:
        """Return the answer made of the better attempt."""
        best = _better(drafts)
        budget_tokens = sum(draft.budget_tokens for draft in drafts)
        return Answer(
            question=question,
            answer=best.cited.text,
            answerable=best.n_verified > 0,  # what nothing bears out rests on no document
            language=language,
            citations=best.cited.citations,
            unsupported_claims=best.cited.unsupported_claims,
            removed_markers=best.cited.removed_markers,
            passages=best.evidence.passages,
            model=best.model,
            notices=tuple(messages.translated(notice, language) for notice in self._notices),
            thinking=Thinking(
                mode="on" if budget_tokens else "off",
                budget_tokens=budget_tokens,
                used_tokens=sum(draft.used_tokens for draft in drafts),
                attempts=0 if best.model == EXTRACTIVE else len(drafts),
                difficulty=plan.difficulty,
                reason=plan.reason if len(drafts) == 1 else f"{plan.reason} {_SECOND}",
                features=plan.features,
            ),
            timings_ms=timings_ms | {"total": round(sum(timings_ms.values()), 1)},
            searches=best.evidence.searches,
        )

    def _read(self, evidence: Evidence, language: str) -> CitedAnswer:
        citations = cite_quotes(self._reader.read(evidence).quotes)
        if not citations:
            message = messages.NOT_FOUND if evidence.passages else messages.NO_DOCUMENTS
            return CitedAnswer(messages.translated(message, language))
        text = "\n".join(f"{cited.quote} {cited.marker}" for cited in citations)
        return CitedAnswer(text, citations)

    def _generate(
        self,
        evidence: Evidence,
        language: str,
        writer: Writer,
        budget_tokens: int,
        lap: Callable[[str], None],
    ) -> Generator[AnswerEvent, None, _Draft]:
        """Have the model write; the marker of an unanswerable question is never streamed."""
        from ragqwen.prompt import is_refusal, may_become_refusal

        passages, prompt, room = self._prompt(evidence, language)
        budget_tokens = min(budget_tokens, room)
        splitter = ReasoningSplitter(expects_thinking=False)
        text, streamed, used = "", "", 0
        for chunk in writer.chat.stream(prompt, thinking_budget=budget_tokens):
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
            return _Draft(cited, evidence, refusal, writer.name, budget_tokens, used)
        cited = cite_generated(text, passages, language, self._aligner)
        if not cited.text.strip():  # be it that there was a marker
            raise ModelError(
                f"{writer.name} wrote nothing; ask again, or raise RAGQWEN_LLM_MAX_ANSWER_TOKENS"
            )
        if len(text) > len(streamed):  # what might have become the marker, such as "No"
            yield TextDelta(text[len(streamed) :])
        lap("citation")
        return _Draft(cited, evidence, text, writer.name, budget_tokens, used)

    def _prompt(
        self, evidence: Evidence, language: str
    ) -> "tuple[list[Passage], list[BaseMessage], int]":
        """Return as many passages as there is room for, the prompt, and what is left to think.

        :raises InputError: if the question with one passage is longer than the model's context.
        """
        from ragqwen.prompt import build_messages, fit_passages

        passages = fit_passages(evidence.passages, self._context_tokens)
        while True:
            prompt = build_messages(evidence.question, passages, language)
            if self._room_tokens is None:
                return passages, prompt, sys.maxsize
            taken = _TEMPLATE_TOKENS + sum(count_tokens(each.text) for each in prompt)
            if taken <= self._room_tokens:
                return passages, prompt, self._room_tokens - taken
            if len(passages) == 1:
                raise InputError(
                    f"the question takes {count_tokens(evidence.question)} tokens, which are "
                    f"{taken - self._room_tokens} too many for the language model's context; "
                    "shorten it, or raise RAGQWEN_LLM_CONTEXT_TOKENS if the model can take more"
                )
            passages = passages[:-1]


def _better(drafts: list[_Draft]) -> _Draft:
    """Return the better attempt, the later one if they are as good."""
    return min(reversed(drafts), key=lambda draft: (draft.n_verified == 0, draft.n_failures))


def _next_budget(budget_tokens: int, ceiling_tokens: int, used_tokens: int) -> int:
    """Return the next step of the scale of budgets, 0 if no step is left below the ceiling.

    :param used_tokens: what was thought before, which counts too.
    """
    room = ceiling_tokens - used_tokens
    steps = (step for step in budget_scale(ceiling_tokens) if budget_tokens < step <= room)
    return next(steps, 0)


def _reasoning_tokens(message: object) -> int:
    usage = getattr(message, "usage_metadata", None) or {}
    details = usage.get("output_token_details") or {}
    return int(details.get("reasoning") or 0)
