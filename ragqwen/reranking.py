"""Scoring passages with the question beside them: what a reranker is, and Qwen3-Reranker's form."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ragqwen.errors import ModelError

Scores = npt.NDArray[np.float32]

TEMPLATE = Path(__file__).parent / "data" / "qwen3_reranker.jinja"
"""Qwen3-Reranker's prompt, in the form that sentence-transformers and vLLM both take."""
MAX_QUESTION_CHARS = 2_000
PROBE = ("Where does tea grow?", "Tea grows in the hills.")
_QWEN3 = re.compile(r"qwen3[-_.]?reranker", re.IGNORECASE)


class Reranker(Protocol):
    """Anything that says how well passages answer a question, reading both together."""

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Score passages.

        :return: (n_passages,) float32 in [0, 1], in the order of the passages.
        """


def is_qwen3_reranker(name: str) -> bool:
    """Tell whether a model's name or folder says that it is a Qwen3-Reranker."""
    return bool(_QWEN3.search(name))


def render(question: str, passage: str) -> str:
    """Return the whole prompt that Qwen3-Reranker answers with yes or no."""
    from jinja2 import Template

    messages = [
        {"role": "query", "content": question},
        {"role": "document", "content": passage},
    ]
    return str(Template(TEMPLATE.read_text("utf-8")).render(messages=messages))


def check_scores(name: str, scores: Scores, n_passages: int) -> Scores:
    """Return scores, one in [0, 1] for each passage.

    :raises ModelError: if there are more or fewer, or one is out of bounds or not a number.
    """
    if scores.shape != (n_passages,) or not np.all((scores >= 0) & (scores <= 1)):
        raise ModelError(
            f"the reranker {name!r} gave {scores.tolist()!r:.200} for {n_passages} passages, not a "
            "number from 0 to 1 for each; set RAGQWEN_RERANKER to a model of one relevance score"
        )
    return scores
