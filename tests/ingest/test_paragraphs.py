"""Each paragraph has its own language, and so have the chunks made of it."""

from pathlib import Path

import pytest

from eval.own_set import read_fact_files
from ingest.chunks import chunk_document
from ingest.documents import assemble
from ingest.readers import read_file
from ragqwen.languages import group_of
from ragqwen.records import Document, Element, ParsedFile

DOCS = Path(__file__).parents[3] / "shared" / "data" / "docs"
ENGLISH = "The ferry leaves the old harbour at six in the morning, and in winter at seven."
GERMAN = "Die Fähre verlässt den alten Hafen um sechs Uhr morgens, und im Winter um sieben."
BURMESE = "ကူးတို့သင်္ဘောသည် နံနက် ခြောက်နာရီတွင် ဆိပ်ကမ်းဟောင်းမှ ထွက်ခွာသည်။"
CHINESE = "渡轮早上六点从旧港口出发，冬天七点出发。"


def make(*elements: Element | str, language: str | None = None) -> Document:
    found = tuple(Element(one) if isinstance(one, str) else one for one in elements)
    return assemble(
        ParsedFile(found), document_id="d", source="d.txt", content_hash="0", language=language
    )


def languages_of(document: Document) -> list[str]:
    return [block.language for block in document.blocks]


def test_each_paragraph_has_its_language_and_the_document_its_main_one() -> None:
    document = make(ENGLISH, ENGLISH, GERMAN, BURMESE, CHINESE)
    assert document.language == "eng_Latn"
    assert languages_of(document) == ["eng_Latn", "eng_Latn", "deu_Latn", "mya_Mymr", "zho_Hans"]


def test_a_given_language_is_that_of_all_paragraphs() -> None:
    document = make(ENGLISH, GERMAN, language="mya_Mymr")
    assert languages_of(document) == ["mya_Mymr", "mya_Mymr"]


@pytest.mark.parametrize("short", ["OK", "12,50", "Montag", "6-7"])
def test_a_short_paragraph_has_the_language_on_both_sides_of_it(short: str) -> None:
    assert languages_of(make(ENGLISH, ENGLISH, GERMAN, short, GERMAN))[2:] == ["deu_Latn"] * 3


@pytest.mark.parametrize("elements", [("12,50", ENGLISH), (ENGLISH, ENGLISH, GERMAN, "12,50")])
def test_a_short_paragraph_between_languages_has_the_document_s(elements: tuple[str, ...]) -> None:
    of = dict(zip(elements, languages_of(make(*elements)), strict=True))
    assert of["12,50"] == "eng_Latn"


def test_a_heading_goes_with_what_follows_it() -> None:
    document = make(
        ENGLISH, ENGLISH, Element("Tarif", "heading", level=1), Element("A", "heading"), GERMAN
    )
    assert languages_of(document)[2:] == ["deu_Latn"] * 3


def test_code_has_its_neighbours_language() -> None:
    code = Element("der_hafen = die_faehre(morgens=True)\nund_im_winter(der_hafen, um=7)", "code")
    assert languages_of(make(ENGLISH, ENGLISH, code, ENGLISH)) == ["eng_Latn"] * 4


def test_near_identical_languages_are_not_told_apart_within_a_document() -> None:
    for file in read_fact_files():
        if file.language in ("bos_Latn", "hrv_Latn", "ind_Latn", "zsm_Latn", "prs_Arab"):
            document = make(*(fact.text for fact in file.facts))
            groups = {group_of(language) for language in languages_of(document)}
            assert groups == {group_of(document.language)}, file.language
            assert set(languages_of(document)) == {document.language}


def test_few_paragraphs_of_a_document_in_one_language_are_taken_for_another() -> None:
    """Measured on our own facts in 119 languages."""
    strays = n_blocks = 0
    for file in read_fact_files():
        document = make(*(fact.text for fact in file.facts))
        strays += sum(language != document.language for language in languages_of(document))
        n_blocks += len(document.blocks)
    assert n_blocks == 119 * 8
    assert strays <= 0.005 * n_blocks


def cut(document: Document, max_words: int = 160) -> list[tuple[str, str]]:
    chunks = chunk_document(document, max_words=max_words, max_tokens=2048)
    return [(chunk.language, chunk.text) for chunk in chunks]


def test_a_chunk_is_in_one_language() -> None:
    document = make(ENGLISH, ENGLISH, GERMAN, BURMESE, ENGLISH)
    assert cut(document) == [
        ("eng_Latn", f"{ENGLISH}\n\n{ENGLISH}"),
        ("deu_Latn", GERMAN),
        ("mya_Mymr", BURMESE),
        ("eng_Latn", ENGLISH),
    ]


def test_a_chunk_s_sentences_are_cut_in_its_language() -> None:
    """Thai has no sentence mark: in English it would be one sentence."""
    clause = "เรือข้ามฟากออกจากท่าเรือเก่าตอนหกโมงเช้า"
    document = make(*(ENGLISH,) * 12, " ".join([clause] * 20))
    parts = [text for language, text in cut(document, 40) if language == "tha_Thai"]
    assert len(parts) > 2
    assert all(part.startswith(clause) and part.endswith(clause) for part in parts)


@pytest.mark.skipif(not DOCS.is_dir(), reason="shared/data/docs is not here")
@pytest.mark.parametrize("suffix", ["docx", "md", "html", "odt", "rtf", "epub", "eml"])
def test_files_in_english_and_spanish_have_both(suffix: str) -> None:
    name = f"unstructured__eng_spa_mult.{suffix}"
    parsed = read_file(DOCS / name, name=name)
    document = assemble(parsed, document_id="d", source=name, content_hash="0")
    spans = [(block.language, block.start, block.end) for block in document.blocks]
    starts = {language: document.text[start:end][:15] for language, start, end in spans[-1:]}
    assert {language for language, _, _ in spans} == {"eng_Latn", "spa_Latn"}
    assert starts in ({"spa_Latn": '"Todos los sere'}, {"spa_Latn": "“Todos los sere"})
