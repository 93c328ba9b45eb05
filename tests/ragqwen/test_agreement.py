"""A place has a claim's figures: in words or digits, with sign and percent, where they stood."""

import time

import pytest

from ragqwen.agreement import Figures, agree

NONE = Figures.of("", "eng_Latn")


def agrees(claim: str, place: str, claimed: str = "eng_Latn", said: str = "eng_Latn") -> bool:
    same = claimed == said
    return agree(Figures.of(claim, claimed), Figures.of(place, said), NONE, same=same)


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ("It has three hundred wheels.", "It has 300 wheels."),
        ("It has 300 wheels.", "It has three hundred wheels."),
        ("It cost 2.5 million francs.", "It cost 2,500,000 francs."),
        ("Half a cup, that is 1/2.", "Take ½ of a cup."),
        ("It was −5 degrees.", "It was minus 5 degrees."),
        ("60 percent came.", "60 % came."),
        ("Louis XVII", "Louis 17"),
        ("Two boats came.", "Both boats came."),
        ("Lenk has 5 boats and Thun has 7 ferries.", "Thun has 7 ferries. Lenk has 5 boats."),
    ],
)
def test_what_says_the_same_agrees(claim: str, place: str) -> None:
    assert agrees(claim, place)


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ("It has three hundred wheels.", "It has 400 wheels."),
        ("It has 5 million francs.", "It has 5 billion francs."),
        ("It has 5 million francs.", "It has 5 francs."),
        ("It was −5 degrees.", "It was 5 degrees."),
        ("It was 5 degrees.", "It was −5 degrees."),
        ("60 % came.", "60 guests came."),
        ("Louis XVII", "Louis XVI"),
        ("Take ½ cup.", "Take ¼ cup."),
        ("Lenk has 5 boats and Thun has 7 ferries.", "Lenk has 7 boats and Thun has 5 ferries."),
        ("They won 23 to 18 on Sunday.", "They lost 23 to 16 and then won 20 to 18 on Sunday."),
    ],
)
def test_what_says_otherwise_does_not(claim: str, place: str) -> None:
    assert not agrees(claim, place)


@pytest.mark.parametrize(
    ("claim", "place", "language"),
    [
        ("um 14.30 Uhr", "um 14:30 Uhr", "deu_Latn"),
        ("klo 9:05", "kello 09.05", "fin_Latn"),
        ("from 1990 to 1995", "1990–95", "eng_Latn"),
        ("in 1990/91", "from 1990 until 1991", "eng_Latn"),
        ("au 19e siècle", "au XIXe siècle", "fra_Latn"),
        ("50 %", "ร้อยละ 50", "tha_Thai"),
        ("50 %", "50 في المئة", "arb_Arab"),
        ("50 %", "50 per cento", "ita_Latn"),
        ("50 %", "50 फीसदी", "hin_Deva"),
    ],
)
def test_what_a_language_writes_in_two_ways_agrees(claim: str, place: str, language: str) -> None:
    assert agrees(claim, place, language, language)


@pytest.mark.parametrize(
    ("claim", "place", "language"),
    [
        ("um 14.30 Uhr", "um 14:45 Uhr", "deu_Latn"),
        ("von 1990 bis 1996", "1990–95", "deu_Latn"),
        ("50 %", "50 คน", "tha_Thai"),
    ],
)
def test_another_figure_written_otherwise_does_not(claim: str, place: str, language: str) -> None:
    assert not agrees(claim, place, language, language)


@pytest.mark.parametrize(
    ("claim", "language", "place", "holds"),
    [
        ("三百人", "zho_Hans", "300 people", True),
        ("三百人", "zho_Hans", "400 people", False),
        ("二〇二四年", "zho_Hans", "in 2023", False),
        ("50 लाख", "hin_Deva", "5 million", True),
        ("1億2000万人", "jpn_Jpan", "120 million people", True),
        ("1億2000万人", "jpn_Jpan", "130 million people", False),
        ("1万2千人", "jpn_Jpan", "12,000 people", True),
        ("5千万人", "zho_Hans", "50 million people", True),
        ("1억 2000만 명", "kor_Hang", "120 million people", True),
        ("au XIXe siècle", "fra_Latn", "in the 18th century", False),
        ("50 في المئة", "arb_Arab", "50 percent", True),
        ("45 मिलियन", "hin_Deva", "45 million", True),
        ("5 Mio.", "deu_Latn", "5 billion", False),
        ("dreihundert", "deu_Latn", "three hundred", True),
    ],
)
def test_figures_meet_across_languages(claim: str, language: str, place: str, holds: bool) -> None:
    assert agrees(claim, place, language) == holds


@pytest.mark.parametrize(
    ("claim", "heading", "holds"),
    [
        ("Super Bowl 50 was won by Denver", "Super Bowl 50", True),
        ("In 2024 visitors pay", "Fees in 2024", True),
        ("Denver won by 50", "Super Bowl 50", False),
    ],
)
def test_a_heading_s_figure_counts_beside_its_words(claim: str, heading: str, holds: bool) -> None:
    place, above = (Figures.of(text, "eng_Latn") for text in ("Denver won.", heading))
    assert agree(Figures.of(claim, "eng_Latn"), place, above, same=True) == holds


@pytest.mark.parametrize("unit", ["7 ", "7. ", "five ", "(-5", "M", "½ "])
def test_a_flood_of_figures_is_held_in_time(unit: str) -> None:
    start = time.process_time()
    agrees(unit * 20_000, unit * 20_000)
    assert time.process_time() - start < 10
