"""Answers by vLLM's engine in this process, for tests: run in the environment that has vLLM.

python -m tests.vllm_batch MODEL CONTEXT CASES.json ANSWERS.json
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from ragqwen.vllm_engine import Job, VllmChat, VllmEngine


class CountingEngine(VllmEngine):
    """Notes how many prompts the engine gets at once."""

    def __init__(self, model: str, options: dict[str, Any]) -> None:
        super().__init__(model, options)
        self.sizes: list[int] = []

    def _run(self, jobs: Sequence[Job]) -> None:
        self.sizes.append(len(jobs))
        super()._run(jobs)


def told(answer: AIMessage | Exception) -> dict[str, Any]:
    """Return what a test looks at."""
    if isinstance(answer, Exception):
        return {"error": type(answer).__name__, "says": str(answer)}
    assert answer.usage_metadata
    return {
        "content": answer.content,
        "thought": answer.additional_kwargs.get("reasoning_content", ""),
        "finish": answer.response_metadata["finish_reason"],
        "usage": answer.usage_metadata,
    }


def run(chat: VllmChat, engine: CountingEngine, case: dict[str, Any]) -> dict[str, Any]:
    """Answer one case: a way of asking, its inputs, and what goes with them."""
    inputs, given = case["inputs"], case.get("given", {})
    engine.sizes.clear()
    if case["way"] == "batch":
        answers = chat.batch(inputs, return_exceptions=True, **given)
    elif case["way"] == "abatch":
        answers = asyncio.run(chat.abatch(inputs, **given))
    elif case["way"] == "gather":

        async def ask_all() -> list[AIMessage]:
            return await asyncio.gather(*(chat.ainvoke(each, **given) for each in inputs))

        answers = asyncio.run(ask_all())
    else:
        answers = [chat.invoke(each, **given) for each in inputs]
    return {"answers": [told(answer) for answer in answers], "sizes": engine.sizes[:]}


def main(model: str, context: str, cases: str, answers: str) -> None:
    """Answer all cases with one engine."""
    options = {"max_model_len": int(context), "enforce_eager": True}
    chat, engine = VllmChat(model=model), CountingEngine(model, options)
    chat._runner = engine
    asked = json.loads(Path(cases).read_text())
    found = {name: run(chat, engine, case) for name, case in asked.items()}
    Path(answers).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
