"""The 119 languages."""

import pytest

from ragqwen.errors import InputError
from ragqwen.languages import check_language, group_of, iso_code, languages


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
