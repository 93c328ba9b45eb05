"""Ingest the example documents and ask about them: the whole way, offline, in half a minute."""

import json
import sys
import tempfile
from pathlib import Path

import click

from api.printing import print_answer
from api.wiring import Service
from ingest.sources import find_sources
from ragqwen.settings import load_settings

EXAMPLES = Path(__file__).parent


def main() -> int:
    """Print cited answers; return 1 if one does not cite the document it should."""
    lines = (EXAMPLES / "questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    wrong = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(load_settings(data_dir=Path(folder))) as service,
    ):
        pipeline = service.pipeline("examples")
        for result in pipeline.ingest(find_sources([str(EXAMPLES / "documents")])):
            click.echo(f"{result.status:10} {result.name}  {result.reason}")
        answerer = service.answerer("examples")
        for item in questions:
            answer = answerer.ask(item["question"])
            cited = {citation.source for citation in answer.citations}
            first = answer.citations[0].source if answer.citations else None
            right = first == item["document"] and len(cited) <= 1
            wrong += not right
            click.echo(f"\n--- {item['question']}" + ("" if right else "   <-- WRONG DOCUMENT"))
            print_answer(answer, notices=False)
        for notice in answer.notices:
            click.echo(f"\nNote: {notice}")
    click.echo(
        f"\n{len(questions) - wrong} of {len(questions)} questions rest on the right document."
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
