"""The built-in embedder: a table of piece vectors that is summed, in 119 languages, on any CPU.

The model is a `StaticEmbedding` of sentence-transformers, in `data/embedder`; here it runs with
numpy and `tokenizers`, for many texts at once with scipy too, and without torch.
`python -m eval.train_embedder` makes it.
"""

import functools
import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import accumulate, chain, count, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ragqwen.embedding import Vectors
from ragqwen.errors import ModelError
from ragqwen.row_sums import sum_rows
from ragqwen.static_tokenizer import StaticTokenizer

_MAX_WORD_CHARS = 2000  # what is longer is cut, so that no single word takes long
_MAX_KNOWN = 2**17  # words whose vectors are kept, 128 MB of them
_MAX_KNOWN_CHARS = 4_000_000
_BLOCK_WORDS = 2**15  # looked up at once
_BATCH_CHARS = 2**15  # of words cut at once; each of their pieces takes 100 bytes meanwhile


class StaticEmbedder:
    """Sums the vectors of a text's pieces; questions and passages meet across 119 languages.

    A word has the same pieces wherever it stands, so each distinct word is cut once and its vector
    kept. It knows words and no grammar: "dog bites man" and "man bites dog" are one to it.
    """

    by_sentence = True
    probe = None  # the fingerprint has a digest of the weights

    def __init__(self, folder: Path | None = None) -> None:
        """Load a model's folder, the built-in one by default; the table stays on disk until used.

        :raises ModelError: if it isn't whole.
        """
        self._model = _load(folder or Path(str(files("ragqwen").joinpath("data/embedder"))))
        self._lock = threading.Lock()  # over what is known of words
        self._n_known = self._known_chars = 0
        self._forget()

    @property
    def fingerprint(self) -> str:
        """Name the model by the digest of its table and its dimension."""
        return f"builtin:static-{self._model.digest}:{self.dimension}"

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return int(self._model.table.shape[1])

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed texts; one without a known piece becomes the zero vector.

        :return: (n_texts, dimension) float32, L2-normalised.
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for first, words, starts in _blocks(texts):
            rows, known = self._look_up(words)
            vectors[first : first + len(starts) - 1] += sum_rows(rows, starts, known)
        return unit(vectors)

    def embed_query(self, text: str) -> Vectors:
        """Embed a question the same way as a document.

        :return: (dimension,) float32, L2-normalised.
        """
        vector: Vectors = self.embed_documents([text])[0]
        return vector

    def embed_words(self, words: Sequence[str]) -> Vectors:
        """Return the vectors that words bring to a text; the longer one is, the more it tells.

        Of a word of more than 2,000 characters the beginning counts.

        :return: (n_words, dimension) float32, not normalised.
        """
        vectors = np.empty((len(words), self.dimension), dtype=np.float32)
        for at in range(0, len(words), _BLOCK_WORDS):
            some = [word[:_MAX_WORD_CHARS] for word in words[at : at + _BLOCK_WORDS]]
            rows, known = self._look_up(some)
            vectors[at : at + len(some)] = known[rows]
        return vectors

    def cut_words(self, words: Sequence[str]) -> list[list[int]]:
        """Return each word's pieces, by their numbers; see `embed_pieces`."""
        return self._model.tokenizer.encode(words)

    def embed_pieces(self, pieces: Sequence[Sequence[int]]) -> Vectors:
        """Return what `embed_words` does, to the bit, for words that are cut already.

        :param pieces: each word's, as `cut_words` has them.
        :return: (n_words, dimension) float32, not normalised.
        """
        starts = [0, *accumulate(map(len, pieces))]
        flat = np.fromiter(chain.from_iterable(pieces), np.int32, count=starts[-1])
        used, column = np.unique(flat, return_inverse=True)
        table = self._model.table[used] * self._model.weights[used, None]
        return sum_rows(column, starts, table)

    def _look_up(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int32], Vectors]:
        """Return the words' rows and the vectors that they are rows of, not normalised.

        :param words: `_BLOCK_WORDS` at most.
        """
        with self._lock:
            full = len(self._row_of) + len(words) > _MAX_KNOWN
            if full or self._known_chars > _MAX_KNOWN_CHARS:
                self._forget()
            rows = np.fromiter(map(self._row_of.__getitem__, words), np.int32, count=len(words))
            self._learn()
            return rows, self._known[: self._n_known]

    def _learn(self) -> None:
        """Cut the words that have a row and no vector yet; sum and keep their pieces' vectors."""
        new = islice(reversed(self._row_of), len(self._row_of) - self._n_known)
        words = sorted(new)  # words with the same beginning are cut in 0.7 of the time
        for some in _batches(words):
            rows = [self._row_of[word] for word in some]
            self._known[rows] = self.embed_pieces(self.cut_words(some))
        self._known_chars += sum(map(len, words))
        self._n_known = len(self._row_of)

    def _forget(self) -> None:
        # Vectors that another thread still reads stay as they are; memory is taken as it is filled.
        self._known = np.empty((_MAX_KNOWN, self.dimension), dtype=np.float32)
        self._n_known = 0
        self._row_of: defaultdict[str, int] = defaultdict(count().__next__)  # a new word's is next
        self._known_chars = 0


def unit(vectors: Vectors) -> Vectors:
    """Return vectors at length 1; one of zeros stays.

    :param vectors: (n, dimension) float32.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return found


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, list[str], list[int]]]:
    """Yield the words of texts, so many at once: the first text, its and the next ones' words.

    The last item is where each text's words start, and where the last one's end. A text of more
    words goes on in the next block.
    """
    first = 0
    block: list[str] = []
    starts = [0]
    for number, text in enumerate(texts):
        words = _words(text)
        for at in range(0, len(words) or 1, _BLOCK_WORDS):
            some = words[at : at + _BLOCK_WORDS]
            if len(block) + len(some) > _BLOCK_WORDS:
                yield first, block, starts
                first, block, starts = number, [], [0]
            block += some
            starts.append(len(block))
    yield first, block, starts


def _batches(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield words in batches of about `_BATCH_CHARS`."""
    numbers = (end // _BATCH_CHARS for end in accumulate(map(len, words)))
    for _, some in groupby(zip(numbers, words, strict=True), key=itemgetter(0)):
        yield [word for _, word in some]


def _words(text: str) -> list[str]:
    words = text.split()
    if len(text) > _MAX_WORD_CHARS and any(len(word) > _MAX_WORD_CHARS for word in words):
        return [
            word[at : at + _MAX_WORD_CHARS]
            for word in words
            for at in range(0, len(word), _MAX_WORD_CHARS)
        ]
    return words


@dataclass(frozen=True, slots=True)
class _Model:
    tokenizer: StaticTokenizer
    table: npt.NDArray[np.int8]  # (n_pieces, dimension)
    weights: npt.NDArray[np.float32]  # (n_pieces,); a piece's vector is its row times its weight
    digest: str


@functools.cache
def _load(folder: Path) -> _Model:
    try:
        tokenizer = StaticTokenizer(folder / "tokenizer.json")
        digest = json.loads((folder / "training.json").read_text("utf-8"))["digest"]
        return _Model(tokenizer, *_open_table(folder / "model.safetensors"), digest)
    except Exception as exc:  # tokenizers raises no narrower one
        raise ModelError(
            f"the built-in embedder in {folder} can't be loaded ({exc}); install ragqwen anew"
        ) from exc


def _open_table(path: Path) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Map a safetensors file's `embeddings` into memory, and read its `weights`; see `_Model`."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(size))

    def mapped(name: str, kind: str) -> Any:
        about = header[name]
        return np.memmap(
            path, kind, "r", offset=8 + size + about["data_offsets"][0], shape=tuple(about["shape"])
        )

    return mapped("embeddings", "<i1"), np.array(mapped("weights", "<f4"))
