"""Questions whose difficulty is known: our own in grades, and sets all hard or all easy."""

import csv
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from eval.datasets import ALL, Dataset
from ragqwen.errors import InputError
from ragqwen.languages import check_language


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
