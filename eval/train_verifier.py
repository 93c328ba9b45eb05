"""Learn the weights of verification: `python -m eval.train_verifier DIR... --out FILE`.

Each DIR is a data set in BEIR's layout. In each language pairs are made, and in languages of a
parallel set across languages too. A pair that breaks a rule (a figure, a name) teaches nothing: it
is unsupported whatever the model says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from tqdm import tqdm

from eval.claims import Pair, by_passage, make_pairs, read_corpus
from eval.datasets import Dataset, data_set_folders
from ragqwen.alignment import Aligner
from ragqwen.languages import group_of
from ragqwen.segmentation import sentences, words
from ragqwen.static_embedding import StaticEmbedder, unit
from ragqwen.verification import FEATURES, PassageVerifier

Floats = npt.NDArray[np.float64]
Example = tuple[Floats, bool]  # (n_places, n_features), and whether the passage supports the claim
# By which the first place of each pair is chosen
_FIRST = np.array([1.0, 1.0, 1.0, 0.5, -1.0, 0.5, -0.1, 0.0])
# What is met speaks for support, what is missing and a second sentence against it
_BOUNDS = [*[(0, None)] * 4, (None, 0), (0, None), (None, 0), (None, None), (None, None)]
_ROUNDS = 4
# What it costs to take a false claim for true, where not taking a true one for true costs 1; across
# languages vectors alone tell, and they tell less
_FALSE_COSTS = {"same": 1.0, "cross": 5.0}
_PENALTY = 1e-4
_MAX_LEVELLING = 200  # paragraphs


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@data_set_folders
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/verifier.json"))
@click.option("--questions", default=150, show_default=True, help="Of a set's one language.")
@click.option("--pairs", default=80, show_default=True, help="Pairs of languages of a set.")
@click.option("--seed", default=1, show_default=True)
def main(folders: Sequence[Path], out: Path, questions: int, pairs: int, seed: int) -> None:
    """Learn the weights of verification."""
    found: dict[str, list[Example]] = {"same": [], "cross": []}
    embedder = StaticEmbedder()
    aligner = Aligner(embedder)
    datasets = {folder: Dataset.load(folder) for folder in folders}
    levels: dict[str, float] = {}
    for dataset in datasets.values():
        if len(dataset.corpora) > 1:
            levels |= language_levels(dataset, embedder)
    for folder, dataset in datasets.items():
        for asked, cited in tqdm(_languages(dataset, pairs, seed), desc=folder.name):
            n = questions // len(dataset.corpora) + 10
            made = list(make_pairs(dataset, asked, cited, n, seed))
            kind = "same" if group_of(asked) == group_of(cited) else "cross"
            found[kind].extend(_examples(made, aligner, levels))
    about: dict[str, object] = {
        "features": list(FEATURES),
        "data sets": [folder.name for folder in folders],
        "levels": {code: round(level, 3) for code, level in sorted(levels.items())},
    }
    for kind, examples in found.items():
        weights = fit(examples, _FALSE_COSTS[kind])
        about[kind] = {
            "weights": [float(f"{weight:.5g}") for weight in weights[:-1]],
            "bias": float(f"{weights[-1]:.5g}"),
            "pairs": len(examples),
        }
        right = [(_best(f, weights) @ weights[:-1] + weights[-1] > 0) == y for f, y in examples]
        click.echo(f"{kind}: {len(examples)} pairs, {np.mean(right):.3f} right, {weights}")
    out.write_text(json.dumps(about, indent=1) + "\n")


def language_levels(dataset: Dataset, embedder: StaticEmbedder) -> dict[str, float]:
    """Return how near each language's sentences come to what all translations have in common.

    :param dataset: a parallel one.
    :return: mean cosines, by language.
    """
    texts = {code: read_corpus(path) for code, path in dataset.corpora.items()}
    shared = sorted(set.intersection(*(set(some) for some in texts.values())))[:_MAX_LEVELLING]
    vectors = {
        code: unit(
            np.stack([_vector(some[key]["text"], code, embedder) for key in shared]).astype(
                np.float32
            )
        )
        for code, some in texts.items()
    }
    centre = unit(np.mean(list(vectors.values()), axis=0))
    return {code: float((some * centre).sum(axis=1).mean()) for code, some in vectors.items()}


def _vector(text: str, language: str, embedder: StaticEmbedder) -> npt.NDArray[np.float32]:
    start, end = next(iter(sentences(text, language)), (0, len(text)))
    said = text[start:end]
    vectors = embedder.embed_words([said[a:b] for a, b in words(said)] or [""])
    return np.asarray(vectors.sum(axis=0), dtype=np.float32)


def fit(examples: Sequence[Example], false_cost: float = 1.0) -> Floats:
    """Return the weights of the features, and the bias last; right pairs together weigh 1.

    Which place of a passage counts is not known, so it is chosen by the weights so far.

    :param false_cost: what all wrong pairs together weigh.
    """
    answers = np.array([1.0 if supported else -1.0 for _, supported in examples])
    shares = np.where(answers > 0, 1 / (answers > 0).sum(), false_cost / (answers < 0).sum())
    weights = np.append(_FIRST, 0.0)
    for _ in range(_ROUNDS):
        rows = np.array([np.append(_best(features, weights), 1.0) for features, _ in examples])

        def loss(w: Floats, rows: Floats = rows) -> float:
            gaps = np.logaddexp(0, -answers * (rows @ w))
            return float(shares @ gaps + _PENALTY * (w[:-1] ** 2).sum())

        weights = minimize(loss, weights, method="L-BFGS-B", bounds=_BOUNDS).x
    return weights


def _best(features: Floats, weights: Floats) -> Floats:
    best: Floats = features[(features @ weights[:-1]).argmax()]
    return best


def _languages(dataset: Dataset, n: int, seed: int) -> list[tuple[str, str]]:
    codes = list(dataset.corpora)
    rng = np.random.default_rng(seed)
    asked = list(dataset.queries)  # only there are names changed
    drawn = [
        (str(rng.choice(asked if i % 2 else codes)), str(rng.choice(codes)))
        for i in range(n if len(codes) > 1 else 0)
    ]
    return [(code, code) for code in codes] + drawn


def _examples(
    pairs: Sequence[Pair], aligner: Aligner, levels: Mapping[str, float]
) -> Iterator[Example]:
    for passage, some in by_passage(pairs):
        verifier = PassageVerifier(passage, aligner, levels)
        for pair in some:
            kept = verifier.keeps_rules(pair.claim, pair.language)
            if kept.any():
                yield verifier.features(pair.claim, pair.language)[kept], pair.kind == "right"


if __name__ == "__main__":
    main()
