"""What bears a claim out, and what only looks like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.alignment import Aligner
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.verification import PassageVerifier, Support
from tests.fakes import make_passage

ALIGNER = Aligner(StaticEmbedder())
MILL = make_passage(
    "mill",
    "The water mill at Lenk was built by Anna Frei in 1874. It grinds 2,500 kg of rye a day. "
    "Visitors pay 4.50 francs. The part PPR-9087 was replaced in the 1990s.",
    start=100,
)
VERIFIER = PassageVerifier(MILL, ALIGNER)


def support(claim: str, language: str = "eng_Latn") -> Support:
    found = VERIFIER.support(claim, language)
    assert 0 <= found.score <= 1
    assert MILL.start <= found.start < found.end <= MILL.end
    return found


def quote(claim: str, language: str = "eng_Latn") -> str:
    found = support(claim, language)
    return MILL.text[found.start - MILL.start : found.end - MILL.start]


@pytest.mark.parametrize(
    "claim",
    [
        "The mill at Lenk was built in 1874.",
        "Anna Frei built the water mill.",
        "It grinds 2500 kg of rye a day.",
        "A day it grinds 2 500 kg of rye.",
        "Visitors pay 4,50 francs.",
        "The part PPR-9087 was replaced.",
    ],
)
def test_what_the_passage_says_is_supported(claim: str) -> None:
    assert support(claim).holds


@pytest.mark.parametrize(
    "claim",
    [
        "The mill at Lenk was built in 1875.",
        "The mill at Lenk was built in ١٨٧٥.",
        "It grinds 2.6 kg of rye a day.",
        "Visitors pay 4.60 francs.",
        "Visitors pay 1874 francs.",
        "The part PPR-9088 was replaced.",
        "The water mill was built by Peter Gross in 1874.",
        "Dogs stay on the upper deck.",
    ],
)
def test_what_it_says_otherwise_or_not_at_all_is_not(claim: str) -> None:
    assert not support(claim).holds


def test_the_place_is_the_sentence_that_says_it() -> None:
    assert quote("Visitors pay 4.50 francs") == "Visitors pay 4.50 francs."


def test_two_sentences_are_the_place_where_it_takes_both() -> None:
    claim = "The mill built by Anna Frei in 1874 grinds 2,500 kg of rye a day"
    assert quote(claim) == MILL.text[: MILL.text.index(" Visitors")]
    assert support(claim).holds


@pytest.mark.parametrize(
    ("claim", "language"),
    [
        ("Die Wassermühle in Lenk wurde 1874 von Anna Frei gebaut.", "deu_Latn"),
        ("El molino de agua fue construido por Anna Frei en 1874.", "spa_Latn"),
    ],
)
def test_a_claim_in_another_language_is_held_against_its_figures_too(
    claim: str, language: str
) -> None:
    assert support(claim, language).holds
    assert not support(claim.replace("1874", "1884"), language).holds


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("Abilene was built by Internet2 in 1998", True),
        ("Abilene was built by Internet3 in 1998", False),
        ("The COVID19 ward opened at Abilene", True),
        ("The COVID18 ward opened at Abilene", False),
        ("The COVID1 ward opened at Abilene", False),
    ],
)
def test_an_identifier_is_met_however_it_is_joined(claim: str, holds: bool) -> None:
    text = (
        "Internet2 built Abilene in 1998. Level 3 joined later. A COVID-19 ward opened at Abilene."
    )
    verifier = PassageVerifier(make_passage("abilene", text), ALIGNER)
    assert verifier.support(claim, "eng_Latn").holds == holds


def test_where_translations_come_less_near_a_low_cosine_says_less() -> None:
    claim = "Die Wassermühle in Lenk wurde 1874 von Anna Frei gebaut."
    levels = {"eng_Latn": 0.9, "deu_Latn": 0.5}
    level = PassageVerifier(MILL, ALIGNER, levels).features(claim, "deu_Latn")[0, -1]
    assert level == pytest.approx(0.45)
    assert PassageVerifier(MILL, ALIGNER, levels).features(claim, "eng_Latn")[0, -1] == 0


def test_a_heading_counts_as_said() -> None:
    passage = make_passage("fees", "Visitors pay 4.50 francs.", headings=("Fees in 2024",))
    claim = "In 2024 visitors pay 4.50 francs"
    assert PassageVerifier(passage, ALIGNER).support(claim, "eng_Latn").holds
    assert not support(claim).holds


@given(st.text(max_size=60), st.text(min_size=1, max_size=60))
def test_any_claim_is_held_against_any_passage(claim: str, text: str) -> None:
    found = PassageVerifier(make_passage("d", text), ALIGNER).support(claim, "eng_Latn")
    assert 0 <= found.start <= found.end <= len(text)
    assert 0 <= found.score <= 1
