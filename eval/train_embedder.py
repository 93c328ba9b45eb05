"""Train the built-in embedder: `python -m eval.train_embedder PARALLEL_DIR --work DIR`.

PARALLEL_DIR holds `<FLORES code>.tsv.gz` with lines of source, key and text. Every twentieth key is
kept out of training, in all languages at once; of the questions' data sets, every fourth paragraph.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from tokenizers import Tokenizer
from tqdm import tqdm

from eval.embedder_data import Bags, Batch, Ints, ParallelPairs, thinned
from eval.embedder_export import export
from eval.embedder_levelling import levelled
from eval.embedder_questions import PairPool, add_neighbours, add_questions
from eval.embedder_tokenizer import train_tokenizer
from eval.embedder_training import PieceTable
from eval.embedder_work import claim, whole
from eval.parallel import Line, count_lines, digest_lines, read_parallel
from eval.spelling import romanize, spelling_features

_WARM_UP_STEPS = 100
_CHECKPOINT_STEPS = 1000
_PARALLEL_PAIRS = 3000  # in a batch of the first stage; about 2,600 items
_PARALLEL_BESIDE, _QUESTION_PAIRS = 1800, 768  # in one of the second
_LEVELLING_PAIRS = 40_000
_LEAST_LANGUAGES = 2
_THINNED = 2  # tokenizers beside the whole one
_THINNED_SHARE = 0.4  # of texts that are cut by one of them
_NEIGHBOURS_WEIGHT, _QUESTIONS_WEIGHT = 0.5, 0.5


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the two stages: first pairs that say the same, then questions and passages too."""

    name: str
    steps: int
    rate: float


def _check_device(_ctx: click.Context, _option: click.Parameter, name: str) -> str:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as exc:  # the latter if torch was built without CUDA
        raise click.BadParameter(
            f"{name!r} is no device that torch sees here ({str(exc).splitlines()[0]}); give cpu, "
            "or cuda with a GPU and a torch that was built for it"
        ) from exc
    return name


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parallel", metavar="PARALLEL_DIR", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--questions",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A data set in BEIR's layout, for the second stage; may be repeated.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    required=True,
    help="What is made on the way; with the same arguments a run that was cut off goes on.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/embedder"))
@click.option("--pieces", default=131_072, show_default=True, help="Size of the vocabulary.")
@click.option("--dimension", default=256, show_default=True, help="Numbers per piece.")
@click.option("--steps", default=9000, show_default=True, help="Of the first stage.")
@click.option("--question-steps", default=1500, show_default=True, help="Of the second stage.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    callback=_check_device,
    help="Where steps are taken, as torch names it: cuda for a GPU. A run may go on elsewhere.",
)
def main(
    parallel: Path,
    questions: Sequence[Path],
    work: Path,
    out: Path,
    pieces: int,
    dimension: int,
    steps: int,
    question_steps: int,
    seed: int,
    device: str,
) -> None:
    """Train the built-in embedder; on 2 idle cores it takes about an hour."""
    lines = list(read_parallel(parallel, kept_out=False))
    n_lines = count_lines(lines)
    if len(n_lines) < _LEAST_LANGUAGES:
        raise click.UsageError(
            f"{parallel} needs parallel text of two languages or more in files named "
            "<FLORES code>.tsv.gz, such as eng_Latn.tsv.gz"
        )
    claim(
        work,
        {
            "PARALLEL_DIR": str(parallel.resolve()),
            "the digest of PARALLEL_DIR's lines": digest_lines(lines),
            "--questions": [str(folder.resolve()) for folder in questions],
            "--pieces": pieces,
            "--dimension": dimension,
            "--steps": steps,
            "--question-steps": question_steps,
            "--seed": seed,
        },
    )
    tokenizer = _tokenizer(work / "tokenizer.json", lines, pieces, seed)
    tokenizers = [tokenizer, *(thinned(tokenizer, seed + n) for n in range(_THINNED))]
    cuts = [_bags(work / f"bags-{n}.npz", lines, each) for n, each in enumerate(tokenizers)]
    pairs = ParallelPairs(lines, np.diff(cuts[0].starts))
    pool = PairPool()
    add_neighbours(pool, lines, _NEIGHBOURS_WEIGHT)
    for folder in questions:
        add_questions(pool, folder, _QUESTIONS_WEIGHT / len(questions))
    first = len(lines)
    del lines
    cuts = [
        Bags.stacked([cut, Bags.of(pool.texts, each)])
        for cut, each in zip(cuts, tokenizers, strict=True)
    ]
    n_texts = len(cuts[0])
    bags = Bags.stacked(cuts)
    del cuts
    ids = tokenizer.get_vocab()
    vocabulary = sorted(ids, key=ids.__getitem__)
    spellings = spelling_features(vocabulary, _romanized(work / "romanized.json", vocabulary))
    table = PieceTable(spellings, dimension, np.random.default_rng(seed), device)

    def draw_parallel(rng: np.random.Generator) -> Batch:
        return _recut(pairs.draw(_PARALLEL_PAIRS, rng), n_texts, rng)

    def draw_questions(rng: np.random.Generator) -> Batch:
        batch = pairs.draw(_PARALLEL_BESIDE, rng)
        asked, passages, groups = pool.draw(_QUESTION_PAIRS, rng)
        batch = batch.joined(asked + first, passages + first, groups + n_texts)
        return _recut(batch, n_texts, rng)

    done = 0
    for stage, draw in (
        (Stage("parallel", steps, 0.02), draw_parallel),
        (Stage("questions", question_steps, 0.006), draw_questions),
    ):
        _train(table, bags, stage, draw, work, seed=seed, done=done)
        done += stage.steps
    vectors = table.vectors()
    vectors[0] = 0  # the unknown piece
    vectors = levelled(vectors, bags, pairs.draw(_LEVELLING_PAIRS, np.random.default_rng(seed)))
    facts = {"seed": seed, "steps": [steps, question_steps], "lines": n_lines}
    export(vectors, tokenizer, out, facts)


def _recut(batch: Batch, n_texts: int, rng: np.random.Generator) -> Batch:
    """Return a batch with some of its texts as the thinned tokenizers cut them."""

    def some(texts: Ints) -> Ints:
        cut = rng.integers(1, 1 + _THINNED, len(texts))
        moved: Ints = texts + n_texts * cut * (rng.random(len(texts)) < _THINNED_SHARE)
        return moved

    return replace(batch, left=some(batch.left), right=some(batch.right))


def _train(
    table: PieceTable,
    bags: Bags,
    stage: Stage,
    draw: Callable[[np.random.Generator], Batch],
    work: Path,
    *,
    seed: int,
    done: int,
) -> None:
    """Take a stage's steps, from the last checkpoint on; each step has random numbers of its own.

    :param done: steps of the stages before.
    """
    checkpoint = work / f"{stage.name}.npz"
    begin = table.load(checkpoint) if checkpoint.is_file() else 0
    loss = 0.0
    bar = tqdm(range(begin, stage.steps), initial=begin, total=stage.steps, desc=stage.name)
    for step in bar:
        rng = np.random.default_rng((seed, done + step))
        batch = draw(rng)
        decay = (1 + np.cos(np.pi * step / stage.steps)) / 2
        rate = stage.rate * decay * min(1.0, (step + 1) / _WARM_UP_STEPS)
        now = table.step(bags, batch, rate, done + step + 1, rng)
        loss = 0.98 * loss + 0.02 * now if loss else now
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if (step + 1) % _CHECKPOINT_STEPS == 0 or step + 1 == stage.steps:
            table.save(checkpoint, step + 1)


def _tokenizer(path: Path, lines: Sequence[Line], n_pieces: int, seed: int) -> Tokenizer:
    if not path.is_file():
        click.echo("training the tokenizer, which takes ten minutes and more", err=True)
        tokenizer = train_tokenizer(lines, n_pieces=n_pieces, seed=seed)
        with whole(path) as temporary:
            tokenizer.save(str(temporary))
    return Tokenizer.from_file(str(path))


def _bags(path: Path, lines: Sequence[Line], tokenizer: Tokenizer) -> Bags:
    if path.is_file():
        with np.load(path) as kept:
            return Bags(kept["pieces"], kept["starts"])
    texts = tqdm((line.text for line in lines), total=len(lines), desc="lines cut")
    bags = Bags.of(texts, tokenizer)
    with whole(path) as temporary:
        np.savez(temporary, pieces=bags.pieces, starts=bags.starts)
    return bags


def _romanized(path: Path, vocabulary: Sequence[str]) -> list[str]:
    if not path.is_file():
        letters = romanize(tqdm(vocabulary, desc="pieces romanized"))
        with whole(path) as temporary:
            temporary.write_text(json.dumps(letters))
    found: list[str] = json.loads(path.read_text())
    return found


if __name__ == "__main__":
    main()
