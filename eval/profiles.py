"""What the real pipeline does with each language: identification, segmentation, retrieval."""

import contextlib
import functools
import multiprocessing
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from api.wiring import Service
from eval.corpora import ingested, rank_documents, temporary_service
from eval.datasets import ENGLISH, Dataset
from eval.metrics import measure
from eval.records import Stopwatch
from ragqwen.errors import InputError, RagqwenError
from ragqwen.identification import identify
from ragqwen.languages import UNKNOWN, group_of, languages
from ragqwen.retrieval import Leg
from ragqwen.segmentation import count_words, sentences
from ragqwen.settings import Settings
from ragqwen.tokens import count_tokens

_LEGS: tuple[Leg, ...] = ("lexical", "hybrid")
_RECALLS = ("recall@1", "recall@10")
RECALLS = tuple(f"{leg}_{name}" for leg in _LEGS for name in _RECALLS)


@dataclass(frozen=True, slots=True)
class Size:
    """The words and Qwen tokens of a document."""

    words: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What was measured of one language.

    `figures` has shares (`documents_code`, `documents_group`, `queries_code`, `queries_group`, and
    `RECALLS`), means per document (`sentences`, `words`, `tokens`) and `longest_sentence` in
    characters. `sizes` are those of the documents, by id.
    """

    language: str
    documents: int
    queries: int
    figures: Mapping[str, float]
    sizes: Mapping[str, Size]
    seconds: Mapping[str, float]


Outcomes = Mapping[str, Profile | BaseException]
Progress = Callable[[Iterable[str]], Iterable[str]]


def chosen_languages(dataset: Dataset, codes: Sequence[str] = ()) -> list[str]:
    """Return the languages to measure, in the order of the languages table.

    English comes along where the data set has it, for the others are compared with it.

    :param codes: those asked for; all that have a corpus and queries if empty.
    :raises InputError: if one asked for has none.
    """
    order = list(languages())
    known = [code for code in dataset.corpora if code in dataset.queries]
    known.sort(key=lambda code: (order.index(code) if code in order else len(order), code))
    for code in codes:
        if code not in known:
            raise InputError(
                f"the data set {dataset.name!r} has no corpus and queries in {code!r}; it has "
                f"them in: {', '.join(known) or 'no language'}"
            )
    return [code for code in known if not codes or code in (*codes, ENGLISH)]


def profile_languages(
    dataset: Dataset,
    settings: Settings,
    codes: Sequence[str],
    *,
    workers: int,
    progress: Progress,
) -> Outcomes:
    """Measure languages, several at a time; what one fails with doesn't stop the others.

    :param workers: processes; with 1 it is done in this one.
    :return: for each code its profile or what went wrong, in the order of the codes.
    """
    with _workers(dataset, settings, workers) as (executor, work):
        futures = {code: executor.submit(work, code) for code in codes}
        return {
            code: futures[code].exception() or futures[code].result() for code in progress(codes)
        }


def profile_language(service: Service, dataset: Dataset, language: str) -> Profile:
    """Measure one language; its corpus is ingested once, for both legs of search."""
    watch = Stopwatch()
    queries = list(dataset.read_queries(language))
    qrels = {query.query_id: dataset.qrels[query.query_id] for query in queries}
    figures: dict[str, float] = {}
    with ingested(service, dataset, language, watch) as collection:
        index, retriever = service.index(collection), service.retriever(collection)
        texts = {
            info.document_id: index.document(info.document_id).text for info in index.documents()
        }
        with watch.stage("identify"):
            figures |= _identification("documents", language, texts.values())
            figures |= _identification("queries", language, (query.text for query in queries))
        with watch.stage("segment"):
            sizes = {
                name: Size(count_words(text), count_tokens(text)) for name, text in texts.items()
            }
            figures |= _segmentation(language, texts.values(), sizes.values())
        for leg in _LEGS:
            with watch.stage(f"search {leg}"):
                rankings = {
                    query.query_id: rank_documents(retriever, query.text, leg) for query in queries
                }
            found = measure(qrels, rankings)
            figures |= {f"{leg}_{name}": found[name] for name in _RECALLS}
    return Profile(language, len(texts), len(queries), figures, sizes, watch.stages)


def raise_failures(outcomes: Outcomes, kept: str) -> None:
    """Raise an error that names the languages that failed, if any did.

    :param kept: what became of the others.
    :raises RagqwenError: with what each failed with.
    """
    failed = {code: found for code, found in outcomes.items() if isinstance(found, BaseException)}
    if failed:
        reasons = "; ".join(f"{code}: {explain(error)}" for code, error in failed.items())
        raise RagqwenError(
            f"{len(failed)} of {len(outcomes)} languages failed ({reasons}); {kept}"
        ) from next(iter(failed.values()))


def explain(error: BaseException) -> str:
    """Say what went wrong, with the kind of error where it is none of our own."""
    return str(error) if isinstance(error, RagqwenError) else f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _workers(
    dataset: Dataset, settings: Settings, workers: int
) -> Iterator[tuple[Executor, Callable[[str], Profile]]]:
    """Give what runs the work, and the work, which opens the service once in each worker."""
    executor: Executor
    with contextlib.ExitStack() as stack:
        if workers == 1:
            service = stack.enter_context(temporary_service(settings))
            executor = ThreadPoolExecutor(1)
            work = functools.partial(profile_language, service, dataset)
        else:
            root = stack.enter_context(tempfile.TemporaryDirectory())
            context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
            executor = ProcessPoolExecutor(workers, context)
            work = functools.partial(_profile_in_child, settings, root, dataset)
        stack.callback(executor.shutdown, cancel_futures=True)
        yield executor, work


def _identification(what: str, language: str, texts: Iterable[str]) -> dict[str, float]:
    """Return the shares of texts that come out in the language, and in its group.

    `identify` is asked for both, as ingest and search do.
    """
    found = [identify(text) for text in texts]
    group = group_of(language)
    return {
        f"{what}_code": fmean(code == language for code in found),
        f"{what}_group": fmean(group_of(code) == group for code in found),
    }


def _segmentation(language: str, texts: Iterable[str], sizes: Iterable[Size]) -> dict[str, float]:
    code = language if language in languages() else UNKNOWN
    spans = [list(sentences(text, code)) for text in texts]
    sizes = list(sizes)
    return {
        "sentences": fmean(map(len, spans)),
        "words": fmean(size.words for size in sizes),
        "tokens": fmean(size.tokens for size in sizes),
        "longest_sentence": max((end - start for some in spans for start, end in some), default=0),
    }


@functools.cache
def _service_of_child(settings: Settings, root: str) -> Service:
    """Return the one service of this worker, so that its embedder is loaded once.

    Its data folder goes with `root`, which the parent removes.
    """
    folder = Path(tempfile.mkdtemp(dir=root))
    return Service(settings.model_copy(update={"data_dir": folder}))


def _profile_in_child(settings: Settings, root: str, dataset: Dataset, language: str) -> Profile:
    return profile_language(_service_of_child(settings, root), dataset, language)
