"""Train the language identifier: `python -m eval.train_identifier PARALLEL_DIR --out DIR`.

PARALLEL_DIR holds `<FLORES code>.tsv.gz` with lines of source, key and text. Every twentieth key is
kept out of training, in all languages at once, with every line that says the same; the figures at
the end are measured on them. Lines that are a language's copy of the English one are left out too:
catalogues fall back on English where a translation is missing.

The model is a mean of table rows, a linear layer and a softmax over the languages of the text's
script, as in fastText: text by text, with Adagrad's step for each row. "None of the 119" is learned
from lines in which letters have changed places, vowels with vowels for the most part: words that
could be words, in no language; and from text in other languages, where `--others` gives some.
"""

import gzip
import json
import random
import sys
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from numba import njit
from tqdm import tqdm

from eval.parallel import is_kept_out
from ragqwen.identification import (
    N_BUCKETS,
    codes_of_scripts,
    hash_features,
    identify_batch,
    open_codes,
    pack,
)
from ragqwen.languages import UNKNOWN, group_of, languages
from ragqwen.scripts import SCRIPTS

_MAX_LINES = 40_000  # of one language
_MIN_LINES = 200
_BLOCK = 20_000  # samples hashed at once
_DIMENSION = 28
_RATE = 0.5
_SMOOTHING = 0.02
_MAX_DROPPED = 0.2  # of a text's features
_BALANCE = 0.3  # exponent of a language's lines, counted up to 4,000, in sampling
_LENGTH_WEIGHT = 1.5  # exponent of a line's characters, counted up to 100, in sampling
_FAVOURED = {"ind_Latn": 1.5, "zsm_Latn": 1.5}  # how much more is drawn: else Banjar takes theirs
_JUMBLED = 0.06  # of all samples
_OTHERS = 0.015  # of all samples, where there is text in other languages
_NONE_LOWERED = 1.0  # logit of "none of the 119", which is drawn more often than it occurs
_JOINED = 25  # shorter lines are often joined
_LONGEST = 150
_LEVELS = 7  # of the table's numbers, on either side of 0
_VOWELS = frozenset("aeiouyáéíóúàèìòùäöüâêîôûåæøœãõāēīōūăąęėıаеиоуыэюяіёәөү")
_TEST_LINES = 200
_TEST_CHARS = 30

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Row = tuple[str, str, str]
"""Source, key and text of a line."""


@dataclass(frozen=True, slots=True)
class Lines:
    """A language's lines to train on, and how often each is drawn."""

    texts: list[str]
    chances: npt.NDArray[np.float64]  # (n_texts,) running sums up to 1

    @classmethod
    def from_texts(cls, texts: list[str]) -> "Lines":
        """Take up to 40,000 lines, the longest first; a longer line is drawn more often."""
        texts = sorted(texts, key=lambda text: -min(len(text), 40))[:_MAX_LINES]
        weights = np.array([min(len(text), 100) for text in texts]) ** _LENGTH_WEIGHT
        return cls(texts, np.cumsum(weights / weights.sum()))

    def draw(self, rng: np.random.Generator) -> str:
        """Return a line, a short one with one or two more, or a part of a long one."""
        text = self._line(rng)
        chance = rng.random()
        if len(text) < _JOINED and chance < 0.6:
            return " ".join([text, *(self._line(rng) for _ in range(rng.integers(1, 3)))])
        if len(text) > 60 and chance < 0.6:
            start = int(rng.integers(0, len(text) - 40))
            return text[start : start + int(rng.integers(25, 120))]
        start = int(rng.integers(0, max(1, len(text) - _LONGEST)))
        return text[start : start + _LONGEST]

    def _line(self, rng: np.random.Generator) -> str:
        place = int(np.searchsorted(self.chances, rng.random()))
        return self.texts[min(place, len(self.texts) - 1)]


@dataclass(frozen=True, slots=True)
class Block:
    """Hashed samples. A label of len(codes) is "none of the 119"."""

    buckets: npt.NDArray[np.int32]
    starts: Ints  # (n_samples + 1,)
    scripts: Ints  # (n_samples,)
    labels: Ints  # (n_samples,)


@dataclass(frozen=True, slots=True)
class Model:
    """The weights, each with the sum of its squared gradients."""

    table: Floats  # (N_BUCKETS, dim)
    table_squares: Floats  # (N_BUCKETS,)
    weights: Floats  # (n_codes + 1, dim)
    weights_squares: Floats
    bias: Floats  # (n_codes + 1,)
    bias_squares: Floats

    @classmethod
    def start(cls, n_codes: int, rng: np.random.Generator) -> "Model":
        """Return small random weights."""
        weights = rng.normal(size=(n_codes + 1, _DIMENSION)) / np.sqrt(_DIMENSION)
        table = rng.uniform(-0.001, 0.001, (N_BUCKETS, _DIMENSION))
        return cls(
            table.astype(np.float32),
            np.full(N_BUCKETS, 1e-6, dtype=np.float32),
            weights.astype(np.float32),
            np.full(weights.shape, 0.01, dtype=np.float32),
            np.zeros(n_codes + 1, dtype=np.float32),
            np.full(n_codes + 1, 100, dtype=np.float32),
        )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parallel", metavar="PARALLEL_DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data"))
@click.option(
    "--others",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Files of the same form, each in a language beyond the 119.",
)
@click.option("--samples", default=1_400_000, show_default=True, help="Lines or parts of lines.")
@click.option("--passes", default=2, show_default=True, help="How often each sample is seen.")
@click.option("--seed", default=1, show_default=True)
def main(
    parallel: Path, out: Path, others: Path | None, samples: int, passes: int, seed: int
) -> None:
    """Train the language identifier, in about 3 minutes and 2 GB on one idle core."""
    rng = np.random.default_rng(seed)
    english = frozenset(read_rows(parallel / "eng_Latn.tsv.gz"))
    kept_out: dict[str, list[str]] = {}
    train: dict[str, Lines] = {}
    alone = {written[0] for written in codes_of_scripts().values() if len(written) == 1}
    for code in languages():
        texts, kept_out[code] = split_rows(read_rows(parallel / f"{code}.tsv.gz"), english, code)
        if len(texts) >= _MIN_LINES and code not in alone:
            train[code] = Lines.from_texts(texts)
    paths = sorted(others.glob("*.tsv.gz")) if others else []
    none = [Lines.from_texts([text for *_, text in read_rows(path)]) for path in paths]
    blocks = list(_sampled(train, none, samples, rng))
    model = _fitted(blocks, list(train), passes, rng)
    save(out, list(train), model)
    for name, value in measure(kept_out).items():
        click.echo(f"{name}: {value}")


def read_rows(path: Path) -> list[Row]:
    """Return a language's lines, in their order; a key may have several."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        split = (line.rstrip("\n").split("\t", 2) for line in lines)
        return [(source, key, text) for source, key, text in split]


def split_rows(
    rows: Sequence[Row], english: Container[Row], code: str
) -> tuple[list[str], list[str]]:
    """Return the lines to train on and those kept out, each once."""
    kept_out = {text: None for source, key, text in rows if is_kept_out(source, key)}
    train = {
        row[2]: None
        for row in rows
        if row[2] not in kept_out and (code == "eng_Latn" or row not in english)
    }
    return list(train), list(kept_out)


def jumble(text: str, rng: np.random.Generator) -> str:
    """Let letters of a text change places, the same way throughout."""
    text = text.lower()
    letters = sorted({char for char in text if char.isalpha()})
    vowels = [char for char in letters if char in _VOWELS]
    others = [char for char in letters if char not in _VOWELS]
    swaps: dict[str, str] = {}
    for kind in [vowels, others] if rng.random() < 0.7 else [letters]:
        moved = list(rng.permutation(kind)[: max(2, int(len(kind) * rng.uniform(0.4, 1)))])
        swaps.update(zip(moved, np.roll(moved, 1), strict=True))
    return "".join(swaps.get(char, char) for char in text)


def _sampled(
    train: dict[str, Lines], none: Sequence[Lines], samples: int, rng: np.random.Generator
) -> Iterator[Block]:
    """Draw samples. Lines in another script than their language's are passed over.

    :param none: lines in languages beyond the 119, as many from each.
    """
    codes = list(train)
    script_of = {code: s for s, written in codes_of_scripts().items() for code in written}
    share = np.array([min(len(lines.texts), 4000) ** _BALANCE for lines in train.values()])
    share *= [_FAVOURED.get(code, 1) for code in codes]
    share /= share.sum()
    can_be_none = open_codes(codes)[:, -1]
    for done in tqdm(range(0, samples, _BLOCK), desc="draw", disable=None, file=sys.stderr):
        count = min(_BLOCK, samples - done)
        labels = rng.choice(len(codes), count, p=share)
        scripts = np.array([SCRIPTS.index(script_of[codes[label]]) for label in labels])
        texts = [train[codes[label]].draw(rng) for label in labels]
        for at in np.flatnonzero(rng.random(count) < _JUMBLED):
            if scripts[at] != SCRIPTS.index("Hani"):
                texts[at] = jumble(texts[at], rng)
                labels[at] = len(codes)
        others = np.flatnonzero(rng.random(count) < (_OTHERS if none else 0))
        for at in others:
            texts[at] = none[int(rng.integers(len(none)))].draw(rng)
            labels[at] = len(codes)
        features = hash_features(texts)
        right = features.scripts == scripts
        right[others] = can_be_none[features.scripts[others]]
        starts = np.append(0, np.cumsum(features.counts[right]))
        buckets = features.buckets[np.repeat(right, features.counts)].astype(np.int32)
        yield Block(buckets, starts, features.scripts[right], labels[right])


def _fitted(
    blocks: Sequence[Block], codes: Sequence[str], passes: int, rng: np.random.Generator
) -> Model:
    model = Model.start(len(codes), rng)
    is_open = open_codes(codes)
    choices = np.concatenate([np.flatnonzero(row) for row in is_open])
    ends = np.append(0, np.cumsum(is_open.sum(axis=1)))
    order = [at for _ in range(passes) for at in rng.permutation(len(blocks))]
    for step, at in enumerate(tqdm(order, desc="train", disable=None, file=sys.stderr)):
        block = blocks[at]
        _fit(
            block.buckets, block.starts, block.scripts, block.labels,
            choices, ends,
            model.table, model.table_squares, model.weights, model.weights_squares,
            model.bias, model.bias_squares,
            np.float32(_RATE * (1 - step / len(order)) + _RATE / 100),
            int(rng.integers(1 << 31)),
        )  # fmt: skip
    return model


@njit(fastmath=True)  # type: ignore[untyped-decorator]
def _fit(
    buckets: npt.NDArray[np.int32],
    starts: Ints,
    scripts: Ints,
    labels: Ints,
    choices: Ints,
    ends: Ints,
    table: Floats,
    table_squares: Floats,
    weights: Floats,
    weights_squares: Floats,
    bias: Floats,
    bias_squares: Floats,
    rate: np.float32,
    seed: int,
) -> None:
    """Go through the samples once, one after the other.

    The languages of script s are choices[ends[s] : ends[s + 1]].
    """
    np.random.seed(seed)
    dim = table.shape[1]
    mean = np.zeros(dim, np.float32)
    back = np.zeros(dim, np.float32)  # the gradient of the mean
    odds = np.zeros(len(bias), np.float32)
    for at in range(len(labels)):
        dropped = np.random.random() * _MAX_DROPPED
        kept = buckets[starts[at] : starts[at + 1]].copy()
        n = 0
        for bucket in kept:
            if np.random.random() >= dropped:
                kept[n] = bucket
                n += 1
        n = max(n, 1)
        mean[:] = 0
        for j in range(n):
            for d in range(dim):
                mean[d] += table[kept[j], d]
        share = np.float32(1 / n)
        for d in range(dim):
            mean[d] *= share
            back[d] = 0
        ours = choices[ends[scripts[at]] : ends[scripts[at] + 1]]
        highest = np.float32(-1e30)
        for i in range(len(ours)):
            odds[i] = bias[ours[i]]
            for d in range(dim):
                odds[i] += weights[ours[i], d] * mean[d]
            highest = max(highest, odds[i])
        total = np.float32(0)
        for i in range(len(ours)):
            odds[i] = np.exp(odds[i] - highest)
            total += odds[i]
        for i in range(len(ours)):
            code = ours[i]
            wanted = _SMOOTHING / len(ours) + (1 - _SMOOTHING) * (code == labels[at])
            error = np.float32(odds[i] / total - wanted)
            bias_squares[code] += error * error
            bias[code] -= rate * error / np.sqrt(bias_squares[code])
            for d in range(dim):
                back[d] += error * weights[code, d]
                step = error * mean[d]
                weights_squares[code, d] += step * step
                weights[code, d] -= rate * step / np.sqrt(weights_squares[code, d])
        square = np.float32(0)
        for d in range(dim):
            back[d] *= share
            square += back[d] * back[d] / dim
        for j in range(n):
            table_squares[kept[j]] += square
            pace = rate / np.sqrt(table_squares[kept[j]])
            for d in range(dim):
                table[kept[j], d] -= pace * back[d]


def save(folder: Path, codes: Sequence[str], model: Model) -> None:
    """Write the table in four bits a number, one scale a column, and the layer with the scales."""
    scales = np.percentile(np.abs(model.table), 99.9, axis=0) / _LEVELS
    table = np.clip(np.round(model.table / scales), -_LEVELS, _LEVELS).astype(np.int8)
    bias = model.bias - np.where(np.arange(len(model.bias)) < len(codes), 0, _NONE_LOWERED)
    np.save(folder / "identifier.npy", pack(table))
    about = {
        "codes": list(codes),
        "weights": [[float(f"{x:.5g}") for x in row] for row in model.weights.T * scales[:, None]],
        "bias": [float(f"{x:.5g}") for x in bias],
    }
    (folder / "identifier.json").write_text(json.dumps(about) + "\n")


def measure(kept_out: dict[str, list[str]]) -> dict[str, object]:
    """Identify lines that were kept out, with the model in `ragqwen/data` as it will run."""
    right: dict[str, float] = {}
    in_group: dict[str, float] = {}
    unknown: dict[str, float] = {}
    for code, lines in kept_out.items():
        long_enough = [line for line in lines if len(line) >= _TEST_CHARS]
        some = random.Random(5).sample(long_enough, min(len(long_enough), _TEST_LINES))
        if len(some) < 10:
            continue
        found = identify_batch(some)
        right[code] = sum(item.code == code for item in found) / len(some)
        in_group[code] = sum(item.group == group_of(code) for item in found) / len(some)
        unknown[code] = sum(item.code == UNKNOWN for item in found) / len(some)
    worst = sorted(in_group, key=lambda code: in_group[code])[:15]
    return {
        "languages": len(right),
        "right": round(float(np.mean(list(right.values()))), 4),
        "right group": round(float(np.mean(list(in_group.values()))), 4),
        "unknown": round(float(np.mean(list(unknown.values()))), 4),
        "worst groups": {code: round(in_group[code], 3) for code in worst},
        "less than 0.7 right": {code: round(x, 3) for code, x in right.items() if x < 0.7},
    }


if __name__ == "__main__":
    main()
