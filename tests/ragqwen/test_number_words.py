"""Numbers in words are read in the languages for which CLDR spells them out."""

import pytest

from ragqwen.figures import Figure, figures
from ragqwen.languages import languages
from ragqwen.number_words import number_words


def read(text: str, language: str) -> list[Figure]:
    return figures(text, language)


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("three hundred people", "eng_Latn", ["300"]),
        ("one hundred and twenty", "eng_Latn", ["120"]),
        ("nineteen eighty-five", "eng_Latn", ["1985"]),
        ("two thousand five hundred", "eng_Latn", ["2500"]),
        ("twenty-five thousand", "eng_Latn", ["25000"]),
        ("dreihundert Leute", "deu_Latn", ["300"]),
        ("trois cents", "fra_Latn", ["300"]),
        ("तीन सौ", "hin_Deva", ["300"]),
        ("สามร้อยคน", "tha_Thai", ["300"]),
        ("триста", "rus_Cyrl", ["300"]),
        ("5 million", "eng_Latn", ["5000000"]),
        ("5,5 Mio.", "deu_Latn", ["5500000"]),
        ("५ लाख", "hin_Deva", ["500000"]),
        ("3.5亿", "zho_Hans", ["350000000"]),
        ("5만명", "kor_Hang", ["50000"]),
        ("২ কোটি", "ben_Beng", ["20000000"]),
        ("5 mm", "por_Latn", ["5"]),
    ],
)
def test_a_number_in_words_has_the_value_of_its_digits(
    text: str, language: str, values: list[str]
) -> None:
    assert [min(figure.values) for figure in read(text, language)] == values


@pytest.mark.parametrize(
    ("text", "language", "is_percent"),
    [
        ("60 %", "eng_Latn", True),
        ("60 percent", "eng_Latn", True),
        ("60 Prozent", "deu_Latn", True),
        ("%60", "tur_Latn", True),
        ("yüzde 60", "tur_Latn", True),
        ("百分之60", "zho_Hans", True),
        ("60 %", "und", True),
        ("60 people", "eng_Latn", False),
    ],
)
def test_a_share_in_percent_is_told(text: str, language: str, is_percent: bool) -> None:
    assert [each.is_percent for each in read(text, language) if each.is_certain] == [is_percent]


@pytest.mark.parametrize(
    ("text", "language"),
    [("one of them", "eng_Latn"), ("thousand", "eng_Latn"), ("十分", "zho_Hans")],
)
def test_what_may_be_no_number_is_not_certain(text: str, language: str) -> None:
    assert not any(figure.is_certain for figure in read(text, language))


def test_figures_are_read_in_every_language() -> None:
    assert all(number_words(code).percent.match("%") for code in ("und", *languages()))
