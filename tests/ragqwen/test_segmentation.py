"""Spans of sentences and words, in every script."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icu4py.breakers import WordBreaker

from ragqwen.languages import iso_code, languages
from ragqwen.segmentation import Span, count_words, sentences, words
from ragqwen.text import normalise_text

SCRIPTS = (
    "abc XYZ.!? 12\n\t…:;-()\"'« ผู้หญิง ก ข ຂ້ອຍ ភាសា។ မြန်မာ။ 渡轮。早上，！？かな カナ 한국어 "
    "עברית العربية؟ हिन्दी। ไทย 😀👩‍👩‍👧𝔘𐍈 e\u0301 \u200b\u200d\u3000\u00a0"
)
texts = st.one_of(st.text(SCRIPTS, max_size=300), st.text(max_size=200))
codes = st.sampled_from([*languages(), "und"])


def check_spans(text: str, spans: list[Span]) -> None:
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@given(texts, codes)
def test_sentences_are_ordered_spans_of_the_text(text: str, code: str) -> None:
    check_spans(text, list(sentences(text, code)))


@given(texts, codes)
def test_sentences_leave_nothing_out_but_white_space(text: str, code: str) -> None:
    found = "".join(text[start:end] for start, end in sentences(text, code))
    assert "".join(found.split()) == "".join(text.split())


@given(texts, codes)
def test_sentences_have_no_white_space_around_them(text: str, code: str) -> None:
    assert all(text[a:b] == text[a:b].strip() for a, b in sentences(text, code))


@given(texts, codes, st.integers(1, 60))
def test_no_sentence_is_longer_than_allowed(text: str, code: str, max_chars: int) -> None:
    spans = list(sentences(text, code, max_chars=max_chars))
    check_spans(text, spans)
    assert all(end - start <= max_chars for start, end in spans)
    assert sum(len("".join(text[a:b].split())) for a, b in spans) == len("".join(text.split()))


@given(texts)
def test_words_are_ordered_spans_of_the_text(text: str) -> None:
    check_spans(text, list(words(text)))


@given(texts)
def test_every_letter_and_digit_is_in_a_word(text: str) -> None:
    inside = {at for start, end in words(text) for at in range(start, end)}
    assert all(at in inside for at, char in enumerate(text) if char.isalnum() and ord(char) < 384)


@pytest.mark.parametrize(
    ("code", "text", "n"),
    [
        ("eng_Latn", "Dr. Lin sails at 6.30 a.m. on Monday. She returns at noon!", 2),
        ("deu_Latn", "Die Fähre fährt um 6 Uhr. Kinder zahlen z. B. nichts.", 2),
        ("zho_Hans", "渡轮早上六点出发。儿童免费！狗要留在甲板上？", 3),
        ("hin_Deva", "नाव छह बजे चलती है। बच्चे मुफ़्त यात्रा करते हैं।", 2),
        ("mya_Mymr", "သင်္ဘောသည် ခြောက်နာရီတွင် ထွက်သည်။ ကလေးများ အခမဲ့ စီးနိုင်သည်။", 2),
        ("arb_Arab", "تغادر العبارة في السادسة. هل يسافر الأطفال مجانا؟ نعم.", 3),
    ],
)
def test_sentences_end_at_the_marks_of_the_language(code: str, text: str, n: int) -> None:
    assert len(list(sentences(text, code))) == n


def test_a_line_end_ends_a_sentence() -> None:
    text = "no mark here\nnor here"
    assert [text[a:b] for a, b in sentences(text)] == ["no mark here", "nor here"]


def test_a_thai_text_without_marks_comes_in_clauses() -> None:
    text = "เรือข้ามฟากออกจากท่าเรือเก่าทุกวันจันทร์เวลาหกโมงเช้า เด็กเดินทางฟรีและสุนัขต้องอยู่บนดาดฟ้า " * 4
    assert len(list(sentences(normalise_text(text), "tha_Thai"))) > 2


def test_a_text_without_any_space_comes_in_pieces() -> None:
    spans = list(sentences("x" * 5000))
    assert [end - start for start, end in spans] == [1200, 1200, 1200, 1200, 200]


def test_astral_characters_count_as_one() -> None:
    text = "😀 One. 😀👩‍👧 Two three! 𝔘ber."
    assert [text[a:b] for a, b in sentences(text)] == ["😀 One.", "😀👩‍👧 Two three!", "𝔘ber."]
    assert [text[a:b] for a, b in words(text)] == ["One", "Two", "three", "𝔘ber"]


UNSPACED = [
    "เรือข้ามฟากออกทุกวันจันทร์",
    "ເຮືອຂ້າມຟາກອອກທຸກວັນຈັນ",
    "សាឡាងចេញដំណើររៀងរាល់ថ្ងៃច័ន្ទ",
    "ကူးတို့သင်္ဘောသည်တနင်္လာနေ့တိုင်းထွက်ခွာသည်",
    "渡轮每周一早上出发",
    "フェリーは毎週月曜日に出発します",
]


@pytest.mark.parametrize("text", UNSPACED)
def test_words_are_found_where_no_space_parts_them(text: str) -> None:
    assert 3 <= count_words(text) <= 9


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("ราคา100บาท", ["ราคา", "100", "บาท"]),
        ("ປີ2018ນີ້", ["ປີ", "2018", "ນີ້"]),
        ("ឆ្នាំ២០១៨នេះ", ["ឆ្នាំ", "២០១៨", "នេះ"]),
        ("iPhoneဖုန်း", ["iPhone", "ဖုန်း"]),
    ],
)
def test_a_word_is_parted_from_a_figure_or_a_foreign_word_beside_it(
    text: str, parts: list[str]
) -> None:
    assert [text[a:b] for a, b in words(text)] == parts


@pytest.mark.parametrize("language", languages())
def test_icu_cuts_words_alike_in_every_language(language: str) -> None:
    text = " ".join((*UNSPACED, SCRIPTS, "l'eau o‘zbek צה\"ל USA:ssa 1.000,5 k.a. paral·lel a_b-c"))
    assert list(WordBreaker(text, iso_code(language))) == list(WordBreaker(text, "und"))


def test_the_empty_text_has_neither_sentence_nor_word() -> None:
    assert (list(sentences("")), list(words(" \n"))) == ([], [])
