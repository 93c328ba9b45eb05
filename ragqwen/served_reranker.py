"""A reranker behind `/rerank`, for throughput: vLLM's pooling server above all."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ragqwen.errors import ModelError, ModelRefused
from ragqwen.model_server import ModelServer
from ragqwen.prompt import neutralise
from ragqwen.reranking import (
    MAX_QUESTION_CHARS,
    PROBE,
    TEMPLATE,
    Scores,
    check_scores,
    is_qwen3_reranker,
    render,
)

_MAX_DIFFERENCE = 0.2  # of logits; half precision keeps it below 0.1


class ServedReranker:
    """Scores passages on a server; the same as `CrossEncoderReranker` with the model run here."""

    def __init__(self, name: str, server: ModelServer) -> None:
        """Try out a model on a server.

        :param name: the name by which it is served.
        :raises ModelUnavailable: if the server can't be reached.
        :raises ModelError: if it scores wrongly.
        """
        self._name, self._server = name, server
        self.scores(PROBE[0], [PROBE[1]])
        if is_qwen3_reranker(name):
            self._check_template()

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Score passages, all in one request.

        :return: (n_passages,) float32 in [0, 1], in the order of the passages.
        :raises ModelError: if the server fails or gives anything else.
        """
        if not passages:
            return np.zeros(0, dtype=np.float32)
        asked = neutralise(question[:MAX_QUESTION_CHARS])
        given = [neutralise(passage) for passage in passages]
        return check_scores(self._name, self._rerank(asked, given), len(given))

    def _rerank(self, question: str, passages: Sequence[str], **more: Any) -> Scores:
        body = {"model": self._name, "query": question, "documents": list(passages), **more}
        data = self._server.post("/rerank", body)
        try:
            by_index = {item["index"]: item["relevance_score"] for item in data["results"]}
            scores = [by_index[index] for index in range(len(passages))]
            return np.asarray(scores, dtype=np.float32)
        except (KeyError, TypeError, ValueError) as exc:
            raise ModelError(
                f"the server of {self._name!r} sent no score for each passage: {data!r:.200}; "
                "check RAGQWEN_RERANKER_BASE_URL"
            ) from exc

    def _check_template(self) -> None:
        """Compare a pair's score with that of the whole prompt, on a server that takes prompts.

        :raises ModelError: if they differ.
        """
        body = {"model": self._name, "input": [render(*PROBE)], "use_activation": False}
        try:
            data = self._server.post("/classify", body, at_root=True)
        except ModelRefused as refusal:
            if refusal.status in (404, 405):  # not vLLM's: its template can't be seen from here
                return
            raise
        try:
            expected = float(data["data"][0]["probs"][0])
        except (KeyError, IndexError, TypeError, ValueError) as exc:
            raise ModelError(f"the server of {self._name!r} sent no logit: {data!r:.200}") from exc
        got = float(self._rerank(PROBE[0], [PROBE[1]], use_activation=False)[0])
        if not abs(got - expected) <= _MAX_DIFFERENCE:
            raise ModelError(
                f"the server of {self._name!r} does not put pairs into Qwen3-Reranker's prompt "
                f"(logit {got:.2f}, not {expected:.2f}); serve it with --chat-template {TEMPLATE}"
            )
