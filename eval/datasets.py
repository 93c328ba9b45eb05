"""Data sets in BEIR's layout: `corpus.<lang>.jsonl`, `queries.<lang>.jsonl`, `qrels.tsv`."""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from ragqwen.errors import InputError

ALL = "all"
ENGLISH = "eng_Latn"

data_set_folders = click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
"""The argument of a command that reads several data sets."""


@dataclass(frozen=True, slots=True)
class EvalQuery:
    """A question of a data set; `answers` are strings of which a good answer holds one."""

    query_id: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A folder in BEIR's layout, its corpora and queries by language.

    `qrels` gives, for each query id, the relevance of documents by id. `parallel` tells whether a
    document's id stands for the same content in every language; if not, a question has its
    document in its own language alone. `unsure` are languages whose text is less sure.
    """

    name: str
    corpora: Mapping[str, Path]
    queries: Mapping[str, Path]
    qrels: Mapping[str, Mapping[str, int]]
    parallel: bool = True
    unsure: frozenset[str] = frozenset()

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
        return cls(folder.resolve().name, corpora, queries, _read_qrels(folder / "qrels.tsv"))

    def digest(self) -> str:
        """Return a digest of the corpora, the queries and the judgements."""
        digest = hashlib.blake2b(digest_size=16)
        for path in (*self.corpora.values(), *self.queries.values()):
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(json.dumps(self.qrels, sort_keys=True).encode())
        return digest.hexdigest()

    def pairs(self, query_language: str, corpus_language: str) -> list[tuple[str, str]]:
        """Return the (query, corpus) languages asked for; `all` stands for every one.

        Where the languages' documents differ, only pairs of one language are of use.

        :raises InputError: if the data set has no such language or no such pair.
        """
        pairs = [
            (query, corpus)
            for query in self.query_languages(query_language)
            for corpus in _chosen(corpus_language, self.corpora, "corpus")
            if self.parallel or query == corpus
        ]
        if not pairs:
            raise InputError(
                f"no question in {query_language!r} has its document in {corpus_language!r}: each "
                f"language of the data set {self.name!r} has documents of its own; give the same "
                "language twice"
            )
        return pairs

    def query_languages(self, language: str) -> list[str]:
        """Return the languages of queries asked for; `all` stands for every one.

        :raises InputError: if the data set has no queries in it.
        """
        return _chosen(language, self.queries, "queries")

    def read_queries(self, language: str) -> Iterator[EvalQuery]:
        """Yield the queries of a language that have a relevant document.

        :raises InputError: if a line is no query, or none has a relevant document.
        """
        path, n_queries = self.queries[language], 0
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    query = _read_query(line, f"{path}, line {number}")
                    if self.qrels.get(query.query_id):
                        n_queries += 1
                        yield query
        if not n_queries:
            raise InputError(f"no query in {language!r} has a document in qrels.tsv")


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
