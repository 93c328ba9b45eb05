"""The test set that comes with the project: eight facts in each language, in `eval/facts/`.

A file is `<FLORES-200 code>.toml`; each of its facts becomes a document, each question a query
whose only relevant document is its own fact.
"""

import json
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.datasets import Dataset
from ragqwen.errors import InputError
from ragqwen.languages import languages

NAME = "own"
FACTS = Path(__file__).parent / "facts"


@dataclass(frozen=True, slots=True)
class Fact:
    """A short text; `question` and `answer` (a part of the text) are empty where none is asked."""

    text: str
    question: str = ""
    answer: str = ""
    question_english: str = ""


@dataclass(frozen=True, slots=True)
class FactFile:
    """The facts in one language about one subject; `sure` tells whether the text is good."""

    language: str
    sure: bool
    subject: str
    title: str
    facts: tuple[Fact, ...]


def read_fact_files(folder: Path = FACTS) -> list[FactFile]:
    """Read the files of a folder, in the order of the languages table.

    :raises InputError: if there is none, or one has another form.
    """
    paths = [folder / f"{code}.toml" for code in languages()]
    files = [read_fact_file(path) for path in paths if path.exists()]
    if not files:
        raise InputError(f"there is no <FLORES-200 code>.toml in {folder}")
    return files


def read_fact_file(path: Path) -> FactFile:
    """Read one file.

    :raises InputError: if it has another form.
    """
    try:
        record = tomllib.loads(path.read_text("utf-8"))
        facts = tuple(Fact(**fact) for fact in record.pop("facts"))
        return FactFile(**record, facts=facts)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InputError(
            f"{path.name} is no file of facts ({exc}): expected language, sure, subject, title "
            "and [[facts]] with text and, where one is asked, question, answer, question_english"
        ) from exc


def write_own_set(out: Path, files: Iterable[FactFile]) -> None:
    """Write files of facts as a folder in BEIR's layout."""
    out.mkdir(parents=True, exist_ok=True)
    rows = ["query-id\tcorpus-id\tscore"]
    for file in files:
        numbered = [(f"{file.language}-{n}", fact) for n, fact in enumerate(file.facts, start=1)]
        asked = [(name, fact) for name, fact in numbered if fact.question]
        _write(out / f"corpus.{file.language}.jsonl", (_document(file, *item) for item in numbered))
        _write(out / f"queries.{file.language}.jsonl", (_query(*item) for item in asked))
        rows += [f"{name}-q\t{name}\t1" for name, _ in asked]
    (out / "qrels.tsv").write_text("\n".join(rows) + "\n", "utf-8")


@contextmanager
def own_set(folder: Path = FACTS) -> Iterator[Dataset]:
    """Give the files of facts as a data set, which lies in a temporary folder."""
    files = read_fact_files(folder)
    with tempfile.TemporaryDirectory() as made:
        write_own_set(Path(made), files)
        unsure = frozenset(file.language for file in files if not file.sure)
        yield replace(Dataset.load(Path(made)), name=NAME, parallel=False, unsure=unsure)


def _document(file: FactFile, name: str, fact: Fact) -> dict[str, Any]:
    return {"_id": name, "title": file.title, "text": fact.text}


def _query(name: str, fact: Fact) -> dict[str, Any]:
    metadata = {"english": fact.question_english}
    return {
        "_id": f"{name}-q",
        "text": fact.question,
        "answers": [fact.answer],
        "metadata": metadata,
    }


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), "utf-8")
