"""The graded questions: our own set, and what is read from folders."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from eval.graded import (
    easy_questions,
    hard_questions,
    own_look_ups,
    own_questions,
    translated_lines,
)
from ragqwen.errors import InputError
from ragqwen.languages import languages


def test_our_own_set_has_300_questions_in_20_languages_and_every_grade_in_each() -> None:
    own = own_questions()
    assert len(own) >= 300
    grades = Counter((question.language, question.grade) for question in own)
    codes = {question.language for question in own}
    assert len(codes) >= 20
    assert all(grades[code, grade] >= 3 for code in codes for grade in range(1, 6))
    assert len({languages()[code].script for code in codes}) >= 14


def test_translations_share_an_id_and_a_grade() -> None:
    own = own_questions()
    assert len({(question.question_id, question.language) for question in own}) == len(own)
    grades: dict[str, set[int]] = {}
    for question in own:
        grades.setdefault(question.question_id, set()).add(question.grade)
    assert all(len(found) == 1 for found in grades.values())


def test_thirty_questions_are_there_in_all_twenty_languages_alike_in_grade() -> None:
    often = Counter((question.question_id, question.grade) for question in own_questions())
    everywhere = Counter(grade for (_, grade), count in often.items() if count == 20)
    assert everywhere == dict.fromkeys(range(1, 6), 6)


def test_questions_about_single_facts_are_look_ups_with_their_english() -> None:
    found = own_look_ups()
    assert {question.language for question in found} == set(languages())
    assert {question.grade for question in found} == {1}
    asked = [question for question in found if question.language != "eng_Latn"]
    english = {question.question_id for question in found if question.language == "eng_Latn"}
    assert {question.question_id for question in asked} <= english


def test_no_question_is_there_twice_or_empty() -> None:
    texts = [question.text for question in own_questions()]
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and text for text in texts)


def test_word_problems_are_read_by_language(tmp_path: Path) -> None:
    line = json.dumps({"id": "p1", "question": "2 + 2?"})
    (tmp_path / "deu_Latn.jsonl").write_text(f"{line}\n", encoding="utf-8")
    (found,) = hard_questions(tmp_path)
    assert (found.question_id, found.language, found.grade) == ("p1", "deu_Latn", 4)


def test_a_folder_without_word_problems_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give a folder of word problems"):
        hard_questions(tmp_path)


def test_a_data_sets_questions_are_look_ups(tmp_path: Path) -> None:
    files = {
        "corpus.eng_Latn.jsonl": json.dumps({"_id": "d", "title": "", "text": "At nine."}),
        "queries.eng_Latn.jsonl": json.dumps({"_id": "q", "text": "When?"}),
        "qrels.tsv": "query-id\tcorpus-id\tscore\nq\td\t1",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n", encoding="utf-8")
    (found,) = easy_questions(tmp_path)
    assert (found.text, found.grade) == ("When?", 1)


def test_of_parallel_text_questions_are_read_in_ten_languages_at_most(tmp_path: Path) -> None:
    codes = list(languages())[:14]
    for code in codes:
        with gzip.open(tmp_path / f"{code}.tsv.gz", "wt", encoding="utf-8") as file:
            file.writelines(f"tatoeba\tq{n}\tWhen, {code} {n}?\n" for n in range(40))
            file.write("tatoeba\ts\tNo question.\n")
    found = translated_lines(tmp_path)
    often = Counter(question.question_id for question in found)
    assert set(often.values()) == {10}
    assert {question.grade for question in found} == {0}
    assert "tatoeba s" not in often
    assert found == translated_lines(tmp_path)
