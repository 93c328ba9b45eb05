"""Words that speak of the answer itself or of what it was given: "according to the passage".

A document that says the ferry leaves at six does not say "according to the passage", so such words
are not to be looked for in it. They are told in any language by the built-in embedder's vectors,
which lie together where they mean the same: near the mean of a few seeds of one meaning in several
languages, which are in `ragqwen/data/framing.tsv`.
"""

import csv
from collections.abc import Iterator, Sequence
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from ragqwen.segmentation import words
from ragqwen.static_embedding import StaticEmbedder, unit

Floats = npt.NDArray[np.float32]
_MIN_COSINE = 0.5  # other words lie below 0.4
_MOST = 0.5  # the share of a text, by weight, from which on it is framing as a whole


class Framing:
    """Tells what speaks of the answer or its sources from what they say."""

    def __init__(self, embedder: StaticEmbedder) -> None:
        self._embedder = embedder
        self._of_sources = _directions(
            [unit(embedder.embed_words(some)) for some in _seeds("word")]
        )
        self._to_readers = _directions(
            [
                np.concatenate([self._sentence(_split(said)) for said in some])
                for some in _seeds("sentence")
            ]
        )

    def of_sources(self, vectors: Floats) -> npt.NDArray[np.bool_]:
        """Tell which words speak of the documents or of the answer as such.

        :param vectors: (n_words, dimension), normalised.
        """
        return _near(vectors, self._of_sources)

    def is_most_of(self, said: Sequence[str]) -> bool:
        """Tell whether words say hardly more than that, or greet or take leave of the reader."""
        vectors = self._embedder.embed_words(said)
        weights, framing = np.linalg.norm(vectors, axis=1), self.of_sources(unit(vectors))
        most = weights[framing].sum() > _MOST * weights.sum()
        return bool(most or _near(self._sentence(said), self._to_readers).any())

    def _sentence(self, said: Sequence[str]) -> Floats:
        return unit(self._embedder.embed_words(said).sum(axis=0, keepdims=True))


def _seeds(kind: str) -> Iterator[list[str]]:
    """Yield the words, or the sentences, of each meaning in several languages."""
    with files("ragqwen.data").joinpath("framing.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, dialect="excel-tab", quoting=csv.QUOTE_NONE):
            if row["kind"] == kind:
                yield row["seeds"].split(" | ")


def _split(text: str) -> list[str]:
    return [text[start:end] for start, end in words(text)]


def _directions(seeds: Sequence[Floats]) -> Floats:
    """Return the mean of each meaning's seeds."""
    return unit(np.stack([some.mean(axis=0) for some in seeds]))


def _near(vectors: Floats, directions: Floats) -> npt.NDArray[np.bool_]:
    near: npt.NDArray[np.bool_] = (vectors @ directions.T).max(axis=1) >= _MIN_COSINE
    return near
