"""The figures in a text, so that two texts can be held against each other number by number."""

import functools
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import regex

from ragqwen.analysis import normal_form
from ragqwen.dates import Calendar, calendar, numeric_dates
from ragqwen.languages import UNKNOWN
from ragqwen.number_words import NumberWords, number_words
from ragqwen.segmentation import Span, words

Kind = Literal["digits", "han", "roman", "cardinal", "ordinal", "month"]
Half = Literal["am", "pm"]
_THOUSANDS = 3  # digits in a group
# One search takes a figure with all its groups: 1,234.5 and 12 345 and १२,३४,५६७; 1/2 and 2 ½
_FIGURE = regex.compile(
    r"""
    (?<![\p{Nd}/.,])\p{Nd}{1,2}/\p{Nd}{1,2}(?![\p{Nd}/])
    | (?:
        \p{Nd}+(?:[.,٫٬'’]\p{Nd}+)*+
        (?:
            (?<=(?<!\p{Nd})\p{Nd}{1,3})(?:[\x20\u00a0\u2009\u202f]\p{Nd}{3}(?!\p{Nd}))++
            (?:[.,٫]\p{Nd}+)?
        )?
    )
    (?:\x20?[¼-¾⅐-⅞])?
    | [¼-¾⅐-⅞]
    """,
    regex.VERBOSE,
)
_TIME = regex.compile(
    r"(?<![\p{Nd}:.,])(\p{Nd}{1,2})(?:[:：]|\s?[hH時时点點시]\s?)(\p{Nd}{2})(?!\p{Nd})"
)
_DOTTED_TIME = regex.compile(r"([01]?[0-9]|2[0-3])\.([0-5][0-9])")
_YEARS = regex.compile(r"(?<!\p{Nd})(\p{Nd}{2})(\p{Nd}{2})[-–/](\p{Nd}{2})(?![\p{Nd}-])")
_FRACTION = regex.compile(r"[¼-¾⅐-⅞]")
_FRACTION_DIGITS = 4  # a third is 0.3333
_SPACE = regex.compile(r"\s")
_MARK = regex.compile(r"[.,٫٬'’]")
_SIGN = regex.compile(r"(?:^|[^\p{L}\p{N}\s]|(?<![\p{N}\s])\s+)[-−－]$")
_MINUS = regex.compile(
    r"\b(?:m[iī]{1,2}nus|mínus|минус|мінус)\s$|(?:负|負|マイナス|마이너스)\s?$", regex.IGNORECASE
)
_SIGN_CHARS, _MINUS_CHARS, _PERCENT_CHARS = 4, 10, 16
_MONEY_BEFORE = regex.compile(r"(?:\p{Sc}|\b[A-Z]{3})\x20?$")
_MONEY_AFTER = regex.compile(r"\s?(?:\p{Sc}|[A-Z]{3}\b)")
_BETWEEN_WORDS = regex.compile(r"[\s\p{Pd}\p{Cf}]*+")
_MIN_WORD_CHARS, _MAX_WORD_CHARS = 2, 60
_SURE_FROM = 10  # "two" is said in other ways as well: both, a pair, a dual
_BARE = {10**n for n in range(2, 13)}  # "thousands" is said of many
_COMPOSED = 1000  # what stands after as many thousands is added to them
_HAN = regex.compile(r"[〇零一二两兩三四五六七八九十百千万萬亿億]+")
_HAN_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")}
_HAN_DIGITS |= {"零": 0, "两": 2, "兩": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN_GROUPS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_ROMAN = regex.compile(
    r"\b(?=[ⅠIVXLC])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?:\b|(?=(?:e|è|ème|ᵉ|º|ª)s?\b))"
)
_NO_NUMERAL = {"", "I", "L", "C", "D", "M"}
_SURE_ROMAN = regex.compile(r"[IVX]{2,}|X?L[IVX]+")
_SURE_HAN = regex.compile(
    r"[一二三四五六七八九十两兩]+[十百千万萬亿億]\w*|十\w|[〇零一二三四五六七八九]{4}"
)
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_MAX_DIGITS = 40
_CLOCK = range(1, 13)
_NOON = 12


@dataclass(frozen=True, slots=True)
class Figure:
    """A span of a text that is a number, and the values it may stand for, in plain digits.

    `1,234` and `1.234` are a thousand or a fraction, for who wrote it isn't known; `1,234.5` is
    sure. A date is its parts, of which the month is `--3` as well, as its name is; those of `14:30`
    are that time as well, as `14.30` and `2:30 pm` are, and the second of `1990–95` is 1995 too. A
    value below zero has a "-". `5 million` is one figure; `unscaled` are its values without the
    word, and empty where there is none. `half` is that of the day, where it is told. `is_certain`
    if it is a number and nothing else, such as a numeral that is a letter, or words that say "one".
    """

    start: int
    end: int
    kind: Kind
    values: frozenset[str]
    unscaled: frozenset[str] = frozenset()
    is_percent: bool = False
    is_certain: bool = True
    half: Half | None = None


def figures(text: str, language: str = UNKNOWN) -> list[Figure]:
    """Return the figures of a text in order: in digits of any script, Chinese, Roman, in words.

    :param language: of the text. Number words are known in 76 of the 119, and words such as
        `million` in 104.
    """
    known, dates = number_words(language), calendar(language)
    found = [Figure(start, end, "digits", values) for start, end, values in numeric_dates(text)]
    found = _merged(found, _summed(text, _digits(text, known)))
    found = _merged(found, _named_months(text, dates))
    if known.lengths:
        found = _merged(found, _in_words(text, known))
    found = _merged(found, _in_han(text))
    found = _merged(found, _in_roman(text))
    return [_dated(text, figure, dates) for figure in found]


def all_values(some: Sequence[Figure]) -> set[str]:
    """Return all values that figures may have, the parts of a fraction too: 1/2 may be a date."""
    return {
        part for figure in some for value in figure.values for part in (value, *value.split("/"))
    }


@functools.lru_cache(maxsize=1 << 14)
def word_form(word: str) -> str:
    """Return a word's normal form; what is long is cut."""
    return normal_form(word[:_MAX_WORD_CHARS])


def _merged(found: list[Figure], more: Iterable[Figure]) -> list[Figure]:
    """Return figures in order, less those of `more` that overlap one that was found before."""
    starts = [figure.start for figure in found]
    new = []
    for figure in more:
        at = bisect_left(starts, figure.end)
        if at == 0 or found[at - 1].end <= figure.start:
            new.append(figure)
    return sorted([*found, *new], key=lambda figure: figure.start) if new else found


def _digits(text: str, known: NumberWords) -> Iterator[Figure]:
    more = dict(_more_values(text))
    for match in _FIGURE.finditer(text):
        start, end = match.span()
        some = list(_values(match.group()))
        for values in some:
            figure = Figure(start, end, "digits", values | more.get(start, frozenset()))
            yield _in_context(text, figure, known) if len(some) == 1 else figure


def _more_values(text: str) -> Iterator[tuple[int, frozenset[str]]]:
    """Yield what figures mean by what they stand beside, by their places: 14:30, 1990–95."""
    for match in _TIME.finditer(text):
        hours, minutes = map(_ascii, match.groups())
        for start in (match.start(1), match.start(2)):
            yield start, frozenset({_time(hours, minutes)})
    for match in _YEARS.finditer(text):
        century, first, second = map(_ascii, match.groups())
        if first < second:
            yield match.start(3), frozenset({century + second})


def _named_months(text: str, dates: Calendar) -> Iterator[Figure]:
    for name in dates.month_names(text):
        values = frozenset({f"--{name.month}"})
        yield Figure(name.start, name.end, "month", values, is_certain=name.is_certain)


def _dated(text: str, figure: Figure, dates: Calendar) -> Figure:
    """Return a figure with what it means as a month, as a year of another era, and as an hour."""
    if figure.kind not in ("digits", "han") or figure.unscaled:
        return figure
    number = next((int(value) for value in figure.values if value.isdecimal()), 0)
    time = next((value for value in figure.values if ":" in value), f"{number}:00")
    hours, _, minutes = time.partition(":")
    hour = int(hours) if hours.isdecimal() else 0
    more: set[str] = set()
    half: Half | None = None
    if dates.years and number:
        more |= {str(year) for year in dates.our_years(text, figure.start, number)}
    if number in _CLOCK and dates.is_month(text, figure.start, figure.end):
        more.add(f"--{number}")
    if hour in _CLOCK:
        told = dates.hour(text, figure.start, figure.end, hour)
        if told is not None:
            half = "pm" if told >= _NOON else "am"
            more |= {f"{told}:{minutes}", *([str(told)] if hour == number else [])}
    return replace(figure, values=figure.values | more, half=half) if more else figure


def _summed(text: str, found: Iterator[Figure]) -> Iterator[Figure]:
    """Yield figures, those as one that add up: 1億2000万, 5 million 300 thousand."""
    last: Figure | None = None
    for figure in found:
        gap = text[last.end : figure.start] if last else ""
        if last and last.unscaled and gap in ("", " " if figure.unscaled else ""):
            more, less = min(last.values), min(figure.values)
            if more.isdecimal() and less.isdecimal() and more.endswith("0" * len(less)):
                values = frozenset({str(int(more) + int(less))})
                last = replace(figure, start=last.start, values=values, unscaled=frozenset())
                continue
        if last:
            yield last
        last = figure
    if last:
        yield last


def _in_context(text: str, figure: Figure, known: NumberWords) -> Figure:
    """Return a figure with what stands next to it: a sign, a million, a percent sign."""
    values, unscaled, end = figure.values, figure.unscaled, figure.end
    before = text[max(figure.start - _PERCENT_CHARS, 0) : figure.start]
    if scale := known.scale.match(text, end):
        factor = known.scales.get(scale[1].casefold())
        if factor:
            unscaled, end = values, scale.end()
            values = frozenset(_times(value, factor) for value in values)
    elif scale := known.letter.match(text, end):
        scaled = frozenset(_times(value, known.letters[scale[1]]) for value in values)
        if _MONEY_BEFORE.search(before) or _MONEY_AFTER.match(text, scale.end()):
            values, unscaled, end = scaled, values, scale.end()
        elif scale.start(1) == end:
            values |= scaled  # 5m are metres, or millions
    if _SIGN.search(before[-_SIGN_CHARS:]) or _MINUS.search(before[-_MINUS_CHARS:]):
        values = frozenset(f"-{value}" for value in values)
    is_percent = bool(known.percent.match(text, end) or known.percent_before.search(before))
    certain = figure.is_certain or bool(unscaled)
    return replace(
        figure, end=end, values=values, unscaled=unscaled, is_percent=is_percent, is_certain=certain
    )


def _in_words(text: str, known: NumberWords) -> Iterator[Figure]:
    spans = list(words(text))
    at = 0
    last: Figure | None = None
    while at < len(spans):
        found = _number_at(text, spans, at, known)
        if found is None:
            at += 1
            continue
        figure, at = found
        if last and _adds_up(text, last, figure):
            last = Figure(last.start, figure.end, "cardinal", _sum(last, figure))
            continue
        if last:
            yield _in_context(text, last, known)
        last = figure
    if last:
        yield _in_context(text, last, known)


def _number_at(
    text: str, spans: Sequence[Span], at: int, known: NumberWords
) -> tuple[Figure, int] | None:
    """Return the longest number that begins with a word, and the place of the word after it."""
    forms: list[str] = []
    found = None
    start = end = spans[at][0]
    for first, last in spans[at : at + known.lengths.get(_form(text, *spans[at]), 0)]:
        if not _BETWEEN_WORDS.fullmatch(text, end, first):
            break
        forms.append(_form(text, first, last))
        end = last
        key = tuple(forms)
        number = known.cardinals.get(key, known.ordinals.get(key))
        if number is not None:
            kind: Kind = "cardinal" if key in known.cardinals else "ordinal"
            is_bare = len(key) == 1 and (number in _BARE or last - first < _MIN_WORD_CHARS)
            sure = kind == "cardinal" and number >= _SURE_FROM and not is_bare
            found = (
                Figure(start, end, kind, frozenset({str(number)}), is_certain=sure),
                at + len(key),
            )
    return found


def _form(text: str, start: int, end: int) -> str:
    return word_form(text[start:end]) if end - start <= _MAX_WORD_CHARS else ""


def _adds_up(text: str, first: Figure, second: Figure) -> bool:
    """Tell whether two numbers in words are one: five thousand, two hundred."""
    if not _BETWEEN_WORDS.fullmatch(text, first.end, second.start) or first.kind == "ordinal":
        return False
    more, less = (int(min(figure.values)) for figure in (first, second))
    return more >= _COMPOSED and 0 < less < _COMPOSED and more % 10 ** len(str(less)) == 0


def _sum(first: Figure, second: Figure) -> frozenset[str]:
    return frozenset({str(sum(int(min(figure.values)) for figure in (first, second)))})


def _in_han(text: str) -> Iterator[Figure]:
    for match in _HAN.finditer(text):
        values = frozenset({str(_han_value(match.group()))})
        is_certain = bool(_SURE_HAN.fullmatch(match.group()))
        yield Figure(match.start(), match.end(), "han", values, is_certain=is_certain)


def _in_roman(text: str) -> Iterator[Figure]:
    for match in _ROMAN.finditer(text):
        if match.group() not in _NO_NUMERAL:
            values = frozenset({str(_roman_value(match.group()))})
            is_certain = bool(_SURE_ROMAN.fullmatch(match.group()))
            yield Figure(match.start(), match.end(), "roman", values, is_certain=is_certain)


def _times(value: str, factor: int) -> str:
    whole, _, fraction = value.partition(".")
    if not (whole.isdecimal() and f"{fraction}0".isdecimal()):
        return value  # a time of day
    product = str(int(whole + fraction) * factor).rjust(len(fraction) + 1, "0")
    return _plain(
        *(product[: len(product) - len(fraction)], product[len(product) - len(fraction) :])
    )


def _values(figure: str) -> Iterator[frozenset[str]]:
    if "/" in figure:
        yield from _parts(*_ascii(figure).split("/"))
        return
    if fraction := _FRACTION.search(figure):
        whole = _plain(_ascii(figure[: fraction.start()].rstrip()))
        yield frozenset({_plain(whole, _decimals(unicodedata.numeric(fraction.group())))})
        return
    digits = _ascii(figure)
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
        if _DOTTED_TIME.fullmatch(digits):
            values.add(_time(*parts))
        yield frozenset(values)
    elif len(set(marks)) == 1 and _are_groups(parts):
        yield frozenset({_plain("".join(parts))})
    elif len(set(marks)) == 2 and marks[-1] not in marks[:-1] and _are_groups(parts[:-1]):
        yield frozenset({_plain("".join(parts[:-1]), parts[-1])})
    else:
        yield from (frozenset({_plain(part)}) for part in parts)


def _ascii(digits: str) -> str:
    """Return 0 to 9 for the digits of all scripts that Python knows."""
    return "".join(str(unicodedata.decimal(char, char)) for char in digits)


def _time(hours: str, minutes: str) -> str:
    return f"{_plain(hours)}:{minutes}"


def _parts(*parts: str) -> Iterator[frozenset[str]]:
    """Yield a proper fraction as one figure, and else two: 24/7 is no number."""
    above, below = (int(part) if part.isascii() else 0 for part in parts)
    if 0 < above < below:
        yield frozenset({_plain("0", _decimals(above / below)), f"{above}/{below}"})
    else:
        yield from (frozenset({_plain(part)}) for part in parts)


def _decimals(fraction: float) -> str:
    return f"{fraction:.{_FRACTION_DIGITS}f}".partition(".")[2]


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
