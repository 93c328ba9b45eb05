"""Questions whose difficulty is known: our own in grades, and sets all hard or all easy."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import click
import numpy as np
import regex

from eval.datasets import ALL, Dataset
from eval.own_set import read_fact_files
from eval.parallel import read_parallel
from ragqwen.errors import InputError
from ragqwen.languages import check_language

_ENGLISH = "eng_Latn"
_NEWS = "ntrex_open"
_LINES_OF = frozenset({"tatoeba", "bible_nt", "oldi_seed", "wikipedia_android", _NEWS})
_NEWS_SHARE = 0.35  # of the news, which are whole sentences, seldom questions
_LEAST_LANGUAGES, _MOST_LANGUAGES = 5, 10
_MOSTLY = 0.6
_ASKED = regex.compile(r"[?？؟፧;՞]\P{L}*$")


@dataclass(frozen=True, slots=True)
class GradedQuestion:
    """A question in one language; translations of it have the same `question_id`.

    `grade` is 1 for a look-up, 2 a list, 3 a comparison, 4 an aggregation, 5 a multi-hop question,
    and 0 for what has no grade.
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


def translated_lines(folder: Path) -> list[GradedQuestion]:
    """Read lines of parallel text, most of them questions, each in at most ten languages.

    They have no grade; they tell that a text is as hard in one language as in another. Of the
    languages that a line is in those with few lines are taken first, with some chance.
    """
    said: dict[str, dict[str, str]] = {}
    for line in read_parallel(folder, kept_out=False):
        if line.source in _LINES_OF:
            said.setdefault(f"{line.source} {line.key}", {}).setdefault(line.language, line.text)
    rng = np.random.default_rng(1)
    asked = {
        name: texts
        for name, texts in sorted(said.items())
        if len(texts) >= _LEAST_LANGUAGES
        and (_is_asked(texts.values()) or (name.startswith(_NEWS) and rng.random() < _NEWS_SHARE))
    }
    often = Counter(language for texts in asked.values() for language in texts)
    found = []
    for name, texts in asked.items():
        order = {code: rng.random() ** (often[code] ** 0.5) for code in texts}
        for code in sorted(order, key=lambda code: -order[code])[:_MOST_LANGUAGES]:
            found.append(GradedQuestion(name, code, 0, texts[code]))
    return found


def _is_asked(texts: Collection[str]) -> bool:
    """Tell whether a line is a question, by its marks in most languages."""
    return sum(bool(_ASKED.search(text)) for text in texts) > _MOSTLY * len(texts)


def plan_material(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options `--hard`, `--easy` and `--parallel`, folders as read here."""
    folder = click.Path(exists=True, path_type=Path)
    problems = 'Word problems: CODE.jsonl with "id" and "question" a line, such as MGSM\'s.'
    look_ups = "Look-ups: a data set in BEIR's layout, such as XQuAD's."
    easy = click.option("--easy", required=True, metavar="DIR", type=folder, help=look_ups)
    hard = click.option("--hard", required=True, metavar="DIR", type=folder, help=problems)
    said = "Parallel text: CODE.tsv.gz with source, key and text a line."
    parallel = click.option("--parallel", required=True, metavar="DIR", type=folder, help=said)
    return hard(easy(parallel(command)))
