"""Which script each character is in."""

import numpy as np
import pytest
import regex

from ragqwen.languages import languages
from ragqwen.scripts import COMMON, FOREIGN, SCRIPTS, script_ids

NAMES = {
    "Latn": "Latin", "Grek": "Greek", "Cyrl": "Cyrillic", "Armn": "Armenian", "Hebr": "Hebrew",
    "Arab": "Arabic", "Deva": "Devanagari", "Beng": "Bengali", "Guru": "Gurmukhi",
    "Gujr": "Gujarati", "Orya": "Oriya", "Taml": "Tamil", "Telu": "Telugu", "Knda": "Kannada",
    "Mlym": "Malayalam", "Sinh": "Sinhala", "Thai": "Thai", "Laoo": "Lao", "Geor": "Georgian",
    "Hang": "Hangul", "Khmr": "Khmer", "Hani": r"Han}\p{Hiragana}\p{Katakana",
}  # fmt: skip
RARE = 0.06  # phonetic and mathematical letters that no language is written in


def scripts_of(text: str) -> list[str]:
    points = np.array([ord(char) for char in text], dtype=np.uint32)
    return [SCRIPTS[place] for place in script_ids(points)]


@pytest.mark.parametrize("script", NAMES)
def test_letters_are_in_the_script_that_unicode_gives_them(script: str) -> None:
    in_script = regex.compile(rf"[\p{{L}}&&[\p{{{NAMES[script]}}}]]", regex.V1)
    letters = in_script.findall("".join(map(chr, [*range(0xD800), *range(0xF900, 0x10000)])))
    missed = [
        char
        for char, found in zip(letters, scripts_of("".join(letters)), strict=True)
        if found != script
    ]
    assert len(missed) <= RARE * len(letters)


def test_every_language_has_its_script() -> None:
    written = {language.script for language in languages().values()}
    assert written - {"Hans", "Hant", "Jpan"} <= set(SCRIPTS)


def test_spaces_figures_and_marks_have_no_script() -> None:
    assert scripts_of(" 7,!\u0301\u200d。—😀") == [SCRIPTS[COMMON]] * 9


def test_scripts_of_other_languages_are_foreign() -> None:
    assert set(scripts_of("ሰላምབོདᏣᎳᎩⵜⴰꆈꌠ")) == {SCRIPTS[FOREIGN]}


def test_letters_of_shan_are_foreign_and_those_of_burmese_are_not() -> None:
    assert scripts_of("ၵၢ") == [SCRIPTS[FOREIGN]] * 2
    assert set(scripts_of("ကူးတို့")) == {"Mymr"}
