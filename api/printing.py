"""What the command line prints for a person, or for a program."""

import json
from typing import TYPE_CHECKING

import click

from ragqwen import messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragqwen.records import Answer, Citation, Passage

_NEAREST = 3  # passages that are shown where there is no answer
_SHOWN_CHARS = 200  # of a passage


def print_answer(answer: "Answer", *, notices: bool = True, explain: bool = False) -> None:
    """Print an answer, its citations and the notices for a person.

    Where nothing is cited, the nearest passages are shown, in which a person may find an answer.

    :param explain: say how much was thought, and why.
    """
    click.echo(answer.answer)
    if answer.citations:
        click.echo()
    for cited in answer.citations:
        doubt = messages.translated(messages.NOT_CONFIRMED, answer.language)
        doubt = "" if cited.status == "verified" else f"  ({doubt})"
        click.echo(f"{cited.marker} {place(cited, cited.page)}{doubt}")
    if answer.unsupported_claims:
        click.echo("\n" + messages.translated(messages.NOT_IN_DOCUMENTS, answer.language))
    for claim in answer.unsupported_claims:
        click.echo(f"- {claim}")
    if not answer.answerable and not answer.citations and answer.passages:
        click.echo("\nNearest passages:")
        print_passages(answer.passages[:_NEAREST])
    if explain:
        _print_thinking(answer)
    for notice in answer.notices if notices else ():
        click.echo(f"\nNote: {notice}", err=True)


def _print_thinking(answer: "Answer") -> None:
    thinking = answer.thinking
    click.echo(f"\n{thinking.reason}")
    click.echo(
        f"Thought {thinking.used_tokens:,} of {thinking.budget_tokens:,} tokens in "
        f"{thinking.attempts} attempts."
    )
    if thinking.searching_tokens:
        click.echo(f"Wrote {thinking.searching_tokens:,} tokens for further searches.")
    for query in answer.searches:
        click.echo(f"Searched for: {query}")
    for name, value in sorted(thinking.features.items()):
        click.echo(f"  {name:24} {value:.3f}")


def print_passages(passages: "Sequence[Passage]") -> None:
    """Print where passages are, best first, and how each begins."""
    for rank, passage in enumerate(passages, start=1):
        click.echo(f"{rank:2}. {passage.score:.3f}  {place(passage, passage.page)}")
        click.echo("    " + " ".join(passage.text.split())[:_SHOWN_CHARS])


def place(found: "Passage | Citation", page: int | None) -> str:
    """Return where a span is, in words."""
    name = found.title if found.title == found.source else f"{found.title} ({found.source})"
    on_page = f", page {page}" if page else ""
    version = f"{found.document_id} v{found.version}"
    return f"{name}{on_page}, characters {found.start}-{found.end} of {version}"


def print_json(value: object) -> None:
    """Print a value as JSON, in the scripts it is in."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
