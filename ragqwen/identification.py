"""Which of the 119 languages a text is in: its script, hashed n-grams and words, a linear model.

A text's main script leaves the languages written in it, and only its letters of that script count.
Where one of the 119 alone is written in a script, that is the answer. Elsewhere n-grams of 1 to 4
characters and whole words pick rows of a table; their mean goes through one linear layer and a
softmax over the script's languages and "none of the 119". `python -m eval.train_identifier` makes
the weights. Najdi, Mesopotamian and Ta'izzi-Adeni Arabic have no training text, so they are never
named; they come out as one of the other varieties, in the group `ara`.

The mean is as loud for three words as for a page. So what is known beforehand, how many people
write each language, counts for less the more features a text has: a short question in English is
no longer taken for Lombard, and a paragraph in Lombard stays Lombard.
"""

import functools
import json
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import regex

from ragqwen.languages import STANDARD_OF_GROUP, UNKNOWN, group_of, languages
from ragqwen.row_sums import sum_rows
from ragqwen.scripts import COMMON, FOREIGN, SCRIPTS, script_ids

N_BUCKETS = 1 << 18
MAX_CHARS = 300
_ORDERS = (1, 2, 3, 4)
_IDEOGRAPHIC_ORDERS = (1, 2)  # longer ones are all but unique
_MIN_WORD = 4  # shorter words are n-grams with the spaces beside them
_BATCH = 512
_MIN_LETTERS = 4  # of an alphabet; one word of four letters may be anything
_MIN_PROBABILITY = 0.2
_PRIOR_FEATURES = 15  # that the log of a language's writers weighs as much as; a word has some 20
_MIN_WRITERS = 10_000  # CLDR guesses at a twentieth of the speakers where nobody counted
_RANKED = 5
_MAX_PIECES = 40
_SURE_OF_VARIETY = 0.8  # of the group's votes
_CLOSE = 0.25  # votes of an expected language, for one of the likeliest's

_ADDRESS = regex.compile(r"https?://\S+|\S+@\S+")
_NOISE = regex.compile(r"[\d\p{P}\p{S}\p{Cc}]+")
_SPACE = ord(" ")
_FIRST_IDEOGRAPH = 0x2E80
_SCRIPT_OF = {"Hans": "Hani", "Hant": "Hani", "Jpan": "Hani"}

# Names, brands and units are in Latin letters in every language, so other scripts count twice; an
# ideograph or a Hangul syllable counts as two letters.
_LETTERS = np.ones(len(SCRIPTS))
_LETTERS[[SCRIPTS.index("Hani"), SCRIPTS.index("Hang")]] = 2
_LETTERS[COMMON] = 0
_WEIGHTS = np.where(np.arange(len(SCRIPTS)) == SCRIPTS.index("Latn"), 1, 2) * _LETTERS


@dataclass(frozen=True, slots=True)
class Identification:
    """A text's language: FLORES-200 code, its group, and the likeliest ones.

    `group` is the code of a set of near-identical languages, or the code itself. `probability` is
    of the group: how sure one can be that the language is `code` or all but the same; with "und",
    how sure that it is none of the 119. `ranked` has languages of the text's script only.
    """

    code: str
    group: str
    probability: float
    ranked: tuple[tuple[str, float], ...]


NOTHING = Identification(UNKNOWN, UNKNOWN, 0.0, ())


@dataclass(frozen=True, slots=True)
class Features:
    """What the model sees of some texts: the buckets of their n-grams and words, text after text.

    Every text has at least one n-gram: a space stands on either side of it.
    """

    buckets: npt.NDArray[np.int64]  # (n_features,) in [0, N_BUCKETS)
    starts: npt.NDArray[np.int64]  # (n_texts,) where each text's begin
    scripts: npt.NDArray[np.int64]  # (n_texts,) places in SCRIPTS, 0 where a text has no letters
    letters: npt.NDArray[np.float64]  # (n_texts,) of all scripts; an ideograph counts as two

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Return how many features each text has."""
        return np.diff(np.append(self.starts, len(self.buckets)))


def identify_batch(texts: Sequence[str]) -> list[Identification]:
    """Identify texts; the first 300 characters of each count, without figures and punctuation.

    :return: "und" for what is too short, in a script of none of the 119, or too unsure.
    """
    found: list[Identification] = []
    for at in range(0, len(texts), _BATCH):
        found.extend(_identified(texts[at : at + _BATCH]))
    return found


def hash_features(texts: Sequence[str]) -> Features:
    """Hash the n-grams and words of each text's main script."""
    points, text_of, scripts, letters = _main_script([_cleaned(text) for text in texts])
    lengths = np.bincount(text_of, minlength=len(texts))
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(points))
    longest = np.where(points < _FIRST_IDEOGRAPH, _ORDERS[-1], _IDEOGRAPHIC_ORDERS[-1])
    room = np.minimum(left, longest)
    hashes = np.full(len(points), 2166136261, dtype=np.uint32)
    buckets, owners = [], []
    for order in _ORDERS:
        n_windows = max(0, len(points) - order + 1)
        hashes = (hashes[:n_windows] ^ points[order - 1 :]) * np.uint32(0x9E3779B1)
        hashes ^= hashes >> np.uint32(15)
        inside = room[:n_windows] >= order
        buckets.append(_buckets(hashes[inside]))
        owners.append(text_of[:n_windows][inside])
    words, first = _word_hashes(points)
    buckets.append(_buckets(words))
    owners.append(text_of[first])
    owner = np.concatenate(owners)
    by_text = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[by_text], np.arange(len(texts)))
    return Features(np.concatenate(buckets)[by_text], starts, scripts, letters)


def _main_script(
    texts: Sequence[str],
) -> tuple[
    npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]
]:
    """Return the code points of each text's main script and the spaces, and what they belong to.

    :return: (n_points,) code points, (n_points,) the text of each, (n_texts,) scripts, (n_texts,)
        numbers of letters of all scripts.
    """
    lengths = np.array([len(text) for text in texts])
    points = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32)
    text_of = np.repeat(np.arange(len(texts)), lengths)
    script_of = script_ids(points)
    counts = np.bincount(
        text_of * len(SCRIPTS) + script_of, minlength=len(texts) * len(SCRIPTS)
    ).reshape(len(texts), len(SCRIPTS))
    scripts = (counts * _WEIGHTS).argmax(axis=1)
    ours = np.flatnonzero((script_of == COMMON) | (script_of == scripts[text_of]))
    points, text_of = points[ours], text_of[ours]
    spaces = points == _SPACE
    doubled = np.zeros(len(points), dtype=bool)
    doubled[1:] = spaces[1:] & spaces[:-1] & (text_of[1:] == text_of[:-1])
    return points[~doubled], text_of[~doubled], scripts, (counts * _LETTERS).sum(axis=1)


def _word_hashes(
    points: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the hashes of words of four letters and more, and where each begins.

    A word's hash is a polynomial in its letters, taken from sums that run over all texts.
    """
    spaces = np.flatnonzero(points == _SPACE)
    begins, ends = spaces[:-1] + 1, spaces[1:]
    long = ends - begins >= _MIN_WORD
    begins, ends = begins[long], ends[long]
    place = np.arange(len(points)) - np.repeat(spaces, np.diff(np.append(spaces, len(points))))
    letters = points * np.uint32(0x85EBCA6B)
    letters = (letters ^ (letters >> np.uint32(13))) * _powers()[place]
    sums = np.append(np.uint32(0), np.cumsum(letters, dtype=np.uint32))
    return sums[ends] - sums[begins], begins


@functools.cache
def _powers() -> npt.NDArray[np.uint32]:
    factors = np.full(4 * MAX_CHARS, 0x01000193, dtype=np.uint32)
    return np.cumprod(factors, dtype=np.uint32)


def _buckets(hashes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    mixed = (hashes ^ (hashes >> np.uint32(13))) * np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(16)
    return (mixed * np.uint32(0x9E3779B1) >> np.uint32(32 - 18)).astype(np.int64)


def _cleaned(text: str) -> str:
    text = unicodedata.normalize("NFC", text[: 2 * MAX_CHARS])
    text = text.encode("utf-8", "replace").decode()
    if "@" in text or "://" in text:
        text = _ADDRESS.sub(" ", text)
    text = _NOISE.sub(" ", text).lower()
    return f" {' '.join(text.split())[:MAX_CHARS]} "


@dataclass(frozen=True, slots=True)
class _Model:
    codes: tuple[str, ...]
    table: npt.NDArray[np.int16]  # (N_BUCKETS, dim), up to 8: a text's 1,300 rows sum to 10,400
    weights: npt.NDArray[np.float32]  # (dim, n_codes + 1); the last is none of them
    bias: npt.NDArray[np.float32]  # (n_codes + 1,); the table's scale is in weights
    shut: npt.NDArray[np.float32]  # (n_scripts, n_codes + 1), -inf where not in that script
    prior: npt.NDArray[np.float32]  # (n_scripts, n_codes + 1), log odds against the script's mean
    groups: npt.NDArray[np.int64]  # (n_codes,), the index of each code's group
    group_names: tuple[str, ...]


def codes_of_scripts() -> dict[str, tuple[str, ...]]:
    """Return the languages written in each script, by ISO 15924 code; `Hani` takes in Japanese.

    Varieties without training text count: Arabic script has several languages.
    """
    by_script: dict[str, tuple[str, ...]] = {}
    for code, language in languages().items():
        script = _SCRIPT_OF.get(language.script, language.script)
        by_script[script] = (*by_script.get(script, ()), code)
    return by_script


def open_codes(codes: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell which languages come into question for each script.

    :return: (n_scripts, n_codes + 1). The last column is "none of the 119", which isn't asked for
        a script of one language.
    """
    allowed = np.zeros((len(SCRIPTS), len(codes) + 1), dtype=bool)
    allowed[[COMMON, FOREIGN], -1] = True
    for script, written in codes_of_scripts().items():
        place = SCRIPTS.index(script)
        allowed[place, :-1] = [code in written for code in codes]
        allowed[place, -1] = len(written) > 1
    return allowed


@functools.cache
def _model() -> _Model:
    folder = Path(str(files("ragqwen").joinpath("data")))
    about: dict[str, Any] = json.loads((folder / "identifier.json").read_text("utf-8"))
    packed = np.load(folder / "identifier.npy")
    alone = [written[0] for written in codes_of_scripts().values() if len(written) == 1]
    codes = (*alone, *about["codes"])
    weights = np.array(about["weights"], dtype=np.float32)
    group_names = tuple(dict.fromkeys(map(group_of, codes)))
    is_open = open_codes(codes)
    return _Model(
        codes=codes,
        table=unpack(packed).astype(np.int16),
        weights=np.pad(weights, ((0, 0), (len(alone), 0))),
        bias=np.pad(np.array(about["bias"], dtype=np.float32), (len(alone), 0)),
        shut=np.where(is_open, 0, -np.inf).astype(np.float32),
        prior=_prior(codes, is_open),
        groups=np.array([group_names.index(group_of(code)) for code in codes]),
        group_names=group_names,
    )


def _prior(codes: Sequence[str], is_open: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return the log of how many people write each language, less the mean of its script's.

    "None of the 119" is written as much as the mean of them.
    """
    writers = [max(languages()[code].writers, _MIN_WRITERS) for code in codes]
    logs = np.where(is_open[:, :-1], np.log(writers), 0)
    means = logs.sum(axis=1) / np.maximum(is_open[:, :-1].sum(axis=1), 1)
    prior = np.where(is_open[:, :-1], logs - means[:, None], 0)
    return np.pad(prior, ((0, 0), (0, 1))).astype(np.float32)


def pack(table: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Put numbers from -8 to 7 two to a byte: a row of the second half with one of the first.

    :param table: (2 * n, dim)
    :return: (n, dim)
    """
    low, high = np.split(table, 2)
    return (low & 15) | (high << 4)


def unpack(packed: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Undo `pack`."""
    return np.concatenate([packed << 4 >> 4, packed >> 4])


def _identified(texts: Sequence[str]) -> list[Identification]:
    model = _model()
    features = hash_features(texts)
    ends = [*features.starts.tolist(), len(features.buckets)]
    counts = features.counts[:, None].astype(np.float32)
    means = (sum_rows(features.buckets, ends, model.table) / counts).astype(np.float32)
    logits = means @ model.weights + model.bias + model.shut[features.scripts]
    logits += model.prior[features.scripts] * (_PRIOR_FEATURES / counts)
    logits -= logits.max(axis=1, keepdims=True)
    odds = np.exp(logits)
    odds /= odds.sum(axis=1, keepdims=True)
    probabilities, none = odds[:, :-1], odds[:, -1]
    in_groups = np.zeros((len(texts), len(model.group_names)), dtype=np.float32)
    np.add.at(in_groups.T, model.groups, probabilities.T)
    group = in_groups.argmax(axis=1)
    sure = in_groups.max(axis=1)
    code = np.where(model.groups == group[:, None], probabilities, -1).argmax(axis=1)
    ranked = np.argsort(-probabilities, axis=1)[:, :_RANKED]
    rows = zip(
        ((sure >= _MIN_PROBABILITY) & (sure >= none)).tolist(),
        code.tolist(),
        _rounded(sure),
        _rounded(none),
        ranked.tolist(),
        _rounded(np.take_along_axis(probabilities, ranked, axis=1)),
        strict=True,
    )
    enough = features.letters >= _MIN_LETTERS
    return [
        _identification(model, *row) if is_enough else NOTHING
        for is_enough, row in zip(enough.tolist(), rows, strict=True)
    ]


def _identification(
    model: _Model,
    known: bool,
    code: int,
    sure: float,
    none: float,
    ranked: list[int],
    probabilities: list[float],
) -> Identification:
    if not known:
        return Identification(UNKNOWN, UNKNOWN, none, ())
    likeliest = zip(ranked, probabilities, strict=True)
    return Identification(
        code=model.codes[code],
        group=model.group_names[model.groups[code]],
        probability=sure,
        ranked=tuple((model.codes[i], p) for i, p in likeliest if p > 0),
    )


def _rounded(numbers: npt.NDArray[np.float32]) -> list[Any]:
    rounded: list[Any] = numbers.astype(np.float64).round(4).tolist()
    return rounded


def identify(text: str, expected: Container[str] = ()) -> str:
    """Return the FLORES-200 code of a text's main language, or "und".

    Each of up to 40 pieces spread over a long text has as many votes as letters, so that a document
    in two languages comes out as the one with more text, and one in another language as "und".
    Where the variety is in doubt, a group that has a standard language comes out as that: Arabic
    as Standard Arabic.

    :param expected: languages of which the likeliest is taken where none of them is in the
        likeliest group of all and it comes close to that.
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
    near = {
        code: count
        for code, count in votes.items()
        if code in expected and count >= _CLOSE * sum(ours.values())
    }
    if near and near.keys().isdisjoint(ours):
        return max(near, key=lambda code: near[code])
    best = max(ours, key=lambda code: ours[code])
    sure = ours[best] >= _SURE_OF_VARIETY * sum(ours.values())
    return best if sure else STANDARD_OF_GROUP.get(group, best)


def _pieces(text: str) -> list[str]:
    """Return up to 40 pieces of a text, of up to 300 characters, in order."""
    starts = range(0, len(text), MAX_CHARS)
    step = max(1, -(-len(starts) // _MAX_PIECES))
    return [text[start : start + MAX_CHARS] for start in starts[::step]]
