"""Any sentence-transformers model as an embedder; Qwen3-Embedding is the intended one."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ragqwen.embedding import Vectors
from ragqwen.errors import ModelError

_BATCH = 32


class SentenceTransformerEmbedder:
    """Embeds with a model's own prompts: a query gets its instruction, a document its own or none.

    The model is loaded at first use. Its fingerprint is its name, dimension and prompts.
    """

    def __init__(self, name: str, *, dimension: int | None = None) -> None:
        """Load a model by name or folder.

        :param dimension: shorten a Matryoshka model's vectors to this length.
        :raises ModelError: if it can't be loaded.
        """
        self._name = name
        try:
            from sentence_transformers import SentenceTransformer

            self._model: Any = SentenceTransformer(name, truncate_dim=dimension)
        except (OSError, ValueError) as exc:
            raise ModelError(
                f"the embedder {name!r} can't be loaded ({exc}); give the name of a "
                "sentence-transformers model, or the folder of a downloaded copy"
            ) from exc
        self._dimension = int(dimension or self._model.get_embedding_dimension())

    @property
    def fingerprint(self) -> str:
        """Name the model, its dimension and a digest of its prompts."""
        prompts = json.dumps(self._model.prompts, sort_keys=True).encode()
        digest = hashlib.blake2b(prompts, digest_size=4).hexdigest()
        return f"sentence-transformers:{self._name}:{self._dimension}:{digest}"

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return self._dimension

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed passages.

        :return: (n_texts, dimension) float32, L2-normalised.
        """
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        return self._encoded(self._model.encode_document, list(texts))

    def embed_query(self, text: str) -> Vectors:
        """Embed a question, with the model's instruction for queries.

        :return: (dimension,) float32, L2-normalised.
        """
        vector: Vectors = self._encoded(self._model.encode_query, [text])[0]
        return vector

    def _encoded(self, encode: Any, texts: list[str]) -> Vectors:
        # truncate_dim alone does not re-normalise
        vectors = encode(
            texts, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)
