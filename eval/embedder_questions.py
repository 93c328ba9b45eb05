"""Pairs of a question and where it is answered, for the second stage of the embedder's training.

Questions come from data sets in BEIR's layout, and from documents in parallel text: what stands
next to a sentence is about the same, in any language.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import regex

from eval.datasets import Dataset
from eval.embedder_data import Ints
from eval.parallel import Line
from ragqwen.segmentation import sentences

DOCUMENT_SOURCES = {"ntrex_open": 0.5, "oldi_seed": 0.35, "bible_nt": 0.1, "udhr": 0.05}
_NEIGHBOURS = 2  # lines that follow a line, as its passage
_SAME_GROUP = 5  # lines so near that their passages overlap
_KEPT_OUT = 4  # one paragraph in so many


def is_kept_out(dataset: str, paragraph: str) -> bool:
    """Tell whether a paragraph and its questions are kept out of training: one in four."""
    return zlib.crc32(f"{dataset}:{paragraph}".encode()) % _KEPT_OUT == 0


def only_kept_out(dataset: Dataset) -> Dataset:
    """Return a data set of all documents and those questions whose paragraphs are kept out."""
    qrels = {
        query_id: right
        for query_id, right in dataset.qrels.items()
        if all(is_kept_out(dataset.name, paragraph) for paragraph in right)
    }
    return replace(dataset, qrels=qrels)


@dataclass(slots=True)
class PairPool:
    """Items of two sides, each side one text in several versions; any two versions are a pair."""

    texts: list[str] = field(default_factory=list)
    _sides: tuple[list[list[int]], list[list[int]]] = field(default_factory=lambda: ([], []))
    _groups: list[int] = field(default_factory=list)
    _weights: list[float] = field(default_factory=list)

    def add(self, left: Sequence[str], right: Sequence[str], group: str, weight: float) -> None:
        """Add an item.

        :param group: items of one group are never told apart.
        :param weight: how often it is drawn, relative to others.
        """
        for side, some in zip(self._sides, (left, right), strict=True):
            side.append(list(range(len(self.texts), len(self.texts) + len(some))))
            self.texts.extend(some)
        self._groups.append(zlib.crc32(group.encode()))
        self._weights.append(weight)

    def __len__(self) -> int:
        return len(self._groups)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
        """Draw pairs: indices of texts on the left and on the right, and groups, (n,) each."""
        weights = np.array(self._weights)
        items = rng.choice(len(weights), n, p=weights / weights.sum())
        left, right = (_any_version(side, items, rng) for side in self._sides)
        return left, right, np.array(self._groups)[items]


def _any_version(side: Sequence[Sequence[int]], items: Ints, rng: np.random.Generator) -> Ints:
    chance = rng.random(len(items))
    return np.array(
        [side[item][int(c * len(side[item]))] for item, c in zip(items, chance, strict=True)]
    )


def add_questions(pool: PairPool, folder: Path, weight: float) -> None:
    """Add the questions of a data set whose paragraphs aren't kept out.

    A question's passage is the whole paragraph, or its sentence that has the answer.

    :param weight: of all its questions together.
    """
    dataset = Dataset.load(folder)
    questions: dict[str, list[str]] = defaultdict(list)
    passages: dict[str, list[str]] = defaultdict(list)
    paragraph_of: dict[str, str] = {}
    for language, path in dataset.corpora.items():
        rows = [json.loads(row) for row in path.read_text("utf-8").split("\n") if row]
        texts = {row["_id"]: row["text"] for row in rows}
        if language not in dataset.queries:
            continue
        for query in dataset.read_queries(language):
            paragraph = max(dataset.qrels[query.query_id], default="")
            if paragraph not in texts or is_kept_out(dataset.name, paragraph):
                continue
            paragraph_of[query.query_id] = paragraph
            questions[query.query_id].append(query.text)
            passages[query.query_id].append(texts[paragraph])
            passages[query.query_id].append(
                _answering(texts[paragraph], query.answers) or texts[paragraph]
            )
    for query_id, texts_of in questions.items():
        pool.add(
            texts_of,
            passages[query_id],
            f"{dataset.name}:{paragraph_of[query_id]}",
            weight / len(questions),
        )


def _answering(text: str, answers: Iterable[str]) -> str | None:
    for start, end in sentences(text):
        if any(answer in text[start:end] for answer in answers):
            return text[start:end]
    return None


def add_neighbours(pool: PairPool, lines: Iterable[Line], weight: float) -> None:
    """Add the lines of documents with what follows them, in any two languages.

    :param weight: of all of them together.
    """
    texts: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for line in lines:
        if line.source in DOCUMENT_SOURCES:
            texts[line.source, line.key].setdefault(line.language, line.text)
    for source, share in DOCUMENT_SOURCES.items():
        items = list(_neighbours(source, texts))
        for at, left, right in items:
            group = f"{source}:{at // _SAME_GROUP}"
            pool.add(left, right, group, weight * share / len(items))


def _neighbours(
    source: str, texts: dict[tuple[str, str], dict[str, str]]
) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield each line's number, the line and what follows, both in all languages that have them."""
    keys = sorted((key for name, key in texts if name == source), key=_natural)
    for at in range(len(keys) - _NEIGHBOURS):
        here = texts[source, keys[at]]
        after = [texts[source, keys[at + n]] for n in range(1, _NEIGHBOURS + 1)]
        common = set(after[0]).intersection(*after[1:])
        if common:
            passages = [" ".join(each[code] for each in after) for code in sorted(common)]
            yield at, [here[code] for code in sorted(here)], passages


def _natural(key: str) -> list[tuple[int, str]]:
    """Order keys so that b.1CO.10.4 stands before b.1CO.10.33."""
    parts = regex.findall(r"\d+|\D+", key)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
