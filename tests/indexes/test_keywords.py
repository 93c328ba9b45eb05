"""BM25 over terms, and an index on disk that is whole or built anew."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexes.keywords import KeywordIndex
from indexes.schema import AddedChunk
from ragqwen.analysis import terms

NO_VECTOR = np.zeros(1, dtype=np.float32)


def chunk(chunk_id: int, text: str, title: str = "", language: str = "eng_Latn") -> AddedChunk:
    return AddedChunk(chunk_id, title, (), language, text, NO_VECTOR)


def found(index: KeywordIndex, query: str, k: int = 10) -> list[int]:
    return [chunk_id for chunk_id, _ in index.search(terms(query), k)]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Return the folder of an index of three chunks at revision 7."""
    index = KeywordIndex(tmp_path)
    index.apply(
        [],
        [
            chunk(10, "The ferry leaves at six."),
            chunk(20, "Dogs stay on the deck of the ferry; the ferry is small."),
            chunk(30, "ကူးတို့သင်္ဘောသည် နံနက်တွင် ထွက်ခွာသည်။", language="mya_Mymr"),
        ],
        7,
    )
    return tmp_path


def test_the_chunk_with_the_rarer_word_comes_first(saved: Path) -> None:
    assert found(KeywordIndex(saved), "ferry dogs") == [20, 10]


def test_a_word_of_a_script_without_spaces_is_found(saved: Path) -> None:
    assert found(KeywordIndex(saved), "သင်္ဘော") == [30]


def test_scores_fall_and_are_positive(saved: Path) -> None:
    scores = [score for _, score in KeywordIndex(saved).search(terms("the ferry"), 10)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_a_word_that_occurs_nowhere_finds_nothing(saved: Path) -> None:
    assert found(KeywordIndex(saved), "zebra") == []


@pytest.mark.parametrize("query", ["", "... ?!", "AND OR NOT", '"ferry', "text:ferry^2 +(", "*"])
def test_no_query_is_read_as_a_query_language(saved: Path, query: str) -> None:
    assert set(found(KeywordIndex(saved), query)) <= {10, 20}


def test_no_more_come_than_asked_for(saved: Path) -> None:
    index = KeywordIndex(saved)
    assert [len(found(index, "ferry", k)) for k in (0, 1, 9)] == [0, 1, 2]


def test_a_title_counts_and_less_than_the_text(tmp_path: Path) -> None:
    index = KeywordIndex(tmp_path)
    index.apply([], [chunk(1, "Six boats.", "Ferry"), chunk(2, "Six ferry.", "Boats")], 1)
    assert found(index, "ferry") == [2, 1]


def test_document_frequencies_count_chunks_by_their_text(saved: Path) -> None:
    index = KeywordIndex(saved)
    assert index.document_frequencies(["ferry", "dogs", "zebra"]) == {
        "ferry": 2,
        "dogs": 1,
        "zebra": 0,
    }


def test_a_very_long_question_is_taken(saved: Path) -> None:
    assert found(KeywordIndex(saved), "ferry " + " ".join(f"w{n}" for n in range(5000))) == [20, 10]


def test_a_removed_chunk_is_not_found(saved: Path) -> None:
    index = KeywordIndex(saved)
    index.apply([10, 999], [], 8)
    assert found(index, "ferry") == [20]
    assert (len(index), index.revision) == (2, 8)


def test_a_change_applied_twice_does_no_harm(tmp_path: Path) -> None:
    index = KeywordIndex(tmp_path)
    for _ in range(2):
        index.apply([5], [chunk(1, "ferry"), chunk(2, "ferry")], 1)
    assert (len(index), index.document_frequencies(["ferry"])) == (2, {"ferry": 2})


def test_an_index_comes_back_with_its_revision(saved: Path) -> None:
    index = KeywordIndex(saved)
    assert (index.revision, len(index)) == (7, 3)


def test_an_open_index_shows_the_changes_of_another_when_reloaded(saved: Path) -> None:
    reader, writer = KeywordIndex(saved), KeywordIndex(saved)
    writer.apply([10], [chunk(40, "A new ferry.")], 8)
    reader.reload()
    assert reader.revision == 8
    assert sorted(found(reader, "ferry")) == [20, 40]


def damage_segments(folder: Path) -> None:
    for path in (folder / "keywords").iterdir():
        if path.suffix not in (".json", ".lock"):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove_segments(folder: Path) -> None:
    for path in (folder / "keywords").iterdir():
        if path.suffix not in (".json", ".lock"):
            path.unlink()


def set_manifest(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "keywords.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


DAMAGES: dict[str, Callable[[Path], object]] = {
    "manifest gone": lambda folder: (folder / "keywords.json").unlink(),
    "manifest empty": lambda folder: (folder / "keywords.json").write_bytes(b""),
    "manifest a list": lambda folder: (folder / "keywords.json").write_bytes(b"[]"),
    "other format": set_manifest(format=99),
    "other analysis": set_manifest(analysis="0"),
    "no revision": set_manifest(revision=None),
    "folder gone": lambda folder: shutil.rmtree(folder / "keywords"),
    "index description broken": lambda folder: (folder / "keywords/meta.json").write_bytes(b"{"),
    "index description gone": lambda folder: (folder / "keywords/meta.json").unlink(),
    "segments truncated": damage_segments,
    "segments gone": remove_segments,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_counts_as_none(saved: Path, damage: str) -> None:
    DAMAGES[damage](saved)
    index = KeywordIndex(saved)
    assert (index.revision, len(index)) == (0, 0)
    index.apply([], [chunk(10, "The ferry leaves.")], 8)
    assert found(index, "ferry") == [10]
    assert (KeywordIndex(saved).revision, len(KeywordIndex(saved))) == (8, 1)
