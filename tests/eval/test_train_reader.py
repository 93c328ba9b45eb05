"""Learning the extractive reader's weights from questions with their paragraph and without."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from eval.datasets import Dataset
from eval.train_reader import Case, cross_validated, fit, fit_passages, main, read_cases, without
from ragqwen.reader import PASSAGE_FEATURES, SENTENCE_FEATURES, Seen
from ragqwen.retrieval import Evidence
from tests.fakes import make_passage


def make_seen(document: str, whole: float, met: tuple[float, ...] = (0.0,)) -> Seen:
    """Return a passage whose first passage feature and second sentence feature are given."""
    rows = np.zeros((len(met), len(SENTENCE_FEATURES)))
    rows[:, 1] = met
    features = np.zeros(len(PASSAGE_FEATURES))
    features[0] = whole
    spans = tuple((i, i + 1) for i in range(len(met)))
    passage = make_passage(document, "x" * len(met))
    return Seen(passage, True, True, spans, tuple(range(len(met))), rows, features)


@pytest.fixture
def cases() -> list[Case]:
    """Return questions whose paragraph has more of them, and whose answer is what meets most."""
    rng = np.random.default_rng(1)
    some = []
    for number in range(80):
        right = make_seen("right", 0.6 + 0.4 * rng.random(), (0.1, 0.9, 0.3))
        wrong = make_seen("wrong", 0.5 * rng.random(), (0.2, 0.3))
        some.append(
            Case(
                dataset="set",
                paragraph=str(number),
                kind="same",
                language="eng_Latn",
                found=[wrong, right],
                answers=[np.array([False, False]), np.array([False, True, False])],
                missing=[wrong],
            )
        )
    return some


def test_the_feature_that_tells_gets_the_weight(cases: list[Case]) -> None:
    learned = fit(cases, "same")
    assert np.argmax(learned.sentence) == 1
    assert np.argmax(learned.passage) == 0


def test_the_threshold_refuses_a_twelfth_of_the_answerable(cases: list[Case]) -> None:
    learned = fit(cases, "same")
    odds = [max(learned.odds(one.whole) for one in case.found) for case in cases]
    assert np.mean(np.array(odds) < learned.threshold) == pytest.approx(0.08, abs=0.02)


def test_figures_are_of_folds_left_out(cases: list[Case]) -> None:
    (figures,) = cross_validated(cases, "same").values()
    assert figures["questions"] == 80
    assert figures["sentence"] == figures["refused"] == 1
    assert 0 < figures["wrongly"] < 0.3
    assert figures["refused at 0.1"] == 1


def test_any_passage_may_be_the_one_that_answers() -> None:
    right = (np.array([[0.0, 0.2], [1.0, 0.1], [0.1, 0.9]]), True)
    wrong = (np.array([[0.0, 0.9], [0.1, 0.8], [0.2, 0.9]]), False)
    weights = fit_passages([right, wrong] * 20)
    assert (right[0] @ weights[:-1] + weights[-1]).max() > 0
    assert (wrong[0] @ weights[:-1] + weights[-1]).max() < 0


def test_what_is_missing_is_in_no_passage_and_no_frequency() -> None:
    ferry, dogs = make_passage("ferry", "The ferry leaves."), make_passage("dogs", "Dogs stay.")
    evidence = Evidence("?", "eng_Latn", (), {"ferry": 3, "dogs": 2, "moon": 0}, (ferry, dogs))
    left = without(evidence, {"ferry"}, {"ferry": "The ferry leaves.", "dogs": "Dogs stay."})
    assert left.passages == (dogs,)
    assert left.document_frequencies == {"ferry": 2, "dogs": 2, "moon": 0}


def test_a_set_without_answers_teaches_nothing(folder: Path) -> None:
    for path in folder.glob("queries.*"):
        path.write_text(path.read_text("utf-8").replace("answers", "other"), "utf-8")
    folder = folder.rename(folder.parent / "small")  # a name by which d1 and d3 are kept out
    said = CliRunner().invoke(main, [str(folder), "--out", str(folder / "reader.json")])
    assert (said.exit_code, "questions with answers" in said.stderr) == (2, True)
    assert not (folder / "reader.json").exists()


def test_cases_know_which_sentence_answers_in_the_documents_own_words(folder: Path) -> None:
    rng = np.random.default_rng(1)
    cases = list(read_cases(Dataset.load(folder), 9, 9, 9, rng))
    fees = [case for case in cases if case.paragraph == "d3"]
    assert {(case.kind, case.language) for case in fees} == {
        (kind, code) for kind in ("same", "cross") for code in ("eng_Latn", "deu_Latn")
    }
    own = [case for case in fees if case.kind == "same"]
    assert all(any(right.any() for right in case.answers) for case in own)
    for case in fees:
        assert "d3" not in [one.passage.document_id for one in case.missing]
