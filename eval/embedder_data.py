"""What the built-in embedder is trained on: texts as pieces, and pairs that belong together."""

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

    def joined(self, others: "Bags") -> "Bags":
        """Return these texts and, numbered after them, others."""
        starts = np.concatenate([self.starts, others.starts[1:] + self.starts[-1]])
        return Bags(np.concatenate([self.pieces, others.pieces]), starts)

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


class ParallelPairs:
    """Draws pairs of lines that say the same: a language first, then a line of it, then another."""

    _LANGUAGE_EXPONENT = 0.35
    _SOURCE_EXPONENT = 0.6  # so that no source of a language crowds out the others
    _LENGTH_EXPONENT = 0.5  # so that sentences count for more than words
    _ENGLISH_SHARE = 0.5
    _REDRAWS = 4

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
        self.language, self.group = language, group
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

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Draw pairs, half of them with English where there is English.

        :return: indices of lines, (at most n,) each; a pair's two lines differ in language.
        """
        firsts = []
        for i, count in enumerate(rng.multinomial(n, self._share)):
            at = np.searchsorted(self._cumulated[i], rng.random(count))
            firsts.append(self._rows[i][np.minimum(at, len(self._rows[i]) - 1)])
        first = np.concatenate(firsts)
        group = self.group[first]
        begin, end = self._starts[group], self._starts[group + 1]
        n_english = self._n_english[group]
        to_english = (rng.random(len(first)) < self._ENGLISH_SHARE) & (n_english > 0)
        second = first.copy()
        for _ in range(self._REDRAWS):
            same = self.language[second] == self.language[first]
            if not same.any():
                break
            span = np.where(to_english, n_english, end - begin)
            drawn = self._order[begin + (rng.random(len(first)) * span).astype(np.int64)]
            second = np.where(same, drawn, second)
            to_english &= self.language[second] != self.language[first]
        differ = self.language[second] != self.language[first]
        return first[differ], second[differ]


def _count_distinct(group: Ints, language: Ints, n_groups: int) -> Ints:
    pairs = np.unique(np.stack([group, language]), axis=1)
    return np.bincount(pairs[0], minlength=n_groups)
