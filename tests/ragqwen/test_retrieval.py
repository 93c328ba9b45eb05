"""From a question to passages: fusing, merging, dropping, fitting."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.alignment import Aligner
from ragqwen.ranking import LightRanker
from ragqwen.records import StoredChunk
from ragqwen.reranking import Scores
from ragqwen.retrieval import Leg, Retriever, fuse
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import CountingEmbedder, ListIndex, make_stored

hits = st.dictionaries(st.integers(1, 20), st.floats(0.01, 30), max_size=8).map(
    lambda found: sorted(found.items(), key=lambda hit: -hit[1])
)

TEXTS = [
    "The ferry leaves at six. ",
    "Dogs stay on deck always. ",
    "Children under seven go free. ",
    "Bicycles cost two coins each. ",
    "In strong wind nothing sails. ",
]
DOCUMENT = "".join(TEXTS)


def chunks(document_id: str = "a", first_id: int = 1) -> list[StoredChunk]:
    """Return the sentences of DOCUMENT as chunks that follow one another."""
    stored, at = [], 0
    for ordinal, text in enumerate(TEXTS):
        stored.append(
            make_stored(
                first_id + ordinal,
                document_id,
                text.strip(),
                ordinal=ordinal,
                start=at,
                page=1 + ordinal // 2,
            )
        )
        at += len(text)
    return stored


def retrieve(index: ListIndex, question: str = "ferry?", **more: object):  # type: ignore[no-untyped-def]
    retriever = Retriever(index, CountingEmbedder(), dense_weight=0.5)
    return retriever.retrieve(question, **more)  # type: ignore[arg-type]


# --- fusing ----------------------------------------------------------------------------------


def test_words_are_scaled_by_the_best_and_vectors_between_best_and_worst() -> None:
    fused = fuse([(1, 8.0), (2, 2.0)], [(2, 0.9), (3, 0.6), (1, 0.5)], dense_weight=0.4)
    assert dict(fused) == pytest.approx({1: 1.0, 2: 0.25 + 0.4, 3: 0.4 * 0.25})


def test_equal_scores_come_by_id() -> None:
    assert [i for i, _ in fuse([(9, 1.0), (3, 1.0), (5, 1.0)], [], dense_weight=1)] == [3, 5, 9]


def test_one_vector_alone_has_the_whole_weight() -> None:
    assert fuse([], [(7, 0.2)], dense_weight=0.4) == [(7, 0.4)]


def test_nothing_fused_is_nothing() -> None:
    assert fuse([], [], dense_weight=1) == []


@given(hits, hits, st.floats(0, 3))
def test_fused_scores_fall_and_are_bounded(
    lexical: list[tuple[int, float]], dense: list[tuple[int, float]], weight: float
) -> None:
    fused = fuse(lexical, dense, dense_weight=weight)
    assert {i for i, _ in fused} == {i for i, _ in (*lexical, *dense)}
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 + weight + 1e-9 for score in scores)


@given(hits)
def test_a_leg_alone_keeps_its_order(found: list[tuple[int, float]]) -> None:
    strict = [hit for at, hit in enumerate(found) if at == 0 or hit[1] < found[at - 1][1]]
    order = [i for i, _ in strict]
    assert [i for i, _ in fuse(strict, [], dense_weight=1)] == order
    assert [i for i, _ in fuse([], strict, dense_weight=1)] == order


# --- legs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leg", "calls"),
    [("hybrid", {"lexical", "dense"}), ("dense", {"dense"}), ("lexical", {"lexical"})],
)
def test_only_the_legs_asked_for_are_searched(leg: str, calls: set[str]) -> None:
    index = ListIndex(chunks(), dense=[(1, 0.9)], lexical=[(1, 2.0)])
    assert len(retrieve(index, leg=leg).passages) == 1
    assert set(index.calls) == calls


def test_the_evidence_tells_language_terms_and_frequencies() -> None:
    evidence = retrieve(ListIndex(chunks()), "Wie viel kosten Dogs auf der Fähre?")
    assert evidence.language == "deu_Latn"
    assert "dogs" in evidence.terms
    assert evidence.document_frequencies["dogs"] == 1
    assert evidence.passages == ()


def test_a_question_that_is_no_clean_text_is_taken() -> None:
    evidence = retrieve(ListIndex(chunks(), lexical=[(1, 1.0)]), "ferry\ud800\0 \u0301?")
    assert evidence.question == "ferry\ufffd \u0301?"
    assert len(evidence.passages) == 1


# --- merging ---------------------------------------------------------------------------------


def test_chunks_that_follow_one_another_become_one_passage() -> None:
    index = ListIndex(
        chunks(), texts={"a": DOCUMENT}, lexical=[(2, 5.0), (4, 3.0), (1, 2.0), (3, 1.0)]
    )
    first, second = retrieve(index).passages
    assert first.chunk_ids == (1, 2, 3)
    assert second.chunk_ids == (4,)


@given(st.permutations([1, 2, 3, 4, 5]), st.integers(1, 5))
def test_every_passage_is_a_span_of_its_document(order: list[int], k: int) -> None:
    found = [(chunk_id, 9.0 - rank) for rank, chunk_id in enumerate(order)]
    index = ListIndex(chunks(), texts={"a": DOCUMENT}, lexical=found)
    passages = retrieve(index, k=k).passages
    assert passages
    for passage in passages:
        assert passage.text == DOCUMENT[passage.start : passage.end]
        assert 1 <= len(passage.chunk_ids) <= 3
        assert list(passage.chunk_ids) == sorted(passage.chunk_ids)
    merged = [chunk_id for passage in passages for chunk_id in passage.chunk_ids]
    assert len(merged) == len(set(merged))


def test_a_merged_passage_has_the_best_score_and_knows_its_pages() -> None:
    index = ListIndex(chunks(), texts={"a": DOCUMENT}, lexical=[(3, 4.0), (2, 2.0)])
    (passage,) = retrieve(index).passages
    assert passage.score == 1.0
    assert passage.page == 1
    assert passage.page_at(passage.start) == 1
    assert passage.page_at(len(TEXTS[0]) + len(TEXTS[1])) == 2


def test_neighbours_in_number_of_two_documents_stay_apart() -> None:
    stored = [
        make_stored(1, "a", TEXTS[0], ordinal=0),
        make_stored(2, "b", TEXTS[1], ordinal=1),
    ]
    assert len(retrieve(ListIndex(stored, lexical=[(1, 2.0), (2, 1.0)])).passages) == 2


def test_neighbours_in_two_languages_stay_apart() -> None:
    stored = [
        make_stored(1, "a", TEXTS[0], ordinal=0),
        make_stored(2, "a", TEXTS[1], ordinal=1, start=len(TEXTS[0]), language="deu_Latn"),
    ]
    passages = retrieve(ListIndex(stored, lexical=[(1, 2.0), (2, 1.0)])).passages
    assert [passage.language for passage in passages] == ["eng_Latn", "deu_Latn"]


# --- dropping and fitting --------------------------------------------------------------------


def test_no_more_passages_come_than_asked_for() -> None:
    stored = [make_stored(n, f"d{n}", TEXTS[n]) for n in range(5)]
    index = ListIndex(stored, lexical=[(n, 5.0 - n) for n in range(5)])
    assert [passage.document_id for passage in retrieve(index, k=2).passages] == ["d0", "d1"]


def test_a_near_duplicate_is_dropped_and_what_differs_is_not() -> None:
    text = "The ferry to the island leaves at six in the morning from the old harbour."
    stored = [
        make_stored(1, "a", text),
        make_stored(2, "b", text.replace(" ", "\n") + "!"),
        make_stored(3, "c", "Another ferry to the island leaves at noon, from the new pier."),
    ]
    index = ListIndex(stored, lexical=[(1, 3.0), (2, 2.0), (3, 1.0)])
    assert [passage.document_id for passage in retrieve(index).passages] == ["a", "c"]


@pytest.mark.parametrize(
    ("one", "other", "n_found"),
    [
        ("The ferry takes 40 minutes.", "The ferry takes 90 minutes.", 2),
        ("The ferry leaves at six.", "The ferry leaves at ten.", 2),
        ("The ferry leaves at six.", "the FERRY leaves\nat six", 1),
    ],
)
def test_only_what_differs_in_case_space_or_marks_is_dropped(
    one: str, other: str, n_found: int
) -> None:
    index = ListIndex(
        [make_stored(1, "a", one), make_stored(2, "b", other)], lexical=[(1, 2.0), (2, 1.0)]
    )
    assert len(retrieve(index).passages) == n_found


def test_records_of_one_template_are_all_found() -> None:
    stored = [
        make_stored(n, f"d{n}", f"Invoice {4000 + n}. The amount due is {n} euros, by May.")
        for n in range(20)
    ]
    index = ListIndex(stored, lexical=[(n, 40.0 - n) for n in range(20)])
    assert len(retrieve(index, k=10).passages) == 10


def test_what_hides_behind_many_duplicates_is_found() -> None:
    stored = [make_stored(n, f"d{n}", TEXTS[n // 80]) for n in range(90)]
    index = ListIndex(stored, lexical=[(n, 90.0 - n) for n in range(90)])
    assert [passage.document_id for passage in retrieve(index).passages] == ["d0", "d80"]


def test_a_chunk_that_was_removed_meanwhile_is_passed_over() -> None:
    index = ListIndex(chunks()[:1], lexical=[(99, 9.0), (1, 1.0)], dense=[(98, 0.9)])
    assert [passage.chunk_ids for passage in retrieve(index).passages] == [(1,)]


def test_passages_fit_into_the_token_budget() -> None:
    stored = [
        make_stored(n, f"d{n}", text, tokens=tokens)
        for n, (text, tokens) in enumerate(zip(TEXTS, [40, 70, 30, 25, 30], strict=True))
    ]
    index = ListIndex(stored, lexical=[(n, 5.0 - n) for n in range(5)])
    found = retrieve(index, max_tokens=100).passages
    assert [passage.document_id for passage in found] == ["d0", "d2", "d3"]


def test_the_first_passage_stays_however_long_it_is() -> None:
    stored = [make_stored(1, "a", TEXTS[0], tokens=500)]
    assert len(retrieve(ListIndex(stored, lexical=[(1, 1.0)]), max_tokens=10).passages) == 1


# --- reranking -------------------------------------------------------------------------------


@pytest.mark.parametrize(("leg", "first"), [("dense", "right"), ("lexical", "wrong")])
def test_vectors_are_put_in_order_by_the_words_that_meet_and_words_are_not(
    leg: Leg, first: str
) -> None:
    stored = [
        make_stored(1, "wrong", "Der Garten ist im Winter geschlossen."),
        make_stored(2, "right", "Die Fähre über den See fährt um sechs Uhr ab."),
    ]
    found = [(1, 0.9), (2, 0.8)]
    retriever = Retriever(
        ListIndex(stored, lexical=found, dense=found),
        CountingEmbedder(),
        dense_weight=0.5,
        ranker=LightRanker(Aligner(StaticEmbedder())),
    )
    passages = retriever.retrieve("When does the ferry leave?", leg=leg).passages
    assert passages[0].document_id == first


class LongestFirst:
    """Scores a passage by its length; `texts` is what it read."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def scores(self, question: str, passages: Sequence[str]) -> Scores:
        """Give the longest the most."""
        self.texts += passages
        return np.array([len(passage) / 1000 for passage in passages], dtype=np.float32)


def test_the_reranker_has_the_last_word_on_the_best_thirty() -> None:
    stored = [make_stored(n, f"d{n}", f"{'tea ' * n}{n}.") for n in range(40)]
    index = ListIndex(stored, lexical=[(n, 40.0 - n) for n in range(40)])
    retriever = Retriever(index, CountingEmbedder(), dense_weight=0.5, reranker=LongestFirst())
    passages = retriever.retrieve("tea?", k=40).passages
    names = [passage.document_id for passage in passages]
    assert names == [f"d{n}" for n in (*range(29, -1, -1), *range(30, 40))]
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)


def test_the_reranker_reads_title_and_headings_too() -> None:
    reranker = LongestFirst()
    stored = make_stored(1, "Prices", "Two euros.", headings=("Prices", "Dogs"))
    index = ListIndex([stored], lexical=[(1, 1.0)])
    Retriever(index, CountingEmbedder(), dense_weight=0.5, reranker=reranker).retrieve("dogs?")
    assert reranker.texts == ["Prices › Dogs\nTwo euros."]


def test_the_reranker_sees_no_more_than_was_found() -> None:
    reranker = LongestFirst()
    retriever = Retriever(ListIndex(), CountingEmbedder(), dense_weight=0.5, reranker=reranker)
    assert retriever.retrieve("tea?").passages == ()
    assert reranker.texts == []


# --- the question's language -------------------------------------------------------------------


@pytest.mark.parametrize("language", ["nld_Latn", "lim_Latn"])
def test_what_is_found_decides_a_language_that_is_in_doubt(language: str) -> None:
    stored = make_stored(1, "a", "Jan repareert de pomp.", language=language)
    found = retrieve(ListIndex([stored], lexical=[(1, 2.0)]), "Wie repareert de pomp?")
    assert found.language == language


def test_what_is_found_does_not_change_a_language_that_is_plain() -> None:
    stored = make_stored(1, "a", "The rent is ten coins a month.", language="eng_Latn")
    found = retrieve(ListIndex([stored], lexical=[(1, 2.0)]), "Was kostet die Miete im Monat?")
    assert found.language == "deu_Latn"


# --- questions without a word ----------------------------------------------------------------


@pytest.mark.parametrize("question", ["", " ", "?", "؟", "…", "🙂", "👍🏽 !?", "€", "-- / --"])
@pytest.mark.parametrize("leg", ["hybrid", "dense", "lexical"])
def test_a_question_without_a_word_finds_nothing(question: str, leg: Leg) -> None:
    index = ListIndex(chunks(), dense=[(1, 0.2), (2, 0.1)], lexical=[(1, 0.0)])
    assert retrieve(index, question, leg=leg).passages == ()


@pytest.mark.parametrize("question", ["C", "7", "½", "の", "ཀ", "၅", "Ⓐ", "☎ 5", "x" * 50_000])
def test_a_letter_or_a_digit_is_a_word(question: str) -> None:
    index = ListIndex(chunks(), dense=[(1, 0.2), (3, 0.1)])
    assert retrieve(index, question).passages
