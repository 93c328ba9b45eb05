"""Data sets in BEIR's layout: `corpus.<lang>.jsonl`, `queries.<lang>.jsonl`, `qrels.tsv`."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ragqwen.errors import InputError

ALL = "all"


@dataclass(frozen=True, slots=True)
class EvalQuery:
    """A question of a data set; `answers` are strings of which a good answer holds one."""

    query_id: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A folder in BEIR's layout, its corpora and queries by language.

    `qrels` gives, for each query id, the relevance of documents by id.
    """

    folder: Path
    corpora: Mapping[str, Path]
    queries: Mapping[str, Path]
    qrels: Mapping[str, Mapping[str, int]]

    @classmethod
    def load(cls, folder: Path) -> "Dataset":
        """Look a folder over; texts are read later.

        :raises InputError: if files are missing.
        """
        corpora, queries = _by_language(folder, "corpus"), _by_language(folder, "queries")
        if not corpora or not queries:
            raise InputError(
                f"{folder} is no data set: expected corpus.<lang>.jsonl, queries.<lang>.jsonl and "
                "qrels.tsv in it"
            )
        return cls(folder, corpora, queries, _read_qrels(folder / "qrels.tsv"))

    def pairs(self, query_language: str, corpus_language: str) -> list[tuple[str, str]]:
        """Return the (query, corpus) languages asked for; `all` stands for every one.

        :raises InputError: if the data set has no such language.
        """
        return [
            (query, corpus)
            for query in _chosen(query_language, self.queries, "queries")
            for corpus in _chosen(corpus_language, self.corpora, "corpus")
        ]

    def read_queries(self, language: str) -> Iterator[EvalQuery]:
        """Yield the queries of a language that have a relevant document.

        :raises InputError: if a line is no query.
        """
        path = self.queries[language]
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    query = _read_query(line, f"{path}, line {number}")
                    if self.qrels.get(query.query_id):
                        yield query


def _read_query(line: str, where: str) -> EvalQuery:
    try:
        record = json.loads(line)
        return EvalQuery(record["_id"], record["text"], tuple(record.get("answers", ())))
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(
            f'{where} is no query ({exc}): expected a JSON object with "_id" and "text"'
        ) from exc


def _by_language(folder: Path, stem: str) -> dict[str, Path]:
    found = {path.name.split(".")[1]: path for path in sorted(folder.glob(f"{stem}.*.jsonl"))}
    plain = folder / f"{stem}.jsonl"
    return found or ({"und": plain} if plain.exists() else {})


def _chosen(language: str, available: Mapping[str, Path], what: str) -> list[str]:
    if language == ALL:
        return list(available)
    if language not in available:
        known = ", ".join(available)
        raise InputError(f"no {what} in {language!r}; there are: {known}, or {ALL!r}")
    return [language]


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines, delimiter="\t")
            next(rows, None)  # the header
            for query_id, document_id, score in rows:
                if int(score) > 0:
                    qrels.setdefault(query_id, {})[document_id] = int(score)
    except (OSError, ValueError) as exc:
        raise InputError(f"{path} can't be read as query-id, corpus-id, score: {exc}") from exc
    return qrels
