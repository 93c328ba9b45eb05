"""Any sentence-transformers cross-encoder as a reranker; Qwen3-Reranker is the intended one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragqwen.embedding_models import is_qwen3_embedding
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

_CLASSIFIER = "ForSequenceClassification"


class CrossEncoderReranker:
    """Scores passages with a model here: in half precision on a GPU, in float32 elsewhere.

    Of Qwen3-Reranker the score is the probability of yes against no; it gets its own template,
    whatever the copy's is. Any other Qwen3 that writes is taken too, because its files are no
    different.
    """

    def __init__(self, name: str) -> None:
        """Load a model by name or folder and test it.

        :raises ModelError: if it can't be loaded, is no reranker, or would score wrongly.
        """
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder
        from transformers import AutoConfig

        self._name = name
        try:
            config = AutoConfig.from_pretrained(name)
            if _is_embedder(name):
                raise _no_reranker(name, "an embedder, whose vectors are of one text alone")
            is_qwen3 = config.model_type == "qwen3"
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
        made_for = (config.architectures or [_CLASSIFIER])[0]
        classifies = self._model[0].transformer_task == "sequence-classification"
        if classifies and not made_for.endswith(_CLASSIFIER):
            raise _no_reranker(name, f"a {made_for}, without the layer that scores")
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


def _is_embedder(name: str) -> bool:
    """Tell whether a model's name or its files for sentence-transformers say that it embeds.

    That library would make a cross-encoder of it all the same, with a score that means nothing.
    """
    from sentence_transformers.util import load_file_path

    if is_qwen3_embedding(Path(name).name):
        return True
    if load_file_path(name, "modules.json") is None:
        return False
    path = load_file_path(name, "config_sentence_transformers.json")
    about = json.loads(Path(path).read_text("utf-8")) if path else {}
    return bool(about.get("model_type") != "CrossEncoder")  # older embedders have no type


def _no_reranker(name: str, what_it_is: str) -> ModelError:
    return ModelError(
        f"RAGQWEN_RERANKER is {name!r}, which is {what_it_is}; expected a reranker: set it to "
        "Qwen/Qwen3-Reranker-0.6B or another cross-encoder, or to 'light' or 'off'"
    )
