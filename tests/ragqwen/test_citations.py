"""Citations: markers in order of use, each a checked span of its source."""

import time

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
    cited = cite_all(f"Bring {marker} a warm coat.")
    assert (cited.text, cited.citations) == ("Bring a warm coat.", ())
    assert cited.removed_markers == marker.count(",") + 1


@pytest.mark.parametrize("marker", ["[1][2]", "[1, 2]", "[1;2]", "[1] [2]", "[1, 2, 9]", "[١][٢]"])
def test_several_passages_may_be_cited_at_once(marker: str) -> None:
    answer, citations = cite(f"The ferry leaves at six and dogs stay on deck {marker}.")
    assert regex.sub(r"\s", "", answer).endswith("ondeck[1][2].")
    assert [citation.document_id for citation in citations] == ["ferry", "dogs"]


def test_a_claim_that_cites_nothing_gets_the_passage_that_bears_it_out() -> None:
    cited = cite_all("Dogs stay on deck. The ferry leaves at six [1].")
    assert cited.text == "Dogs stay on deck [1]. The ferry leaves at six [2]."
    assert [(c.document_id, c.status) for c in cited.citations] == [
        ("dogs", "verified"),
        ("ferry", "verified"),
    ]
    assert cited.unsupported_claims == ()


def test_a_claim_that_nothing_bears_out_is_listed() -> None:
    cited = cite_all("The captain is called Manolis. Dogs stay on deck [2].")
    assert cited.text == "The captain is called Manolis. Dogs stay on deck [1]."
    assert cited.unsupported_claims == ("The captain is called Manolis.",)


@pytest.mark.parametrize("said", ["Hello!", "Here is what I found:", "## Ferry", "你好！", "Yes."])
def test_what_claims_nothing_is_not_listed(said: str) -> None:
    cited = cite_all(f"{said}\nDogs stay on deck [2].")
    assert cited.text == f"{said}\nDogs stay on deck [1]."
    assert cited.unsupported_claims == ()


@pytest.mark.parametrize(
    "claim",
    [
        "The captain is called Manolis",
        "The bakery sells bread on Sundays",
        "The ferry does 24 knots",
        "Manolis sells the tickets on board",
    ],
)
def test_a_passage_that_does_not_say_it_is_an_unsupported_citation(claim: str) -> None:
    cited = cite_all(f"{claim} [1].")
    assert cited.text == f"{claim} [1]."
    assert [(c.document_id, c.status) for c in cited.citations] == [("ferry", "unsupported")]
    assert cited.citations[0].score < 0.5
    assert cited.unsupported_claims == (f"{claim}.",)


@pytest.mark.parametrize("language", ["eng_Latn", "deu_Latn", "arb_Arab"])
@pytest.mark.parametrize("written", ["12 euros", "12 EUR", "١٢ euros", "12.00 euros"])
def test_a_figure_must_be_in_the_source(language: str, written: str) -> None:
    fee = [make_passage("fee", "The harbour fee is 12 euros for a day.")]
    for other, status in ((written, "verified"), ("13 euros", "unsupported")):
        said = f"The harbour fee is {other} [1]."
        cited = cite_generated(said, fee, language, ALIGNER)
        assert [c.status for c in cited.citations] == [status]


def test_the_number_of_a_list_s_item_is_no_figure() -> None:
    cited = cite_all("4. Dogs stay on deck [2].\n5. Children travel free [1].")
    assert [c.status for c in cited.citations] == ["verified", "verified"]
    assert cited.text == "4. Dogs stay on deck [1].\n5. Children travel free [2]."


def test_parts_of_a_sentence_have_their_own_citations() -> None:
    cited = cite_all("The ferry leaves at six [1] and dogs stay on deck [2].")
    assert [(c.quote, c.status) for c in cited.citations] == [
        ("😀 The ferry leaves at six.", "verified"),
        ("Dogs stay on deck.", "verified"),
    ]


def test_a_claim_may_rest_on_two_passages_together() -> None:
    cited = cite_all("The ferry leaves at six and dogs stay on deck [1][2].")
    assert [c.status for c in cited.citations] == ["verified", "verified"]


def test_a_claim_in_another_language_is_verified() -> None:
    cited = cite_all("Hunde bleiben an Deck [2]. Die Fähre fährt um sechs ab [1].", "deu_Latn")
    assert [(c.document_id, c.status) for c in cited.citations] == [
        ("dogs", "verified"),
        ("ferry", "verified"),
    ]


@pytest.mark.parametrize("text", ["[1] Dogs stay on deck.", "[2] Dogs stay on deck.\n"])
def test_a_marker_that_begins_a_line_belongs_to_what_follows(text: str) -> None:
    assert cite(text)[0] == "Dogs stay on deck [1]."


@pytest.mark.parametrize(
    "unit", ["[1]", "[1] a. ", "Dogs stay on deck [2]. ", "[", "[9]", "\u202e[1]\u202c ", " ", "."]
)
def test_a_flood_of_markers_is_cited_in_time(unit: str) -> None:
    start = time.process_time()
    cite_all(unit * (200_000 // len(unit)))
    assert time.process_time() - start < 30


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
        Quote(DOGS, 19, 40, "Cats are not allowed.", 1.0),
        Quote(FERRY, 77, 98, "Children travel free.", 0.5),
    ]
    first, second = cite_quotes(quotes)
    assert (first.marker, first.document_id, first.quote) == (
        "[1]",
        "dogs",
        "Cats are not allowed.",
    )
    assert (second.marker, second.page, second.quote) == ("[2]", 4, "Children travel free.")
    check((first, second))


@pytest.mark.parametrize(
    "answer",
    [
        "14. August 1945 endete der Krieg in Europa [1].",
        "Kurz: 14. August 1945 endete der Krieg in Europa [1].",
    ],
)
def test_a_date_s_day_is_no_mark_of_a_list(answer: str) -> None:
    passage = make_passage("war", "Am 8. August 1945 endete der Krieg in Europa.")
    cited = cite_generated(answer, [passage], "deu_Latn", ALIGNER)
    assert [citation.status for citation in cited.citations] == ["unsupported"]


def test_the_number_of_a_list_s_item_is_no_claim() -> None:
    passage = make_passage("ferry", "The ferry leaves at six. Dogs stay on the upper deck.")
    answer = "1. The ferry leaves at six [1].\n2. Dogs stay on the upper deck [1]."
    cited = cite_generated(answer, [passage], "eng_Latn", ALIGNER)
    assert [citation.status for citation in cited.citations] == ["verified", "verified"]


def test_digits_that_python_does_not_know_break_nothing() -> None:
    passage = make_passage("ferry", "The ferry leaves at six.")
    cited = cite_generated("The ferry leaves at six [\U00010d41].", [passage], "eng_Latn", ALIGNER)
    assert cited.text.startswith("The ferry leaves at six")
