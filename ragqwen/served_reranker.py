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
_COSINE_TOLERANCE = 3e-3  # of half precision
_MAX_TELLING = 0.98  # above it a reranker's scores are all alike


class ServedReranker:
    """Scores passages on a server; the same as `CrossEncoderReranker` with the model run here."""

    def __init__(self, name: str, server: ModelServer) -> None:
        """Try out a model on a server.

        :param name: the name by which it is served.
        :raises ModelUnavailable: if the server can't be reached.
        :raises ModelError: if it scores wrongly, or its scores are an embedder's cosines.
        """
        self._name, self._server = name, server
        self._check_no_embedder()
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

    def _check_no_embedder(self) -> None:
        """Refuse cosines, which vLLM's `/rerank` gives of an embedder.

        It gives them of a Qwen3-Reranker too, if it wasn't told to take it for a classifier. A
        cosine is 1 for a text with itself, and the same if question and passage change places.
        Another model that isn't made to rerank, such as a classifier of moods, can't be told so.

        :raises ModelError: if the scores are such.
        """
        scores = self._rerank(PROBE[0], PROBE)  # cosines may be just above 1, or below 0
        same, score = scores.tolist()
        exchanged = float(self._rerank(PROBE[1], PROBE[:1])[0])
        symmetric = abs(score - exchanged) <= _COSINE_TOLERANCE and score <= _MAX_TELLING
        if symmetric and abs(1 - same) <= _COSINE_TOLERANCE:
            raise ModelError(
                f"the server of {self._name!r} compares vectors, as of an embedder ({score:.3f} "
                "for a question and a passage, and for the two exchanged); expected a reranker: "
                "set RAGQWEN_RERANKER to one that is served, with Qwen3-Reranker's --hf-overrides "
                "(README.md) where it is one, or to 'light' or 'off'"
            )
        check_scores(self._name, scores, len(PROBE))

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
