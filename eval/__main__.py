"""The command line of evaluation: `python -m eval retrieval|answers|languages|facts|sizes|…`."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from tqdm import tqdm

from eval.comparison import compare as compare_results
from eval.datasets import ALL, Dataset
from eval.embedder_questions import only_kept_out
from eval.graded import (
    easy_questions,
    hard_questions,
    own_questions,
    plan_material,
    translated_lines,
)
from eval.mixed import evaluate_mixed
from eval.own_set import own_set, read_fact_files, write_own_set
from eval.profiles import Profile, chosen_languages, profile_languages, raise_failures
from eval.records import Stopwatch, read_result, run_record, write_result
from eval.runs import evaluate_answers, evaluate_retrieval
from eval.sizes import measured_languages, write_table
from ragqwen.errors import RagqwenError
from ragqwen.retrieval import Leg
from ragqwen.settings import load_settings

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure the real pipeline on a data set, language by language.

    \b
    DIR is a folder in BEIR's layout:
      corpus.<lang>.jsonl   documents: {"_id", "title", "text"} a line
      queries.<lang>.jsonl  questions: {"_id", "text"}, and "answers" to be counted
      qrels.tsv             query-id, corpus-id, score

    <lang> is a FLORES-200 code, such as eng_Latn. Where DIR is left out, the project's own set is
    taken: eight facts and four questions in each of the 119 languages.

    Documents are ingested into temporary collections; RAGQWEN_ settings choose embedder and
    language model as elsewhere, and without any the built-in embedder is used.
    """


_FOLDER = click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(exists=True, path_type=Path)
)
_QUERY_LANG = click.option(
    "--query-lang",
    default=ALL,
    show_default=True,
    metavar="CODE",
    help="Ask in this language, or in all.",
)
_CORPUS_LANG = click.option(
    "--corpus-lang",
    default=ALL,
    show_default=True,
    metavar="CODE",
    help="Search the documents in this language, or in all, one language after the other.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_OUT = click.option(
    "--out",
    metavar="FILE.json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the result too, for `compare`.",
)


@main.command()
@_FOLDER
@_QUERY_LANG
@_CORPUS_LANG
@click.option(
    "--retriever",
    type=click.Choice(["hybrid", "dense", "lexical"]),
    default="hybrid",
    show_default=True,
    help="By words and vectors, by vectors alone, or by words alone (BM25).",
)
@click.option("--mixed", is_flag=True, help="Search the documents of all languages at once.")
@_JSON
@_OUT
def retrieval(
    folder: Path | None,
    query_lang: str,
    corpus_lang: str,
    retriever: str,
    mixed: bool,
    as_json: bool,
    out: Path | None,
) -> None:
    """Search for each question; give recall@1, recall@10, MRR@10 and nDCG@10 by pair of languages.

    With --mixed all documents stand in one collection, and each language's questions get:

    \b
    any@1          a right document, in whatever language, comes first
    own@1, own@10  the right document in the question's own language comes
                   first, or among the first ten
    from_own, from_english, from_others
                   of the first ten, how many are in which language
    """
    if mixed and corpus_lang != ALL:
        raise click.UsageError("--mixed searches all languages: leave --corpus-lang out")
    with _dataset(folder) as dataset:
        if mixed:
            result = evaluate_mixed(
                dataset,
                load_settings(),
                query_language=query_lang,
                leg=cast(Leg, retriever),
                progress=_bar,
            )
        else:
            result = evaluate_retrieval(
                dataset,
                load_settings(),
                query_language=query_lang,
                corpus_language=corpus_lang,
                leg=cast(Leg, retriever),
                progress=_bar,
            )
    _show(result, as_json, out)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--kept-out", is_flag=True, help="Ask of paragraphs kept out of training alone.")
@click.option("--questions", default=100, show_default=True, type=click.IntRange(min=1))
@_JSON
@_OUT
def pools(folder: Path, kept_out: bool, questions: int, as_json: bool, out: Path | None) -> None:
    """Search in one language, across languages and in all at once; give recall@1 and recall@10.

    \b
    each language     its own documents, by words alone (BM25), vectors alone, both
    cross             by vectors alone, over all pairs of two languages
    mixed             all documents at once, see `retrieval --mixed`

    --questions of each language are asked, and a fifth of them of each other language's documents.
    """
    from eval.pools import evaluate_pools

    dataset = Dataset.load(folder)
    if kept_out:
        dataset = only_kept_out(dataset)
    result = evaluate_pools(dataset, load_settings(), questions=questions, progress=_bar)
    _show(result, as_json, out)


@main.command()
@_FOLDER
@_QUERY_LANG
@_CORPUS_LANG
@_JSON
@_OUT
def answers(
    folder: Path | None, query_lang: str, corpus_lang: str, as_json: bool, out: Path | None
) -> None:
    """Ask each question; give the shares answered and refused, and of citations that are exact.

    A question counts as answered if the quoted text contains one of its answer strings.
    """
    with _dataset(folder) as dataset:
        result = evaluate_answers(
            dataset,
            load_settings(),
            query_language=query_lang,
            corpus_language=corpus_lang,
            progress=_bar,
        )
    _show(result, as_json, out)


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@_QUERY_LANG
@_CORPUS_LANG
@click.option("--questions", default=200, show_default=True, type=click.IntRange(min=1))
@click.option("--cross-questions", default=30, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True)
@_JSON
@_OUT
def citations(
    folder: Path,
    query_lang: str,
    corpus_lang: str,
    questions: int,
    cross_questions: int,
    seed: int,
    as_json: bool,
    out: Path | None,
) -> None:
    """Verify claims against passages; give precision and recall by language of the claim.

    From each of --questions in a language (--cross-questions for each two languages) claims are
    made: the sentence that answers, a clause left out, and the question's words with the answer.
    Each is held against its paragraph (right), another paragraph of the article (wrong), and with
    a digit or a name changed against its own (number, name).
    """
    from eval.citations import evaluate_citations

    result = evaluate_citations(
        Dataset.load(folder),
        load_settings(),
        query_language=query_lang,
        corpus_language=corpus_lang,
        questions=questions,
        cross_questions=cross_questions,
        seed=seed,
        progress=_bar,
    )
    _show(result, as_json, out)


@main.command()
@_FOLDER
@click.option(
    "--out",
    required=True,
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the report goes; an older one is written over.",
)
@click.option(
    "--lang",
    "codes",
    multiple=True,
    metavar="CODE",
    help="Measure this language, and English to compare with; again for more.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Processes; a large embedder may need to be loaded but once.",
)
def languages(folder: Path | None, out: Path, codes: Sequence[str], workers: int) -> None:
    """Measure identification, segmentation and search in every language, and write a report.

    \b
    In the folder:
      languages.json  every figure and what it was measured with, for `compare`
      languages.html  tables and plots in one page that needs no other file
      languages.md    the same, showing the plots that lie beside it as .svg
    """
    watch, settings = Stopwatch(), load_settings()
    with _dataset(folder) as dataset:
        chosen = chosen_languages(dataset, codes)
        outcomes = profile_languages(
            dataset,
            settings,
            chosen,
            workers=min(workers, len(chosen)),
            progress=lambda each: _bar(each, "languages"),
        )
        profiles = [found for found in outcomes.values() if isinstance(found, Profile)]
        for profile in profiles:
            watch.add(profile.seconds)
        record = run_record("languages", dataset, settings, watch, lang=list(codes))
        if profiles:
            from eval.report import languages_result, write_report

            write_report(out, languages_result(dataset, outcomes, record))
    raise_failures(outcomes, f"the others are in {out}" if profiles else "there is no report")
    click.echo(f"{len(profiles)} languages: {out / 'languages.md'}, .html and .json")


@main.command()
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Made if it isn't there; files of the same names are written over.",
)
def facts(out: Path) -> None:
    """Write the project's own test set as a folder in BEIR's layout.

    Fact n in a language has the id CODE-n, and the question for it CODE-n-q.
    """
    files = read_fact_files()
    write_own_set(out, files)
    n_facts = sum(len(file.facts) for file in files)
    click.echo(f"{n_facts} facts in {len(files)} languages: {out}")


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out",
    required=True,
    metavar="FILE.csv",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The table of languages, written anew: ragqwen/data/languages.csv.",
)
def sizes(folder: Path, out: Path) -> None:
    """Measure words, and tokens per character, against English, and write the languages table.

    DIR must have the same documents in all 119 languages.
    """
    write_table(out, measured_languages(Dataset.load(folder)))
    click.echo(f"the table of languages: {out}")


@main.command()
@plan_material
def plan(hard: Path, easy: Path, parallel: Path) -> None:
    """Measure the thinking plan on hard and easy questions and on our own in five grades.

    Prints JSON: how well difficulty tells hard from easy and follows the grades, how steady it is
    across translations, and what it would spend of a fixed 4,096 tokens: with one attempt at each
    answer, with two, and how many may fail and be written again within 20 %.
    """
    from eval.plan_report import learned_figures, shipped_figures

    of_hard, of_easy = hard_questions(hard), easy_questions(easy)
    shipped = shipped_figures(of_hard, of_easy)
    learned = learned_figures(own_questions(), of_hard, of_easy, translated_lines(parallel))
    click.echo(json.dumps({"shipped": shipped, "cross-validated": learned}, indent=2))


@main.command()
@click.argument("old", metavar="A.json", type=click.Path(exists=True, path_type=Path))
@click.argument("new", metavar="B.json", type=click.Path(exists=True, path_type=Path))
def compare(old: Path, new: Path) -> None:
    """Say what changed from result A to result B of the same command.

    First what they ran with (versions, settings, data set), then each language or pair whose
    figures changed, the biggest losses first, then the averages over what both have. A and B are
    files that --out wrote, or languages.json of two reports.
    """
    for line in compare_results(read_result(old), read_result(new)):
        click.echo(line)


@main.command()
@click.option("--chunks", default=10_000, show_default=True, type=click.IntRange(min=100))
@click.option(
    "--only", type=click.Choice(["index", "embedder", "chat"]), help="Measure this alone."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(chunks: int, only: str | None, as_json: bool) -> None:
    """Measure the speed of ingest, search, a cold `ragqwen ask` and the built-in embedder.

    Texts are made up. The embedder has passages of 80 words and is held against its tokenizer
    alone and a model of all-MiniLM's shape.

    Where RAGQWEN_LLM_BASE_URL names a language model's server, measure too what 32 streams of its
    answers cost on top of bare requests.
    """
    from eval import embedding_bench
    from eval.bench import made_texts, run

    settings = load_settings()
    figures: dict[str, Any] = {}
    if only in (None, "index"):
        figures |= run(settings, n_chunks=chunks)
    if only in (None, "embedder"):
        figures |= embedding_bench.measure(list(made_texts(chunks, 80)), n_runs=5)
    served = settings.llm_base_url and settings.llm_model
    if only == "chat" and not served:
        raise click.UsageError(
            "no language model to measure: set RAGQWEN_LLM_BASE_URL and RAGQWEN_LLM_MODEL, or run "
            "`make bench-vllm`"
        )
    if only in (None, "chat") and served:
        from eval.chat_bench import measure
        from ragqwen.generation import QwenChat

        figures |= measure(
            QwenChat(
                base_url=settings.llm_base_url,
                model=settings.llm_model,
                api_key=settings.llm_api_key,
            )
        )
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    for name, value in figures.items():
        parts = value if isinstance(value, list) else [value]  # an interval has two
        shown = (f"{part:.3f}" if isinstance(part, float) else str(part) for part in parts)
        click.echo(f"{name:31} {' to '.join(shown)}")


@contextmanager
def _dataset(folder: Path | None) -> Iterator[Dataset]:
    """Give the data set of a folder, or the project's own."""
    if folder is not None:
        yield Dataset.load(folder)
        return
    with own_set() as dataset:
        yield dataset


def _bar(items: Iterable[T], label: str) -> Iterable[T]:
    return cast(Iterable[T], tqdm(items, desc=label, disable=None, file=sys.stderr, leave=False))


def _show(result: dict[str, Any], as_json: bool, out: Path | None) -> None:
    if out is not None:
        write_result(out, result)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for pair in result.get("pairs", ()):
        click.echo(_line(f"{pair['query_language']} in {pair['corpus_language']}", pair))
    for row in result.get("languages", ()):
        pool = "all" if result["run"]["kind"] == "mixed" else "its own"
        click.echo(_line(f"{row['language']} in {pool}", row))
    for form, row in result.get("forms", {}).items():
        click.echo(_line(form, row))
    for kind in ("mono", "cross"):
        if kind in result:
            click.echo(_line(f"{kind} average", result[kind]))
    for kind in ("average", "english", "mixed"):
        if kind in result:
            click.echo(_line(kind, result[kind]))


def _line(label: str, values: dict[str, Any]) -> str:
    figures = (f"{name} {v:.3f}" for name, v in values.items() if isinstance(v, float))
    return f"{label:24}  " + "  ".join(figures)


if __name__ == "__main__":
    try:
        main()
    except RagqwenError as error:
        sys.exit(f"Error: {error}")
