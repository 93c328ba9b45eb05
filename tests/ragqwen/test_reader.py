"""The extractive reader quotes what speaks of the question, or nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.alignment import Aligner
from ragqwen.analysis import terms
from ragqwen.reader import ExtractiveReader, Reading
from ragqwen.records import Passage
from ragqwen.retrieval import Evidence
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import make_passage

FERRY = make_passage(
    "ferry",
    "The line is old. The ferry to Gavdos leaves at six in the morning. Tickets are sold on board.",
    start=100,
)
DOGS = make_passage("dogs", "Dogs must stay on the upper deck. They need a leash.", score=0.4)
COMMON = {"the": 90, "to": 80, "does": 70, "when": 60, "is": 85, "of": 88, "a": 80, "in": 79}


def read(question: str, *passages: Passage) -> Reading:
    asked = terms(question)
    frequencies = {term: COMMON.get(term, 1) for term in asked}
    evidence = Evidence(question, "eng_Latn", tuple(asked), frequencies, passages)
    return ExtractiveReader(Aligner(StaticEmbedder())).read(evidence)


def test_the_sentence_that_answers_is_quoted_first() -> None:
    quotes = read("When does the ferry to Gavdos leave?", DOGS, FERRY).quotes
    assert quotes[0].text == "The ferry to Gavdos leaves at six in the morning."
    assert quotes[0].passage == FERRY


INVOICES = make_passage(
    "invoices",
    "Invoice 23835 was paid on 3 May by bank transfer. Invoice 23836 was paid on 9 June in cash.",
)


@pytest.mark.parametrize(
    "question", ["When was invoice 23837 paid?", "invoice 23837", "23837", "Is 1,123,456 paid?"]
)
def test_another_number_is_no_answer(question: str) -> None:
    assert read(question, INVOICES).quotes == ()


def test_the_number_that_is_asked_for_is_quoted_first() -> None:
    (first, *_) = read("When was invoice 23836 paid?", INVOICES).quotes
    assert first.text == "Invoice 23836 was paid on 9 June in cash."


def test_of_a_very_long_question_the_most_telling_words_count() -> None:
    reader = ExtractiveReader(Aligner(StaticEmbedder()))
    telling = {"the": 1000, **{f"rare{number}": 1 for number in range(127)}}
    more = {f"common{number}": 1000 for number in range(1000)}
    question = "When does the ferry leave?"
    (few,), (many,) = (
        reader.look(Evidence(question, "eng_Latn", tuple(some), some, (FERRY,)))
        for some in (telling, telling | more)
    )
    assert many.whole.tolist() == few.whole.tolist()


def test_a_quote_is_a_span_of_the_document() -> None:
    (quote, *_) = read("When does the ferry to Gavdos leave?", FERRY).quotes
    assert (quote.start, quote.end) == (117, 166)
    assert FERRY.text[quote.start - 100 : quote.end - 100] == quote.text


@given(
    st.lists(
        st.sampled_from(["The", "ferry", "leaves.", "Dogs", "stay!", "渡轮出发。", "Gavdos\n😀"])
    )
)
def test_quotes_are_spans_and_odds_are_a_share(pieces: list[str]) -> None:
    passage = make_passage("d", " ".join(("Ferry", *pieces)), start=7)
    reading = read("Does the ferry to Gavdos leave?", passage, DOGS)
    assert 0 <= reading.odds <= 1
    assert len(reading.quotes) <= 3
    for quote in reading.quotes:
        place = slice(quote.start - quote.passage.start, quote.end - quote.passage.start)
        assert quote.passage.text[place] == quote.text == quote.text.strip()


def test_a_question_about_something_else_is_not_answered() -> None:
    reading = read("When does the museum of lighthouses in Oslo open?", FERRY, DOGS)
    assert reading.quotes == ()
    assert reading.odds < 0.5


def test_function_words_alone_answer_nothing() -> None:
    passage = make_passage("d", "When does the one go to the other, and is it in the end?")
    assert read("When does the zeppelin to the moon depart?", passage).quotes == ()


def test_no_passages_are_no_answer() -> None:
    assert read("When does the ferry leave?") == Reading((), 0.0)


def test_a_weaker_sentence_is_left_out() -> None:
    quotes = read("When does the ferry to Gavdos leave?", FERRY).quotes
    assert "Tickets are sold on board." not in [quote.text for quote in quotes]


def test_the_title_counts_for_what_a_passage_speaks_of() -> None:
    bare = make_passage("d", "It leaves at six.")
    titled = replace(bare, title="Ferry to Gavdos")
    question = "When does the ferry to Gavdos leave?"
    assert read(question, titled).odds > read(question, bare).odds


def test_a_heading_is_quoted_only_if_there_is_nothing_else() -> None:
    heading = "When the ferry to Gavdos leaves"
    with_text = make_passage("d", f"{heading}\nIt sails at six.", headings=(heading,))
    alone = make_passage("d", heading, headings=(heading,))
    question = "When does the ferry to Gavdos leave?"
    assert [quote.text for quote in read(question, with_text).quotes] == ["It sails at six."]
    assert [quote.text for quote in read(question, alone).quotes] == [heading]


@pytest.mark.parametrize(
    ("language", "question", "text", "answer"),
    [
        ("zho_Hans", "渡轮几点出发？", "狗要留在甲板上。渡轮早上六点出发。", "渡轮早上六点出发。"),
        (
            "tha_Thai",
            "เรือข้ามฟากออกกี่โมง",
            "สุนัขต้องอยู่บนดาดฟ้า\nเรือข้ามฟากออกหกโมงเช้า",
            "เรือข้ามฟากออกหกโมงเช้า",
        ),
        (
            "mya_Mymr",
            "ကူးတို့သင်္ဘောသည် ဘယ်အချိန်တွင် ထွက်ခွာသည်",
            "ခွေးများ အပေါ်ထပ်တွင် နေရမည်။ ကူးတို့သင်္ဘောသည် ခြောက်နာရီတွင် ထွက်ခွာသည်။",
            "ကူးတို့သင်္ဘောသည် ခြောက်နာရီတွင် ထွက်ခွာသည်။",
        ),
    ],
)
def test_it_reads_scripts_without_spaces(
    language: str, question: str, text: str, answer: str
) -> None:
    passage = make_passage("d", text, language=language)
    assert read(question, passage).quotes[0].text == answer


def test_a_passage_in_another_language_is_read_by_the_vectors_of_words() -> None:
    text = "Hunde müssen draußen bleiben. Das Wasser im Fluss ist sehr kalt. Brot kostet zwei Euro."
    passage = make_passage("d", text, language="deu_Latn")
    (quote, *_) = read("How cold is the water in the river?", passage).quotes
    assert quote.text == "Das Wasser im Fluss ist sehr kalt."


def test_a_passage_in_another_language_about_something_else_answers_nothing() -> None:
    passage = make_passage("d", "Hunde müssen draußen bleiben.", language="deu_Latn")
    assert read("Who was the first president of the republic?", passage).quotes == ()


def test_a_passage_about_something_else_is_not_quoted_for_a_word_of_the_question() -> None:
    other = make_passage("bus", "The bus to the airport leaves at nine in the evening.", score=0.9)
    quotes = read("When does the ferry to Gavdos leave?", FERRY, other).quotes
    assert {quote.passage.document_id for quote in quotes} == {"ferry"}


def test_the_questions_own_language_is_quoted_before_others() -> None:
    german = make_passage(
        "fähre", "Die Fähre nach Gavdos fährt um sechs Uhr ab.", language="deu_Latn"
    )
    quotes = read("When does the ferry to Gavdos leave?", german, FERRY).quotes
    assert {quote.passage.language for quote in quotes} == {"eng_Latn"}


def test_the_words_of_a_question_count_whatever_language_it_is_taken_for() -> None:
    asked = terms("ferry Gavdos")
    frequencies = dict.fromkeys(asked, 1)
    evidence = Evidence("ferry Gavdos", "swe_Latn", tuple(asked), frequencies, (FERRY, DOGS))
    (quote, *_) = ExtractiveReader(Aligner(StaticEmbedder())).read(evidence).quotes
    assert quote.text == "The ferry to Gavdos leaves at six in the morning."


@pytest.mark.parametrize("question", ["", "?", "…", "😀"])
def test_a_question_without_words_is_not_answered(question: str) -> None:
    assert read(question, FERRY).quotes == ()
