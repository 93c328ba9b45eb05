"""From a question, and what was found for it, to how much the model may think.

The difficulty in [0, 1] comes from `ragqwen.difficulty`, where its formula is. Below `THRESHOLD`
nothing is thought: thinking slightly harms what is merely looked up. From there to 1 the steps of a
geometric scale have equal parts: with the steps b_0 .. b_(n-1) of `budget_scale` the budget is

    b_k, k = min(n - 1, floor(n * (difficulty - THRESHOLD) / (1 - THRESHOLD)))

The asker may type `/think` (at least the first step) or `/no_think`, as users of Qwen3 are used to;
the last one counts. They count in the question alone, never in a document.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import regex

from ragqwen.difficulty import DifficultyModel, Estimate, evidence_features, judged, strained
from ragqwen.errors import InputError, ModelError
from ragqwen.identification import identify
from ragqwen.languages import languages
from ragqwen.retrieval import Evidence
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.text import normalise_text

Switch = Literal["/think", "/no_think"]
Asked = Literal["auto", "off"] | int
"""What the caller may say of thinking: to plan it, to leave it, or so many tokens."""

THRESHOLD = 0.35
LEAST_TOKENS = 1024
"""The first step: budgets below it buy little on hard tasks (Qwen3 technical report, figure 2)."""

_log = logging.getLogger(__name__)
_IDENTIFIED_CHARS = 2000
_MARKS = "?!,;？！，；、。…।॥؟۔）」』”»"  # that may stand right before a switch
_INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"  # zero-width space, marks of direction and of order
_BLANK = _INVISIBLE + "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_TYPED = r"(?:/(?:no_)?think)*(/(?:no_)?think)"  # one or several on end, of which the last counts
_SWITCH = regex.compile(
    rf"(?<![^\s{_MARKS}{_INVISIBLE}\p{{L}}\p{{M}}]|\p{{Latin}})"
    rf"(?|\*{{1,3}}{_TYPED}\*{{1,3}}|\[{_TYPED}\](?!\()|{_TYPED})"
    r"(?![\p{Latin}\p{M}\p{N}_/]|[-.'’@=&#%+~:\\][\p{Latin}\p{N}_])(?:\.(?!\S))?",
    regex.IGNORECASE,
)
_CALLED = {
    "words": "its length",
    "weight": "its content",
    "numbers": "its numbers",
    "quantities": "its quantities",
    "sentences": "its sentences",
    "breaks": "its clauses",
    "meaning": "its meaning",
    "calculation": "its calculation",
    "foreign": "passages in another language",
    "spread": "evidence that is spread out",
    "documents": "several documents",
    "pieces": "words that no passage has together",
}


@dataclass(frozen=True, slots=True)
class ThinkingPlan:
    """How much the model may think of a question, and why.

    `difficulty` is in [0, 1]. `budget_tokens` is 0 just where `mode` is "off". `features` has all
    that the plan was made from; `reason` says the most of it in one sentence. It is a diagnostic,
    as a log's line is, and so in English whatever language the answer is in.
    """

    difficulty: float
    mode: Literal["off", "on"]
    budget_tokens: int
    reason: str
    features: Mapping[str, float]


class Judge(Protocol):
    """What grades a question beside the planner, such as `ragqwen.judgement.QwenJudge`."""

    def judge(self, question: str) -> float:
        """Return how hard a question is, in [0, 1].

        :raises ModelError: if there is no telling.
        """


class Planner:
    """Plans thinking by the question and its evidence; no language model is asked but a judge."""

    def __init__(
        self,
        embedder: StaticEmbedder,
        judge: Judge | None = None,
        *,
        thinks_in_language: bool = False,
    ) -> None:
        """:param embedder: the built-in one, whatever embeds the documents.
        :param judge: asked about each question whose budget is to be planned.
        :param thinks_in_language: that the model thinks in the question's language and not in
            English, so that a budget grows with the language's tokens per character.
        """
        self._model = DifficultyModel(embedder)
        self._judge = judge
        self._thinks_in_language = thinks_in_language

    def plan(
        self,
        question: str,
        evidence: Evidence | None = None,
        *,
        thinking: Asked = "auto",
        ceiling_tokens: int = 8192,
        language: str | None = None,
    ) -> ThinkingPlan:
        """Plan how much the model may think.

        :param question: as it was typed, soft switches included.
        :param evidence: what was found; without it the question alone counts.
        :param thinking: "auto" to plan; "off" and a number of tokens go before what was planned and
            before what the asker typed.
        :param ceiling_tokens: the most that may ever be thought; 0 for nothing.
        :param language: the question's; the evidence's or else found out.
        :raises InputError: if thinking or the ceiling is less than 0.
        """
        fixed = _fixed_tokens(thinking, ceiling_tokens)
        asked, switch = strip_switches(question)
        asked = normalise_text(asked)
        if language is None:
            language = evidence.language if evidence else identify(asked[:_IDENTIFIED_CHARS])
        estimate = self._model.estimate(asked, language)
        found = evidence_features(language, evidence.terms, evidence.passages) if evidence else {}
        asks = fixed is None and switch != "/no_think" and ceiling_tokens > 0
        answered = evidence is None or evidence.passages
        judgement, said = self._ask_judge(asked) if asks and answered and asked else (None, "")
        difficulty = strained(judged(estimate.difficulty, judgement), found)
        budget, rule = _budget(difficulty, ceiling_tokens, fixed, switch)
        if self._thinks_in_language and fixed is None and language in languages():
            factor = languages()[language].tokens_per_char_to_english
            budget = min(ceiling_tokens, round(budget * max(1.0, factor)))
        return ThinkingPlan(
            difficulty=difficulty,
            mode="on" if budget else "off",
            budget_tokens=budget,
            reason=_reason(budget, rule, estimate, difficulty, found, said),
            features={
                **{f"kind_{name}": chance for name, chance in estimate.kinds.items()},
                **estimate.features,
                **({} if judgement is None else {"judged": judgement}),
                **{f"evidence_{name}": value for name, value in found.items()},
            },
        )

    def _ask_judge(self, question: str) -> tuple[float | None, str]:
        """Return the judge's opinion, if it has one, and what a reason is to say of it."""
        if self._judge is None:
            return None, ""
        try:
            judgement = self._judge.judge(question)
        except ModelError as error:  # an answer needs none
            _log.warning("the language model did not grade a question: %s", error)
            return None, " (the language model was asked for a grade and gave none)"
        return judgement, f" (the language model's own grade is {judgement:.2f})"


def strip_switches(question: str) -> tuple[str, Switch | None]:
    """Return the question without `/think` and `/no_think`, and the last of them.

    They count where no Latin letter, digit or sign of an address goes on before or behind: beside a
    mark or a letter of another script they do, in `/thinking`, `a/think`, `/think/x` and in quotes
    they don't. Bold type and square brackets around them, upper and lower case make no difference.
    """
    pieces = _SWITCH.split(question)  # text, switch, text and so on
    if len(pieces) == 1:
        return question, None
    kept: list[str] = []
    for number, piece in enumerate(text.strip(_BLANK) for text in pieces[::2]):
        if number and not kept:
            piece = piece.lstrip(_MARKS + _BLANK)  # of a switch that was set off, "/think, who …"
        elif piece and piece[0] in _MARKS and kept and kept[-1].endswith(piece[0]):
            piece = piece[1:].lstrip(_BLANK)  # so too: "who, /think, …"
        if piece:
            kept += [" ", piece] if kept and piece[0] not in _MARKS else [piece]
    return "".join(kept), "/think" if pieces[-2].lower() == "/think" else "/no_think"


def budget_scale(ceiling_tokens: int) -> tuple[int, ...]:
    """Return the budgets there are: 1,024, twice that and so on, and the ceiling last."""
    if ceiling_tokens <= 0:
        return ()
    steps = []
    step = LEAST_TOKENS
    while step < ceiling_tokens:
        steps.append(step)
        step *= 2
    return (*steps, ceiling_tokens)


def planned_tokens(difficulty: float, ceiling_tokens: int) -> int:
    """Return the budget for a difficulty, as the module's formula has it."""
    scale = budget_scale(ceiling_tokens)
    if not scale or difficulty < THRESHOLD:
        return 0
    part = (difficulty - THRESHOLD) / (1 - THRESHOLD)
    return scale[min(len(scale) - 1, int(part * len(scale)))]


def next_budget(budget_tokens: int, ceiling_tokens: int, left_tokens: int) -> int:
    """Return the budget of a second attempt: the next step, 0 if there is none or too little left.

    :param budget_tokens: of the first attempt.
    :param left_tokens: what may still be thought.
    """
    steps = (step for step in budget_scale(ceiling_tokens) if budget_tokens < step <= left_tokens)
    return next(steps, 0)


def _fixed_tokens(thinking: Asked, ceiling_tokens: int) -> int | None:
    """Return the tokens that the caller fixed, or None for what is to be planned."""
    if ceiling_tokens < 0:
        raise InputError(f"the ceiling of thinking is {ceiling_tokens} tokens; give 0 or more")
    if thinking == "auto":
        return None
    if thinking == "off":
        return 0
    if not isinstance(thinking, int) or isinstance(thinking, bool) or thinking < 0:
        raise InputError(
            f'thinking is {thinking!r}; give "auto", "off" or a number of tokens, 0 or more'
        )
    return min(thinking, ceiling_tokens)


def _budget(
    difficulty: float, ceiling_tokens: int, fixed: int | None, switch: Switch | None
) -> tuple[int, str]:
    """Return the budget, and the rule that made it if it wasn't planned."""
    if fixed is not None:
        return fixed, "as the caller asked"
    if switch == "/no_think":
        return 0, "as /no_think asked"
    budget = planned_tokens(difficulty, ceiling_tokens)
    if switch == "/think" and not budget and ceiling_tokens:
        return budget_scale(ceiling_tokens)[0], "as /think asked"
    return budget, ""


def _reason(
    budget: int,
    rule: str,
    estimate: Estimate,
    difficulty: float,
    found: Mapping[str, float],
    said: str,
) -> str:
    """Return one sentence on a plan."""
    thinks = f"Thinks up to {budget:,} tokens" if budget else "Answers without thinking"
    if rule:
        return f"{thinks}, {rule}; the difficulty would be {difficulty:.2f}{said}."
    because = list(dict.fromkeys(map(_called, estimate.for_kind)))[:2]
    because += [_called(name) for name in ("foreign", "documents") if found.get(name, 0) >= 0.5]
    by = f", by {', '.join(because)}" if because else ""
    return (
        f"{thinks}: it reads like a question of the kind {estimate.kind} "
        f"({estimate.kinds[estimate.kind]:.2f}){by}; difficulty {difficulty:.2f}{said}."
    )


def _called(feature: str) -> str:
    cue = feature.removeprefix("cue_").removeprefix("word_")
    return f'words near "{cue}"' if cue != feature else _CALLED[feature]
