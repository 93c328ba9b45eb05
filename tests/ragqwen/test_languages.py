"""The 119 languages, and which one a text is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.errors import InputError
from ragqwen.languages import UNKNOWN, check_language, identify, iso_code, languages


def test_there_are_119_languages_with_names_and_codes() -> None:
    known = languages()
    assert len(known) == 119
    assert all(code == language.code and len(code) == 8 for code, language in known.items())
    assert all(language.name and language.iso for language in known.values())


def test_no_label_of_the_identifier_belongs_to_two_languages() -> None:
    labels = [label for language in languages().values() for label in language.lid_labels]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("eng_Latn", "The ferry leaves the harbour at six in the morning."),
        ("deu_Latn", "Die Fähre verlässt den Hafen um sechs Uhr morgens."),
        ("mya_Mymr", "ကူးတို့သင်္ဘောသည် နံနက် ခြောက်နာရီတွင် ဆိပ်ကမ်းမှ ထွက်ခွာသည်။"),
        ("tha_Thai", "เรือข้ามฟากออกจากท่าเรือเวลาหกโมงเช้า"),
        ("hin_Deva", "नाव सुबह छह बजे बंदरगाह से निकलती है।"),
        ("jpn_Jpan", "フェリーは朝六時に港を出発します。"),
        ("zho_Hans", "渡轮早上六点离开港口，儿童可以免费乘坐。"),
        ("zho_Hant", "渡輪早上六點離開港口，兒童可以免費乘坐。"),
    ],
)
def test_the_language_of_a_text_is_told(code: str, text: str) -> None:
    assert identify(text) == code


def test_the_main_language_of_a_long_text_is_told() -> None:
    german = "Die Fähre verlässt den Hafen um sechs Uhr morgens. " * 200
    assert identify("A short English title.\n" + german) == "deu_Latn"


@given(st.text(max_size=300))
def test_any_text_is_in_one_of_them_or_unknown(text: str) -> None:
    assert identify(text) in {*languages(), UNKNOWN}


def test_a_code_is_checked() -> None:
    assert (check_language("mya_Mymr"), check_language("und")) == ("mya_Mymr", "und")
    with pytest.raises(InputError, match=r"'my' is not one of the 119 .* FLORES-200"):
        check_language("my")


def test_an_unknown_language_is_cut_as_english() -> None:
    assert (iso_code("und"), iso_code("mya_Mymr")) == ("en", "my")
