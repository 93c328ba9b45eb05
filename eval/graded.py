"""Questions whose difficulty is known: our own in grades, and sets all hard or all easy."""

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click

from eval.datasets import ALL, Dataset
from eval.own_set import read_fact_files
from ragqwen.errors import InputError
from ragqwen.languages import check_language

_ENGLISH = "eng_Latn"


@dataclass(frozen=True, slots=True)
class GradedQuestion:
    """A question in one language; translations of it have the same `question_id`.

    `grade` is 1 for a look-up, 2 a list, 3 a comparison, 4 an aggregation, 5 a multi-hop question.
    """

    question_id: str
    language: str
    grade: int
    text: str


def own_questions() -> list[GradedQuestion]:
    """Read the project's own set, `eval/questions/CODE.tsv`, by language and as written."""
    folder = Path(str(files("eval").joinpath("questions")))
    found = []
    for path in sorted(folder.glob("*.tsv")):
        language = check_language(path.stem)
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                found.append(GradedQuestion(row["id"], language, int(row["grade"]), row["text"]))
    return found


def hard_questions(folder: Path) -> list[GradedQuestion]:
    """Read word problems, `CODE.jsonl` with "id" and "question" a line, as aggregations.

    :raises InputError: if there is none.
    """
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        language = check_language(path.stem)
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            found.append(GradedQuestion(str(row["id"]), language, 4, row["question"]))
    if not found:
        raise InputError(f"no CODE.jsonl in {folder}; give a folder of word problems")
    return found


def easy_questions(folder: Path) -> list[GradedQuestion]:
    """Read the questions of a data set in BEIR's layout as look-ups."""
    dataset = Dataset.load(folder)
    return [
        GradedQuestion(query.query_id, language, 1, query.text)
        for language in dataset.query_languages(ALL)
        for query in dataset.read_queries(language)
    ]


def own_look_ups() -> list[GradedQuestion]:
    """Read the questions about single facts of the project's own test set, and their English.

    Each asks for one thing that one sentence says, in any of the 119 languages.
    """
    found = []
    for file in read_fact_files():
        for number, fact in enumerate(file.facts, start=1):
            name = f"fact-{file.language}-{number}"
            asked = {file.language: fact.question, _ENGLISH: fact.question_english}
            found += [GradedQuestion(name, code, 1, text) for code, text in asked.items() if text]
    return found


def hard_and_easy(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options `--hard` and `--easy`, folders of questions as read here."""
    folder = click.Path(exists=True, path_type=Path)
    problems = 'Word problems: CODE.jsonl with "id" and "question" a line, such as MGSM\'s.'
    look_ups = "Look-ups: a data set in BEIR's layout, such as XQuAD's."
    easy = click.option("--easy", required=True, metavar="DIR", type=folder, help=look_ups)
    hard = click.option("--hard", required=True, metavar="DIR", type=folder, help=problems)
    return hard(easy(command))
