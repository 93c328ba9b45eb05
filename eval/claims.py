"""Made pairs of a claim and a passage, right and wrong, to measure and to train verification.

A claim is made from the sentence of a paragraph that holds an answer: the sentence with a clause
left out ("clause"), or the question's words with the answer ("question"). A verbatim copy would be
too easy. It is held against its paragraph; against another of the same article; against its own
without that sentence; and, with a figure or a name changed, against its own again.
"""

import json
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import regex

from eval.datasets import ENGLISH, Dataset
from ragqwen.records import Passage
from ragqwen.segmentation import count_words, sentences

Kind = Literal["right", "wrong", "without", "number", "name"]
Form = Literal["clause", "question"]
_CLAUSES = regex.compile(r"(?<=[,;:،؛、，；：])\s*|\s+(?=\()|\s+[-–—]\s+")
_ENDS = " \t\n?？؟!.。।;"
_FIGURE = regex.compile(r"\p{Nd}+")
_MIN_WORDS = 4
_MAX_NAME_WORDS = 4
_MIN_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and a passage; the claim is supported where `kind` is "right"."""

    kind: Kind
    form: Form
    language: str
    claim: str
    passage: Passage


def make_pairs(
    dataset: Dataset, language: str, passage_language: str, n: int, seed: int
) -> Iterator[Pair]:
    """Yield pairs from up to n questions; paragraphs' sentences where there are no questions.

    :param language: of the claims.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{language} {passage_language}".encode())])
    claimed = read_corpus(dataset.corpora[language])
    cited = read_corpus(dataset.corpora[passage_language])
    asked = list(_asked(dataset, language, claimed, rng))
    names = [item.answer for item in asked if item.is_name]
    for at in rng.permutation(len(asked))[:n]:
        item = asked[at]
        if item.paragraph not in cited:
            continue
        right = _passage(item.paragraph, passage_language, cited)
        wrong = _passage(_other(item.paragraph, cited, rng), passage_language, cited)
        without = _without(right, claimed[item.paragraph]["text"], item.sentence, language)
        for form, claim in _claims(item, rng):
            yield Pair("right", form, language, claim, right)
            yield Pair("wrong", form, language, claim, wrong)
            if without:
                yield Pair("without", form, language, claim, without)
            if changed := _with_other_figure(claim, rng):
                yield Pair("number", form, language, changed, right)
            if item.is_name and (name := names[int(rng.integers(len(names)))]) != item.answer:
                changed = claim.replace(item.answer, name)
                kept = name.casefold() in claimed[item.paragraph]["text"].casefold()
                if changed != claim and not kept:
                    yield Pair("name", form, language, changed, right)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A sentence that answers; without a question, `question` and `answer` are empty."""

    paragraph: str
    sentence: str
    question: str = ""
    answer: str = ""
    is_name: bool = False


def _asked(
    dataset: Dataset,
    language: str,
    claimed: Mapping[str, Mapping[str, str]],
    rng: np.random.Generator,
) -> Iterator[_Asked]:
    if language not in dataset.queries:
        for paragraph, document in claimed.items():
            spans = list(sentences(document["text"], language))
            start, end = spans[int(rng.integers(len(spans)))]
            yield _Asked(paragraph, document["text"][start:end])
        return
    names = _names(dataset, language)
    for query in dataset.read_queries(language):
        paragraph = next(iter(dataset.qrels[query.query_id]))
        text = claimed.get(paragraph, {"text": ""})["text"]
        for start, end in sentences(text, language):
            answer = next((a for a in query.answers if a and a in text[start:end]), None)
            if answer:
                is_name = query.query_id in names and count_words(answer) <= _MAX_NAME_WORDS
                yield _Asked(paragraph, text[start:end], query.text, answer, is_name)
                break


def _names(dataset: Dataset, language: str) -> set[str]:
    """Return the questions whose answer is a name: with a capital, in English if there is any."""
    told = ENGLISH if ENGLISH in dataset.queries else language
    return {
        query.query_id
        for query in dataset.read_queries(told)
        if query.answers
        and not _FIGURE.search(query.answers[0])
        and (query.answers[0][:1].isupper() or not query.answers[0][:1].islower())
    }


def _claims(item: _Asked, rng: np.random.Generator) -> Iterator[tuple[Form, str]]:
    clauses = _CLAUSES.split(item.sentence)
    spare = [i for i, clause in enumerate(clauses) if not item.answer or item.answer not in clause]
    if len(clauses) > 1 and spare:
        left_out = spare[int(rng.integers(len(spare)))]
        shorter = " ".join(c for i, c in enumerate(clauses) if i != left_out).strip()
        if count_words(shorter) >= _MIN_WORDS and item.answer in shorter:
            yield "clause", shorter
    if item.question:
        yield "question", f"{item.question.strip(_ENDS)} {item.answer}"


def _with_other_figure(claim: str, rng: np.random.Generator) -> str | None:
    """Return a claim with one digit of one figure changed, in its own script; None without any."""
    found = list(_FIGURE.finditer(claim))
    if not found:
        return None
    match = found[int(rng.integers(len(found)))]
    at = match.start() + int(rng.integers(len(match.group())))
    digit = ord(claim[at]) - int(claim[at])
    first = at == match.start() and len(match.group()) > 1  # no zero at the front
    others = [d for d in range(int(first), 10) if d != int(claim[at])]
    return claim[:at] + chr(digit + others[int(rng.integers(len(others)))]) + claim[at + 1 :]


def _without(passage: Passage, claimed: str, sentence: str, language: str) -> Passage | None:
    """Return the passage without the sentence that says the same; None where that isn't known."""
    ours = [claimed[start:end] for start, end in sentences(claimed, language)]
    theirs = [passage.text[start:end] for start, end in sentences(passage.text, passage.language)]
    if len(ours) != len(theirs) or len(ours) < _MIN_SENTENCES:
        return None
    del theirs[ours.index(sentence)]
    text = " ".join(theirs)
    return replace(
        passage, document_id=f"{passage.document_id}-{sentence}", text=text, end=len(text)
    )


def _other(
    paragraph: str, corpus: Mapping[str, Mapping[str, str]], rng: np.random.Generator
) -> str:
    """Return another paragraph, of the same article if there is one."""
    title = corpus[paragraph].get("title")
    others = [key for key in corpus if key != paragraph]
    near = [key for key in others if title and corpus[key].get("title") == title]
    some: Sequence[str] = near or others
    return some[int(rng.integers(len(some)))]


def read_corpus(path: Path) -> dict[str, dict[str, str]]:
    """Return a corpus's records by id."""
    with path.open(encoding="utf-8") as lines:
        return {record["_id"]: record for record in map(json.loads, lines)}


def _passage(paragraph: str, language: str, corpus: Mapping[str, Mapping[str, str]]) -> Passage:
    document = corpus[paragraph]
    return Passage(
        document_id=paragraph,
        version=1,
        title=document.get("title", ""),
        source=paragraph,
        language=language,
        start=0,
        end=len(document["text"]),
        text=document["text"],
        headings=(),
        score=1.0,
        chunk_ids=(1,),
        pages=((0, None),),
    )


def by_passage(pairs: Sequence[Pair]) -> Iterator[tuple[Passage, list[Pair]]]:
    """Group pairs by their passage, which is costly to make ready."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.passage.document_id].append(pair)
    for some in groups.values():
        yield some[0].passage, some
