"""The terms of keyword search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.analysis import MAX_TERM_CHARS, normal_form, terms, with_pieces


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("Fehler PPR-9087 heute", "ppr-9087", {"ppr", "9087"}),
        ("write to a.b@c.org, now", "a.b@c.org", {"a", "b", "c", "org"}),
        ("see EN_60204_1.", "en_60204_1", {"en", "60204", "1"}),
        ("型号PPR-9087。", "ppr-9087", {"ppr", "9087"}),
        ("version v1.2.3-rc4!", "v1.2.3-rc4", {"v1", "2", "3", "rc4"}),
        ("หมายเลขPPR-9087ครับ", "ppr-9087", {"หมายเลข", "ppr", "9087", "ครับ"}),
        ("at https://a.org/how-to, as", "https://a.org/how-to", {"https", "a", "org", "how", "to"}),
        ("(a.org:80/x?id=7&q=%20b#top)", "a.org:80/x?id=7&q=%20b#top", {"a", "80", "id", "7"}),
        ("not 2001:db8::1 but", "2001:db8::1", {"2001", "db8", "1"}),
        ("C++17 or later", "c++17", {"c", "17"}),
        ("mailto:jo.doe@x.org", "mailto:jo.doe@x.org", {"jo.doe@x.org", "jo", "doe"}),
        ("PPR-9087/PPR-9088", "ppr-9087/ppr-9088", {"ppr-9087", "ppr-9088", "9087"}),
        ("PPR\u20119087", "ppr-9087", {"ppr", "9087"}),
        ("PPR–9087", "ppr-9087", {"ppr", "9087"}),
        ("тел. 123−45−67", "123-45-67", {"123", "45", "67"}),
    ],
)
def test_an_identifier_is_found_whole_and_in_parts(text: str, whole: str, parts: set[str]) -> None:
    found = terms(text)
    assert whole in found
    assert parts <= set(found)


def test_a_hyphenated_word_is_no_identifier() -> None:
    assert "well-known" not in terms("a well-known ferry")


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("เรือข้ามฟากออกทุกวันจันทร์", "เรือ"),
        ("ເຮືອຂ້າມຟາກອອກທຸກວັນຈັນ", "ເຮືອ"),
        ("សាឡាងចេញដំណើររៀងរាល់ថ្ងៃច័ន្ទ", "ច័ន្ទ"),
        ("ကူးတို့သင်္ဘောသည် တနင်္လာနေ့တိုင်း ထွက်ခွာသည်", "သင်္ဘော"),
        ("渡轮每周一早上六点出发", "渡轮"),
        ("フェリーは毎週月曜日に出発します", "月曜日"),
    ],
)
def test_text_without_spaces_has_its_words_as_terms(text: str, term: str) -> None:
    assert normal_form(term) in terms(text)
    assert len(terms(text)) > 1


def test_repeated_words_are_repeated() -> None:
    assert terms("tide and Tide") == ["tide", "and", "tide"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "straße"),
        ("Ｆｅｒｒｙ", "ferry"),
        ("كِتَابٌ", "كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("caf\u0065\u0301", "CAFÉ"),
        ("ﬁsh", "fish"),
        ("fer\u200bry\u2060 \u202eport\u202c", "ferry port"),
        ("ឆ្នាំ\u200b២០១៨", "ឆ្នាំ2018"),
        ("IŞIK", "ışık"),
        ("İSTANBUL", "istanbul"),
        ("أحمد", "احمد"),
        ("کتاب", "كتاب"),
        ("می‌رود", "میرود"),
        ("मैदान ज़मीन", "मैदान जमीन"),
        ("मार्च २०२४", "मार्च 2024"),
        ("٣٥ كيلومتر", "35 كيلومتر"),
        ("渡輪每週一早上六點從舊港出發", "渡轮每周一早上六点从旧港出发"),
        ("乾淨的麵條和頭髮", "干净的面条和头发"),
        ("Њујорк, џеп и ђак", "Njujork, džep i đak"),
        ("Шта пише у књизи?", "Šta piše u knjizi?"),
        ("Ўзбекистон тоғлари қаерда", "O‘zbekiston tog‘lari qaerda"),
        ("Oʻzbekiston, o'zbek, gʼoz, bog`", "O’zbekiston, o‘zbek, g'oz, bog"),
    ],
)
def test_spellings_that_differ_in_form_alone_are_one(one: str, other: str) -> None:
    assert terms(one) == terms(other)


@pytest.mark.parametrize(
    ("cyrillic", "latin"),
    [("чойхона", "choyxona"), ("шаҳарлар", "shaharlar"), ("жамоатчилик", "jamoatchilik")],
)
def test_where_uzbek_and_serbian_spell_a_letter_differently_pieces_meet(
    cyrillic: str, latin: str
) -> None:
    assert set(with_pieces(terms(cyrillic))) & set(with_pieces(terms(latin)))


def test_of_russian_s_letters_only_two_become_one() -> None:
    alphabet = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
    assert len({normal_form(letter) for letter in alphabet}) == len(alphabet) - 1
    assert normal_form("э") == normal_form("е")


@given(st.text(max_size=200))
def test_terms_are_words_in_normal_form_of_bounded_length(text: str) -> None:
    for term in terms(text):
        assert term in normal_form(text)
        assert 0 < len(term) <= MAX_TERM_CHARS
        assert not term.isspace()


@given(st.text(max_size=100), st.text(max_size=100))
def test_terms_of_a_line_do_not_depend_on_the_next(one: str, other: str) -> None:
    one, other = " ".join(one.split()), " ".join(other.split())
    together = sorted(terms(f"{one}\n{other}"))
    apart = sorted({*terms(one), *terms(other)})
    assert sorted(set(together)) == apart


def test_no_term_is_longer_than_is_kept() -> None:
    assert terms("x" * (MAX_TERM_CHARS + 1) + " short") == ["short"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("talossa", "talojen"),
        ("വീട്ടിൽ", "വീട്ടിലെ"),
        ("학교에서", "학교는"),
        ("kitabımız", "kitaplar"),
    ],
)
def test_forms_of_a_word_share_pieces(one: str, other: str) -> None:
    assert set(with_pieces(terms(one))) & set(with_pieces(terms(other)))


def test_pieces_are_no_words() -> None:
    pieces = set(with_pieces(terms("ferry"))) - set(terms("ferry"))
    assert pieces == {"#_fer", "#ferr", "#erry", "#rry_"}


def test_a_word_of_any_length_has_few_pieces() -> None:
    assert with_pieces(terms("x" * 41)) == ["x" * 41]


def test_a_digit_that_python_does_not_know_stays_what_it_is() -> None:
    assert normal_form("\U0001e4f1 १") == "\U0001e4f1 1"  # the first is of Unicode 15
