"""Learn the extractive reader's weights: `python -m eval.train_reader DIR... --out FILE`.

Each DIR is a data set in BEIR's layout. As with the light reranker, only questions of paragraphs
that were kept out of the embedder's training are used: it knows the others by heart, and on them
the cosine seems to tell all. Each question is read twice, with its paragraph among what was found
and without. The figures that are printed are of paragraphs whose fold was left out of learning.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal

import click
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from tqdm import tqdm

from eval.corpora import ingested, temporary_service
from eval.datasets import ALL, Dataset, data_set_folders
from eval.embedder_questions import only_kept_out
from eval.records import Stopwatch
from eval.train_ranker import Example, fit_order
from ragqwen.alignment import Aligner
from ragqwen.analysis import terms
from ragqwen.languages import group_of
from ragqwen.reader import PASSAGE_FEATURES, SENTENCE_FEATURES, ExtractiveReader, Model, Seen
from ragqwen.retrieval import Evidence
from ragqwen.settings import Settings
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.text import normalise_text

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Kind = Literal["same", "cross"]
# Of the answerable, how many may be refused. Across languages the vectors alone tell, so that to
# refuse as few as in one language would be to answer nearly all that has no answer
_REFUSED: Mapping[Kind, float] = {"same": 0.07, "cross": 0.8}  # a tenth at most of any set
_PASSAGES = 6  # so that five are left without the paragraph
_FOLDS = 4
_ROUNDS = 4
_SENTENCE_PENALTY = 3e-3
_PASSAGE_PENALTY = 1e-3


@dataclass(frozen=True, slots=True)
class Case:
    """A question as the reader sees it, with its paragraph among the passages and without.

    `answers` are, for each passage found, which of its sentences hold the answer: none, where it is
    not the paragraph.
    """

    dataset: str
    paragraph: str
    kind: Kind
    language: str
    found: Sequence[Seen]
    answers: Sequence[Bools]
    missing: Sequence[Seen]

    @property
    def fold(self) -> int:
        """Return the fold, by the paragraph, in whatever language.

        By another digest than what was kept out, by which all of these would be in one fold.
        """
        name = f"{self.dataset}:{self.paragraph}".encode()
        return hashlib.blake2b(name, digest_size=1).digest()[0] % _FOLDS


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@data_set_folders
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/reader.json"))
@click.option("--questions", default=300, show_default=True, help="Of a set, in its own language.")
@click.option("--cross-questions", default=3, show_default=True, help="Of each other pair.")
@click.option("--languages", default=24, show_default=True, help="Corpora of a set, at most.")
@click.option("--seed", default=1, show_default=True)
def main(
    folders: Sequence[Path],
    out: Path,
    questions: int,
    cross_questions: int,
    languages: int,
    seed: int,
) -> None:
    """Learn the extractive reader's weights and thresholds."""
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    for folder in folders:
        dataset = only_kept_out(Dataset.load(folder))
        cases.extend(read_cases(dataset, questions, cross_questions, languages, rng))
    about: dict[str, object] = {
        "sentence_features": list(SENTENCE_FEATURES),
        "passage_features": list(PASSAGE_FEATURES),
        "data sets": [folder.name for folder in folders],
    }
    kinds: tuple[Kind, ...] = ("same", "cross")
    for kind in kinds:
        some = [case for case in cases if case.kind == kind]
        if not any(right.any() for case in some for right in case.answers):
            raise click.UsageError(
                f"none of the data sets has questions with answers of the kind {kind!r}: give one "
                "with the same documents in several languages as well, such as XQuAD's"
            )
        learned = fit(some, kind)
        about[kind] = {
            "sentence": [float(f"{weight:.5g}") for weight in learned.sentence],
            "passage": [float(f"{weight:.5g}") for weight in learned.passage],
            "bias": float(f"{learned.bias:.5g}"),
            "threshold": float(f"{learned.threshold:.5g}"),
            "questions": len(some),
        }
        for name, figures in cross_validated(some, kind).items():
            said = ", ".join(f"{what} {value:.3f}" for what, value in figures.items())
            click.echo(f"{name}, {kind}: {said}")
    out.write_text(json.dumps(about, indent=1) + "\n")


def read_cases(
    dataset: Dataset, same: int, cross: int, n_languages: int, rng: np.random.Generator
) -> Iterator[Case]:
    """Ask questions of each language's documents, and look at what is found.

    :param same: so many questions in the documents' language, of all languages together.
    :param cross: so many in each other language.
    :param n_languages: languages of documents, at most.
    """
    watch = Stopwatch()
    reader = ExtractiveReader(Aligner(StaticEmbedder()))
    step = -(-len(dataset.corpora) // n_languages)
    same = -(-same // min(len(dataset.corpora), n_languages))
    with temporary_service(Settings()) as service:
        for language in tqdm(list(dataset.corpora)[::step], desc=dataset.name):
            texts = _read_texts(dataset.corpora[language])
            answers = _read_answers(dataset, language)
            with ingested(service, dataset, language, watch) as name:
                retriever = service.retriever(name)
                for asked in dataset.query_languages(ALL):
                    queries = list(dataset.read_queries(asked))
                    for at in rng.permutation(len(queries))[: same if asked == language else cross]:
                        query = queries[at]
                        right = set(dataset.qrels[query.query_id])
                        evidence = retriever.retrieve(query.text, k=_PASSAGES)
                        found = reader.look(evidence)
                        yield Case(
                            dataset=dataset.name,
                            paragraph=min(right),
                            kind="same" if group_of(asked) == group_of(language) else "cross",
                            language=asked,
                            found=found,
                            answers=[
                                _answering(one, right, answers.get(query.query_id, ()))
                                for one in found
                            ],
                            missing=reader.look(without(evidence, right, texts)),
                        )


def without(evidence: Evidence, right: set[str], texts: Mapping[str, str]) -> Evidence:
    """Return evidence as it is where documents are missing, but for scores.

    :param texts: of the documents, by id.
    """
    gone = [set(terms(texts[name])) for name in right]
    return replace(
        evidence,
        passages=tuple(p for p in evidence.passages if p.document_id not in right),
        document_frequencies={
            term: max(0, n - sum(term in some for some in gone))
            for term, n in evidence.document_frequencies.items()
        },
    )


def fit(cases: Sequence[Case], kind: Kind) -> Model:
    """Return the model of one kind of cases, with a threshold that refuses as many as it may."""
    sentence = fit_order(_sentence_examples(cases, kind), _SENTENCE_PENALTY)
    passage = fit_passages(
        [(_wholes(case.found), True) for case in cases if case.found]
        + [(_wholes(case.missing), False) for case in cases if case.missing]
    )
    learned = Model(sentence, passage[:-1], float(passage[-1]), 0.0)
    return replace(learned, threshold=_threshold(learned, cases, _REFUSED[kind]))


def _threshold(learned: Model, cases: Sequence[Case], share: float) -> float:
    """Return the odds below which a share of the answerable lie; each language counts the same."""
    counts = Counter(case.language for case in cases)
    odds = [_odds(learned, case.found) for case in cases]
    parts = [1 / counts[case.language] for case in cases]
    return float(np.quantile(odds, share, weights=parts, method="inverted_cdf"))


def fit_passages(examples: Sequence[tuple[Floats, bool]]) -> Floats:
    """Return the weights of passages' features, and the bias last.

    Which passage answers is the one that the weights so far say; answerable questions together
    weigh as much as the others.

    :param examples: (n_passages, n_features) of a question, and whether one of them answers.
    """
    signs = np.array([1.0 if answerable else -1.0 for _, answerable in examples])
    shares = np.where(signs > 0, 1 / (signs > 0).sum(), 1 / (signs < 0).sum())
    weights = np.append(np.ones(examples[0][0].shape[1]), 0.0)
    for _ in range(_ROUNDS):
        best = [features[(features @ weights[:-1]).argmax()] for features, _ in examples]
        rows = np.column_stack([np.array(best), np.ones(len(best))])

        def loss(w: Floats, rows: Floats = rows) -> tuple[float, Floats]:
            against = -signs * (rows @ w)
            value = shares @ np.logaddexp(0, against) + _PASSAGE_PENALTY * w[:-1] @ w[:-1]
            slope = rows.T @ (-signs * shares / (1 + np.exp(-against)))
            return float(value), slope + 2 * _PASSAGE_PENALTY * np.append(w[:-1], 0)

        weights = minimize(loss, weights, jac=True, method="L-BFGS-B").x
    return weights


def cross_validated(cases: Sequence[Case], kind: Kind) -> dict[str, dict[str, float]]:
    """Return figures by data set, each fold measured by what the others taught.

    "sentence": the first sentence holds the answer, given the paragraph; "refused": of the
    questions whose paragraph is missing; "wrongly": of the others; all of them means of languages.
    "refused at 0.1": as "refused", at the threshold that refuses a tenth of the data set's others.
    """
    results: dict[str, dict[str, float]] = {}
    models = {
        fold: fit([case for case in cases if case.fold != fold], kind) for fold in range(_FOLDS)
    }
    for name in dict.fromkeys(case.dataset for case in cases):
        some = [case for case in cases if case.dataset == name]
        found = np.array([_odds(models[case.fold], case.found) for case in some])
        missing = np.array([_odds(models[case.fold], case.missing) for case in some])
        least = np.array([models[case.fold].threshold for case in some])
        languages = [case.language for case in some]
        results[name] = {
            "questions": float(len(some)),
            "refused": _mean_of_languages(languages, missing < least),
            "wrongly": _mean_of_languages(languages, found < least),
            "refused at 0.1": float(np.mean(missing < np.quantile(found, 0.1))),
        }
        hits = [
            (case.language, bool(right[_first(models[case.fold], one)]))
            for case in some
            for one, right in zip(case.found, case.answers, strict=True)
            if right.any()
        ]
        if hits:
            results[name]["sentence"] = _mean_of_languages(*zip(*hits, strict=True))
    return results


def _first(learned: Model, one: Seen) -> int:
    """Return the number of the sentence that is quoted first."""
    return one.quotable[int((one.rows[list(one.quotable)] @ learned.sentence).argmax())]


def _mean_of_languages(languages: Sequence[str], hits: Iterable[bool]) -> float:
    known: dict[str, list[bool]] = defaultdict(list)
    for language, hit in zip(languages, hits, strict=True):
        known[language].append(hit)
    return fmean(fmean(some) for some in known.values())


def _sentence_examples(cases: Sequence[Case], kind: Kind) -> list[Example]:
    """Return the sentences of all passages found, where some hold the answer and some don't."""
    examples = []
    for case in cases:
        rows = [one.rows[list(one.quotable)] for one in case.found]
        right = [
            some[list(one.quotable)] for one, some in zip(case.found, case.answers, strict=True)
        ]
        if rows and np.concatenate(right).any() and not np.concatenate(right).all():
            examples.append(Example(np.concatenate(rows), np.concatenate(right), kind))
    return examples


def _wholes(seen: Sequence[Seen]) -> Floats:
    return np.array([one.whole for one in seen])


def _odds(learned: Model, seen: Sequence[Seen]) -> float:
    return max((learned.odds(one.whole) for one in seen), default=0.0)


def _answering(one: Seen, right: set[str], answers: Sequence[str]) -> Bools:
    passage = one.passage
    is_right = passage.document_id in right
    texts = [_comparable(passage.text[start:end]) for start, end in one.spans]
    return np.array(
        [is_right and any(a in text for a in map(_comparable, answers)) for text in texts]
    )


def _comparable(text: str) -> str:
    return " ".join(normalise_text(text).casefold().split())


def _read_texts(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8") as lines:
        return {record["_id"]: record["text"] for record in map(json.loads, lines)}


def _read_answers(dataset: Dataset, language: str) -> dict[str, tuple[str, ...]]:
    """Return the answers to all questions as a language's documents word them."""
    if language not in dataset.queries:
        return {}
    return {query.query_id: query.answers for query in dataset.read_queries(language)}


if __name__ == "__main__":
    main()
