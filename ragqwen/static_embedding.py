"""The built-in embedder: a table of piece vectors that is summed, in 119 languages, on any CPU.

The model is a `StaticEmbedding` of sentence-transformers, in `data/embedder`; here it runs with
numpy, scipy and `tokenizers`, without torch. `python -m eval.train_embedder` makes it.
"""

import functools
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ragqwen.embedding import Vectors
from ragqwen.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_MAX_WORD_CHARS = 2000  # what is longer is cut, so that no single word takes long
_MAX_KNOWN_CHARS = 4_000_000  # of words kept, about 100 MB
_ENCODE_BATCH = 4096


class StaticEmbedder:
    """Sums the vectors of a text's pieces; questions and passages meet across 119 languages.

    A word has the same pieces wherever it stands, so each distinct word is cut once and kept. It
    knows words and no grammar: "dog bites man" and "man bites dog" are one to it.
    """

    by_sentence = True

    def __init__(self, folder: Path | None = None) -> None:
        """Load a model's folder, the built-in one by default; the table stays on disk until used.

        :raises ModelError: if it isn't whole.
        """
        self._model = _load(folder or Path(str(files("ragqwen").joinpath("data/embedder"))))
        self._lock = threading.Lock()  # over what is known of words
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
        from scipy import sparse

        words = [_words(text) for text in texts]
        starts = np.cumsum([0, *map(len, words)])
        with self._lock:
            rows = self._rows([word for some in words for word in some])
            used, column = np.unique(rows, return_inverse=True)
            sums = self._sums(used)
        counts = sparse.csr_matrix(
            (np.ones(len(column), dtype=np.float32), column, starts), shape=(len(texts), len(used))
        )
        vectors: Vectors = counts @ sums
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
        with self._lock:
            return self._sums(self._rows([word[:_MAX_WORD_CHARS] for word in words]))

    def _sums(self, rows: npt.NDArray[np.int64]) -> Vectors:
        """Return the sums of known words' pieces, (n_words, dimension) float32."""
        from scipy import sparse

        pieces = [self._pieces[row] for row in rows.tolist()]
        flat = np.concatenate([np.zeros(0, dtype=np.int32), *pieces])
        used, column = np.unique(flat, return_inverse=True)
        starts = np.cumsum([0, *map(len, pieces)])
        sums = sparse.csr_matrix(
            (np.ones(len(column), dtype=np.float32), column, starts), shape=(len(rows), len(used))
        )
        table = self._model.table[used].astype(np.float32) * self._model.weights[used, None]
        vectors: Vectors = sums @ table
        return vectors

    def _rows(self, words: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return each word's row in what is known, after cutting the words that are new."""
        if self._known_chars > _MAX_KNOWN_CHARS:
            self._forget()
        new = list(set(words) - self._row_of.keys())
        for at in range(0, len(new), _ENCODE_BATCH):
            some = new[at : at + _ENCODE_BATCH]
            found = self._model.tokenizer.encode_batch_fast(some, add_special_tokens=False)
            self._pieces += [np.array(each.ids, dtype=np.int32) for each in found]
            self._known_chars += sum(map(len, some))
            self._row_of.update(zip(some, range(len(self._row_of), len(self._pieces)), strict=True))
        return np.fromiter(map(self._row_of.__getitem__, words), dtype=np.int64, count=len(words))

    def _forget(self) -> None:
        self._row_of: dict[str, int] = {}
        self._pieces: list[npt.NDArray[np.int32]] = []
        self._known_chars = 0


def unit(vectors: Vectors) -> Vectors:
    """Return vectors at length 1; one of zeros stays.

    :param vectors: (n, dimension) float32.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return found


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
    tokenizer: "Tokenizer"
    table: npt.NDArray[np.int8]  # (n_pieces, dimension)
    weights: npt.NDArray[np.float32]  # (n_pieces,); a piece's vector is its row times its weight
    digest: str


@functools.cache
def _load(folder: Path) -> _Model:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
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
