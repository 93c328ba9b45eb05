"""Citations: markers in order of use, each a checked span of its source."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.alignment import Aligner
from ragqwen.citations import CitedAnswer, cite_generated, cite_quotes
from ragqwen.reader import Quote
from ragqwen.records import Citation
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import make_passage

FERRY = make_passage(
    "ferry",
    "😀 The ferry leaves at six. Children travel free. Tickets are sold on board.",
    start=50,
    pages=((50, 3), (77, 4)),
)
DOGS = make_passage("dogs", "Dogs stay on deck. Cats are not allowed.")
PASSAGES = [FERRY, DOGS]


ALIGNER = Aligner(StaticEmbedder())


def cite_all(answer: str, language: str = "eng_Latn") -> CitedAnswer:
    return cite_generated(answer, PASSAGES, language, ALIGNER)


def cite(answer: str) -> tuple[str, tuple[Citation, ...]]:
    cited = cite_all(answer)
    return cited.text, cited.citations


def check(citations: tuple[Citation, ...]) -> None:
    for citation in citations:
        passage = next(p for p in PASSAGES if p.document_id == citation.document_id)
        place = slice(citation.start - passage.start, citation.end - passage.start)
        assert citation.quote == passage.text[place] != ""


def test_a_statement_is_cited_by_the_sentence_most_like_it() -> None:
    answer, citations = cite("Kids, that is children, travel free [1].")
    assert answer == "Kids, that is children, travel free [1]."
    assert [citation.quote for citation in citations] == ["Children travel free."]
    check(citations)


def test_markers_are_numbered_in_order_of_use() -> None:
    answer, citations = cite("Dogs stay on deck [2]. The ferry leaves at six [1].")
    assert answer == "Dogs stay on deck [1]. The ferry leaves at six [2]."
    assert [(c.marker, c.document_id) for c in citations] == [("[1]", "dogs"), ("[2]", "ferry")]


def test_equal_places_share_a_marker() -> None:
    answer, citations = cite("Dogs stay on deck [2]. On deck dogs stay [2].")
    assert answer == "Dogs stay on deck [1]. On deck dogs stay [1]."
    assert len(citations) == 1


def test_two_sentences_of_a_passage_have_two_markers() -> None:
    answer, citations = cite("The ferry leaves at six [1]. Tickets are sold on board [1].")
    assert answer == "The ferry leaves at six [1]. Tickets are sold on board [2]."
    assert [citation.page for citation in citations] == [3, 4]


@pytest.mark.parametrize("marker", ["[3]", "[0]", "[999]", "[7, 9]"])
def test_a_marker_to_no_passage_is_removed(marker: str) -> None:
    assert cite(f"Dogs stay {marker} on deck.") == ("Dogs stay on deck.", ())


@pytest.mark.parametrize("marker", ["[1][2]", "[1, 2]", "[1;2]", "[1] [2]", "[1, 2, 9]", "[١][٢]"])
def test_several_passages_may_be_cited_at_once(marker: str) -> None:
    answer, citations = cite(f"The ferry leaves at six and dogs stay on deck {marker}.")
    assert regex.sub(r"\s", "", answer).endswith("ondeck[1][2].")
    assert [citation.document_id for citation in citations] == ["ferry", "dogs"]


def test_an_answer_without_markers_has_no_citations() -> None:
    assert cite(" Dogs stay. ") == ("Dogs stay.", ())


def test_other_brackets_stay() -> None:
    assert cite("As [a] and [1998] and [] say.")[0] == "As [a] and [1998] and [] say."


PIECES = ["The ferry leaves", "at six.", "Dogs", "渡轮。", "\n", "😀"]
MARKERS = ["[1]", "[2]", "[1][2]", "[5]", "[2,1]", "[", "]"]


@given(st.lists(st.sampled_from([*PIECES, *MARKERS]), max_size=15).map(" ".join))
def test_every_marker_of_an_answer_has_its_citation(text: str) -> None:
    answer, citations = cite(text)
    used = list(dict.fromkeys(regex.findall(r"\[\d+\]", answer)))
    assert used == [citation.marker for citation in citations]
    assert used == [f"[{n}]" for n in range(1, len(used) + 1)]
    check(citations)


def test_quotes_are_cited_in_order() -> None:
    quotes = [
        Quote(DOGS, 19, 40, "Cats are not allowed.", 1.0, 1.0),
        Quote(FERRY, 77, 98, "Children travel free.", 0.5, 0.5),
    ]
    first, second = cite_quotes(quotes)
    assert (first.marker, first.document_id, first.quote) == (
        "[1]",
        "dogs",
        "Cats are not allowed.",
    )
    assert (second.marker, second.page, second.quote) == ("[2]", 4, "Children travel free.")
    check((first, second))
