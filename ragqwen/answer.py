"""The answer path: retrieve, plan, then read or generate, then cite and prove."""

import logging
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ragqwen import messages
from ragqwen.alignment import Aligner
from ragqwen.citations import CitedAnswer, cite_quotes
from ragqwen.drafting import EXTRACTIVE, Draft, Drafter, PassagesFound, TextDelta, Writer
from ragqwen.errors import InputError, ModelError
from ragqwen.planning import Asked, Planner, ThinkingPlan, next_budget, strip_switches
from ragqwen.reader import ExtractiveReader
from ragqwen.records import Answer, Thinking
from ragqwen.retrieval import Evidence, Retriever

if TYPE_CHECKING:
    from ragqwen.research import Research

_log = logging.getLogger(__name__)
_SECOND = "The answer failed verification and was written again, with the next larger budget."
_CUT_SHORT = "Further searches were cut short: the language model's server failed."
_WIDER = 2  # times as many passages for a second attempt


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


@dataclass(slots=True)
class _Allowance:
    """What may be thought of a question: so many tokens, and as many as there is time for."""

    ceiling_tokens: int
    deadline: float | None  # by time.perf_counter
    _used_tokens: int = 0

    def left(self, writer: Writer | None) -> int:
        """Return the tokens that a writer may still think, if it begins now."""
        tokens = max(0, self.ceiling_tokens - self._used_tokens)
        if self.deadline is None or writer is None:
            return tokens
        return min(tokens, writer.pace.thinking_tokens(self.deadline - time.perf_counter()))

    def spend(self, tokens: int) -> None:
        """Count what was written, which may be more than a server was allowed."""
        self._used_tokens += tokens


@dataclass(frozen=True, slots=True)
class _Task:
    """What a language model is to write. `escalates` says whether it may search and try again."""

    question: str
    language: str
    k: int
    plan: ThinkingPlan
    allowance: _Allowance
    escalates: bool


@dataclass(frozen=True, slots=True)
class _Written:
    """The attempts at an answer, and the tokens written for further searches before them."""

    drafts: tuple[Draft, ...]
    plan: ThinkingPlan
    searching_tokens: int = 0


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
        thinking_ceiling_tokens: int = 8192,
        max_searches: int = 0,
        notices: tuple[str, ...] = (),
    ) -> None:
        """:param aligner: holds what a language model says against the passages.
        :param writer: writes the answers; without it they are quoted.
        :param hard_writer: writes those that are to be thought about, instead of the other.
        :param context_tokens: Qwen tokens of passages in a prompt.
        :param thinking_ceiling_tokens: most that is ever thought of a question.
        :param max_searches: how often the model itself may search further for a hard question.
        :param notices: what every answer is to say of how it came about.
        """
        self._retriever = retriever
        self._reader = reader
        self._drafter = Drafter(aligner, context_tokens)
        self._planner = planner
        self._writer = writer
        self._hard_writer = hard_writer or writer
        self._context_tokens = context_tokens
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
        max_seconds: float | None = None,
    ) -> Answer:
        """Answer a question from the collection's documents.

        :param k: how many passages to look at.
        :param language: FLORES-200 code of the answer; the question's if None. Quotes stay in the
            language of their source.
        :param thinking: "auto" to plan it by the question's difficulty, "off", or so many tokens.
        :param max_thinking_tokens: a lower ceiling than the service's, for this question.
        :param max_seconds: how long the answer may take. No more is thought than there is time for
            at the pace that the model has had; nothing is cut off when the time is over.
        :raises InputError: if a limit is out of range.
        :raises ModelError: if the language model fails.
        """
        for event in self.stream(
            question,
            k=k,
            language=language,
            thinking=thinking,
            max_thinking_tokens=max_thinking_tokens,
            max_seconds=max_seconds,
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
        max_seconds: float | None = None,
    ) -> Iterator[AnswerEvent]:
        """Answer a question step by step: the passages, pieces of text, the whole answer."""
        timer = _Timer()
        allowance = self._allowance(max_thinking_tokens, max_seconds)
        asked, switch = strip_switches(question)
        evidence = self._retrieve(asked, k)
        timer.lap("retrieval")
        yield PassagesFound(evidence.passages, evidence.searches)
        plan = self._plan(question, evidence, thinking, allowance)
        timer.lap("planning")
        language = language or evidence.language
        writer = self._hard_writer if plan.mode == "on" else self._writer
        if writer is None or not evidence.passages:
            cited = self._read(evidence, language)
            planned = 0 if writer else plan.budget_tokens  # a model not asked thinks nothing
            written = _Written((Draft(cited, evidence, budget_tokens=planned),), plan)
            timer.lap("reading")
            yield TextDelta(cited.text)
        else:
            escalates = thinking == "auto" and switch != "/no_think"
            task = _Task(asked, language, k, plan, allowance, escalates)
            written = yield from self._write(task, evidence, writer, timer.lap)
        yield AnswerDone(self._answer(question, language, written, timer.timings_ms))

    def _allowance(self, max_thinking_tokens: int | None, max_seconds: float | None) -> _Allowance:
        ceiling = self._ceiling_tokens
        if max_thinking_tokens is not None:
            ceiling = min(ceiling, max_thinking_tokens)
        if max_seconds is None:
            return _Allowance(ceiling, None)
        if not 0 < max_seconds < math.inf:
            raise InputError(f"max_seconds is {max_seconds}; give seconds, more than 0")
        return _Allowance(ceiling, time.perf_counter() + max_seconds)

    def _plan(
        self, question: str, evidence: Evidence, thinking: Asked, allowance: _Allowance
    ) -> ThinkingPlan:
        ceiling = allowance.left(self._hard_writer)
        plan = self._planner.plan(question, evidence, thinking=thinking, ceiling_tokens=ceiling)
        if ceiling == allowance.ceiling_tokens:
            return plan
        time_for = f"There is time for {ceiling:,} tokens of thinking."
        return replace(plan, reason=f"{plan.reason} {time_for}")

    def _write(
        self, task: _Task, evidence: Evidence, writer: Writer, lap: Callable[[str], None]
    ) -> Generator[AnswerEvent, None, _Written]:
        """Have the model search further and write, and write anew what failed verification."""
        plan, allowance = task.plan, task.allowance
        research = yield from self._research(task, evidence, writer, lap)
        if research.failed:
            plan = replace(plan, reason=f"{plan.reason} {_CUT_SHORT}")
        allowance.spend(research.used_tokens)
        evidence = research.added_to(evidence, self._context_tokens)
        budget = min(plan.budget_tokens, allowance.left(writer))
        first = yield from self._drafter.draft(evidence, task.language, writer, budget, lap)
        allowance.spend(first.used_tokens)
        drafts = [first]
        writer = self._hard_writer or writer
        more = next_budget(plan.budget_tokens, allowance.ceiling_tokens, allowance.left(writer))
        if first.n_failures and more and task.escalates:
            wider = self._retrieve(task.question, _WIDER * task.k)
            wider = research.added_to(wider, self._context_tokens)
            lap("retrieval")
            yield PassagesFound(wider.passages, wider.searches)
            try:
                second = yield from self._drafter.draft(wider, task.language, writer, more, lap)
                drafts.append(second)
            except (InputError, ModelError) as error:  # there is an answer already
                _log.warning("the second attempt at an answer failed: %s", error)
            if _better(drafts) is first:
                yield PassagesFound(first.evidence.passages, first.evidence.searches)
                yield TextDelta(first.written)
        return _Written(tuple(drafts), plan, research.used_tokens)

    def _retrieve(self, question: str, k: int, max_tokens: int | None = None) -> Evidence:
        most = self._context_tokens if max_tokens is None else max_tokens
        return self._retriever.retrieve(question, k=k, max_tokens=most)

    def _research(
        self, task: _Task, evidence: Evidence, writer: Writer, lap: Callable[[str], None]
    ) -> Generator[AnswerEvent, None, "Research"]:
        """Have the model search further where the question is hard enough and it can."""
        from ragqwen.research import SEARCHED_FROM, Research, Researcher

        research, told = Research(), 0
        hard = task.escalates and task.plan.mode == "on" and task.plan.difficulty >= SEARCHED_FROM
        if not (hard and self._max_searches and writer.calls_tools):
            return research
        researcher = Researcher(
            lambda query, max_tokens: self._retrieve(query, task.k, max_tokens),
            max_searches=self._max_searches,
            context_tokens=self._context_tokens,
        )
        for research in researcher.steps(writer.chat, evidence, task.allowance.left(writer) // 2):
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
        written: _Written,
        timings_ms: dict[str, float],
    ) -> Answer:
        """Return the answer made of the better attempt."""
        drafts, plan = written.drafts, written.plan
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
                searching_tokens=written.searching_tokens,
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
            nothing_there = evidence.terms and not evidence.passages
            message = messages.NO_DOCUMENTS if nothing_there else messages.NOT_FOUND
            return CitedAnswer(messages.translated(message, language))
        text = "\n".join(f"{cited.quote} {cited.marker}" for cited in citations)
        return CitedAnswer(text, citations)


def _better(drafts: Sequence[Draft]) -> Draft:
    """Return the better attempt, the later one if they are as good."""
    return min(reversed(drafts), key=lambda draft: (draft.n_verified == 0, draft.n_failures))
