"""A small data set of two languages, whose rankings can be told by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

CORPUS = {
    "eng_Latn": {
        "d1": "Apple apple apple apple.",
        "d2": "An apple and many other kinds of fruit grow here in the long valley.",
        "d3": "The harbour fee is 12 euros.",
    },
    "deu_Latn": {
        "d1": "Apfel Apfel Apfel Apfel.",
        "d2": "Ein Apfel und viele andere Arten von Obst wachsen hier im langen Tal.",
        "d3": "Die Liegegebühr beträgt 12 Taler.",
    },
}
QUERIES = {
    "eng_Latn": {"q1": "harbour fee", "q2": "apple", "q3": "zebra"},
    "deu_Latn": {"q1": "Liegegebühr", "q2": "Apfel", "q3": "Zebra"},
}
ANSWERS = {
    "eng_Latn": {"q1": ["12  EUROS"], "q3": ["stripes"]},
    "deu_Latn": {"q1": ["12 Taler"], "q3": ["Streifen"]},
}
QRELS = {"q1": "d3", "q2": "d2", "q3": "d1"}


def write_jsonl(path: Path, records: list[dict[str, Any]]) -> None:
    """Write one JSON object a line."""
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n", "utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the data set's folder: q1 is found first, q2 second, q3 not at all."""
    made = tmp_path / "set"
    made.mkdir()
    for language, texts in CORPUS.items():
        records = [{"_id": name, "text": text} for name, text in texts.items()]
        write_jsonl(made / f"corpus.{language}.jsonl", records)
    for language, questions in QUERIES.items():
        records = [
            {"_id": name, "text": text, "answers": ANSWERS[language].get(name, [])}
            for name, text in [*questions.items(), ("q4", "unjudged")]
        ]
        write_jsonl(made / f"queries.{language}.jsonl", records)
    rows = [f"{query}\t{document}\t1" for query, document in QRELS.items()]
    (made / "qrels.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *rows, "q1\td1\t0"]))
    return made
