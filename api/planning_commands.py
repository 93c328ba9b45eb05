"""The command line's `plan`: how much each question would be thought about, and why."""

import json
from dataclasses import asdict
from typing import IO, TYPE_CHECKING

import click

from ragqwen.errors import InputError

if TYPE_CHECKING:
    from ragqwen.planning import Asked


def asked_thinking(_: click.Context, __: click.Parameter, value: str) -> "Asked":
    """Return what is asked of thinking as the planner takes it."""
    if value == "auto":
        return "auto"
    if value == "off":
        return "off"
    if not (value.isascii() and value.isdecimal()):
        raise click.BadParameter(f"{value!r} is none of auto, off or a number of tokens")
    return int(value[:10])


@click.command()
@click.argument("file", type=click.File(encoding="utf-8", errors="replace"), default="-")
@click.option(
    "--thinking",
    callback=asked_thinking,
    default="auto",
    show_default=True,
    metavar="auto|off|N",
    help="Plan it, leave it, or think N tokens.",
)
@click.option(
    "--ceiling",
    type=click.IntRange(0, 10**9),
    metavar="N",
    help="The most tokens that may be thought [RAGQWEN_THINKING_CEILING_TOKENS].",
)
@click.pass_context
def plan(ctx: click.Context, file: IO[str], thinking: "Asked", ceiling: int | None) -> None:
    """Say how much Qwen3 would think about each question of FILE (or standard input).

    A line is a question, or a JSON object with "question" or "text"; empty lines are passed over.
    One JSON object comes for each: "difficulty" from 0 to 1, "mode", "budget_tokens", "reason" and
    the "features" that it was planned by. The question alone counts; when documents answer it, what
    is found counts too. With RAGQWEN_LLM_JUDGES_DIFFICULTY the language model is asked for its own
    grade, "judged" among the features. /think and /no_think in a question are heeded.

    A line that is none of these is reported and never stops the others; the exit code is then 1.
    """
    from api.wiring import hard_settings, make_judge, thinking_ceiling
    from ragqwen.planning import Planner
    from ragqwen.settings import load_settings
    from ragqwen.static_embedding import StaticEmbedder

    settings = load_settings()
    if ceiling is None:
        ceiling = thinking_ceiling(hard_settings(settings) or settings)
    planner = Planner(
        StaticEmbedder(),
        make_judge(settings),
        thinks_in_language=settings.llm_thinks_in_question_language,
    )
    n_bad = 0
    for number, line in enumerate(file, start=1):
        try:
            question = read_question(line)
        except InputError as error:
            n_bad += 1
            click.echo(f"line {number} {error}", err=True)
            continue
        if question:
            planned = planner.plan(question, thinking=thinking, ceiling_tokens=ceiling)
            about = {"question": question, **asdict(planned)}
            click.echo(json.dumps(about, ensure_ascii=False))
    if n_bad:
        ctx.exit(1)


def read_question(line: str) -> str:
    """Return the question of a line, plain or a JSON object with "question" or "text".

    :return: empty for an empty line.
    :raises InputError: if it begins as an object and is none, or has no question.
    """
    text = line.strip().removeprefix("\ufeff")
    return _of_object(text) if text.startswith("{") else text


def _of_object(text: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InputError(
            f"begins with '{{' and is no JSON object ({exc}); "
            "give one object a line, or plain questions"
        ) from exc
    for name in ("question", "text"):
        question = found.get(name)
        if isinstance(question, str) and question.strip():
            return question.encode("utf-8", "replace").decode("utf-8")
    raise InputError('has no question; give it as a text under "question" or "text"')
