"""Cuts words into the pieces of a Unigram tokenizer, few words without loading all of it."""

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers.models import Unigram

_FEW_CHARS = 3 * 2**13  # what is cut before all pieces are loaded


class StaticTokenizer:
    """The tokenizer of a static embedder.

    To load all its pieces takes longer than to answer a question. What is not in a word has no part
    in how it is cut, so few words are cut by those pieces alone that are in them.
    """

    def __init__(self, path: Path) -> None:
        """Read a tokenizer.json, in which the unknown piece is the first."""
        from tokenizers import Tokenizer

        about = json.loads(path.read_bytes())
        pieces = about["model"]["vocab"]
        self._ids = {piece: number for number, (piece, _) in enumerate(pieces)}
        self._scores = [score for _, score in pieces]
        self._longest = max(map(len, self._ids))
        # The unknown one costs as much more as any: the score of the rarest is needed for that.
        self._always = [pieces[0][0], min(pieces, key=lambda piece: piece[1])[0]]
        about["model"]["vocab"] = pieces[:1]
        self._tokenizer = Tokenizer.from_str(json.dumps(about))
        self._few_chars = _FEW_CHARS
        self._lock = threading.Lock()

    def encode(self, words: Sequence[str]) -> list[list[int]]:
        """Return each word's pieces by their numbers."""
        with self._lock:
            if self._few_chars >= 0:
                self._few_chars -= sum(map(len, words))
                if self._few_chars >= 0:
                    return self._encode_few(words)
                self._tokenizer.model = self._model(self._ids)
            found = self._tokenizer.encode_batch_fast(words, add_special_tokens=False)
            return [each.ids for each in found]

    def _encode_few(self, words: Sequence[str]) -> list[list[int]]:
        # Of a tokenizer without pieces, each unknown token is all that is between two cuts.
        found = self._tokenizer.encode_batch(words, add_special_tokens=False)
        tokens = {token for each in found for token in each.tokens}
        pieces = [*self._always, *self._pieces_in(tokens)]
        model = self._model(pieces)
        ids = [self._ids[piece] for piece in pieces]
        ids_of = {token: [ids[piece.id] for piece in model.tokenize(token)] for token in tokens}
        return [[number for token in each.tokens for number in ids_of[token]] for each in found]

    def _pieces_in(self, tokens: Iterable[str]) -> set[str]:
        return {
            piece
            for token in tokens
            for start in range(len(token))
            for end in range(start + 1, min(start + self._longest, len(token)) + 1)
            if (piece := token[start:end]) in self._ids
        }

    def _model(self, pieces: Iterable[str]) -> "Unigram":
        from tokenizers.models import Unigram

        scored = [(piece, self._scores[self._ids[piece]]) for piece in pieces]
        return Unigram(scored, unk_id=0, byte_fallback=False)
