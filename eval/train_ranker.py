"""Learn the light reranker's weights: `python -m eval.train_ranker DIR... --out FILE`.

Each DIR is a data set in BEIR's layout. The built-in embedder was trained on the questions of some;
only paragraphs that were kept out of that are used, or the ranker would trust the vectors too much.
The figures that are printed are of paragraphs whose fold was left out of learning.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import click
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from tqdm import tqdm

from eval.corpora import (
    ingested,
    ingested_sources,
    ingested_together,
    origin_of,
    sources_of,
    temporary_service,
)
from eval.datasets import ALL, Dataset, EvalQuery, data_set_folders
from eval.embedder_questions import is_kept_out
from eval.records import Stopwatch
from ingest.sources import RecordSource, Source
from ragqwen.alignment import Aligner
from ragqwen.errors import InputError
from ragqwen.ranking import FEATURES, LightRanker
from ragqwen.retrieval import Retriever
from ragqwen.settings import Settings
from ragqwen.static_embedding import StaticEmbedder

Floats = npt.NDArray[np.float64]
Kind = Literal["same", "cross", "mixed", "scattered"]
_CROSS = 20  # of one pair of languages one question in so many, for there are many pairs
_MIXED = 3
_SCATTERED = 3
_FOLDS = 5
# How much the kinds count. More of "scattered" lets the asker's own language fall behind in "mixed"
_COUNTING: Mapping[Kind, float] = {"same": 4, "cross": 1, "mixed": 1.5, "scattered": 0.6}
# Of the squares of the weights: with more of it those of one's own language lose fewer of the first
# places that BM25 has right, and those of other languages tell less
_PENALTIES: Floats = np.array([1e-4] * len(FEATURES) + [7e-4] * len(FEATURES) + [1e-4])


@dataclass(frozen=True, slots=True)
class Example:
    """What one question found, BM25's best first: (n, n_features), and which of it are right.

    `kind` says whether it was asked of its own language, of another, of all at once, or of all
    where each article is in one language alone. `paragraph` is what is right, in whatever
    language, and `asked` names the data set and the question's language.
    """

    features: Floats
    right: npt.NDArray[np.bool_]
    kind: Kind
    paragraph: str = ""
    asked: str = ""

    @property
    def fold(self) -> int:
        """Return the fold, by the paragraph, by another digest than what was kept out."""
        return hashlib.blake2b(self.paragraph.encode(), digest_size=2).digest()[0] % _FOLDS


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@data_set_folders
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/ranker.json"))
@click.option("--questions", default=160, show_default=True, help="Of each language.")
@click.option("--seed", default=1, show_default=True)
def main(folders: Sequence[Path], out: Path, questions: int, seed: int) -> None:
    """Learn the light reranker's weights."""
    rng = np.random.default_rng(seed)
    ranker = LightRanker(Aligner(StaticEmbedder()))
    examples: list[Example] = []
    datasets = [Dataset.load(folder) for folder in folders]
    for dataset in datasets:
        found = list(_examples(dataset, ranker, questions, rng))
        click.echo(f"{dataset.name}: {len(found)} questions", err=True)
        examples.extend(found)
    examples.extend(_scattered(datasets, ranker, questions, rng))
    weights = fit_order(examples, _PENALTIES, _COUNTING)
    scale, bias = fit_odds(examples, weights)
    rounded, n = [float(f"{weight:.5g}") for weight in scale * weights], len(FEATURES)
    about = {
        "features": list(FEATURES),
        "other languages": rounded[:n],
        "own language": rounded[n : 2 * n],
        "is own": rounded[2 * n],
        "bias": float(f"{bias:.5g}"),
        "questions": len(examples),
        "data sets": [folder.name for folder in folders],
    }
    out.write_text(json.dumps(about, indent=1) + "\n")
    for name, some in cross_validated(examples).items():
        ranked, by_words = np.array(some).T
        click.echo(
            f"{name}: {len(some)} questions, right at rank 1 {ranked.mean():.3f}, by words alone "
            f"{by_words.mean():.3f}; {(ranked & ~by_words).sum()} better than by words, "
            f"{(by_words & ~ranked).sum()} worse"
        )


def cross_validated(
    examples: Sequence[Example], penalty: float | Floats = _PENALTIES
) -> dict[str, list[tuple[bool, bool]]]:
    """Return what is right at rank 1, each fold of paragraphs ranked by what the others taught.

    :param penalty: see `fit_order`.
    :return: for each kind, and for each data set and language within "same": whether the best
        candidate is right, and whether the best one by words alone is.
    """
    found: defaultdict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for fold in range(_FOLDS):
        others = [one for one in examples if one.fold != fold]
        weights = fit_order(others, penalty, _COUNTING)
        for one in (one for one in examples if one.fold == fold):
            pair = bool(one.right[(one.features @ weights).argmax()]), bool(one.right[0])
            found[one.kind].append(pair)
            if one.kind == "same":
                found[f"same, {one.asked}"].append(pair)
    return dict(sorted(found.items()))


def _examples(
    dataset: Dataset, ranker: LightRanker, n: int, rng: np.random.Generator
) -> Iterator[Example]:
    """Yield what questions found: in each language's corpus, and in all at once."""
    watch = Stopwatch()
    asked_in = dataset.query_languages(ALL)
    with temporary_service(Settings(reranker="off")) as service:
        for language in tqdm(dataset.corpora, desc=dataset.name):
            with ingested(service, dataset, language, watch) as name:
                look = _Look(service.retriever(name), ranker, dataset.name)
                for asked in asked_in:
                    same = asked == language
                    for query in _some(dataset, asked, n if same else n // _CROSS, rng):
                        right = set(dataset.qrels[query.query_id])
                        yield from look.examples(query, right, "same" if same else "cross", asked)
        if len(asked_in) > 1:
            with ingested_together(service, dataset, watch) as name:
                look = _Look(service.retriever(name), ranker, dataset.name)
                for asked in asked_in:
                    for query in _some(dataset, asked, n // _MIXED, rng):
                        documents = dataset.qrels[query.query_id]
                        right = {f"{code}:{name}" for code in dataset.corpora for name in documents}
                        yield from look.examples(query, right, "mixed", asked)


def _scattered(
    datasets: Sequence[Dataset], ranker: LightRanker, n: int, rng: np.random.Generator
) -> Iterator[Example]:
    """Yield what questions found in one collection of all data sets, each article in one language.

    So a collection of many languages is: a word that another language has too leads astray, and the
    right paragraph seldom is in the asker's language. An article has no title, which would be the
    same in all languages.
    """
    watch = Stopwatch()
    with temporary_service(Settings(reranker="off")) as service:
        sources = (one for dataset in datasets for one in _in_one_language(dataset, rng))
        with ingested_sources(service, "scattered", sources, watch) as name:
            for dataset in datasets:
                look = _Look(service.retriever(name), ranker, dataset.name)
                for asked in dataset.query_languages(ALL):
                    for query in _some(dataset, asked, n // _SCATTERED, rng):
                        right = {f"{dataset.name}:{name}" for name in dataset.qrels[query.query_id]}
                        yield from look.examples(query, right, "scattered", asked)


def _in_one_language(dataset: Dataset, rng: np.random.Generator) -> Iterator[Source]:
    """Yield a data set's documents, those of one title all in one language, by chance."""
    languages = list(dataset.corpora)
    chosen: dict[str, str] = {}
    for language in languages:
        for source in sources_of(dataset, language):
            if not isinstance(source, RecordSource):
                raise InputError(f"{dataset.name} has more than documents: {source.name}")
            article = source.content.title or source.document_id
            home = chosen.setdefault(article, languages[rng.integers(len(languages))])
            if home == language:
                yield replace(
                    source,
                    document_id=f"{dataset.name}:{source.document_id}",
                    content=replace(source.content, title=""),
                )


def _some(dataset: Dataset, language: str, n: int, rng: np.random.Generator) -> list[EvalQuery]:
    kept = [
        query
        for query in dataset.read_queries(language)
        if all(is_kept_out(dataset.name, document) for document in dataset.qrels[query.query_id])
    ]
    return [kept[i] for i in rng.permutation(len(kept))[:n]]


@dataclass(frozen=True, slots=True)
class _Look:
    """A collection, and how what is found in it is looked at."""

    retriever: Retriever
    ranker: LightRanker
    dataset: str

    def examples(
        self,
        query: EvalQuery,
        right: set[str],
        kind: Kind,
        language: str,
    ) -> Iterator[Example]:
        """Yield an example, if something right and something wrong is found."""
        asked = self.retriever.understand(query.text)
        found = self.retriever.candidates(asked)
        is_right = np.array([item.stored.document_id in right for item in found])
        if is_right.any() and not is_right.all():
            features = self.ranker.features(asked.text, asked.language, found)
            paragraph = f"{self.dataset}:{origin_of(min(right))[1] or min(right)}"
            yield Example(features, is_right, kind, paragraph, f"{self.dataset} {language}")


def fit_order(
    examples: Sequence[Example],
    penalty: float | Floats = 1e-4,
    counting: Mapping[Kind, float] | None = None,
) -> Floats:
    """Return the weights under which a right candidate comes first most surely.

    The loss is the negative logarithm of the share that the right ones have of the softmax.

    :param penalty: of the squares of the weights, for all or for each.
    :param counting: how much each kind counts, however many examples it has; the same if not given.
    """
    features = np.concatenate([example.features for example in examples])
    right = np.concatenate([example.right for example in examples])
    lengths = [len(example.right) for example in examples]
    starts = np.cumsum([0, *lengths])[:-1]
    owner = np.repeat(np.arange(len(examples)), lengths)
    kinds = Counter(example.kind for example in examples)
    counts = {kind: counting[kind] if counting else 1.0 for kind in kinds}
    total = sum(counts.values())
    part = np.array([counts[one.kind] / (total * kinds[one.kind]) for one in examples])

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
