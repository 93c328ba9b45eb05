"""What is found in each language's documents, across languages, and in all documents at once."""

from collections.abc import Sequence
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
_LEGS: dict[str, Leg] = {"words": "lexical", "vectors": "dense", "hybrid": "hybrid"}


def evaluate_pools(dataset: Dataset, settings: Settings, *, progress: Progress) -> dict[str, Any]:
    """Search for every question in three kinds of pools.

    :return: "languages", each asked of its own documents, with recall@1 and @10 by words alone, by
        vectors alone and by both, and their "average"; "cross", by vectors alone, the average over
        pairs of two languages; "mixed", see `mixed_figures`, the average over languages.
    """
    watch = Stopwatch()
    rows: list[Row] = []
    cross: list[Row] = []
    with temporary_service(settings) as service:
        for corpus in dataset.corpora:
            with ingested(service, dataset, corpus, watch) as collection:
                retriever = service.retriever(collection)
                for language in dataset.query_languages(ALL):
                    queries = list(dataset.read_queries(language))
                    legs = _LEGS if language == corpus else {"vectors": _LEGS["vectors"]}
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
        "run": run_record("pools", dataset, settings, watch),
        "embedder": shown_value(settings.embedder),
        "average": _averages(rows),
        "cross": {"pairs": len(cross), **_averages(cross)},
        "mixed": mixed["average"],
        "languages": rows,
    }


def _recalls(
    dataset: Dataset, retriever: Retriever, queries: Sequence[EvalQuery], legs: dict[str, Leg]
) -> dict[str, float]:
    qrels = {query.query_id: dataset.qrels[query.query_id] for query in queries}
    found = {}
    for name, leg in legs.items():
        rankings = {query.query_id: rank_documents(retriever, query.text, leg) for query in queries}
        figures = measure(qrels, rankings)
        found |= {f"{name}@{k}": figures[f"recall@{k}"] for k in (1, 10)}
    return found


def _averages(rows: Sequence[Row]) -> dict[str, float]:
    names = [name for name, value in rows[0].items() if isinstance(value, float)] if rows else []
    return {name: fmean(row[name] for row in rows) for name in names}
