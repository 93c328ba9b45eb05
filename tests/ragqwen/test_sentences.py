"""Sentences end where a reader of the language would end them, in every script of the 119."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.languages import languages
from ragqwen.segmentation import sentences

CASES = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "data" / "sentences.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
TEXTS = [marked.replace("¦", "") for _, marked in CASES]
codes = st.sampled_from([*languages(), "und"])
mixed_texts = st.lists(
    st.sampled_from(
        [*TEXTS, "x" * 90, "ก" * 70, "漢" * 60, "\n", "«„“‘'\"", "(((", "…… . .", "\u200b"]
    ),
    max_size=9,
).flatmap(lambda parts: st.sampled_from(["", " ", "\n"]).map(lambda space: space.join(parts)))


def cut(text: str, code: str, max_chars: int = 1200) -> list[str]:
    return [text[a:b] for a, b in sentences(text, code, max_chars=max_chars)]


@pytest.mark.parametrize(("code", "marked"), CASES)
def test_a_text_is_cut_where_its_sentences_end(code: str, marked: str) -> None:
    expected = [sentence.strip() for sentence in marked.split("¦")]
    assert cut(marked.replace("¦", ""), code) == expected


def test_every_language_has_a_case() -> None:
    assert set(languages()) - {code for code, _ in CASES} == set()


@pytest.mark.parametrize("language", languages())
def test_the_sentences_of_any_language_are_found_under_any_other(language: str) -> None:
    english = "The ferry leaves at noon. Children travel free. Dogs stay on deck."
    assert len(cut(english, language)) == 3


@given(mixed_texts, codes, st.integers(1, 200))
def test_sentences_are_bounded_trimmed_in_order_and_leave_nothing_out(
    text: str, code: str, max_chars: int
) -> None:
    spans = list(sentences(text, code, max_chars=max_chars))
    assert all(0 < end - start <= max_chars for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())


THAI = (
    "เรือข้ามฟากออกจากท่าเรือเก่าทุกวันจันทร์เวลา 6 นาฬิกาตรงและกลับมาถึงในตอนเย็นก่อนพระอาทิตย์ตกดินทุกครั้ง",
    "เด็ก ๆ ที่อายุต่ำกว่า 7 ปี เดินทางฟรีโดยไม่ต้องซื้อตั๋ว แต่ต้องมีผู้ใหญ่เดินทางไปด้วยตลอดเส้นทางที่เรือแล่น",
    "สุนัขต้องอยู่บนดาดฟ้าชั้นบน และเจ้าของต้องจ่ายค่าโดยสารครึ่งราคา ตามระเบียบของบริษัท Blue Ferry ที่ประกาศไว้",
)
LAO = (
    "ເຮືອຂ້າມຟາກອອກຈາກທ່າເຮືອເກົ່າທຸກວັນຈັນເວລາ 6 ໂມງເຊົ້າ ແລະ ກັບມາຮອດໃນຕອນແລງກ່ອນຕາເວັນຕົກດິນທຸກຄັ້ງ",
    "ເດັກນ້ອຍອາຍຸຕໍ່າກວ່າ 7 ປີ ເດີນທາງໂດຍບໍ່ຕ້ອງຊື້ປີ້ ແຕ່ຕ້ອງມີຜູ້ໃຫຍ່ເດີນທາງໄປນຳຕະຫຼອດເສັ້ນທາງທີ່ເຮືອແລ່ນ",
    "ໝາຕ້ອງຢູ່ຊັ້ນເທິງ ແລະ ເຈົ້າຂອງຕ້ອງຈ່າຍເຄິ່ງລາຄາ ຕາມລະບຽບຂອງບໍລິສັດ Blue Ferry ທີ່ປະກາດໄວ້ໃຫ້ຜູ້ໂດຍສານຮູ້",
)


@pytest.mark.parametrize(("code", "parts"), [("tha_Thai", THAI), ("lao_Laoo", LAO)])
def test_a_text_without_marks_is_cut_at_the_spaces_that_end_a_clause(
    code: str, parts: tuple[str, ...]
) -> None:
    text = " ".join(parts * 3)
    found = cut(text, code)
    assert " ".join(found) == text
    assert 6 <= len(found) <= 9
    for before, after in pairwise(found):
        assert not before[-1].isdigit() and not before[-1].isascii()
        assert not after[0].isdigit() and not after[0].isascii() and after[0] not in "ๆໆ"
        assert not before.endswith(("และ", "ແລະ"))
        assert not after.startswith(("และ", "ที่", "ແລະ", "ທີ່"))


def test_a_sentence_without_any_mark_is_cut_at_a_space() -> None:
    text = "ferry and boat " * 200
    assert all(part.endswith(("ferry", "and", "boat")) for part in cut(text, "eng_Latn"))


def test_sentences_of_a_very_long_line_are_those_of_its_parts() -> None:
    line = "The ferry leaves at noon, e.g. on Monday. Dr. Lin “sleeps. Well.” Does she? "
    assert cut(line * 900, "eng_Latn") == cut(line, "eng_Latn") * 900
