"""The command line: `ragqwen ingest`, `ask`, `search`, `serve` and the care of documents."""

import gc
import io
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

import ragqwen
from api.model_commands import models
from api.planning_commands import asked_thinking, plan
from api.printing import print_answer, print_json, print_passages
from api.serving import serve
from ragqwen.errors import RagqwenError
from ragqwen.settings import load_settings
from ragqwen.text import MAX_QUESTION_CHARS

if TYPE_CHECKING:
    from api.wiring import Service
    from ingest.pipeline import IngestResult
    from ingest.sources import Source
    from ragqwen.planning import Asked


_LINES_AT_ONCE = 512
_ANSWERS_ONCE = {"ask", "search"}


class _Group(click.Group):
    """Turns the project's errors into messages with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RagqwenError as exc:
            raise click.ClickException(str(exc)) from exc


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ragqwen.__version__, prog_name="ragqwen")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Folder of the index [~/.ragqwen]."
)
@click.pass_context
def main(ctx: click.Context, data_dir: Path | None) -> None:
    """Cited answers from documents in any of Qwen3's 119 languages.

    \b
    ragqwen ingest docs/                 read a folder of documents
    ragqwen ask "Wie hoch ist die Gebühr?"   ask; the answer cites its sources
    ragqwen serve                        the same over HTTP

    Works offline with nothing configured. Settings are environment variables: set
    RAGQWEN_LLM_BASE_URL and RAGQWEN_LLM_MODEL to have Qwen3 write the answers, and RAGQWEN_EMBEDDER
    to a model such as Qwen/Qwen3-Embedding-0.6B to understand more of the documents.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may lack a script's characters
            stream.reconfigure(errors="backslashreplace")
    # numpy's threads would spin for 30 ms after each product, twice the time of a search
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    if ctx.invoked_subcommand in _ANSWERS_ONCE:
        gc.set_threshold(100_000)  # nearly all that is loaded stays: there is no garbage in it
    ctx.obj = {"data_dir": data_dir}


def _collection_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "-c",
        "--collection",
        help="Collection to use [default]. Documents of one are never found in another.",
    )(function)


def _json_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def _text(_: click.Context, __: click.Parameter, value: str) -> str:
    """Return an argument as text, its bytes that are none replaced."""
    text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if not text.strip():
        raise click.BadParameter("it is empty; give a question or some words")
    if len(text) > MAX_QUESTION_CHARS:
        raise click.BadParameter(
            f"it has {len(text):,} characters, and a question at most {MAX_QUESTION_CHARS:,}; "
            "`ragqwen ingest -` reads a text from standard input"
        )
    return text


def _service(ctx: click.Context, collection: str | None = None) -> "Service":
    """Open the service that the settings and options describe; it closes with the command."""
    from api.wiring import Service

    settings = load_settings(**ctx.obj, collection=collection)
    return ctx.with_resource(Service(settings))


@main.command()
@click.argument("paths", nargs=-1, required=True)
@_collection_option
@click.option(
    "--language",
    metavar="CODE",
    help="Language of all of it, such as mya_Mymr (FLORES-200) or my (BCP 47); else found out.",
)
@click.option("--name", default="stdin", show_default=True, help="What to call standard input.")
@_json_option
@click.pass_context
def ingest(
    ctx: click.Context,
    paths: Sequence[str],
    collection: str | None,
    language: str | None,
    name: str,
    as_json: bool,
) -> None:
    """Read documents into a collection.

    PATHS are files, folders, globs, .jsonl corpora (one object a line with "_id" or "id", "text",
    and maybe "title", "metadata", "language") and - for standard input.

    What is unchanged is left alone; what has changed replaces the version before, which stops
    answering at once. A file that can't be read is reported and never stops the others; the exit
    code is then 1.
    """
    from ragqwen.languages import check_language

    if language is not None:
        language = check_language(language)
    service = _service(ctx, collection)
    with tempfile.TemporaryDirectory() as folder:
        sources, total = _sources(paths, language, name, Path(folder))
        pipeline = service.pipeline(service.settings.collection)
        results = list(_progress(pipeline.ingest(sources), total))
    service.index(service.settings.collection).save()
    _report(results, as_json)
    if any(result.status == "refused" for result in results):
        ctx.exit(1)


def _sources(
    paths: Sequence[str], language: str | None, name: str, folder: Path
) -> tuple[Iterator["Source"], int]:
    """Return what is to be ingested and how many it is; standard input is kept in the folder."""
    from ingest.sources import count_sources, find_sources, stdin_sources

    given = list(paths)
    if "-" not in given:
        return find_sources(given, language=language), count_sources(given)
    kept = folder / "stdin"
    kept.write_bytes(sys.stdin.buffer.read())
    rest = [path for path in given if path != "-"]

    def both() -> Iterator["Source"]:
        yield from stdin_sources(kept, name, language)
        yield from find_sources(rest, language=language)

    return both(), count_sources(rest) + 1


def _progress(results: Iterator["IngestResult"], total: int) -> Iterator["IngestResult"]:
    from tqdm import tqdm

    shown = tqdm(results, total=total, unit="doc", desc="ingest", disable=None, file=sys.stderr)
    yield from shown


def _report(results: Sequence["IngestResult"], as_json: bool) -> None:
    from api.schemas import IngestResultOut

    counts = {
        status: sum(result.status == status for result in results)
        for status in ("ingested", "unchanged", "refused")
    }
    if as_json:
        outcomes = [IngestResultOut.model_validate(result).model_dump() for result in results]
        print_json({**counts, "results": outcomes})
        return
    click.echo(", ".join(f"{status} {count}" for status, count in counts.items()))
    for result in results:
        if result.status == "refused":
            click.echo(f"  refused: {result.reason}")


@main.command()
@click.argument("query", callback=_text)
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 200), help="Passages.")
@click.option(
    "--retriever",
    type=click.Choice(["hybrid", "dense", "lexical"]),
    default="hybrid",
    show_default=True,
    help="By words and vectors, by vectors alone, or by words alone (BM25).",
)
@_collection_option
@_json_option
@click.pass_context
def search(
    ctx: click.Context, query: str, k: int, retriever: Any, collection: str | None, as_json: bool
) -> None:
    """Find the passages for a query, best first."""
    service = _service(ctx, collection)
    evidence = service.retriever(service.settings.collection).retrieve(query, k=k, leg=retriever)
    if as_json:
        from api.schemas import PassageOut

        passages = [PassageOut.model_validate(p).model_dump() for p in evidence.passages]
        print_json({"query": query, "language": evidence.language, "passages": passages})
        return
    if not evidence.passages:
        click.echo("Nothing found.")
    print_passages(evidence.passages)


@main.command()
@click.argument("question", callback=_text)
@click.option("-k", default=8, show_default=True, type=click.IntRange(1, 100), help="Passages.")
@click.option(
    "--language",
    metavar="CODE",
    help="Language of the answer, such as mya_Mymr (FLORES-200) or my (BCP 47); else the "
    "question's. Quotes stay in the language of their source.",
)
@click.option(
    "--thinking",
    metavar="auto|off|TOKENS",
    default="auto",
    show_default=True,
    callback=asked_thinking,
    help="How much Qwen3 may think: by the question's difficulty, not at all, or so many tokens. "
    "/think and /no_think in the question do what Qwen3's users expect.",
)
@click.option(
    "--max-thinking",
    metavar="TOKENS",
    type=click.IntRange(0, 10**9),
    help="The most that may be thought [RAGQWEN_THINKING_CEILING_TOKENS].",
)
@click.option(
    "--max-seconds",
    type=float,
    metavar="SECONDS",
    help="How long the answer may take: Qwen3 thinks no more than there is time for at "
    "RAGQWEN_LLM_TOKENS_PER_SECOND. Nothing is cut off.",
)
@click.option("--explain", is_flag=True, help="Say how much was thought, and why.")
@_collection_option
@_json_option
@click.pass_context
def ask(
    ctx: click.Context,
    question: str,
    k: int,
    language: str | None,
    thinking: "Asked",
    max_thinking: int | None,
    max_seconds: float | None,
    explain: bool,
    collection: str | None,
    as_json: bool,
) -> None:
    """Answer a question from the documents, citing them.

    Without a language model the answer is sentences quoted from the documents. When they hold no
    answer, it says so and shows the nearest passages.
    """
    from ragqwen.languages import check_language

    if language is not None:
        language = check_language(language)
    service = _service(ctx, collection)
    answerer = service.answerer(service.settings.collection)
    answer = answerer.ask(
        question,
        k=k,
        language=language,
        thinking=thinking,
        max_thinking_tokens=max_thinking,
        max_seconds=max_seconds,
    )
    if as_json:
        from api.schemas import AnswerOut

        print_json(AnswerOut.model_validate(answer).model_dump())
    else:
        print_answer(answer, explain=explain)


@main.command(name="list")
@_collection_option
@_json_option
@click.pass_context
def list_documents(ctx: click.Context, collection: str | None, as_json: bool) -> None:
    """List the documents of a collection."""
    service = _service(ctx, collection)
    documents = service.index(service.settings.collection).documents()
    if as_json:
        from api.schemas import DocumentOut

        print_json([DocumentOut.model_validate(info).model_dump() for info in documents])
        return
    for info in documents:
        about = f"v{info.version}  {info.language}  {info.n_chars} chars  {info.title}"
        click.echo(f"{info.document_id}  {about}")
    click.echo(f"{len(documents)} documents in {service.settings.collection!r}", err=True)


@main.command()
@_json_option
@click.pass_context
def collections(ctx: click.Context, as_json: bool) -> None:
    """List the collections."""
    service = _service(ctx)
    found = service.collections()
    if as_json:
        print_json([item.model_dump() for item in found])
        return
    for item in found:
        click.echo(f"{item.name}  {item.n_documents} documents  {item.embedder}")


@main.command()
@click.argument("document_id")
@click.option(
    "--version",
    type=click.IntRange(1, 2**31 - 1),
    metavar="NUMBER",
    help="A version by number; else the current one.",
)
@_collection_option
@click.pass_context
def show(ctx: click.Context, document_id: str, version: int | None, collection: str | None) -> None:
    """Print a document's text, which citations are spans of."""
    service = _service(ctx, collection)
    click.echo(service.index(service.settings.collection).document(document_id, version).text)


@main.command()
@click.argument("document_ids", nargs=-1, required=True)
@_collection_option
@click.pass_context
def delete(ctx: click.Context, document_ids: Sequence[str], collection: str | None) -> None:
    """Delete documents; when this returns, nothing can answer from them."""
    index = (service := _service(ctx, collection)).index(service.settings.collection)
    for document_id in document_ids:
        index.delete(document_id)
        click.echo(f"deleted {document_id}")


@main.command()
@_collection_option
@click.pass_context
def reindex(ctx: click.Context, collection: str | None) -> None:
    """Cut and embed all documents anew, as after a change of RAGQWEN_EMBEDDER.

    Nothing changes unless all of it is done. Others can search meanwhile, but not ingest.
    """
    from tqdm import tqdm

    service = _service(ctx, collection)
    done = service.reindex(service.settings.collection)
    count = sum(1 for _ in tqdm(done, unit="doc", desc="reindex", disable=None, file=sys.stderr))
    click.echo(f"reindexed {count} documents with {service.embedder.fingerprint}")


@main.command()
@click.argument("file", type=click.File(encoding="utf-8", errors="replace"), default="-")
def identify(file: IO[str]) -> None:
    """Say in which language each line of FILE (or standard input) is, one JSON object a line.

    "code" is a FLORES-200 code, or "und" for what is too short or none of the 119; "group" is its
    set of near-identical languages, and "probability" is the group's.
    """
    from ragqwen.identification import identify_batch

    while lines := list(itertools.islice(file, _LINES_AT_ONCE)):
        for found in identify_batch([line.rstrip("\n") for line in lines]):
            click.echo(json.dumps(asdict(found)))


main.add_command(models)
main.add_command(plan)
main.add_command(serve)

if __name__ == "__main__":
    main()
