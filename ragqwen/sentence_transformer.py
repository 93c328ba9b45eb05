"""Any sentence-transformers model as an embedder; Qwen3-Embedding is the intended one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ragqwen.embedding import Vectors
from ragqwen.embedding_models import (
    END_TOKEN,
    MAX_QUESTION_CHARS,
    PROBE,
    Prompts,
    check_dimension,
    check_instruction,
    check_vectors,
    fingerprint,
    is_qwen3_embedding,
)
from ragqwen.errors import ModelError
from ragqwen.tokens import batches_by_length


class SentenceTransformerEmbedder:
    """Embeds with a model's own prompts: a query gets its instruction, a document its own or none.

    In half precision on a GPU, in float32 elsewhere.
    """

    def __init__(self, name: str, *, dimension: int | None = None) -> None:
        """Load a model by name or folder and test it.

        :param dimension: shorten a Matryoshka model's vectors to this length.
        :raises ModelError: if it can't be loaded, or would embed wrongly.
        """
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer

        self._name = name
        try:
            dtype = torch.float16 if torch.cuda.is_available() else torch.float32
            self._model: Any = SentenceTransformer(name, model_kwargs={"dtype": dtype})
        except (OSError, ValueError) as exc:
            raise ModelError(
                f"the embedder {name!r} can't be loaded ({exc}); give the name of a "
                "sentence-transformers model, or the folder of a downloaded copy"
            ) from exc
        except SafetensorError as exc:
            raise ModelError(
                f"the weights of the embedder {name!r} can't be read ({exc}); the copy is "
                "incomplete: download it anew"
            ) from exc
        self._prompts = Prompts.from_configuration(
            self._model.prompts, self._model.default_prompt_name
        )
        self._check_qwen3()
        of_model = int(self._model.get_embedding_dimension())
        self._dimension = check_dimension(name, dimension, of_model)
        check_vectors(name, self.embed_query(PROBE), zero=False)
        self._probe: Vectors = check_vectors(name, self.embed_documents([PROBE]), zero=False)[0]

    @property
    def fingerprint(self) -> str:
        """Name the model, its dimension and a digest of its prompts."""
        return fingerprint(self._name, self._dimension, self._prompts)

    @property
    def probe(self) -> Vectors:
        """Return the vector of a document of one fixed text, made when the model was loaded."""
        return self._probe

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return self._dimension

    @property
    def by_sentence(self) -> bool:
        """Tell that a passage's own vector is enough."""
        return False

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed passages.

        :return: (n_texts, dimension) float32, L2-normalised.
        """
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for rows in batches_by_length(texts):
            vectors[rows] = self._encoded([texts[row] for row in rows], self._prompts.document)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Embed a question, with the model's instruction for queries.

        :return: (dimension,) float32, L2-normalised.
        """
        vector: Vectors = self._encoded([text[:MAX_QUESTION_CHARS]], self._prompts.query)[0]
        return vector

    def _encoded(self, texts: list[str], prompt: str) -> Vectors:
        # truncate_dim alone does not re-normalise
        vectors = self._model.encode(
            texts,
            prompt=prompt,
            batch_size=len(texts),
            truncate_dim=self._dimension,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return check_vectors(self._name, np.asarray(vectors, dtype=np.float32), zero=True)

    def _check_qwen3(self) -> None:
        """Refuse a Qwen3-Embedding without its end token or its instruction.

        One of Qwen3's architecture and of another name may have prompts of another form and
        another special token at the end.

        :raises ModelError: if it is such a copy.
        """
        named = is_qwen3_embedding(self._name)
        config = getattr(getattr(self._model[0], "auto_model", None), "config", None)
        of_its_kind = getattr(config, "model_type", None) == "qwen3"
        if not named and not of_its_kind:
            return
        last = self._model.tokenizer(PROBE)["input_ids"][-1]
        if last < END_TOKEN or (named and last > END_TOKEN):
            raise ModelError(
                f"the copy of Qwen3-Embedding in {self._name!r} ends an encoding in the token "
                f"{last}, not in {END_TOKEN} (<|endoftext|>), on which its vectors rest; take the "
                "tokenizer.json that was published with the model"
            )
        if named or not self._prompts.query or self._prompts.query.startswith("Instruct:"):
            check_instruction(self._name, self._prompts)
