"""Train the language identifier: `python -m eval.train_identifier PARALLEL_DIR --out DIR`.

PARALLEL_DIR holds `<FLORES code>.tsv.gz` with lines of source, key and text. Every twentieth key is
kept out of training, in all languages at once, and the figures at the end are measured on it.
"""

import gzip
import hashlib
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
import torch
from tqdm import tqdm

from ragqwen.identification import N_BUCKETS, hash_ngrams
from ragqwen.languages import group_of, languages

_MAX_LINES = 40_000  # of one language
_MIN_LINES = 200
_KEPT_OUT = 20  # one key in so many
_BATCH = 768
_LEARNING_RATE = 0.02
_SMOOTHING = 0.02
_BALANCE = 0.3  # exponent of a language's lines, counted up to 4,000, in sampling
_TEST_LINES = 200
_TEST_CHARS = 30


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parallel", metavar="PARALLEL_DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data"))
@click.option("--dimension", default=28, show_default=True, help="Numbers per n-gram.")
@click.option("--steps", default=4500, show_default=True, help=f"Of {_BATCH} lines each.")
@click.option("--seed", default=1, show_default=True)
def main(parallel: Path, out: Path, dimension: int, steps: int, seed: int) -> None:
    """Train the language identifier; 4,500 steps take about 10 minutes on 2 idle cores."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    lines = {code: read_lines(parallel / f"{code}.tsv.gz") for code in languages()}
    train = {code: some for code, (some, _) in lines.items() if len(some) >= _MIN_LINES}
    codes = list(train)
    table = torch.nn.EmbeddingBag(N_BUCKETS, dimension, mode="mean", sparse=True)
    torch.nn.init.uniform_(table.weight, -0.05, 0.05)
    layer = torch.nn.Linear(dimension, len(codes))
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.SparseAdam(table.parameters(), lr=_LEARNING_RATE),
        torch.optim.Adam(layer.parameters(), lr=_LEARNING_RATE),
    ]
    share = np.array([min(len(train[code]), 4000) ** _BALANCE for code in codes])
    share /= share.sum()
    for step in tqdm(range(steps), disable=None, file=sys.stderr):
        labels = rng.choice(len(codes), _BATCH, p=share)
        texts = [_sample(train[codes[label]], rng) for label in labels]
        ids, starts = (torch.from_numpy(array) for array in hash_ngrams(texts))
        loss = torch.nn.functional.cross_entropy(
            layer(table(ids, starts)), torch.from_numpy(labels), label_smoothing=_SMOOTHING
        )
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = _LEARNING_RATE * (1 - step / steps) + 1e-4
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
    save(out, codes, table.weight.detach().numpy(), layer)
    for name, value in measure({code: held for code, (_, held) in lines.items()}).items():
        click.echo(f"{name}: {value}")


def read_lines(path: Path) -> tuple[list[str], list[str]]:
    """Return a language's lines to train on, the longest first, and those kept out."""
    train: list[str] = []
    kept_out: list[str] = []
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        for row in rows:
            source, key, text = row.rstrip("\n").split("\t", 2)
            digest = hashlib.blake2b((source + key).encode(), digest_size=2).digest()
            held = int.from_bytes(digest) % _KEPT_OUT == 0
            (kept_out if held else train).append(text)
    train.sort(key=lambda text: -min(len(text), 40))
    return train[:_MAX_LINES], kept_out


def _sample(lines: Sequence[str], rng: np.random.Generator) -> str:
    """Return a line, three short ones joined, or a part of a long one."""
    text = lines[int(rng.integers(len(lines)))]
    chance = rng.random()
    if len(text) < 25 and chance < 0.7:
        return " ".join([text, *(lines[int(rng.integers(len(lines)))] for _ in range(2))])
    if len(text) > 60 and chance < 0.5:
        start = int(rng.integers(0, len(text) - 40))
        return text[start : start + int(rng.integers(25, 120))]
    return text


def save(folder: Path, codes: Sequence[str], table: np.ndarray, layer: torch.nn.Linear) -> None:
    """Write the table in int8, one scale a column, and the layer with the scales in it."""
    scales = np.abs(table).max(axis=0) / 127
    np.save(folder / "identifier.npy", np.round(table / scales).astype(np.int8))
    weights = layer.weight.detach().numpy().T * scales[:, None]
    about = {
        "codes": list(codes),
        "weights": [[float(f"{x:.5g}") for x in row] for row in weights],
        "bias": [float(f"{x:.5g}") for x in layer.bias.detach().numpy()],
    }
    (folder / "identifier.json").write_text(json.dumps(about) + "\n")


def measure(kept_out: dict[str, list[str]]) -> dict[str, object]:
    """Identify lines that were kept out, with the saved model as it will run."""
    from ragqwen.identification import identify_batch

    right: dict[str, float] = {}
    in_group: dict[str, float] = {}
    for code, lines in kept_out.items():
        long_enough = [line for line in lines if len(line) >= _TEST_CHARS]
        some = random.Random(5).sample(long_enough, min(len(long_enough), _TEST_LINES))
        if len(some) < 10:
            continue
        found = identify_batch(some)
        right[code] = sum(item.code == code for item in found) / len(some)
        in_group[code] = sum(item.group == group_of(code) for item in found) / len(some)
    worst = sorted(right, key=lambda code: right[code])[:15]
    return {
        "languages": len(right),
        "right": round(float(np.mean(list(right.values()))), 4),
        "right group": round(float(np.mean(list(in_group.values()))), 4),
        "worst": {code: (round(right[code], 3), round(in_group[code], 3)) for code in worst},
    }


if __name__ == "__main__":
    main()
