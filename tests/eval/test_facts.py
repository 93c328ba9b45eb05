"""The files of the own test set: each of the 119 languages has one, of the right form."""

import functools
import unicodedata
from collections import Counter

import pytest

from eval.own_set import FACTS, FactFile, read_fact_file, read_fact_files
from ragqwen.languages import languages

CODES = list(languages())


@functools.cache
def facts_in(code: str) -> FactFile:
    return read_fact_file(FACTS / f"{code}.toml")


def test_there_are_files_of_the_119_languages_alone() -> None:
    assert {path.stem for path in FACTS.iterdir()} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_file_has_eight_facts_and_four_questions(code: str) -> None:
    file = facts_in(code)
    asked = [fact for fact in file.facts if fact.question]
    assert (file.language, len(file.facts), len(asked)) == (code, 8, 4)
    assert isinstance(file.sure, bool)
    assert file.subject.strip()
    assert file.title.strip()
    for fact in file.facts:
        given = [bool(part) for part in (fact.question, fact.answer, fact.question_english)]
        assert all(given) or not any(given), fact


@pytest.mark.parametrize("code", CODES)
def test_an_answer_is_in_its_own_fact_alone(code: str) -> None:
    facts = facts_in(code).facts
    for fact in facts:
        if fact.question:
            assert [other for other in facts if fact.answer in other.text] == [fact]
            assert fact.answer not in fact.question


@pytest.mark.parametrize("code", CODES)
def test_the_text_is_in_nfc_without_stray_space(code: str) -> None:
    file = facts_in(code)
    parts = [file.subject, file.title]
    for fact in file.facts:
        parts += [fact.text, fact.question, fact.answer, fact.question_english]
    assert [part for part in parts if part != unicodedata.normalize("NFC", part).strip()] == []


def test_no_subject_or_text_comes_twice() -> None:
    files = read_fact_files()
    for values in (
        [file.subject for file in files],
        [file.title for file in files],
        [fact.text for file in files for fact in file.facts],
        [fact.question_english for file in files for fact in file.facts if fact.question],
    ):
        assert [value for value, count in Counter(values).items() if count > 1] == []
