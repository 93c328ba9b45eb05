"""What the thinking plan spends on a real vLLM server, by the server's own count.

The model thinks until its budget ends it (ENDLESS), as the worst one would. These are first
attempts; what second ones add is among the figures of `python -m eval plan`.
"""

import asyncio
import logging
from itertools import cycle, islice

import pytest

from eval.graded import GradedQuestion, own_questions
from ragqwen.generation import QwenChat
from ragqwen.planning import Planner
from ragqwen.static_embedding import StaticEmbedder
from tests.chain_model import ENDLESS
from tests.vllm_server import CHAT_MODEL, needs_vllm

_log = logging.getLogger(__name__)
pytestmark = needs_vllm
FIXED = 4096
MOST_SHARE = 0.2
LOOK_UPS, HARD = 40, 10
FROM_GRADE = 3  # comparisons and what is harder are to be thought about


def one_of_each_language(questions: list[GradedQuestion], n: int) -> list[str]:
    """Return n questions, going through the languages, another question in each."""
    by_language: dict[str, list[GradedQuestion]] = {}
    for question in questions:
        by_language.setdefault(question.language, []).append(question)
    languages = islice(cycle(by_language.values()), n)
    return [some[at % len(some)].text for at, some in enumerate(languages)]


@pytest.fixture(scope="module")
def mix() -> list[str]:
    """Return four look-ups for each question that is harder, of our own set."""
    own = own_questions()
    easy = one_of_each_language([q for q in own if q.grade == 1], LOOK_UPS)
    return easy + one_of_each_language([q for q in own if q.grade >= FROM_GRADE], HARD)


async def thought_tokens(chat: QwenChat, question: str, budget: int) -> int:
    message = await chat.ainvoke(question, thinking_budget=budget, max_tokens=8, **ENDLESS)
    assert message.usage_metadata
    return message.usage_metadata["output_token_details"]["reasoning"]


def test_vllm_thinks_a_fifth_by_plan_of_what_a_fixed_budget_takes(
    chat_url: str, mix: list[str]
) -> None:
    planner = Planner(StaticEmbedder())
    budgets = [planner.plan(question).budget_tokens for question in mix]
    assert sum(budgets) <= MOST_SHARE * FIXED * len(mix)  # or there is no need to wait for more
    chat = QwenChat(base_url=chat_url, model=CHAT_MODEL, timeout_seconds=900)

    async def ask_all() -> list[int]:
        planned = (thought_tokens(chat, *each) for each in zip(mix, budgets, strict=True))
        return await asyncio.gather(thought_tokens(chat, mix[0], FIXED), *planned)

    fixed, *spent = asyncio.run(ask_all())
    assert fixed == FIXED  # of each question, because this model never stops by itself
    share = sum(spent) / (FIXED * len(mix))
    _log.info("%d tokens thought of %d questions: %.1f %%", sum(spent), len(mix), 100 * share)
    assert spent == budgets
    assert share <= MOST_SHARE
