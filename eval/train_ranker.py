"""Learn the light reranker's weights: `python -m eval.train_ranker DIR... --out FILE`.

Each DIR is a data set in BEIR's layout. The built-in embedder was trained on the questions of some;
only paragraphs that were kept out of that are used, or the ranker would trust the vectors too much.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from tqdm import tqdm

from eval.corpora import ingested, ingested_together, temporary_service
from eval.datasets import ALL, Dataset, EvalQuery, data_set_folders
from eval.embedder_questions import is_kept_out
from eval.records import Stopwatch
from ragqwen.alignment import Aligner
from ragqwen.ranking import FEATURES, LightRanker
from ragqwen.retrieval import Retriever
from ragqwen.settings import Settings
from ragqwen.static_embedding import StaticEmbedder

Floats = npt.NDArray[np.float64]
Kind = Literal["same", "cross", "mixed"]
_CROSS = 5  # of one pair of languages one question in so many, for there are many pairs


@dataclass(frozen=True, slots=True)
class Example:
    """What one question found: (n, n_features), and which of it are right.

    `kind` says whether it was asked of its own language, of another, or of all at once.
    """

    features: Floats
    right: npt.NDArray[np.bool_]
    kind: Kind


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@data_set_folders
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/ranker.json"))
@click.option("--questions", default=40, show_default=True, help="Of each language.")
@click.option("--seed", default=1, show_default=True)
def main(folders: Sequence[Path], out: Path, questions: int, seed: int) -> None:
    """Learn the light reranker's weights."""
    rng = np.random.default_rng(seed)
    ranker = LightRanker(Aligner(StaticEmbedder()))
    examples: list[Example] = []
    for folder in folders:
        found = list(_examples(Dataset.load(folder), ranker, questions, rng))
        click.echo(f"{folder.name}: {len(found)} questions", err=True)
        examples.extend(found)
    weights = fit_order(examples)
    scale, bias = fit_odds(examples, weights)
    about = {
        "features": list(FEATURES),
        "weights": [float(f"{weight:.5g}") for weight in scale * weights],
        "bias": float(f"{bias:.5g}"),
        "questions": len(examples),
        "data sets": [folder.name for folder in folders],
    }
    out.write_text(json.dumps(about, indent=1) + "\n")
    for kind in ("same", "cross", "mixed"):
        some = [example for example in examples if example.kind == kind]
        right = [example.right[(example.features @ weights).argmax()] for example in some]
        by_words = [example.right[example.features[:, 0].argmax()] for example in some]
        click.echo(
            f"{kind}: {len(some)} questions, right at rank 1 {np.mean(right):.3f}, by words alone "
            f"{np.mean(by_words):.3f}, on what it learned from"
        )


def _examples(
    dataset: Dataset, ranker: LightRanker, n: int, rng: np.random.Generator
) -> Iterator[Example]:
    """Yield what questions found: in each language's corpus, and in all at once."""
    watch = Stopwatch()
    asked_in = dataset.query_languages(ALL)
    with temporary_service(Settings(reranker="off")) as service:
        for language in tqdm(dataset.corpora, desc=dataset.name):
            with ingested(service, dataset, language, watch) as name:
                retriever = service.retriever(name)
                for asked in asked_in:
                    same = asked == language
                    for query in _some(dataset, asked, n if same else n // _CROSS, rng):
                        right = set(dataset.qrels[query.query_id])
                        kind: Kind = "same" if same else "cross"
                        yield from _example(retriever, ranker, query, right, kind)
        if len(asked_in) > 1:
            with ingested_together(service, dataset, watch) as name:
                retriever = service.retriever(name)
                for asked in asked_in:
                    for query in _some(dataset, asked, n, rng):
                        right = {
                            f"{language}:{document}"
                            for language in dataset.corpora
                            for document in dataset.qrels[query.query_id]
                        }
                        yield from _example(retriever, ranker, query, right, "mixed")


def _some(dataset: Dataset, language: str, n: int, rng: np.random.Generator) -> list[EvalQuery]:
    kept = [
        query
        for query in dataset.read_queries(language)
        if all(is_kept_out(dataset.name, document) for document in dataset.qrels[query.query_id])
    ]
    return [kept[i] for i in rng.permutation(len(kept))[:n]]


def _example(
    retriever: Retriever, ranker: LightRanker, query: EvalQuery, right: set[str], kind: Kind
) -> Iterator[Example]:
    asked = retriever.understand(query.text)
    found = retriever.candidates(asked)
    is_right = np.array([item.stored.document_id in right for item in found])
    if is_right.any() and not is_right.all():
        features = ranker.features(asked.text, asked.language, asked.document_frequencies, found)
        yield Example(features, is_right, kind)


def fit_order(examples: Sequence[Example], penalty: float = 1e-4) -> Floats:
    """Return the weights under which a right candidate comes first most surely.

    The loss is the negative logarithm of the share that the right ones have of the softmax; each
    kind of example counts the same.

    :param penalty: of the squares of the weights.
    """
    features = np.concatenate([example.features for example in examples])
    right = np.concatenate([example.right for example in examples])
    lengths = [len(example.right) for example in examples]
    starts = np.cumsum([0, *lengths])[:-1]
    owner = np.repeat(np.arange(len(examples)), lengths)
    kinds = Counter(example.kind for example in examples)
    part = np.array([1 / (len(kinds) * kinds[example.kind]) for example in examples])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = features @ weights
        scores -= np.maximum.reduceat(scores, starts)[owner]
        odds = np.exp(scores)
        all_odds, right_odds = (
            np.add.reduceat(some, starts) for some in (odds, np.where(right, odds, 0))
        )
        share = odds / all_odds[owner] - np.where(right, odds, 0) / right_odds[owner]
        value = part @ (np.log(all_odds) - np.log(right_odds)) + penalty * weights @ weights
        return float(value), features.T @ (share * part[owner]) + 2 * penalty * weights

    found: Floats = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x
    return found


def fit_odds(examples: Sequence[Example], weights: Floats) -> tuple[float, float]:
    """Return the scale and the bias that make a score's logistic the odds of being right."""
    scores = np.concatenate([example.features @ weights for example in examples])
    signs = np.where(np.concatenate([example.right for example in examples]), 1, -1)

    def loss(line: Floats) -> float:
        return float(np.logaddexp(0, -signs * (line[0] * scores + line[1])).mean())

    scale, bias = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(scale), float(bias)


if __name__ == "__main__":
    main()
