"""How well a question's words are met in a text's sentences, by the built-in embedder's vectors.

Each word of the question looks for its nearest word; what comes of it is weighed by the length of
the word's vector, which training made short for words that tell little. It works across languages.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ragqwen.segmentation import words
from ragqwen.static_embedding import StaticEmbedder, unit

Floats = npt.NDArray[np.float32]
_MAX_ASKED = 128  # words of a question, the most telling ones, so that a long one takes no minute


@dataclass(frozen=True, slots=True)
class Alignment:
    """How one text meets a question; `cosines` and `met` are (n_sentences,) float32.

    `cosine` and `whole_met` are of the text as one. What is met is a share, 1 for a question all of
    whose words are there.
    """

    cosine: float
    whole_met: float
    cosines: Floats
    met: Floats


@dataclass(frozen=True, slots=True)
class WordMatches:
    """How each word of a text is met in sentences.

    `weights` are (n_words,), how much each word tells; `nearest` is (n_words, n_sentences), the
    cosine of the nearest word of each sentence. `vector` is the text's and `vectors`
    (n_sentences, dimension) the sentences', not normalised.
    """

    words: tuple[str, ...]
    weights: Floats
    nearest: Floats
    vector: Floats
    vectors: Floats


class Aligner:
    """Compares a question with texts that are given as sentences."""

    def __init__(self, embedder: StaticEmbedder) -> None:
        self._embedder = embedder

    def align(self, question: str, texts: Sequence[Sequence[str]]) -> list[Alignment]:
        """Compare a question with texts.

        :param texts: each as its sentences, at least one.
        """
        if not texts:
            return []
        counted = Counter(_words(question))
        asked = self._embedder.embed_words(list(counted))
        asked *= np.array(list(counted.values()), dtype=np.float32)[:, None]
        question_vector = unit(asked.sum(axis=0, keepdims=True))[0]
        weights = np.linalg.norm(asked, axis=1)
        if len(asked) > _MAX_ASKED:
            heaviest = np.argsort(-weights)[:_MAX_ASKED]
            asked, weights = asked[heaviest], weights[heaviest]
        flat = [_words(sentence) or [""] for sentences in texts for sentence in sentences]
        vocabulary = {word: i for i, word in enumerate(dict.fromkeys(w for s in flat for w in s))}
        vectors = self._embedder.embed_words(list(vocabulary))
        column = np.array([vocabulary[word] for sentence in flat for word in sentence])
        sentence_starts = _starts(map(len, flat))
        text_starts = _starts(map(len, texts))
        sums = np.add.reduceat(vectors[column], sentence_starts, axis=0)
        cosines = unit(sums) @ question_vector
        wholes = unit(np.add.reduceat(sums, text_starts, axis=0)) @ question_vector
        if weights.sum() > 0:
            share = weights / weights.sum()
            nearest = np.maximum.reduceat(
                (unit(asked) @ unit(vectors).T)[:, column], sentence_starts, axis=1
            )
            met = share @ nearest
            whole_met = share @ np.maximum.reduceat(nearest, text_starts, axis=1)
        else:
            met, whole_met = np.zeros_like(cosines), np.zeros_like(wholes)
        return [
            Alignment(float(wholes[i]), float(whole_met[i]), cosines[a:b], met[a:b])
            for i, (a, b) in enumerate(zip(text_starts, [*text_starts[1:], len(flat)], strict=True))
        ]

    def match_words(self, text: str, sentences: Sequence[Sequence[str]]) -> WordMatches:
        """Look for each word of a text, the most telling 128, in sentences.

        :param sentences: each as its words, at least one.
        """
        counted = list(dict.fromkeys(_words(text)))
        vectors = self._embedder.embed_words(counted)
        weights = np.linalg.norm(vectors, axis=1)
        kept = np.sort(np.argsort(-weights)[:_MAX_ASKED])
        vocabulary = {
            word: i for i, word in enumerate(dict.fromkeys(w for s in sentences for w in s))
        }
        column = np.array([vocabulary[word] for sentence in sentences for word in sentence])
        found = self._embedder.embed_words(list(vocabulary))
        starts = _starts(map(len, sentences))
        cosines = unit(vectors[kept]) @ unit(found).T
        return WordMatches(
            words=tuple(counted[i] for i in kept),
            weights=weights[kept],
            nearest=np.maximum.reduceat(cosines[:, column], starts, axis=1),
            vector=vectors.sum(axis=0),
            vectors=np.add.reduceat(found[column], starts, axis=0),
        )


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in words(text)]


def _starts(lengths: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *lengths])[:-1]
