"""How long the same content comes out in each language: the measured columns of its table."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path

from eval.datasets import ENGLISH, Dataset
from ragqwen.errors import InputError
from ragqwen.languages import Language, languages
from ragqwen.segmentation import count_words
from ragqwen.tokens import count_tokens


def measured_languages(dataset: Dataset) -> Iterator[Language]:
    """Yield the languages of the table with what is measured on a parallel data set.

    Each is compared with English over the documents that both have.

    :raises InputError: if a language has no document in common with English.
    """
    english = _texts(dataset, ENGLISH)
    for code, language in languages().items():
        texts = _texts(dataset, code)
        both = [(text, english[name]) for name, text in texts.items() if name in english]
        if not both:
            raise InputError(f"{dataset.name}: {code} has no document that English has too")
        here, there = ["\n".join(side) for side in zip(*both, strict=True)]
        words = count_words(here) / count_words(there)
        tokens = _tokens_per_char(here) / _tokens_per_char(there)
        yield replace(
            language, words_to_english=round(words, 2), tokens_per_char_to_english=round(tokens, 2)
        )


def write_table(path: Path, table: Iterator[Language]) -> None:
    """Write a table of languages as `ragqwen/data/languages.csv` has it."""
    rows = [asdict(language) for language in table]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(
            file, [field.name for field in fields(Language)], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


def _texts(dataset: Dataset, code: str) -> Mapping[str, str]:
    """Return a language's documents by id.

    :raises InputError: if it has none, or a line is none.
    """
    if code not in dataset.corpora:
        raise InputError(f"{dataset.name} has no corpus in {code}; all languages are needed")
    path = dataset.corpora[code]
    try:
        records = map(json.loads, path.read_text("utf-8").splitlines())
        return {record["_id"]: record["text"] for record in records}
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f'{path} has a line without "_id" and "text" ({exc})') from exc


def _tokens_per_char(text: str) -> float:
    return count_tokens(text) / len(text)
