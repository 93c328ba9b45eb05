"""What bears a claim out, and what only looks like it."""

from dataclasses import replace

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


@pytest.mark.parametrize(
    ("said", "denied", "language"),
    [
        ("Anna Frei built the mill.", "Anna Frei did not build the mill.", "eng_Latn"),
        ("Anna Frei baute die Mühle.", "Anna Frei baute die Mühle nicht.", "deu_Latn"),
        ("Anna Frei a construit le moulin.", "Anna Frei n’a pas construit le moulin.", "fra_Latn"),
        ("Anna Frei construyó el molino.", "Anna Frei no construyó el molino.", "spa_Latn"),
        ("安娜建造了磨坊。", "安娜没有建造磨坊。", "zho_Hans"),
        ("アンナは水車小屋を建てた。", "アンナは水車小屋を建てなかった。", "jpn_Jpan"),
        ("بنت آنا الطاحونة.", "لم تبن آنا الطاحونة.", "arb_Arab"),
        ("अन्ना ने चक्की बनाई।", "अन्ना ने चक्की नहीं बनाई।", "hin_Deva"),
        ("Анна построила мельницу.", "Анна не построила мельницу.", "rus_Cyrl"),
        ("Anna alijenga kinu.", "Anna hakujenga kinu.", "swh_Latn"),
        ("Anna değirmeni yaptı.", "Anna değirmeni yapmadı.", "tur_Latn"),
        ("안나가 방앗간을 지었다.", "안나가 방앗간을 짓지 않았다.", "kor_Hang"),
    ],
)
def test_what_is_denied_is_not_supported_by_what_says_it_is_so(
    said: str, denied: str, language: str
) -> None:
    passage = replace(make_passage("mill", said), language=language)
    verifier = PassageVerifier(passage, ALIGNER)
    assert verifier.support(said, language).holds
    assert not verifier.support(denied, language).holds
    assert not VERIFIER.support(denied, language).holds
    denying = PassageVerifier(replace(passage, text=denied, end=len(denied)), ALIGNER)
    assert denying.support(denied, language).holds
    other_forms = {"eng_Latn", "kor_Hang"}  # "did build" is less like "built"
    assert language in other_forms or not denying.support(said, language).holds


def test_what_the_passage_denies_is_not_supported_by_that() -> None:
    passage = make_passage("deck", "Dogs are not allowed on deck. Cats are.")
    assert (
        not PassageVerifier(passage, ALIGNER).support("Dogs are allowed on deck.", "eng_Latn").holds
    )


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("The mill was not built by Bob but by Anna.", "The mill was built by Anna."),
        ("The ferry does not leave at six but at nine.", "The ferry leaves at nine."),
        ("The fee is 12 euros, and dogs are not allowed.", "The fee is 12 euros."),
        ("No, the ferry leaves at nine.", "The ferry leaves at nine."),
        ("The ferry - none other - leaves at nine.", "The ferry leaves at nine."),
    ],
)
def test_what_is_so_is_supported_beside_what_is_denied(text: str, claim: str) -> None:
    assert PassageVerifier(make_passage("mill", text), ALIGNER).support(claim, "eng_Latn").holds


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Cats are allowed on deck. Dogs are not.", "Cats are not allowed on deck."),
        ("No dogs. The hut is open in winter.", "The hut is not open in winter."),
    ],
)
def test_what_is_denied_is_not_supported_by_what_is_said_beside_another_denial(
    text: str, claim: str
) -> None:
    assert not PassageVerifier(make_passage("hut", text), ALIGNER).support(claim, "eng_Latn").holds


@pytest.mark.parametrize(
    ("text", "language", "claim"),
    [
        ("The mill does not grind 2,500 kg.", "eng_Latn", "The mill grinds 2500 kg."),
        ("The museum did not open in ١٨٧٤.", "eng_Latn", "The museum opened in 1874."),
        ("সংগ্রহশালা ১৮৭৪ সালে খোলেনি।", "ben_Beng", "The museum opened in 1874."),
    ],
)
def test_what_is_denied_with_a_figure_written_otherwise_is_not_supported(
    text: str, language: str, claim: str
) -> None:
    passage = make_passage("museum", text, language=language)
    assert not PassageVerifier(passage, ALIGNER).support(claim, "eng_Latn").holds


def test_what_is_denied_in_another_language_is_not_supported() -> None:
    passage = make_passage("museum", "Das Museum öffnet montags nicht.", language="deu_Latn")
    claim = "The museum opens on Mondays."
    assert not PassageVerifier(passage, ALIGNER).support(claim, "eng_Latn").holds


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("The ferry failed to reach the island.", "The ferry did not reach the island."),
        ("The museum refuses to lend the painting.", "The museum does not lend the painting."),
        ("Entry is not allowed without a permit.", "Entry is allowed only with a permit."),
        ("The bridge did not open until 1990.", "The bridge opened in 1990."),
        ("The train leaves from platform No. 5.", "The train leaves from platform 5."),
    ],
)
def test_what_is_said_with_a_denial_or_without_one_is_supported(text: str, claim: str) -> None:
    assert PassageVerifier(make_passage("hut", text), ALIGNER).support(claim, "eng_Latn").holds


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
