"""The figures of each language, measured in this process and in others."""

from pathlib import Path

import pytest

from eval.datasets import Dataset
from eval.profiles import (
    Outcomes,
    Profile,
    chosen_languages,
    profile_languages,
    raise_failures,
)
from ragqwen.errors import InputError, RagqwenError
from ragqwen.settings import Settings


def profiled(folder: Path, workers: int = 1) -> Outcomes:
    dataset = Dataset.load(folder)
    codes = chosen_languages(dataset)
    return profile_languages(
        dataset, Settings(), codes, workers=workers, progress=lambda each: each
    )


def test_a_language_is_measured_through_the_real_pipeline(folder: Path) -> None:
    english = profiled(folder)["eng_Latn"]
    assert isinstance(english, Profile)
    assert (english.documents, english.queries) == (3, 3)
    assert english.figures["sentences"] == 1
    assert english.figures["words"] == (4 + 14 + 6) / 3
    assert english.figures["longest_sentence"] == 68
    assert english.figures["lexical_recall@1"] == pytest.approx(1 / 3)
    assert english.figures["lexical_recall@10"] == pytest.approx(2 / 3)
    assert english.figures["hybrid_recall@10"] == 1
    assert english.figures["documents_group"] > 0.5
    assert {"ingest", "search hybrid"} <= set(english.seconds)
    assert english.sizes["d3"].words == 6


def test_other_processes_measure_the_same_in_the_same_order(folder: Path) -> None:
    here, there = profiled(folder), profiled(folder, workers=2)
    assert list(here) == list(there) == ["eng_Latn", "deu_Latn"]
    for one, other in zip(here.values(), there.values(), strict=True):
        assert isinstance(one, Profile)
        assert isinstance(other, Profile)
        assert (one.figures, one.sizes) == (other.figures, other.sizes)


def test_a_language_that_fails_is_named_and_the_others_are_measured(folder: Path) -> None:
    with (folder / "corpus.eng_Latn.jsonl").open("a") as corpus:
        corpus.write('{"_id": "d4", "text": " "}\n')
    outcomes = profiled(folder)
    assert isinstance(outcomes["deu_Latn"], Profile)
    with pytest.raises(
        RagqwenError, match=r"1 of 2 languages failed \(eng_Latn: .*no text.*\); the rest is kept"
    ):
        raise_failures(outcomes, "the rest is kept")


def test_a_fault_of_ours_is_named_by_kind() -> None:
    with pytest.raises(RagqwenError, match=r"\(eng_Latn: ValueError: odd\)"):
        raise_failures({"eng_Latn": ValueError("odd")}, "no more")


def test_nothing_is_raised_where_nothing_failed() -> None:
    raise_failures({}, "all")


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ((), ["eng_Latn", "deu_Latn"]),
        (("deu_Latn",), ["eng_Latn", "deu_Latn"]),
        (("eng_Latn",), ["eng_Latn"]),
    ],
)
def test_english_comes_along_in_the_order_of_the_table(
    folder: Path, asked: tuple[str, ...], chosen: list[str]
) -> None:
    assert chosen_languages(Dataset.load(folder), asked) == chosen


def test_a_language_needs_a_corpus_and_queries(folder: Path) -> None:
    (folder / "queries.deu_Latn.jsonl").unlink()
    dataset = Dataset.load(folder)
    assert chosen_languages(dataset) == ["eng_Latn"]
    with pytest.raises(
        InputError, match="no corpus and queries in 'deu_Latn'; it has them in: eng"
    ):
        chosen_languages(dataset, ["deu_Latn"])
