"""Figures are read in every script and every way of writing them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.figures import all_values, figures


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("308 points", [{"308"}]),
        ("٣٠٨", [{"308"}]),
        ("३०८ और १२", [{"308"}, {"12"}]),
        ("３０８", [{"308"}]),
        ("1,234", [{"1234", "1.234"}]),
        ("1.234", [{"1234", "1.234"}]),
        ("1,234,567", [{"1234567"}]),
        ("12,34,567", [{"1234567"}]),
        ("1,234.5", [{"1234.5"}]),
        ("1.234,50", [{"1234.5"}]),
        ("1'234'567", [{"1234567"}]),
        ("12 345 km", [{"12345"}]),
        ("12\u202f345,5", [{"12345.5"}]),
        ("2,5 %", [{"2.5"}]),
        ("2.50", [{"2.5", "2:50"}]),
        ("05.12.2015", [{"5", "--5"}, {"12", "--12"}, {"2015"}]),
        ("1990–95 at 18:30", [{"1990"}, {"95", "1995"}, {"18", "18:30"}, {"30", "18:30"}]),
        ("the 1960s, 21st", [{"1960"}, {"21"}]),
        ("2015 100 people", [{"2015"}, {"100"}]),
        ("none", []),
    ],
)
def test_a_figure_has_its_values(text: str, found: list[set[str]]) -> None:
    assert [set(f.values) for f in figures(text)] == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("XIX век", "19"),
        ("二十四", "24"),
        ("二〇一五年", "2015"),
        ("三百万", "3000000"),
        ("十", "10"),
    ],
)
def test_a_source_s_chinese_and_roman_numerals_count(text: str, value: str) -> None:
    assert value in all_values(figures(text))


def test_digits_that_python_does_not_know_are_no_error() -> None:
    digit = "\U0001e4f1"  # of Unicode 15
    for text in (
        digit,
        f"{digit}/{digit}",
        f"{digit}½",
        f"{digit}:{digit * 2}",
        f"19{digit * 2}-95",
    ):
        assert figures(text, "eng_Latn")


@given(st.integers(0, 10**12))
def test_thousands_separators_make_no_difference(number: int) -> None:
    for written in (f"{number}", f"{number:,}", f"{number:,}".replace(",", ".")):
        assert [str(number) in figure.values for figure in figures(written)] == [True]


@pytest.mark.parametrize("unit", ["1", "1,", "1 ", "123 ", "1.2,", "一", "万", "X", "٣٬"])
def test_a_flood_of_figures_is_read(unit: str) -> None:
    start = time.process_time()
    all_values(figures(unit * 100_000, "eng_Latn"))
    assert time.process_time() - start < 10
