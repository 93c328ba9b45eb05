"""What is found in each language's documents, across languages, and in all documents at once."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from eval.corpora import ingested, rank_documents, temporary_service
from eval.datasets import ALL, Dataset, EvalQuery
from eval.metrics import measure
from eval.mixed import evaluate_mixed
from eval.records import Stopwatch, run_record, shown_value
from eval.runs import Progress
from ragqwen.retrieval import Leg, Retriever
from ragqwen.settings import Settings

Row = dict[str, Any]
_CROSS = 5  # of one pair of languages one question in so many, for there are many pairs
_LEGS: dict[str, Leg] = {"words": "lexical", "vectors": "dense", "hybrid": "hybrid"}


def evaluate_pools(
    dataset: Dataset, settings: Settings, *, questions: int, progress: Progress
) -> dict[str, Any]:
    """Search in three kinds of pools.

    :param questions: of each language; a fifth of them in each language's documents but its own.
    :return: "languages", each asked of its own documents, with recall@1 and @10 by words alone, by
        vectors alone and by both, and their "average"; "cross", by vectors alone, the average over
        pairs of two languages; "mixed", see `mixed_figures`, the average over languages.
    """
    dataset = _sample(dataset, questions)
    watch = Stopwatch()
    rows: list[Row] = []
    cross: list[Row] = []
    with temporary_service(settings) as service:
        for corpus in dataset.corpora:
            with ingested(service, dataset, corpus, watch) as collection:
                retriever = service.retriever(collection)
                for at, language in enumerate(dataset.query_languages(ALL), start=len(cross)):
                    queries = list(dataset.read_queries(language))
                    legs = _LEGS
                    if language != corpus:
                        queries = queries[at % _CROSS :: _CROSS] or queries
                        legs = {"vectors": _LEGS["vectors"]}
                    with watch.stage("search"):
                        shown = progress(queries, f"{language} in {corpus}")
                        found = _recalls(dataset, retriever, list(shown), legs)
                    if language == corpus:
                        rows.append({"language": language, "queries": len(queries), **found})
                    else:
                        cross.append(found)
    mixed = evaluate_mixed(dataset, settings, query_language=ALL, leg="hybrid", progress=progress)
    watch.add(mixed["run"]["seconds"])
    return {
        "run": run_record("pools", dataset, settings, watch, questions=questions),
        "embedder": shown_value(settings.embedder),
        "average": _averages(rows),
        "cross": {"pairs": len(cross), **_averages(cross)},
        "mixed": mixed["average"],
        "languages": rows,
    }


def _sample(dataset: Dataset, n: int) -> Dataset:
    """Return a data set with n questions of each language, the same ones where it is parallel."""
    kept = {
        query.query_id
        for language in dataset.queries
        for query in sorted(
            dataset.read_queries(language), key=lambda query: zlib.crc32(query.query_id.encode())
        )[:n]
    }
    qrels = {name: right for name, right in dataset.qrels.items() if name in kept}
    return replace(dataset, qrels=qrels)


def _recalls(
    dataset: Dataset, retriever: Retriever, queries: Sequence[EvalQuery], legs: dict[str, Leg]
) -> dict[str, float]:
    qrels = {query.query_id: dataset.qrels[query.query_id] for query in queries}
    found: dict[str, float] = {}
    for name, leg in legs.items():
        rankings = {query.query_id: rank_documents(retriever, query.text, leg) for query in queries}
        figures = measure(qrels, rankings)
        found |= {f"{name}@{k}": figures[f"recall@{k}"] for k in (1, 10)}
    return found


def _averages(rows: Sequence[Row]) -> dict[str, float]:
    names = [name for name, value in rows[0].items() if isinstance(value, float)] if rows else []
    return {name: fmean(row[name] for row in rows) for name in names}
