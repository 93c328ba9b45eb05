"""The 119 languages, and that what their table says of each is so."""

import re
from itertools import pairwise

import pytest
from babel.core import get_global

from eval.own_set import read_fact_files
from ragqwen.analysis import terms, with_pieces
from ragqwen.errors import InputError
from ragqwen.languages import check_language, group_of, iso_code, languages
from ragqwen.segmentation import sentences, words
from ragqwen.tokens import count_tokens

DIGIT = re.compile(r"\d")


def test_there_are_119_languages_with_names_and_codes() -> None:
    known = languages()
    assert len(known) == 119
    assert all(code == language.code and len(code) == 8 for code, language in known.items())
    assert all(language.name and language.iso for language in known.values())


def test_near_identical_languages_share_a_group_and_others_stand_alone() -> None:
    arabics = {code for code, language in languages().items() if language.group == "ara"}
    assert len(arabics) == 8
    assert group_of("bos_Latn") == group_of("hrv_Latn") != group_of("srp_Cyrl")
    assert group_of("kat_Geor") == "kat_Geor"


def test_a_code_is_checked() -> None:
    assert (check_language("mya_Mymr"), check_language("und")) == ("mya_Mymr", "und")
    with pytest.raises(InputError, match=r"'my' is not one of the 119 .* FLORES-200"):
        check_language("my")


def test_an_unknown_language_is_cut_as_english() -> None:
    assert (iso_code("und"), iso_code("mya_Mymr")) == ("en", "my")


def test_each_has_a_script_a_family_and_a_direction() -> None:
    known = languages().values()
    assert all(language.code == f"{language.iso639_3}_{language.script}" for language in known)
    assert all(language.family for language in known)
    assert {language.script for language in known if language.direction == "rtl"} == {
        "Arab",
        "Hebr",
    }


def test_iso_639_1_is_there_where_iso_has_two_letters() -> None:
    found = {code: languages()[code].iso639_1 for code in ("arb_Arab", "deu_Latn", "yue_Hant")}
    assert found == {"arb_Arab": "ar", "deu_Latn": "de", "yue_Hant": None}


def test_the_code_libraries_take_is_what_cldr_makes_of_iso_639_3() -> None:
    aliases = {**get_global("language_aliases"), "prs": "prs", "tgl": "tl"}  # not fa-AF, fil
    known = languages().values()
    assert {
        language.iso: aliases.get(language.iso639_3, language.iso639_3) for language in known
    } == {language.iso: language.iso for language in known}


@pytest.fixture(scope="module")
def own_texts() -> dict[str, str]:
    """Return the facts of our own test set, in each language."""
    return {
        file.language: "\n".join(fact.text for fact in file.facts) for file in read_fact_files()
    }


def test_words_are_cut_as_the_table_says(own_texts: dict[str, str]) -> None:
    def touching(code: str) -> float:
        spans = list(words(own_texts[code], code))
        return sum(a[1] == b[0] for a, b in pairwise(spans)) / len(spans)

    cut_without_spaces = {code for code in languages() if touching(code) > 0.5}
    by_dictionary = {code for code, of in languages().items() if of.word_breaks == "dictionary"}
    assert cut_without_spaces == by_dictionary


def test_sentences_are_cut_as_the_table_says(own_texts: dict[str, str]) -> None:
    def without_marks(code: str) -> str:
        text = own_texts[code]
        return " ".join(text[start:end] for start, end in words(text, code))

    by_clauses = {
        code for code in languages() if len(list(sentences(without_marks(code), code))) > 3
    }
    assert by_clauses == {
        code for code, of in languages().items() if of.sentence_breaks == "clauses"
    }


def test_words_are_analysed_as_the_table_says(own_texts: dict[str, str]) -> None:
    for code, language in languages().items():
        no_numbers = [term for term in terms(own_texts[code], code) if not DIGIT.search(term)]
        longest = max(no_numbers, key=len)
        sizes = {len(piece) - 1 for piece in with_pieces([longest])[1:]}  # a "#" begins each
        assert f"{max(sizes)}-grams" == language.analysis, code


def test_tokens_per_character_hold_on_our_own_texts(own_texts: dict[str, str]) -> None:
    """Measured on other texts: 0.86 (Lombard) to 1.15 (Yiddish) times the table's figure."""
    per_char = {code: count_tokens(text) / len(text) for code, text in own_texts.items()}
    known = {code: language.tokens_per_char_to_english for code, language in languages().items()}
    shares = {code: per_char[code] / per_char["eng_Latn"] / known[code] for code in known}
    assert {code: share for code, share in shares.items() if not 0.8 <= share <= 1.25} == {}
