"""An embedder behind `/v1/embeddings`, for throughput: vLLM's pooling server above all."""

import base64
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ragqwen.embedding import Vectors
from ragqwen.embedding_models import (
    END_TOKEN,
    MAX_QUESTION_CHARS,
    PROBE,
    check_dimension,
    check_instruction,
    check_vectors,
    fingerprint,
    is_qwen3_embedding,
    read_prompts,
)
from ragqwen.errors import ModelError
from ragqwen.model_server import ModelServer
from ragqwen.tokens import qwen_encoding

_BATCH_TEXTS = 32
_MIN_AGREEMENT = 0.995  # cosine; half precision keeps it above 0.999


class ServedEmbedder:
    """Embeds on a server; its vectors are comparable with those of the model run here.

    The server puts the end token after a text, as its tokenizer says; the instruction is put before
    a question here, and vectors are shortened here, because a server does that only if told to.
    """

    def __init__(
        self, name: str, server: ModelServer, *, dimension: int | None = None, parallel: int = 8
    ) -> None:
        """Try out a model on a server.

        :param name: the model's name, by which it is served too.
        :param dimension: shorten a Matryoshka model's vectors to this length.
        :param parallel: most requests at a time.
        :raises ModelUnavailable: if the server can't be reached.
        :raises ModelError: if it embeds wrongly.
        """
        self._name, self._server, self._parallel = name, server, parallel
        self._prompts = read_prompts(name)
        if is_qwen3_embedding(name):
            check_instruction(name, self._prompts)
        vectors = self._request([self._prompts.query + PROBE, self._prompts.document + PROBE])
        self._dimension = check_dimension(name, dimension, vectors.shape[1])
        tried = check_vectors(name, _shortened(vectors, self._dimension), zero=False)
        self._probe: Vectors = tried[1]
        if is_qwen3_embedding(name):
            self._check_end_token(vectors[0])

    @property
    def fingerprint(self) -> str:
        """Name the model, its dimension and a digest of its prompts, not the server."""
        return fingerprint(self._name, self._dimension, self._prompts)

    @property
    def probe(self) -> Vectors:
        """Return the vector of a document of one fixed text, made when the server was tried out."""
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
        """Embed passages, several batches at a time.

        :return: (n_texts, dimension) float32, L2-normalised.
        :raises ModelError: if the server fails.
        """
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        given = [self._prompts.document + text for text in texts]
        batches = [given[at : at + _BATCH_TEXTS] for at in range(0, len(given), _BATCH_TEXTS)]
        with ThreadPoolExecutor(self._parallel) as pool:
            return np.concatenate(list(pool.map(self._embedded, batches)))

    def embed_query(self, text: str) -> Vectors:
        """Embed a question, with the model's instruction for queries.

        :return: (dimension,) float32, L2-normalised.
        :raises ModelError: if the server fails.
        """
        vector: Vectors = self._embedded([self._prompts.query + text[:MAX_QUESTION_CHARS]])[0]
        return vector

    def _embedded(self, texts: Sequence[str]) -> Vectors:
        vectors = self._request(texts)
        if vectors.shape[1] < self._dimension:
            raise ModelError(
                f"the server of {self._name!r} sent vectors of {vectors.shape[1]} numbers, fewer "
                "than before: was another model started there? Start ragqwen anew"
            )
        return check_vectors(self._name, _shortened(vectors, self._dimension), zero=True)

    def _request(self, given: Sequence[str] | Sequence[Sequence[int]]) -> Vectors:
        """Embed texts, or tokens, as they are.

        :return: (n_given, any) float32, as the server made them.
        """
        body = {"model": self._name, "input": list(given), "encoding_format": "base64"}
        data = self._server.post("/embeddings", body)
        try:
            items = sorted(data["data"], key=lambda item: item["index"])
            vectors = np.stack([_decoded(item["embedding"]) for item in items])
        except (KeyError, TypeError, ValueError) as exc:
            raise ModelError(
                f"the server of {self._name!r} sent no embeddings: {data!r:.200}; check "
                "RAGQWEN_EMBEDDER_BASE_URL"
            ) from exc
        if vectors.ndim != 2 or len(vectors) != len(given):
            raise ModelError(
                f"the server of {self._name!r} sent vectors of the shape {vectors.shape} for "
                f"{len(given)} texts; it is not one for embeddings of texts"
            )
        return vectors

    def _check_end_token(self, as_text: Vectors) -> None:
        """Compare a question's vector with that of the tokens that ought to be made of it.

        :raises ModelError: if they differ.
        """
        text = unicodedata.normalize("NFC", self._prompts.query + PROBE)
        tokens = [*qwen_encoding().encode_ordinary(text), END_TOKEN]
        as_tokens = self._request([tokens])[0]
        agreement = as_text @ as_tokens / (np.linalg.norm(as_text) * np.linalg.norm(as_tokens))
        if not agreement >= _MIN_AGREEMENT:
            raise ModelError(
                f"the server of {self._name!r} does not end texts in {END_TOKEN} (<|endoftext|>), "
                f"on which the vectors of Qwen3-Embedding rest (cosine {agreement:.3f} to what "
                "they ought to be): serve a copy with the tokenizer.json published with it"
            )


def _decoded(embedding: Any) -> Vectors:
    """Return the numbers of base64, which is a fifth of JSON's size, or of a list."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), dtype="<f4")
    return np.asarray(embedding, dtype=np.float32)


def _shortened(vectors: Vectors, dimension: int) -> Vectors:
    """Cut vectors and make them unit vectors again; zero stays zero."""
    cut = vectors[:, :dimension]
    norms = np.linalg.norm(cut, axis=1, keepdims=True)
    norms[norms == 0] = 1
    unit: Vectors = cut / norms
    return unit
