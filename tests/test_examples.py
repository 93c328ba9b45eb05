"""The example documents: every question rests on the right one, or is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.wiring import Service
from ingest.sources import find_sources
from ragqwen.languages import languages
from ragqwen.records import Answer
from ragqwen.settings import Settings

EXAMPLES = Path(__file__).parents[1] / "examples"
DOCUMENTS = sorted((EXAMPLES / "documents").iterdir())
QUESTIONS: list[dict[str, Any]] = [
    json.loads(line) for line in (EXAMPLES / "questions.jsonl").read_text("utf-8").splitlines()
]
ANSWERED = [item for item in QUESTIONS if item["document"]]
REFUSED = [item for item in QUESTIONS if not item["document"]]


def question_of(item: dict[str, Any]) -> str:
    return f"{item['language']}-{item['question'][:20]}"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service whose collection holds all the examples, ingested once."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("examples"), collection="examples")
    with Service(settings) as opened:
        results = list(opened.pipeline("examples").ingest(find_sources([str(DOCUMENTS[0].parent)])))
        assert {result.status for result in results} == {"ingested"}
        yield opened


@pytest.fixture(scope="session")
def texts(service: Service) -> dict[str, str]:
    """Return the text of each example by its file's name."""
    index = service.index("examples")
    return {info.source: index.document(info.document_id).text for info in index.documents()}


@pytest.fixture(scope="session")
def answers(service: Service) -> dict[str, Answer]:
    """Return the answer to each question, each asked once."""
    answerer = service.answerer("examples")
    return {item["question"]: answerer.ask(item["question"]) for item in QUESTIONS}


def test_every_document_is_ingested(texts: dict[str, str]) -> None:
    assert sorted(texts) == [path.name for path in DOCUMENTS]


@pytest.mark.parametrize("item", ANSWERED, ids=question_of)
def test_a_question_is_answered_from_its_document_first(
    answers: dict[str, Answer], texts: dict[str, str], item: dict[str, Any]
) -> None:
    answer = answers[item["question"]]
    assert answer.answerable
    first = answer.citations[0]
    assert first.source == item["document"]
    assert texts[first.source][first.start : first.end] == first.quote


@pytest.mark.parametrize("item", REFUSED, ids=question_of)
def test_a_question_that_no_document_answers_is_refused(
    answers: dict[str, Answer], item: dict[str, Any]
) -> None:
    answer = answers[item["question"]]
    assert not answer.answerable
    assert answer.citations == ()


@pytest.mark.parametrize("item", ANSWERED, ids=question_of)
def test_an_answer_stands_word_for_word_in_its_document(
    texts: dict[str, str], item: dict[str, Any]
) -> None:
    assert item["answer"] in texts[item["document"]]


def test_most_quotes_hold_the_answer(answers: dict[str, Answer]) -> None:
    held = [
        any(item["answer"] in cited.quote for cited in answers[item["question"]].citations)
        for item in ANSWERED
    ]
    assert sum(held) / len(held) > 0.9


def test_there_are_enough_languages_scripts_and_formats() -> None:
    codes = {path.name.split(".")[1] for path in DOCUMENTS}
    assert len(codes) >= 15
    assert len({code.split("_")[1] for code in codes}) >= 9
    assert len({path.suffix for path in DOCUMENTS}) >= 6
    assert codes | {item["language"] for item in QUESTIONS} <= set(languages())


def test_every_document_has_questions_in_its_language() -> None:
    asked = {(item["document"], item["language"]) for item in ANSWERED}
    assert asked == {(path.name, path.name.split(".")[1]) for path in DOCUMENTS}


def test_questions_that_nothing_answers_are_in_several_languages() -> None:
    assert len({item["language"] for item in REFUSED}) >= 3
    assert all(item["answer"] is None for item in REFUSED)


def test_the_list_of_examples_names_each_document() -> None:
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    assert [path.name for path in DOCUMENTS if f"`{path.name}`" not in listed] == []


def test_the_language_of_each_document_is_found_out(service: Service) -> None:
    found = {info.source: info.language for info in service.index("examples").documents()}
    assert found == {path.name: path.name.split(".")[1] for path in DOCUMENTS}
