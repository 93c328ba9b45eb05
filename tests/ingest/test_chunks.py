"""Chunks are whole sentences, exact spans, bounded, and alike in content across languages."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunks import chunk_document, text_to_embed
from ingest.documents import assemble
from ragqwen.languages import UNKNOWN
from ragqwen.records import Chunk, Document, Element, ParsedFile
from ragqwen.segmentation import count_words, sentences
from ragqwen.tokens import count_tokens

WORDS = (
    *("The", "ferry", "leaves.", "at", "noon!", "Gavdos", "12,5", "a.m.", "x-1_2@y.z"),
    *("渡轮早上出发。", "儿童免费！", "เรือข้ามฟาก", "သင်္ဘောသည်။", "ທຸກວັນ", "नाव।"),
    *(
        "😀👩\u200d👧",
        "𝔘ber",
        "\ufdfd",
        "supercalifragilistic" * 8,
        "\u1015\u103c\u100a\u103a" * 60,
    ),
    *(" \t \u3000" * 40, "\n"),
)
lines = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
elements = st.builds(
    Element,
    st.one_of(lines, st.text(max_size=60)),
    st.sampled_from(["heading", "text", "text", "text", "list_item", "table", "code"]),
    page=st.none(),
    level=st.integers(0, 3),
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw the document of some elements, on pages or without."""
    found = draw(st.lists(elements, max_size=12))
    if draw(st.booleans()):
        turns = draw(st.lists(st.booleans(), min_size=len(found), max_size=len(found)))
        pages = [1 + sum(turns[: at + 1]) for at in range(len(found))]
        found = [
            Element(e.text, e.kind, page, e.level) for e, page in zip(found, pages, strict=True)
        ]
    return assemble(
        ParsedFile((*found, Element("The end.", page=found[-1].page if found else None))),
        document_id="d",
        source="d.txt",
        content_hash="0",
        language=draw(st.sampled_from(["eng_Latn", "tha_Thai", "mya_Mymr", "zho_Hans", UNKNOWN])),
    )


def cut(document: Document, *, max_words: int = 40, max_tokens: int = 512) -> list[Chunk]:
    return list(chunk_document(document, max_words=max_words, max_tokens=max_tokens))


def make(*found: Element, language: str = "eng_Latn", title: str = "") -> Document:
    parsed = ParsedFile(found, title)
    return assemble(parsed, document_id="d", source="d.txt", content_hash="0", language=language)


@given(documents(), st.integers(20, 60), st.integers(64, 300))
def test_a_chunk_is_a_span_of_its_document(
    document: Document, max_words: int, max_tokens: int
) -> None:
    for chunk in cut(document, max_words=max_words, max_tokens=max_tokens):
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text == chunk.text.strip() != ""


@given(documents(), st.integers(64, 300))
def test_chunks_are_numbered_in_order_and_do_not_overlap(
    document: Document, max_tokens: int
) -> None:
    chunks = cut(document, max_tokens=max_tokens)
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(before.end <= after.start for before, after in pairwise(chunks))


@given(documents(), st.integers(64, 300))
def test_every_character_but_white_space_is_in_a_chunk(document: Document, max_tokens: int) -> None:
    found = "".join(chunk.text for chunk in cut(document, max_tokens=max_tokens))
    assert "".join(found.split()) == "".join(document.text.split())


@given(documents(), st.integers(20, 60), st.integers(64, 300))
def test_no_chunk_has_more_tokens_than_allowed(
    document: Document, max_words: int, max_tokens: int
) -> None:
    for chunk in cut(document, max_words=max_words, max_tokens=max_tokens):
        assert chunk.tokens == count_tokens(chunk.text) <= max_tokens


@given(st.lists(st.lists(st.integers(1, 12), min_size=1, max_size=12), max_size=9))
def test_a_chunk_of_short_sentences_has_a_quarter_more_words_at_most(
    paragraphs: list[list[int]],
) -> None:
    found = [
        Element(" ".join("And " + "so on " * (n // 2) + "ends." for n in lengths))
        for lengths in (*paragraphs, [1])
    ]
    for chunk in cut(make(*found), max_words=40, max_tokens=4096):
        assert count_words(chunk.text) <= 50


@given(documents())
def test_no_chunk_crosses_pages(document: Document) -> None:
    for chunk in cut(document, max_words=200, max_tokens=4096):
        pages = {
            block.page
            for block in document.blocks
            if block.start < chunk.end and chunk.start < block.end
        }
        assert pages == {chunk.page}


def test_cutting_twice_gives_the_same() -> None:
    document = make(*(Element(f"Sentence number {n} is here. " * 9) for n in range(20)))
    assert cut(document) == cut(document)


def test_sentences_stay_whole() -> None:
    text = " ".join(f"This is sentence number {n} of the ferry rules." for n in range(40))
    chunks = cut(make(Element(text)))
    assert len(chunks) > 5
    assert all(chunk.text.startswith("This") and chunk.text.endswith(".") for chunk in chunks)


def test_a_heading_begins_a_chunk_and_is_named_in_it() -> None:
    body = "Children travel free on every ferry of the line. " * 4
    chunks = cut(
        make(
            Element("Tickets", "heading", level=1),
            Element(body),
            Element("Dogs", "heading", level=2),
            Element(body),
        ),
        max_words=80,
    )
    assert [chunk.headings for chunk in chunks] == [("Tickets",), ("Tickets", "Dogs")]
    assert chunks[1].text.startswith("Dogs\n\nChildren")


def test_a_short_rest_is_joined_to_the_chunk_before() -> None:
    text = "One two three four five six seven eight nine ten. " * 4 + "The short rest."
    assert [chunk.text[-15:] for chunk in cut(make(Element(text)))] == ["The short rest."]


def test_a_chunk_inside_a_table_is_told_the_first_row() -> None:
    rows = ["Port\tPrice", *(f"Harbour {n}\t{n} drachmae and a half" for n in range(40))]
    document = make(Element("Fares", "heading", level=1), Element("\n".join(rows), "table"))
    first, second, *_ = cut(document)
    assert first.headings == ("Fares",)
    assert second.headings == ("Fares", "Port\tPrice")
    assert second.text.startswith("Harbour")


def test_rows_of_a_table_stay_whole() -> None:
    rows = [f"Harbour {n}. West. Pier {n}\t{n}. Price" for n in range(40)]
    chunks = cut(make(Element("\n".join(rows), "table")))
    assert [row for chunk in chunks for row in chunk.text.split("\n")] == rows


def test_an_endless_word_is_cut_to_the_token_bound() -> None:
    text = "ကျွန်ုပ်" * 800
    chunks = cut(make(Element(text), language="mya_Mymr"), max_tokens=64)
    assert "".join(chunk.text for chunk in chunks) == text
    assert max(chunk.tokens for chunk in chunks) <= 64


ENGLISH = (
    "The ferry leaves the old harbour at six in the morning. ",
    "Children under seven travel without a ticket. ",
    "Dogs must stay on the upper deck. ",
    "The ticket office opens at five. ",
    "In strong wind the ferry does not sail. ",
    "Bicycles cost two coins. ",
)
BURMESE = (
    "ကူးတို့သင်္ဘောသည် နံနက် ခြောက်နာရီတွင် ဆိပ်ကမ်းဟောင်းမှ ထွက်ခွာသည်။ ",
    "အသက် ခုနစ်နှစ်အောက် ကလေးများသည် လက်မှတ်မလိုဘဲ စီးနိုင်သည်။ ",
    "ခွေးများသည် အပေါ်ထပ်တွင် နေရမည်။ ",
    "လက်မှတ်ရုံးသည် ငါးနာရီတွင် ဖွင့်သည်။ ",
    "လေပြင်းတိုက်လျှင် ကူးတို့သင်္ဘော မထွက်ပါ။ ",
    "စက်ဘီးများအတွက် အကြွေစေ့ နှစ်စေ့ ကျသင့်သည်။ ",
)


def sentences_per_chunk(text: str, language: str) -> float:
    chunks = cut(make(Element(text), language=language), max_words=80, max_tokens=2048)
    return sum(len(list(sentences(chunk.text, language))) for chunk in chunks) / len(chunks)


def test_chunks_hold_alike_in_burmese_and_in_english() -> None:
    english = sentences_per_chunk("".join(ENGLISH) * 20, "eng_Latn")
    burmese = sentences_per_chunk("".join(BURMESE) * 20, "mya_Mymr")
    assert english >= 8
    assert 1 / 1.25 <= burmese / english <= 1.25


@pytest.mark.parametrize(
    ("title", "headings", "embedded"),
    [
        ("Ferry", ("Tickets", "Dogs"), "Ferry › Tickets › Dogs\nText."),
        ("Ferry", ("Ferry",), "Ferry\nText."),
        ("", (), "Text."),
    ],
)
def test_title_and_headings_are_embedded_with_the_text(
    title: str, headings: tuple[str, ...], embedded: str
) -> None:
    document = Document("d", "Text.", (), "0", title=title)
    assert text_to_embed(document, Chunk(0, 0, 5, "Text.", None, headings, 2)) == embedded
