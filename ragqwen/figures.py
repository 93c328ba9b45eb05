"""The figures in a text, so that two texts can be held against each other number by number."""

import unicodedata
from collections.abc import Iterator

import regex

_THOUSANDS = 3  # digits in a group
# One search takes a figure with all its groups: 1,234.5 and 12 345 and १२,३४,५६७
_FIGURE = regex.compile(
    r"""
    \p{Nd}+(?:[.,٫٬'’]\p{Nd}+)*+
    (?:
        (?<=(?<!\p{Nd})\p{Nd}{1,3})(?:[\x20\u00a0\u2009\u202f]\p{Nd}{3}(?!\p{Nd}))++
        (?:[.,٫]\p{Nd}+)?
    )?
    """,
    regex.VERBOSE,
)
_SPACE = regex.compile(r"\s")
_MARK = regex.compile(r"[.,٫٬'’]")
_HAN = regex.compile(r"[〇零一二两兩三四五六七八九十百千万萬亿億]+")
_HAN_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")}
_HAN_DIGITS |= {"零": 0, "两": 2, "兩": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN_GROUPS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_ROMAN = regex.compile(
    r"\b(?=[ⅠIVXLC])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})\b"
)
_NO_NUMERAL = {"", "I", "L", "C", "D", "M"}
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_MAX_DIGITS = 40


def figures(text: str) -> list[frozenset[str]]:
    """Return the figures of a text, each as the values it may stand for.

    Digits of all scripts are one. `1,234` and `1.234` are a thousand or a fraction, for who wrote
    it isn't known; `1,234.5` is sure. A date is its parts; signs and units are not looked at.
    """
    return [values for match in _FIGURE.finditer(text) for values in _values(match.group())]


def all_values(text: str) -> set[str]:
    """Return the values of a text's figures, those in Chinese characters and Roman too."""
    found = {value for values in figures(text) for value in values}
    found.update(str(_han_value(match.group())) for match in _HAN.finditer(text))
    found.update(
        str(_roman_value(match.group()))
        for match in _ROMAN.finditer(text)
        if match.group() not in _NO_NUMERAL
    )
    return found


def _values(figure: str) -> Iterator[frozenset[str]]:
    digits = "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else char for char in figure
    )
    parts, marks = _MARK.split(digits), _MARK.findall(digits)
    if _SPACE.search(digits):
        whole, _, fraction = digits.partition(marks[-1]) if marks else (digits, "", "")
        yield frozenset({_plain(_SPACE.sub("", whole), fraction)})
    elif not marks:
        yield frozenset({_plain(digits)})
    elif len(marks) == 1:
        values = {_plain(*parts)}
        if len(parts[1]) == _THOUSANDS and len(parts[0]) <= _THOUSANDS:
            values.add(_plain("".join(parts)))
        yield frozenset(values)
    elif len(set(marks)) == 1 and _are_groups(parts):
        yield frozenset({_plain("".join(parts))})
    elif len(set(marks)) == 2 and marks[-1] not in marks[:-1] and _are_groups(parts[:-1]):
        yield frozenset({_plain("".join(parts[:-1]), parts[-1])})
    else:
        yield from (frozenset({_plain(part)}) for part in parts)


def _are_groups(parts: list[str]) -> bool:
    """Tell whether digits are grouped by thousands, or as in India: 12,34,567."""
    return len(parts[-1]) == _THOUSANDS and all(len(part) in (2, 3) for part in parts[1:])


def _plain(whole: str, fraction: str = "") -> str:
    whole, fraction = whole.lstrip("0") or "0", fraction.rstrip("0")
    return (f"{whole}.{fraction}" if fraction else whole)[:_MAX_DIGITS]


def _han_value(figure: str) -> int:
    if all(char in _HAN_DIGITS for char in figure):
        return int("".join(str(_HAN_DIGITS[char]) for char in figure[:_MAX_DIGITS]))
    whole = group = digit = 0
    for char in figure[:_MAX_DIGITS]:
        if char in _HAN_DIGITS:
            digit = _HAN_DIGITS[char]
        elif char in _HAN_UNITS:
            group += (digit or 1) * _HAN_UNITS[char]
            digit = 0
        else:
            whole = (whole + group + digit) * _HAN_GROUPS[char]
            group = digit = 0
    return whole + group + digit


def _roman_value(figure: str) -> int:
    values = [_ROMAN_DIGITS[char] for char in figure]
    return sum(
        -value if value < after else value
        for value, after in zip(values, [*values[1:], 0], strict=True)
    )
