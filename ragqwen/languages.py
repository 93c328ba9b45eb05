"""The 119 languages of Qwen3. Codes are those of FLORES-200.

Source of the list: Qwen3 technical report, appendix on multilingual abilities.
"""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

import regex

from ragqwen.errors import InputError

UNKNOWN = "und"
_EXTENDED = regex.compile(r"^\p{L}{2,3}[-_](?=\p{L}{3}(?:[-_]|$))")  # zh-yue is yue
_ONE = {"no": "nb", "Kore": "Hang"}  # Norwegian is Bokmål if not said; FLORES's Korean script
_WITHOUT_SPACES = frozenset({"Thai", "Laoo", "Khmr", "Mymr", "Hans", "Hant", "Jpan"})
STANDARD_OF_GROUP = {
    "ara": "arb_Arab",
    "fas": "pes_Arab",
    "hin": "hin_Deva",
    "zho_Hant": "zho_Hant",
}
"""The language that stands for a group where the variety is in doubt."""


@dataclass(frozen=True, slots=True)
class Language:
    """One of the 119: its FLORES-200 code, English name, ISO codes, and what it is like.

    `iso` is the code that libraries take: ISO 639-1 where there is one, be it that of a
    macrolanguage whose usual form this is (`ar` Standard Arabic, `ms` Malay, `zh` either Chinese),
    else ISO 639-3. `script` is an ISO 15924 code; a creole's family is that of the language its
    words come from.

    `group` is shared by languages so alike in writing that a sentence is often in both: `ara` for
    the eight Arabics, `hbs` for Bosnian and Croatian, `msa` for Indonesian and Malay, `fas` for
    Persian and Dari, `hin` for Hindi and its neighbours, `cpp` for Papiamento and Kabuverdianu,
    `zho_Hant` for traditional Chinese and Cantonese. Elsewhere it is the code.

    `words_to_english` is how many ICU words the same content has for one in English, and
    `tokens_per_char_to_english` how many Qwen tokens a character takes for one in English. Both
    were measured over the 62 parallel passages of flores-ict, and are written into the table by
    `python -m eval sizes DIR --out ragqwen/data/languages.csv`.

    `writers` is how many people write it in this script, to three digits; 0 where that isn't known.
    Source: CLDR's supplemental data, territoryInfo (population times the share that speaks it and
    the share of those that write it), added up by the package language_data 1.4.
    """

    code: str
    name: str
    iso: str
    iso639_3: str
    script: str
    family: str
    group: str
    words_to_english: float
    tokens_per_char_to_english: float
    writers: int

    @property
    def iso639_1(self) -> str | None:
        """Return the code of two letters that stands for it, its macrolanguage's if need be."""
        return self.iso if len(self.iso) == 2 else None

    @property
    def bcp47(self) -> str:
        """Return its tag on the web: the code, with the script where two languages share it."""
        return f"{self.iso}-{self.script}" if self.iso == "zh" else self.iso

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Return the way its lines run."""
        return "rtl" if self.script in ("Arab", "Hebr") else "ltr"

    @property
    def word_breaks(self) -> Literal["dictionary", "spaces"]:
        """Return how its words are cut: by ICU's dictionaries, or as UAX #29 has it, at spaces."""
        return "dictionary" if self.script in _WITHOUT_SPACES else "spaces"

    @property
    def sentence_breaks(self) -> Literal["marks", "clauses"]:
        """Return how its sentences are cut: at marks, or where there is none also at spaces."""
        return "clauses" if self.script in ("Thai", "Laoo") else "marks"

    @property
    def analysis(self) -> Literal["4-grams", "2-grams"]:
        """Return which pieces of its words keyword search compares beside the words."""
        return "2-grams" if self.script == "Hang" else "4-grams"


@functools.cache
def languages() -> dict[str, Language]:
    """Return the 119 languages by FLORES-200 code, in the order of the Qwen3 report."""
    text = files("ragqwen").joinpath("data/languages.csv").read_text("utf-8")
    return {row["code"]: _language(row) for row in csv.DictReader(text.splitlines())}


def iso_code(code: str) -> str:
    """Return the ISO 639 code that ICU and sentencex take; English's for an unknown language."""
    language = languages().get(code)
    return language.iso if language else "en"


def words_to_english(code: str) -> float:
    """Return how many words the same content has for one in English; 1 for an unknown language."""
    language = languages().get(code)
    return language.words_to_english if language else 1.0


def group_of(code: str) -> str:
    """Return the group of a language, which is its own code unless others are all but the same."""
    language = languages().get(code)
    return language.group if language else code


def check_language(code: str) -> str:
    """Return the FLORES-200 code of the language that a code or a BCP 47 tag names, or "und".

    Upper and lower case are one, and so are `-` and `_`. A tag without a script has the likely one
    of its language and region: `zh-TW` is traditional Chinese, `pt-BR` Portuguese, `ar-EG` Standard
    Arabic as written in Egypt (the Arabic spoken there is `arz`), `fa-AF` Dari.

    :raises InputError: if it names none of the 119, or one in another script.
    """
    if code == UNKNOWN or code in languages():
        return code
    language, script, region = _subtags(code)
    named = _by_subtags()
    found = named.get((language, script, region)) or named.get((language, script, None))
    if found is None:
        others = [languages()[other] for key, other in named.items() if key[0] == language]
        known = ", ".join(f'"{other.bcp47}" in {other.script}' for other in others)
        there_is = f" (of that language there is {known})" if known else ""
        raise InputError(
            f"{code!r} is not one of the 119 languages{there_is}; give a BCP 47 tag such as "
            '"en" or "zh-Hant", a FLORES-200 code such as "mya_Mymr", or "und"'
        )
    return found


_Subtags = tuple[str, str | None, str | None]  # language, script, region


def _subtags(tag: str) -> _Subtags:
    """Return what a tag says, with CLDR's name for the language and its likely script.

    What is no tag comes back whole, as the name of no language.
    """
    from babel.core import get_global, parse_locale

    try:
        language, region, script, *_ = parse_locale(_EXTENDED.sub("", tag).replace("_", "-"), "-")
        name = get_global("language_aliases").get(language, language)
        language, its_region, its_script, *_ = parse_locale(name)
    except ValueError:
        return tag, None, None
    region, script = region or its_region, script or its_script
    if script is None:
        likely = get_global("likely_subtags")
        whole = likely.get(f"{language}_{region}") or likely.get(language)
        script = parse_locale(whole)[2] if whole else None
    return _ONE.get(language, language), _ONE.get(script or "", script), region


@functools.cache
def _by_subtags() -> dict[_Subtags, str]:
    return {
        _subtags(f"{language.iso}-{language.script}"): code
        for code, language in languages().items()
    }


def _language(row: Mapping[str, Any]) -> Language:
    measured = ("words_to_english", "tokens_per_char_to_english")
    numbers = {name: float(row[name]) for name in measured}
    return Language(**{**row, **numbers, "writers": int(row["writers"])})
