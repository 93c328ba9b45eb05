"""What the built-in embedder is trained on: texts as pieces, and pairs that belong together."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from eval.parallel import Line

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_MAX_PIECES = 256  # of a text
_ENCODE_BATCH = 20_000
_LEFT_OUT = 0.5  # of a thinned tokenizer's longer pieces
_LONG = 4  # characters of a piece that may be left out
_NEVER = -1e4  # score of a piece that is left out


@dataclass(frozen=True, slots=True)
class Bags:
    """Texts as bags of pieces: text i has `pieces[starts[i]:starts[i + 1]]`."""

    pieces: npt.NDArray[np.int32]  # (n_pieces,)
    starts: Ints  # (n_texts + 1,)

    @classmethod
    def of(cls, texts: Iterable[str], tokenizer: Tokenizer) -> "Bags":
        """Cut texts into pieces, at most 256 of each."""
        parts: list[npt.NDArray[np.int32]] = []
        lengths: list[int] = []
        waiting: list[str] = []

        def flush() -> None:
            for found in tokenizer.encode_batch_fast(waiting, add_special_tokens=False):
                ids = found.ids[:_MAX_PIECES]
                parts.append(np.array(ids, dtype=np.int32))
                lengths.append(len(ids))
            waiting.clear()

        for text in texts:
            waiting.append(text)
            if len(waiting) == _ENCODE_BATCH:
                flush()
        flush()
        pieces = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
        return cls(pieces, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    @classmethod
    def stacked(cls, parts: Sequence["Bags"]) -> "Bags":
        """Return the texts of all parts, numbered one part after another."""
        lengths = np.concatenate([np.diff(part.starts) for part in parts])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return cls(np.concatenate([part.pieces for part in parts]), starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def gather(self, texts: Ints) -> tuple[Ints, Ints]:
        """Return the pieces of some texts, one after another, and which of them each is in.

        :param texts: (n,) indices of texts.
        :return: pieces (n_pieces,), and owners (n_pieces,) in [0, n).
        """
        lengths = self.starts[texts + 1] - self.starts[texts]
        owners = np.repeat(np.arange(len(texts)), lengths)
        begins = np.repeat(self.starts[texts], lengths)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.pieces[begins + within].astype(np.int64), owners


def thinned(tokenizer: Tokenizer, seed: int) -> Tokenizer:
    """Return a tokenizer that does without a random half of the pieces of four characters and more.

    It cuts rare words as ones that were never seen are cut, so that their parts learn too.
    """
    about = json.loads(tokenizer.to_str())
    rng = random.Random(seed)
    about["model"]["vocab"] = [
        [piece, _NEVER if len(piece) >= _LONG and rng.random() < _LEFT_OUT else score]
        for piece, score in about["model"]["vocab"]
    ]
    return Tokenizer.from_str(json.dumps(about))


@dataclass(frozen=True, slots=True)
class Batch:
    """Pairs of texts; an item is a pair of one or more texts taken together."""

    left: Ints  # (n_pairs,)
    right: Ints  # (n_pairs,)
    items: Ints  # (n_pairs,) which item each pair of texts is a part of, from 0 on
    groups: Ints  # (n_items,) items of one group are never told apart

    def joined(self, left: Ints, right: Ints, groups: Ints) -> "Batch":
        """Return this batch and further pairs, each an item of its own."""
        return Batch(
            np.concatenate([self.left, left]),
            np.concatenate([self.right, right]),
            np.concatenate([self.items, len(self.groups) + np.arange(len(left))]),
            np.concatenate([self.groups, groups]),
        )


class ParallelPairs:
    """Draws pairs of lines that say the same: a language first, then a line of it, then another."""

    _LANGUAGE_EXPONENT = 0.35
    _SOURCE_EXPONENT = 0.6  # so that no source of a language crowds out the others
    _LENGTH_EXPONENT = 0.5  # so that sentences count for more than words
    _ENGLISH_SHARE = 0.5
    _REDRAWS = 4
    _SHORT = 6  # pieces of a line that is taken together with others
    _ENDS = 0.3  # chance that the next short line begins an item of its own

    def __init__(self, lines: Sequence[Line], n_pieces: Ints) -> None:
        """:param n_pieces: (n_lines,), of each line's text."""
        names = {code: i for i, code in enumerate(dict.fromkeys(line.language for line in lines))}
        keys: dict[tuple[str, str], int] = {}
        language = np.array([names[line.language] for line in lines])
        group = np.array([keys.setdefault((line.source, line.key), len(keys)) for line in lines])
        english = language == names.get("eng_Latn", -1)
        self._order = np.lexsort((~english, group))  # a group's lines stand together, English first
        self._starts = np.searchsorted(group[self._order], np.arange(len(keys) + 1))
        self._n_english = np.bincount(group[english], minlength=len(keys))
        n_languages = _count_distinct(group, language, len(keys))
        usable = (n_languages[group] > 1) & (n_pieces > 0)
        self._language, self._group, self._n_pieces = language, group, n_pieces
        self._n_languages = len(names)
        self._rows = [np.flatnonzero(usable & (language == i)) for i in range(len(names))]
        self._rows = [rows for rows in self._rows if len(rows)]
        share = np.array([len(rows) for rows in self._rows]) ** self._LANGUAGE_EXPONENT
        self._share = share / share.sum()
        sources = {name: i for i, name in enumerate(dict.fromkeys(line.source for line in lines))}
        source = np.array([sources[line.source] for line in lines])
        lengths = np.minimum(n_pieces, 40) ** self._LENGTH_EXPONENT
        weights = [self._damped(lengths[rows], source[rows]) for rows in self._rows]
        self._cumulated = [np.cumsum(some) / some.sum() for some in weights]

    def _damped(self, weights: Floats, source: Ints) -> Floats:
        totals = np.bincount(source, weights)
        damping = np.maximum(totals, 1) ** (self._SOURCE_EXPONENT - 1)
        damped: Floats = weights * damping[source]
        return damped

    def draw(self, n: int, rng: np.random.Generator) -> Batch:
        """Draw pairs of lines that differ in language, half of them with English where there is it.

        Short lines of the same two languages are taken together, as the sentences that words
        will be met in: a word alone says nothing of how much it is to count.

        :param n: pairs of lines, before those without a second language are dropped.
        """
        left, right = self._pairs(n, rng)
        short = np.maximum(self._n_pieces[left], self._n_pieces[right]) <= self._SHORT
        languages = self._language[left] * self._n_languages + self._language[right]
        kind = np.where(short, languages, -1)
        order = np.argsort(kind, kind="stable")
        left, right, kind = left[order], right[order], kind[order]
        begins = (kind != np.roll(kind, 1)) | (kind < 0) | (rng.random(len(kind)) < self._ENDS)
        begins[:1] = True
        return Batch(left, right, np.cumsum(begins) - 1, self._group[left[begins]])

    def _pairs(self, n: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        firsts = []
        for i, count in enumerate(rng.multinomial(n, self._share)):
            at = np.searchsorted(self._cumulated[i], rng.random(count))
            firsts.append(self._rows[i][np.minimum(at, len(self._rows[i]) - 1)])
        first = np.concatenate(firsts)
        rng.shuffle(first)
        group = self._group[first]
        begin, end = self._starts[group], self._starts[group + 1]
        n_english = self._n_english[group]
        to_english = (rng.random(len(first)) < self._ENGLISH_SHARE) & (n_english > 0)
        second = first.copy()
        for _ in range(self._REDRAWS):
            same = self._language[second] == self._language[first]
            if not same.any():
                break
            span = np.where(to_english, n_english, end - begin)
            drawn = self._order[begin + (rng.random(len(first)) * span).astype(np.int64)]
            second = np.where(same, drawn, second)
            to_english &= self._language[second] != self._language[first]
        differ = self._language[second] != self._language[first]
        return first[differ], second[differ]


def _count_distinct(group: Ints, language: Ints, n_groups: int) -> Ints:
    pairs = np.unique(np.stack([group, language]), axis=1)
    return np.bincount(pairs[0], minlength=n_groups)
