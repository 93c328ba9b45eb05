"""Text to unit vectors: the embedder protocol, and what is embedded of a passage."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ragqwen.errors import ModelError

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Anything that turns texts into comparable vectors.

    `fingerprint` names the model and all that changes its vectors; it is kept with the index, and
    vectors of different fingerprints are never compared, nor those of one fingerprint whose probes
    differ. `by_sentence` says that a passage is found better by its sentences as well, see
    `embed_passages`.
    """

    @property
    def fingerprint(self) -> str:
        """Name the model and its settings; equal only where vectors are comparable."""

    @property
    def probe(self) -> Vectors | None:
        """Return the vector of one fixed text, by which new weights under an old name are told.

        It is made when the model is loaded, so that to ask for it embeds nothing.

        :return: (dimension,) float32, L2-normalised; None where the fingerprint tells the weights.
        """

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""

    @property
    def by_sentence(self) -> bool:
        """Tell whether passages get a vector for each sentence."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed passages.

        :return: (n_texts, dimension) float32, L2-normalised.
        """

    def embed_query(self, text: str) -> Vectors:
        """Embed a question.

        :return: (dimension,) float32, L2-normalised.
        """


def embed_passages(
    embedder: Embedder, passages: Sequence[tuple[str, Sequence[str]]]
) -> list[Vectors]:
    """Embed passages, each given as its whole text and its sentences.

    A passage's score is the best product of a query's vector with one of the passage's. With
    `by_sentence` these are the means of the whole's vector with each sentence's, so that half of
    the score is the whole's and half the best sentence's; else there is the whole's alone.

    :return: for each passage (n_vectors, dimension) float32, of length 1 or less.
    :raises ModelError: if the embedder returns what is no number, which nothing would ever find.
    """
    wholes = _finite(embedder, [whole for whole, _ in passages])
    if not embedder.by_sentence:
        return [whole[None, :] for whole in wholes]
    parts = _finite(embedder, [part for _, sentences in passages for part in sentences])
    vectors = []
    at = 0
    for whole, (_, sentences) in zip(wholes, passages, strict=True):
        some = parts[at : at + len(sentences)]
        vectors.append((whole + some) / 2 if len(some) else whole[None, :])
        at += len(sentences)
    return vectors


def _finite(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    vectors = embedder.embed_documents(texts)
    wrong = ~np.isfinite(vectors).all(axis=1)
    if wrong.any():
        text = texts[int(wrong.argmax())]
        raise ModelError(
            f"{embedder.fingerprint} gave a vector that is not finite for {text[:80]!r}; "
            "expected finite numbers; try another precision, or another copy of the model"
        )
    return vectors


def text_digest(text: str) -> str:
    """Return a short digest by which an unchanged text's vector is found again."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
