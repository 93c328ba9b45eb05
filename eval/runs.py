"""Runs of the real pipeline over a data set, each corpus in a temporary collection."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from api.wiring import Service
from eval.corpora import ingested, rank_documents, temporary_service
from eval.datasets import Dataset, EvalQuery
from eval.metrics import NAMES, measure
from eval.records import Stopwatch, run_record, shown_value
from ragqwen.errors import InputError
from ragqwen.retrieval import Leg
from ragqwen.settings import Settings
from ragqwen.text import normalise_text

_AT_ONCE = 32  # answers that a model writes side by side
Progress = Callable[[Iterable[EvalQuery], str], Iterable[EvalQuery]]


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """What `ask` did over a data set's questions; all are shares of them, but `citations_exact`.

    `answered`: the quoted text contains an answer string. `refused`: said not to be in the
    documents. `citations_exact`: share of the citations with `quote == text[start:end]`, None
    where there is no citation.
    """

    answered: float
    refused: float
    citations_exact: float | None
    citations: int
    quote_chars: float


def evaluate_retrieval(
    dataset: Dataset,
    settings: Settings,
    *,
    query_language: str,
    corpus_language: str,
    leg: Leg,
    progress: Progress,
) -> dict[str, Any]:
    """Search for every query of every pair of languages.

    :return: "run" (see `run_record`), "pairs", and where there are several the averages "mono"
        (same language) and "cross".
    """
    watch = Stopwatch()
    pairs: list[dict[str, Any]] = []
    by_corpus = _by_corpus(dataset, query_language, corpus_language)
    with temporary_service(settings) as service:
        for corpus, query_languages in by_corpus.items():
            with ingested(service, dataset, corpus, watch) as collection:
                retriever = service.retriever(collection)
                for language in query_languages:
                    queries = list(dataset.read_queries(language))
                    shown = progress(queries, f"{language} in {corpus}")
                    with watch.stage("search"):
                        rankings = {
                            query.query_id: rank_documents(retriever, query.text, leg)
                            for query in shown
                        }
                    qrels = {query.query_id: dataset.qrels[query.query_id] for query in queries}
                    about = {"query_language": language, "corpus_language": corpus}
                    pairs.append({**about, "queries": len(queries), **measure(qrels, rankings)})
    options = {"query_lang": query_language, "corpus_lang": corpus_language, "retriever": leg}
    return {
        "run": run_record("retrieval", dataset, settings, watch, **options),
        "retriever": leg,
        "embedder": shown_value(settings.embedder),
        **_averages(pairs, NAMES),
    }


def evaluate_answers(
    dataset: Dataset,
    settings: Settings,
    *,
    query_language: str,
    corpus_language: str,
    progress: Progress,
) -> dict[str, Any]:
    """Ask every question of every pair of languages.

    :return: as `evaluate_retrieval`, with the fields of `AnswerScores`.
    """
    watch = Stopwatch()
    pairs: list[dict[str, Any]] = []
    by_corpus = _by_corpus(dataset, query_language, corpus_language)
    with temporary_service(settings) as service:
        for corpus, query_languages in by_corpus.items():
            with ingested(service, dataset, corpus, watch) as collection:
                for language in query_languages:
                    queries = [query for query in dataset.read_queries(language) if query.answers]
                    if not queries:
                        raise InputError(
                            f"the queries in {language!r} have no answers to compare with"
                        )
                    shown = progress(queries, f"{language} in {corpus}")
                    with watch.stage("ask"):
                        scores = asdict(_ask_all(service, collection, queries, shown))
                    about = {"query_language": language, "corpus_language": corpus}
                    pairs.append({**about, "queries": len(queries), **scores})
    names = ("answered", "refused", "citations_exact", "quote_chars")
    options = {"query_lang": query_language, "corpus_lang": corpus_language}
    return {
        "run": run_record("answers", dataset, settings, watch, **options),
        "model": shown_value(settings.llm_model) or "extractive",
        **_averages(pairs, names),
    }


def _by_corpus(dataset: Dataset, query_language: str, corpus_language: str) -> dict[str, list[str]]:
    """Return the query languages to be tried on each corpus, so that each is ingested once."""
    by_corpus: dict[str, list[str]] = {}
    for language, corpus in dataset.pairs(query_language, corpus_language):
        by_corpus.setdefault(corpus, []).append(language)
    return by_corpus


def _ask_all(
    service: Service, collection: str, queries: Sequence[EvalQuery], shown: Iterable[EvalQuery]
) -> AnswerScores:
    """Ask all queries, many at once where a model writes.

    :param shown: the same queries, to show how far it is.
    """
    answerer, index = service.answerer(collection), service.index(collection)
    answered: list[bool] = []
    refused: list[bool] = []
    exact: list[bool] = []
    quoted_chars: list[int] = []
    with ThreadPoolExecutor(_AT_ONCE if service.settings.llm_model else 1) as pool:
        answers = pool.map(lambda query: answerer.ask(query.text), queries)
        for query, answer in zip(shown, answers, strict=True):
            quotes = [_comparable(citation.quote) for citation in answer.citations]
            answered.append(any(_comparable(a) in quote for a in query.answers for quote in quotes))
            refused.append(not answer.answerable)
            quoted_chars.append(sum(map(len, quotes)))
            for cited in answer.citations:
                text = index.document(cited.document_id, cited.version).text
                exact.append(text[cited.start : cited.end] == cited.quote)
    return AnswerScores(
        answered=fmean(answered),
        refused=fmean(refused),
        citations_exact=fmean(exact) if exact else None,
        citations=len(exact),
        quote_chars=fmean(quoted_chars),
    )


def _comparable(text: str) -> str:
    return " ".join(normalise_text(text).casefold().split())


def _averages(pairs: list[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return the pairs, and their averages over same-language and cross-language pairs."""
    same = [pair for pair in pairs if pair["query_language"] == pair["corpus_language"]]
    cross = [pair for pair in pairs if pair["query_language"] != pair["corpus_language"]]
    averages: dict[str, Any] = {
        kind: {"pairs": len(some), **{name: _mean(pair[name] for pair in some) for name in names}}
        for kind, some in (("mono", same), ("cross", cross))
        if some
    }
    return {**averages, "pairs": pairs}


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
