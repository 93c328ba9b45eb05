"""Any sentence-transformers cross-encoder as a reranker; Qwen3-Reranker is the intended one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ragqwen.errors import ModelError
from ragqwen.prompt import neutralise
from ragqwen.reranking import (
    MAX_QUESTION_CHARS,
    PROBE,
    TEMPLATE,
    Scores,
    check_scores,
    render,
)
from ragqwen.tokens import batches_by_length, qwen_encoding


class CrossEncoderReranker:
    """Scores passages with a model here: in half precision on a GPU, in float32 elsewhere.

    Of Qwen3-Reranker the score is the probability of yes against no; it gets its own template,
    whatever the copy's is.
    """

    def __init__(self, name: str) -> None:
        """Load a model by name or folder and test it.

        :raises ModelError: if it can't be loaded, or would score wrongly.
        """
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder
        from transformers import AutoConfig

        self._name = name
        try:
            is_qwen3 = AutoConfig.from_pretrained(name).model_type == "qwen3"
            template = {"chat_template": TEMPLATE.read_text("utf-8")} if is_qwen3 else None
            dtype = torch.float16 if torch.cuda.is_available() else torch.float32
            self._model: Any = CrossEncoder(
                name,
                model_kwargs={"dtype": dtype},
                processor_kwargs=template,
                activation_fn=torch.nn.Sigmoid(),
            )
        except (OSError, ValueError) as exc:
            raise ModelError(
                f"the reranker {name!r} can't be loaded ({exc}); set RAGQWEN_RERANKER to the name "
                "of a cross-encoder, to the folder of a downloaded copy, or to 'light' or 'off'"
            ) from exc
        except SafetensorError as exc:
            raise ModelError(
                f"the weights of the reranker {name!r} can't be read ({exc}); the copy is "
                "incomplete: download it anew"
            ) from exc
        if is_qwen3:
            self._check_prompt()
        self.scores(PROBE[0], [PROBE[1]])

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Score passages.

        :return: (n_passages,) float32 in [0, 1], in the order of the passages.
        :raises ModelError: if the model gives anything else.
        """
        asked = neutralise(question[:MAX_QUESTION_CHARS])
        scores = np.zeros(len(passages), dtype=np.float32)
        for rows in batches_by_length(passages):
            pairs = [(asked, neutralise(passages[row])) for row in rows]
            found = self._model.predict(pairs, batch_size=len(rows), show_progress_bar=False)
            scores[rows] = check_scores(self._name, found, len(rows))
        return scores

    def _check_prompt(self) -> None:
        """Compare the tokens that the model gets with those that it was trained on.

        :raises ModelError: if they differ, as by a newline lost at the end or a token added there.
        """
        expected = qwen_encoding().encode(render(*PROBE), allowed_special="all")
        tokens = self._model.preprocess([PROBE])["input_ids"][0].tolist()
        if tokens != expected:
            raise ModelError(
                f"the reranker {self._name!r} is given {len(tokens)} tokens that end in "
                f"{tokens[-3:]}, where Qwen3-Reranker expects {len(expected)} that end in "
                f"{expected[-3:]}; take the tokenizer.json that was published with it"
            )
