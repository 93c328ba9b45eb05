"""A document is one text in normal form, of which each element is a span."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.documents import assemble, content_hash, elements_from_text
from ragqwen.errors import DocumentRefused
from ragqwen.records import Document, Element, ElementKind, ParsedFile
from ragqwen.text import normalise_text

texts = st.text(st.characters(exclude_categories=()), max_size=60)
kinds = st.sampled_from(["heading", "text", "list_item", "table", "code"])
elements = st.builds(Element, texts, kinds, st.none(), st.integers(0, 3))


def make(*elements: Element, **parsed: object) -> Document:
    file = ParsedFile(elements, **parsed)  # type: ignore[arg-type]
    return assemble(file, document_id="d", source="ferry.txt", content_hash="0")


@given(st.lists(elements, max_size=8))
def test_blocks_are_spans_in_order_and_only_white_space_is_between(found: list[Element]) -> None:
    document = make(*found, Element("End."))
    blocks = document.blocks
    assert blocks[0].start == 0
    assert blocks[-1].end == len(document.text)
    assert all(block.start < block.end for block in blocks)
    between = [document.text[a.end : b.start] for a, b in pairwise(blocks)]
    assert set(between) <= {"\n", "\n\n"}


@given(st.lists(elements, max_size=8))
def test_the_text_is_in_normal_form(found: list[Element]) -> None:
    text = make(*found, Element("End.")).text
    assert normalise_text(text) == text


@given(st.lists(elements, max_size=8))
def test_each_block_has_its_element_s_text(found: list[Element]) -> None:
    document = make(*found, Element("End."))
    full = [element for element in (*found, Element("End.")) if normalise_text(element.text)]
    for block, element in zip(document.blocks, full, strict=True):
        assert block.kind == element.kind
        of_block = "".join(document.text[block.start : block.end].split())
        assert of_block == "".join(normalise_text(element.text).split())


def test_items_of_a_list_follow_line_by_line() -> None:
    item: ElementKind = "list_item"
    document = make(Element("Bring:"), Element("a coat", item), Element("a hat", item))
    assert document.text == "Bring:\n\na coat\na hat"


def test_a_heading_closes_those_of_its_level_and_below() -> None:
    document = make(
        Element("Ferry", "heading", level=1),
        Element("Dogs", "heading", level=2),
        Element("Leashes", "heading", level=3),
        Element("Cats", "heading", level=2),
        Element("Text."),
    )
    assert document.blocks[2].headings == ("Ferry", "Dogs", "Leashes")
    assert document.blocks[-1].headings == ("Ferry", "Cats")


def test_wrapped_lines_of_prose_are_joined_and_those_of_code_are_not() -> None:
    lines = "The ferry leaves from the old\nharbour every Monday, and it\nreturns at noon."
    document = make(Element(lines), Element(lines, "code"))
    assert document.text == lines.replace("\n", " ") + "\n\n" + lines


@pytest.mark.parametrize(
    ("given_title", "first", "title"),
    [
        ("Ferry  rules\nof 1998", Element("Tickets", "heading", level=1), "Ferry  rules of 1998"),
        ("", Element("Tickets", "heading", level=1), "Tickets"),
        ("", Element("Tickets"), "ferry.txt"),
    ],
)
def test_the_title_is_the_file_s_or_its_first_heading_or_its_name(
    given_title: str, first: Element, title: str
) -> None:
    assert make(first, title=given_title).title == title


def test_a_file_without_text_is_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"ferry\.txt has no text"):
        make(Element(" \n"), Element("\u00ad"))


def test_the_language_is_found_out_unless_given() -> None:
    element = Element("Die Fähre fährt jeden Montag um sechs Uhr morgens ab.")
    given_language = assemble(
        ParsedFile((element,)), document_id="d", source="", content_hash="", language="mya_Mymr"
    )
    assert (make(element).language, given_language.language) == ("deu_Latn", "mya_Mymr")


def test_what_is_stored_beside_the_text_can_be_encoded() -> None:
    document = assemble(
        ParsedFile(
            (Element("Text."),), "title\ud800", metadata={"a\ud800": ["b\ud800", {"c": "\0"}]}
        ),
        document_id="d",
        source="f\udce9rry.txt",
        content_hash="0",
    )
    stored = repr((document.title, document.source, document.metadata))
    stored.encode("utf-8")
    assert "\\ud" not in stored
    assert "\\x00" not in stored


def test_numbers_that_json_has_not_are_left_out_of_metadata() -> None:
    document = make(Element("Text."), metadata={"a": [1.5, float("nan")], "b": float("inf")})
    assert document.metadata == {"a": [1.5, None], "b": None}


def test_metadata_nested_too_deeply_is_refused() -> None:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(DocumentRefused, match="nested too deeply"):
        make(Element("Text."), metadata={"a": nested})


@pytest.mark.parametrize("document_id", ["a\ud800", "a\0b", "a\nb", "", "x" * 501])
def test_an_id_that_can_not_be_kept_is_refused(document_id: str) -> None:
    with pytest.raises(DocumentRefused, match="id"):
        assemble(
            ParsedFile((Element("Text."),)), document_id=document_id, source="f", content_hash=""
        )


@given(texts)
def test_paragraphs_of_a_plain_text_hold_all_of_it(text: str) -> None:
    paragraphs = [element.text for element in elements_from_text(text)]
    assert "\n\n".join(paragraphs) == normalise_text(text)


def test_equal_bytes_have_equal_hashes_and_others_have_others() -> None:
    assert content_hash(b"a") == content_hash(b"a") != content_hash(b"b")
