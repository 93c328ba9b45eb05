"""Which of the 119 languages a text is in: hashed character n-grams and a linear model.

A text's n-grams of 1 to 4 characters pick rows of a table; their mean goes through one linear layer
and a softmax. `python -m eval.train_identifier` makes the weights. Najdi, Mesopotamian and
Ta'izzi-Adeni Arabic have no training text, so they are never named; they come out as one of the
other varieties, in the group `ara`.
"""

import functools
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import regex

from ragqwen.languages import STANDARD_OF_GROUP, UNKNOWN, group_of

N_BUCKETS = 1 << 17
MAX_CHARS = 300
_ORDERS = (1, 2, 3, 4)
_BATCH = 512
_MIN_LETTERS = 4  # of an alphabet; one word of four letters may be anything
_MIN_IDEOGRAPHS = 2
_MIN_PROBABILITY = 0.35
_RANKED = 5
_MAX_PIECES = 40
_SURE_OF_VARIETY = 0.8  # of the group's votes

_NOISE = regex.compile(r"https?://\S+|\S+@\S+|[\d\p{P}\p{S}\p{Cc}]+")
_IDEOGRAPH = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
_FOREIGN = regex.compile(
    r"[\p{L}--[\p{Latin}\p{Cyrillic}\p{Greek}\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Bengali}"
    r"\p{Gurmukhi}\p{Gujarati}\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Georgian}\p{Armenian}\p{Han}\p{Hiragana}\p{Katakana}"
    r"\p{Hangul}\p{Common}\p{Inherited}]]",
    regex.V1,
)


@dataclass(frozen=True, slots=True)
class Identification:
    """A text's language: FLORES-200 code, its group, and the likeliest ones.

    `group` is the code of a set of near-identical languages, or the code itself. `probability` is
    of the group: how sure one can be that the language is `code` or all but the same.
    """

    code: str
    group: str
    probability: float
    ranked: tuple[tuple[str, float], ...]


NOTHING = Identification(UNKNOWN, UNKNOWN, 0.0, ())


def identify_batch(texts: Sequence[str]) -> list[Identification]:
    """Identify texts; the first 300 characters of each count, without figures and punctuation.

    :return: "und" for what is too short, in a script of none of the 119, or too unsure.
    """
    found: list[Identification] = []
    for at in range(0, len(texts), _BATCH):
        found.extend(_identified(texts[at : at + _BATCH]))
    return found


def hash_ngrams(
    texts: Sequence[str],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the buckets of all n-grams, text after text, and where each text's begin.

    Every text has at least one n-gram: a space stands on either side of it.

    :return: (n_ngrams,) in [0, N_BUCKETS), and (n_texts,).
    """
    cleaned = [_cleaned(text) for text in texts]
    lengths = np.array([len(text) for text in cleaned])
    points = np.frombuffer("".join(cleaned).encode("utf-32-le"), dtype=np.uint32)
    text_of = np.repeat(np.arange(len(cleaned)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(points))
    hashes = np.full(len(points), 2166136261, dtype=np.uint32)
    ids, owners = [], []
    for order in _ORDERS:
        n_windows = max(0, len(points) - order + 1)
        hashes = (hashes[:n_windows] ^ points[order - 1 :]) * np.uint32(0x9E3779B1)
        hashes ^= hashes >> np.uint32(15)
        inside = left[:n_windows] >= order
        mixed = hashes[inside]
        mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0x85EBCA6B)
        ids.append((mixed >> np.uint32(32 - 17)).astype(np.int64))
        owners.append(text_of[:n_windows][inside])
    owner = np.concatenate(owners)
    by_text = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[by_text], np.arange(len(cleaned)))
    return np.concatenate(ids)[by_text], starts


def _cleaned(text: str) -> str:
    text = unicodedata.normalize("NFC", text[: 2 * MAX_CHARS])
    text = _NOISE.sub(" ", text.encode("utf-8", "replace").decode()).lower()
    return f" {' '.join(text.split())[:MAX_CHARS]} "


@dataclass(frozen=True, slots=True)
class _Model:
    codes: tuple[str, ...]
    table: npt.NDArray[np.int8]  # (N_BUCKETS, dim)
    weights: npt.NDArray[np.float32]  # (dim, n_codes); the table's scale is in them
    bias: npt.NDArray[np.float32]  # (n_codes,)
    groups: npt.NDArray[np.int64]  # (n_codes,), the index of each code's group
    group_names: tuple[str, ...]


@functools.cache
def _model() -> _Model:
    folder = Path(str(files("ragqwen").joinpath("data")))
    about: dict[str, Any] = json.loads((folder / "identifier.json").read_text("utf-8"))
    table = np.load(folder / "identifier.npy", mmap_mode="r")
    codes = tuple(about["codes"])
    group_names = tuple(dict.fromkeys(map(group_of, codes)))
    return _Model(
        codes=codes,
        table=table,
        weights=np.array(about["weights"], dtype=np.float32),
        bias=np.array(about["bias"], dtype=np.float32),
        groups=np.array([group_names.index(group_of(code)) for code in codes]),
        group_names=group_names,
    )


def _identified(texts: Sequence[str]) -> list[Identification]:
    model = _model()
    ids, starts = hash_ngrams(texts)
    sums = np.add.reduceat(model.table[ids], starts, axis=0, dtype=np.int32)
    counts = np.diff(np.append(starts, len(ids)))
    logits = (sums / counts[:, None]).astype(np.float32) @ model.weights + model.bias
    logits -= logits.max(axis=1, keepdims=True)
    odds = np.exp(logits)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    in_groups = np.zeros((len(texts), len(model.group_names)), dtype=np.float32)
    np.add.at(in_groups.T, model.groups, probabilities.T)
    group = in_groups.argmax(axis=1)
    code = np.where(model.groups == group[:, None], probabilities, -1).argmax(axis=1)
    best = np.argsort(-probabilities, axis=1)[:, :_RANKED]
    ranked = zip(
        best.tolist(),
        np.take_along_axis(probabilities, best, axis=1).round(4).tolist(),
        strict=True,
    )
    sure = in_groups.max(axis=1).tolist()
    return [
        Identification(
            code=model.codes[code[row]],
            group=model.group_names[group[row]],
            probability=round(sure[row], 4),
            ranked=tuple((model.codes[i], round(p, 4)) for i, p in zip(*places, strict=True)),
        )
        if sure[row] >= _MIN_PROBABILITY and _has_enough(text)
        else NOTHING
        for row, (text, places) in enumerate(zip(texts, ranked, strict=True))
    ]


def _has_enough(text: str) -> bool:
    """Tell whether a text has letters enough, most of them in scripts of the 119."""
    text = text[:MAX_CHARS]
    letters = sum(map(str.isalpha, text))
    if text.isascii():
        return letters >= _MIN_LETTERS
    enough = letters >= _MIN_LETTERS or len(_IDEOGRAPH.findall(text)) >= _MIN_IDEOGRAPHS
    return enough and 2 * len(_FOREIGN.findall(text)) < letters


def identify(text: str) -> str:
    """Return the FLORES-200 code of a text's main language, or "und".

    Each of up to 40 pieces spread over a long text has as many votes as letters, so that a document
    in two languages comes out as the one with more text. Where the variety is in doubt, a group
    that has a standard language comes out as that: Arabic as Standard Arabic.
    """
    pieces = _pieces(text)
    votes: dict[str, float] = {}
    groups: dict[str, float] = {}
    for piece, found in zip(pieces, identify_batch(pieces), strict=True):
        groups[found.group] = groups.get(found.group, 0) + found.probability * len(piece)
        for code, probability in found.ranked:
            votes[code] = votes.get(code, 0) + probability * len(piece)
    group = max(groups, key=lambda name: groups[name], default=UNKNOWN)
    ours = {code: count for code, count in votes.items() if group_of(code) == group}
    if not ours:
        return UNKNOWN
    best = max(ours, key=lambda code: ours[code])
    sure = ours[best] >= _SURE_OF_VARIETY * sum(ours.values())
    return best if sure else STANDARD_OF_GROUP.get(group, best)


def _pieces(text: str) -> list[str]:
    """Return up to 40 pieces of a text, of up to 300 characters, in order."""
    starts = range(0, len(text), MAX_CHARS)
    step = max(1, -(-len(starts) // _MAX_PIECES))
    return [text[start : start + MAX_CHARS] for start in starts[::step]]
