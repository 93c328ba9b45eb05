"""The 119 languages of Qwen3. Codes are those of FLORES-200.

Source of the list: Qwen3 technical report, appendix on multilingual abilities.
"""

import csv
import functools
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from ragqwen.errors import InputError

UNKNOWN = "und"
STANDARD_OF_GROUP = {
    "ara": "arb_Arab",
    "fas": "pes_Arab",
    "hin": "hin_Deva",
    "zho_Hant": "zho_Hant",
}
"""The language that stands for a group where the variety is in doubt."""


@dataclass(frozen=True, slots=True)
class Language:
    """One of the 119: its FLORES-200 code, English name and the ISO 639 code libraries take.

    `script` is an ISO 15924 code; a creole's family is that of the language its words come from.

    `group` is shared by languages so alike in writing that a sentence is often in both: `ara` for
    the eight Arabics, `hbs` for Bosnian and Croatian, `msa` for Indonesian and Malay, `fas` for
    Persian and Dari, `hin` for Hindi and its neighbours, `cpp` for Papiamento and Kabuverdianu,
    `zho_Hant` for traditional Chinese and Cantonese. Elsewhere it is the code.
    """

    code: str
    name: str
    iso: str
    iso639_3: str
    script: str
    family: str
    group: str

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Return the way its lines run."""
        return "rtl" if self.script in ("Arab", "Hebr") else "ltr"


@functools.cache
def languages() -> dict[str, Language]:
    """Return the 119 languages by FLORES-200 code, in the order of the Qwen3 report."""
    text = files("ragqwen").joinpath("data/languages.csv").read_text("utf-8")
    return {row["code"]: Language(**row) for row in csv.DictReader(text.splitlines())}


def iso_code(code: str) -> str:
    """Return the ISO 639 code that ICU and sentencex take; English's for an unknown language."""
    language = languages().get(code)
    return language.iso if language else "en"


def group_of(code: str) -> str:
    """Return the group of a language, which is its own code unless others are all but the same."""
    language = languages().get(code)
    return language.group if language else code


def check_language(code: str) -> str:
    """Return the code if it is one of the 119 or "und".

    :raises InputError: if it is not.
    """
    if code != UNKNOWN and code not in languages():
        raise InputError(
            f"{code!r} is not one of the 119 languages; give a FLORES-200 code such as "
            '"eng_Latn" or "mya_Mymr", or "und"'
        )
    return code
