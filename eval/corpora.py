"""Corpora of a data set, ingested for a while into a temporary data folder, and searched there."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from api.wiring import Service
from eval.datasets import Dataset
from eval.records import Stopwatch
from ingest.sources import RecordSource, Source, find_sources
from ragqwen.errors import InputError
from ragqwen.languages import UNKNOWN, languages
from ragqwen.retrieval import Leg, Retriever
from ragqwen.settings import Settings

_DEPTH = 10
_PASSAGES_PER_DOCUMENT = 3  # as a start: neighbouring chunks are one passage, far ones are not
_MIXED = "mixed"


@contextmanager
def temporary_service(settings: Settings) -> Iterator[Service]:
    """Open the service on a data folder of its own, which is gone afterwards."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(settings.model_copy(update={"data_dir": Path(folder)})) as service,
    ):
        yield service


@contextmanager
def ingested(service: Service, dataset: Dataset, language: str, watch: Stopwatch) -> Iterator[str]:
    """Ingest one corpus of a data set into a collection, give its name, and delete it at the end.

    :param watch: to it the time of the stage "ingest" is added.
    :raises InputError: if a document is refused, for then the figures would mean little.
    """
    sources = sources_of(dataset, language)
    with ingested_sources(service, language, sources, watch) as name:
        yield name


@contextmanager
def ingested_together(service: Service, dataset: Dataset, watch: Stopwatch) -> Iterator[str]:
    """Ingest all corpora of a data set into one collection; see `ingested` and `origin_of`."""
    sources = (
        replace(source, document_id=f"{language}:{source.document_id}")
        if isinstance(source, RecordSource)
        else source
        for language in dataset.corpora
        for source in sources_of(dataset, language)
    )
    with ingested_sources(service, _MIXED, sources, watch) as name:
        yield name


def origin_of(document_id: str) -> tuple[str, str]:
    """Return the language and the original id of a document that `ingested_together` stored."""
    language, _, original = document_id.partition(":")
    return language, original


def rank_documents(retriever: Retriever, question: str, leg: Leg) -> list[str]:
    """Return the ids of the ten best documents for a question; fewer if no more are found.

    Passages are asked for until ten documents are among them.
    """
    k = _DEPTH * _PASSAGES_PER_DOCUMENT
    while True:
        passages = retriever.retrieve(question, k=k, leg=leg).passages
        found = list(dict.fromkeys(passage.document_id for passage in passages))
        if len(found) >= _DEPTH or len(passages) < k:
            return found[:_DEPTH]
        k *= 2


def sources_of(dataset: Dataset, language: str) -> Iterator[Source]:
    """Yield the documents of one of a data set's corpora."""
    known = language if language in languages() else UNKNOWN
    return find_sources(
        [str(dataset.corpora[language])], language=None if known == UNKNOWN else known
    )


@contextmanager
def ingested_sources(
    service: Service, name: str, sources: Iterable[Source], watch: Stopwatch
) -> Iterator[str]:
    """Ingest sources into a collection of a name; see `ingested`."""
    with watch.stage("ingest"):
        for result in service.pipeline(name).ingest(sources):
            if result.status == "refused":
                raise InputError(f"{name}: {result.reason}")
        service.index(name).save()
    yield name
    service.store.delete_collection(name)
