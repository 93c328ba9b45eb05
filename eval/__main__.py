"""The command line of evaluation: `python -m eval retrieval|answers DIR`, `bench`."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

import click
from tqdm import tqdm

from eval.datasets import Dataset, EvalQuery
from eval.runs import evaluate_answers, evaluate_retrieval
from ragqwen.errors import RagqwenError
from ragqwen.retrieval import Leg
from ragqwen.settings import load_settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the real pipeline on a folder in BEIR's layout.

    \b
    DIR holds corpus.<lang>.jsonl, queries.<lang>.jsonl and qrels.tsv. The corpus is ingested into a
    temporary collection; RAGQWEN_ settings choose embedder and language model as elsewhere.
    """


def _common(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--corpus-lang", default="all", show_default=True, help="Or all."),
        click.option("--query-lang", default="all", show_default=True, help="Or all."),
        click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path)),
    ):
        function = option(function)
    return function


@main.command()
@_common
@click.option(
    "--retriever",
    type=click.Choice(["hybrid", "dense", "lexical"]),
    default="hybrid",
    show_default=True,
    help="By words and vectors, by vectors alone, or by words alone (BM25).",
)
def retrieval(
    folder: Path, query_lang: str, corpus_lang: str, retriever: str, as_json: bool
) -> None:
    """Give recall@1, recall@10, MRR@10 and nDCG@10 for each pair of languages."""
    result = evaluate_retrieval(
        Dataset.load(folder),
        load_settings(),
        query_language=query_lang,
        corpus_language=corpus_lang,
        leg=cast(Leg, retriever),
        progress=_progress,
    )
    _show(result, as_json)


@main.command()
@_common
def answers(folder: Path, query_lang: str, corpus_lang: str, as_json: bool) -> None:
    """Ask each question; give the shares answered and refused, and of citations that are exact.

    A question counts as answered if the quoted text contains one of its answer strings.
    """
    result = evaluate_answers(
        Dataset.load(folder),
        load_settings(),
        query_language=query_lang,
        corpus_language=corpus_lang,
        progress=_progress,
    )
    _show(result, as_json)


@main.command()
@click.option("--chunks", default=10_000, show_default=True, type=click.IntRange(min=100))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(chunks: int, as_json: bool) -> None:
    """Measure the speed of ingest, search and a cold `ragqwen ask` on made-up text."""
    from eval.bench import run

    figures = run(load_settings(), n_chunks=chunks)
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        click.echo(f"{name:26} {value:.3f}" if isinstance(value, float) else f"{name:26} {value}")


def _progress(queries: Iterable[EvalQuery], label: str) -> Iterable[EvalQuery]:
    return cast(
        Iterable[EvalQuery], tqdm(queries, desc=label, disable=None, file=sys.stderr, leave=False)
    )


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for pair in result["pairs"]:
        click.echo(_line(f"{pair['query_language']} in {pair['corpus_language']}", pair))
    for kind in ("mono", "cross"):
        if kind in result:
            click.echo(_line(f"{kind} average", result[kind]))


def _line(label: str, values: dict[str, Any]) -> str:
    figures = (f"{name} {v:.3f}" for name, v in values.items() if isinstance(v, float))
    return f"{label:24}  " + "  ".join(figures)


if __name__ == "__main__":
    try:
        main()
    except RagqwenError as error:
        sys.exit(f"Error: {error}")
