"""Runs of the real pipeline over a data set, each in a temporary collection."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from api.wiring import Service
from eval.datasets import Dataset, EvalQuery
from eval.metrics import NAMES, measure
from ingest.sources import find_sources
from ragqwen.errors import InputError
from ragqwen.languages import UNKNOWN, languages
from ragqwen.retrieval import Leg
from ragqwen.settings import Settings
from ragqwen.text import normalise_text

_DEPTH = 10
_PASSAGES_PER_DOCUMENT = 3  # enough passages that ten documents are among them

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

    :return: "pairs", and where there are several the averages "mono" (same language) and "cross".
    """
    pairs: list[dict[str, Any]] = []
    for corpus, query_languages in _by_corpus(dataset, query_language, corpus_language).items():
        with ingested(dataset, corpus, settings) as service:
            retriever = service.retriever(settings.collection)
            for language in query_languages:
                queries = list(dataset.read_queries(language))
                if not queries:
                    raise InputError(f"no query in {language!r} has a document in qrels.tsv")
                rankings = {}
                for query in progress(queries, f"{language} in {corpus}"):
                    k = _DEPTH * _PASSAGES_PER_DOCUMENT
                    passages = retriever.retrieve(query.text, k=k, leg=leg).passages
                    found = dict.fromkeys(passage.document_id for passage in passages)
                    rankings[query.query_id] = list(found)[:_DEPTH]
                qrels = {query.query_id: dataset.qrels[query.query_id] for query in queries}
                about = {"query_language": language, "corpus_language": corpus}
                pairs.append({**about, "queries": len(queries), **measure(qrels, rankings)})
    return {"retriever": leg, "embedder": settings.embedder, **_averages(pairs, NAMES)}


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
    pairs: list[dict[str, Any]] = []
    for corpus, query_languages in _by_corpus(dataset, query_language, corpus_language).items():
        with ingested(dataset, corpus, settings) as service:
            for language in query_languages:
                queries = [query for query in dataset.read_queries(language) if query.answers]
                if not queries:
                    raise InputError(f"the queries in {language!r} have no answers to compare with")
                shown = progress(queries, f"{language} in {corpus}")
                scores = asdict(_ask_all(service, settings.collection, shown))
                about = {"query_language": language, "corpus_language": corpus}
                pairs.append({**about, "queries": len(queries), **scores})
    names = ("answered", "refused", "citations_exact", "quote_chars")
    return {"model": settings.llm_model or "extractive", **_averages(pairs, names)}


def _by_corpus(dataset: Dataset, query_language: str, corpus_language: str) -> dict[str, list[str]]:
    """Return the query languages to be tried on each corpus, so that each is ingested once."""
    by_corpus: dict[str, list[str]] = {}
    for language, corpus in dataset.pairs(query_language, corpus_language):
        by_corpus.setdefault(corpus, []).append(language)
    return by_corpus


@contextmanager
def ingested(dataset: Dataset, language: str, settings: Settings) -> Iterator[Service]:
    """Ingest a data set's corpus into a temporary data folder and open it.

    :raises InputError: if a document is refused, for then the figures would mean little.
    """
    known = language if language in languages() else UNKNOWN
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(settings.model_copy(update={"data_dir": Path(folder)})) as service,
    ):
        sources = find_sources(
            [str(dataset.corpora[language])], language=None if known == UNKNOWN else known
        )
        for result in service.pipeline(settings.collection).ingest(sources):
            if result.status == "refused":
                raise InputError(f"{dataset.folder}: {result.reason}")
        service.index(settings.collection).save()
        yield service


def _ask_all(service: Service, collection: str, queries: Iterable[EvalQuery]) -> AnswerScores:
    answerer, index = service.answerer(collection), service.index(collection)
    answered: list[bool] = []
    refused: list[bool] = []
    exact: list[bool] = []
    quoted_chars: list[int] = []
    for query in queries:
        answer = answerer.ask(query.text)
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
