"""Denials are told by words, in each language that has some."""

import pytest

from ragqwen.negation import clauses, is_negated, without_denials


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("It isn’t open", "eng_Latn"),
        ("Elle n’est pas ouverte", "fra_Latn"),
        ("Açılmamıştır", "tur_Latn"),
        ("它不在这里", "zho_Hans"),
        ("ودون خطأ", "arb_Arab"),
    ],
)
def test_a_denial_is_told(text: str, language: str) -> None:
    assert is_negated(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Na\u0303o abre", "por_Latn"),
        ("এটা ন\u09df", "ben_Beng"),  # a letter that NFC takes apart
        ("\ufefb يعمل", "arb_Arab"),  # a ligature, as PDFs have it
        ("او اينجا نيست", "pes_Arab"),  # from an Arabic keyboard
        ("یہ کھلا نہيں", "urd_Arab"),
        ("لـــم يفتح", "arb_Arab"),
        ("It isn´t open", "eng_Latn"),
        ("It isnʼt open", "eng_Latn"),
        ("U yo`q", "uzn_Latn"),
    ],
)
def test_a_denial_is_told_however_its_letters_are_written(text: str, language: str) -> None:
    assert is_negated(text, language)
    assert not is_negated(without_denials(text, language), language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("A note on knots", "eng_Latn"),
        ("Not only the mill, not just the church", "eng_Latn"),
        ("Passage", "fra_Latn"),
        ("两者不同，而且不断增长", "zho_Hans"),
        ("数は少ない", "jpn_Jpan"),
        ("It leaves from platform No. 5", "eng_Latn"),
        ("It leaves no\nlater than six", "eng_Latn"),
        ("Under the university", "eng_Latn"),
        ("Le Pas-de-Calais", "fra_Latn"),
        ("لا يزال الجسر مفتوحا", "arb_Arab"),
        ("Hytten ligger uden for byen", "dan_Latn"),
        ("", "eng_Latn"),
    ],
)
def test_what_only_looks_like_one_is_none(text: str, language: str) -> None:
    assert is_negated(text, language) is False


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Smoking is forbidden", "eng_Latn"),
        ("It failed to open", "eng_Latn"),
        ("It did not open until 1990", "eng_Latn"),
        ("Na ostrově nežijí lidé", "ces_Latn"),
        ("박물관 안 카페", "kor_Hang"),
        ("אי סיציליה", "heb_Hebr"),
        ("10人しか入れない", "jpn_Jpan"),
        ("La hytte", "tel_Telu"),
    ],
)
def test_what_may_be_one_or_not_is_left_open(text: str, language: str) -> None:
    assert is_negated(text, language) is None


def test_a_denial_is_told_beside_what_may_be_one() -> None:
    assert is_negated("It failed and was not rebuilt", "eng_Latn")
    assert is_negated("Není zavřeno", "ces_Latn")


def test_what_may_be_a_denial_is_left_in_a_text_without_them() -> None:
    assert without_denials("It is not forbidden", "eng_Latn").split() == ["It", "is", "forbidden"]


@pytest.mark.parametrize("language", ["eng_Latn", "tur_Latn", "zho_Hans"])
def test_a_text_of_denials_or_spaces_is_read_at_once(language: str) -> None:
    for text in ("not " * 20_000, "un" * 40_000, f"no.{' ' * 80_000}x", "不" * 20_000):
        is_negated(text, language)


@pytest.mark.parametrize("language", ["und", "tpi_Latn"])
def test_nothing_is_told_in_a_language_without_words(language: str) -> None:
    assert is_negated("not", language) is None


def test_a_sentence_is_cut_at_its_commas_and_not_in_figures() -> None:
    assert clauses("No, 2 500 people (or 2,500) came") == ["No,", "2 500 people", "(or 2,500) came"]


def test_a_sentence_is_cut_before_brackets_and_at_dashes_but_not_at_hyphens() -> None:
    assert clauses("It is open (not late) - or was - in mid-May") == [
        "It is open",
        "(not late)",
        "or was",
        "in mid-May",
    ]


def test_a_text_of_spaces_is_cut_at_once() -> None:
    assert clauses(f"a{' ' * 1_000_000}b") == [f"a{' ' * 1_000_000}b"]
