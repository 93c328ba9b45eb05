"""Text to unit vectors: the embedder protocol and the built-in embedder that needs no download."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ragqwen.analysis import normal_form

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Anything that turns texts into comparable vectors.

    `fingerprint` names the model and all that changes its vectors; it is kept with the index, and
    vectors of different fingerprints are never compared. `by_sentence` says that a passage is found
    better by its sentences as well, see `embed_passages`.
    """

    @property
    def fingerprint(self) -> str:
        """Name the model and its settings; equal only where vectors are comparable."""

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


class HashedNgramEmbedder:
    """Counts of hashed character n-grams: finds shared spellings, in any script, and no meaning.

    It needs no model and no download. It bridges inflection and typing errors within a language
    and names shared between languages of one script; it can't match a question with a passage in
    another language. Words are weighted alike; n-grams count by the square root of how often they
    occur.
    """

    _ORDERS = (2, 3, 4)
    _EDGE = "\x02"

    def __init__(self, dimension: int = 768) -> None:
        """:param dimension: number of hash buckets; more means fewer collisions."""
        self._dimension = dimension

    @property
    def fingerprint(self) -> str:
        """Name the algorithm, its version and the dimension."""
        return f"builtin:hashed-ngrams-2:{self._dimension}"

    @property
    def dimension(self) -> int:
        """Return the number of hash buckets."""
        return self._dimension

    @property
    def by_sentence(self) -> bool:
        """Tell that the whole is enough: spellings say no more of a sentence."""
        return False

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts; an empty text becomes the zero vector.

        :return: (n_texts, dimension) float32.
        """
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            self._add_ngrams(vectors[row], text)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, norms, out=vectors, where=norms > 0)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Embed a question the same way as a document.

        :return: (dimension,) float32.
        """
        vector: Vectors = self.embed_documents([text])[0]
        return vector

    def _add_ngrams(self, vector: Vectors, text: str) -> None:
        words = normal_form(text).split()
        if not words:
            return
        spaced = self._EDGE + self._EDGE.join(words) + self._EDGE
        points = np.frombuffer(spaced.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
        edge = points == ord(self._EDGE)
        for order in self._ORDERS:
            n_windows = len(points) - order + 1
            if n_windows <= 0:
                continue
            hashes = np.full(n_windows, order, dtype=np.uint64)
            crosses = np.zeros(n_windows, dtype=bool)
            for offset in range(order):
                window = slice(offset, offset + n_windows)
                hashes = (hashes ^ points[window]) * np.uint64(0x9E3779B97F4A7C15)
                hashes ^= hashes >> np.uint64(29)
                if 0 < offset < order - 1:
                    crosses |= edge[window]
            unique, counts = np.unique(hashes[~crosses], return_counts=True)
            buckets = (unique % np.uint64(self._dimension)).astype(np.intp)
            signs = np.where(unique >> np.uint64(63), -1.0, 1.0)
            np.add.at(vector, buckets, (signs * np.sqrt(counts)).astype(np.float32))


def embed_passages(
    embedder: Embedder, passages: Sequence[tuple[str, Sequence[str]]]
) -> list[Vectors]:
    """Embed passages, each given as its whole text and its sentences.

    A passage's score is the best product of a query's vector with one of the passage's. With
    `by_sentence` these are the means of the whole's vector with each sentence's, so that half of
    the score is the whole's and half the best sentence's; else there is the whole's alone.

    :return: for each passage (n_vectors, dimension) float32, of length 1 or less.
    """
    wholes = embedder.embed_documents([whole for whole, _ in passages])
    if not embedder.by_sentence:
        return [whole[None, :] for whole in wholes]
    parts = embedder.embed_documents([part for _, sentences in passages for part in sentences])
    vectors = []
    at = 0
    for whole, (_, sentences) in zip(wholes, passages, strict=True):
        some = parts[at : at + len(sentences)]
        vectors.append((whole + some) / 2 if len(some) else whole[None, :])
        at += len(sentences)
    return vectors


def text_digest(text: str) -> str:
    """Return a short digest by which an unchanged text's vector is found again."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
