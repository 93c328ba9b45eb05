"""Questions asked of all languages at once: what is found, and which languages crowd it out."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from eval.corpora import ingested_together, origin_of, rank_documents, temporary_service
from eval.datasets import ENGLISH, Dataset, EvalQuery
from eval.records import Stopwatch, run_record, shown_value
from eval.runs import Progress
from ragqwen.retrieval import Leg, Retriever
from ragqwen.settings import Settings

FIGURES = ("any@1", "own@1", "own@10", "from_own", "from_english", "from_others")

Ranking = Sequence[tuple[str, str]]  # (language, original id), best first


def evaluate_mixed(
    dataset: Dataset,
    settings: Settings,
    *,
    query_language: str,
    leg: Leg,
    progress: Progress,
) -> dict[str, Any]:
    """Search one collection of all corpora for every query of each language.

    :return: "run", "languages" with the figures of `mixed_figures`, their "average", and "english",
        which is that language's once more, to compare with.
    """
    watch = Stopwatch()
    codes = dataset.query_languages(query_language)
    with (
        temporary_service(settings) as service,
        ingested_together(service, dataset, watch) as collection,
    ):
        retriever = service.retriever(collection)
        rows = []
        for code in codes:
            queries = list(dataset.read_queries(code))
            with watch.stage("search"):
                rankings = _rankings(retriever, progress(queries, f"{code} in all"), leg)
            figures = mixed_figures(code, dataset.qrels, rankings)
            rows.append({"language": code, "queries": len(queries), **figures})
    english = next((row for row in rows if row["language"] == ENGLISH), None)
    options = {"query_lang": query_language, "corpus_lang": "all", "retriever": leg}
    return {
        "run": run_record("mixed", dataset, settings, watch, **options),
        "retriever": leg,
        "embedder": shown_value(settings.embedder),
        "average": {"languages": len(rows), **_average(rows)},
        **({"english": english} if english else {}),
        "languages": rows,
    }


def mixed_figures(
    language: str, qrels: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Ranking]
) -> dict[str, float | None]:
    """Return the figures of one language's queries, all of them shares.

    `any@1`: a right document, in whatever language, comes first. `own@1`, `own@10`: the one in the
    query's own language comes first, or among the first ten. `from_…`: of the documents among the
    first ten, those in the query's own language, in English, and in others; None where nothing was
    found, and `from_english` also for English queries, whose own language it is.
    """
    right = [
        [(code, name in qrels[query_id]) for code, name in ranking]
        for query_id, ranking in rankings.items()
    ]
    own = [[code == language and is_right for code, is_right in found] for found in right]
    codes = [code for found in right for code, _ in found]
    from_own = _share(code == language for code in codes)
    from_english = _share(code == ENGLISH for code in codes) if language != ENGLISH else None
    return {
        "any@1": fmean(any(is_right for _, is_right in found[:1]) for found in right),
        "own@1": fmean(any(found[:1]) for found in own),
        "own@10": fmean(any(found[:10]) for found in own),
        "from_own": from_own,
        "from_english": from_english,
        "from_others": _share(code not in (language, ENGLISH) for code in codes),
    }


def _rankings(retriever: Retriever, queries: Iterable[EvalQuery], leg: Leg) -> dict[str, Ranking]:
    return {
        query.query_id: [origin_of(name) for name in rank_documents(retriever, query.text, leg)]
        for query in queries
    }


def _share(values: Iterable[bool]) -> float | None:
    known = list(values)
    return fmean(known) if known else None


def _average(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    known = {name: [row[name] for row in rows if row[name] is not None] for name in FIGURES}
    return {name: fmean(values) if values else None for name, values in known.items()}
