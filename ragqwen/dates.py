"""Dates and times of day in the ways that languages write them, as Unicode's CLDR has them.

Babel has the names of months and of the parts of a day, ICU the years of calendars that do not
count from where ours does.
"""

import datetime
import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

import regex
from babel import Locale, UnknownLocaleError
from icu4py.messageformat import MessageFormat

from ragqwen.analysis import normal_form
from ragqwen.languages import STANDARD_OF_GROUP, languages

_YEARS = range(1868, 2101)
# In these languages years are also counted from elsewhere, and then the era is named
_NAMED_ERAS = {"jpn_Jpan": "ja@calendar=japanese", "zho_Hant": "zh-TW@calendar=roc"}
_DATE = regex.compile(
    r"(?<![\p{Nd}.,/-])(\p{Nd}{1,4})([-/.])\x20?(\p{Nd}{1,2})\2\x20?(\p{Nd}{1,4})"
    r"(?!\p{Nd}|[-/.,]\p{Nd})"
)
_MONTH_OF_YEAR = regex.compile(
    r"(?<![\p{Nd}.,/-])(\p{Nd}{2})[./](\p{Nd}{4})(?!\p{Nd}|[-/.,]\p{Nd})"
)
_N_MONTHS, _MAX_DAY = 12, 31
_LATE = 1500  # years before are not written as 03.1492
_UNSPACED = regex.compile(r"[\p{Han}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_COUNTED = regex.compile(r"[\p{Nd}一二三四五六七八九十]+")
_DOTS = regex.compile(r"[.\s।॰]+")
_MIN_NAME, _SHORT_NAME = 3, 2
_NEAR = 16  # characters within which a day or a year stands beside its month
_DAY_BEFORE = regex.compile(
    r"\p{Nd}[\p{L}\p{M}]{0,4}[^\p{L}\p{N}]{0,3}(?:\p{L}{1,3}[^\p{L}\p{N}]{1,2})?$"
)
_NUMBER_AFTER = regex.compile(r"[^\p{L}\p{N}]{0,3}(?:\p{L}{1,3}[^\p{L}\p{N}]{1,2})?\p{Nd}")
_MINUTES = r"(?:\s?[:：hH時时点點시]\s?\p{Nd}{1,2}\s?[分분]?)?"
_HOUR_MARK = regex.compile(r"[^\p{L}]*H+(.*)")
_NEVER = regex.compile(r"(?!)")
_HOURS, _HALF_DAY = 24, 12
_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class MonthName:
    """A month's name beside a day or a year; not `is_certain` where an ending was added to it."""

    start: int
    end: int
    month: int
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a language writes dates and times of day.

    `names` are months by their names and `stems` by how these begin, in lower case; `name` matches
    either. `month_after` matches what makes a number before it a month (月), `month_before` after
    it (tháng). `periods` has the hours of parts of the day, such as "pm": the first, and the one
    after the last. `years` are those of our era by (era, year), with "" for an era that need not be
    named; `era` matches an era's name before its year.
    """

    names: Mapping[str, int]
    stems: Mapping[str, int]
    name: regex.Pattern[str]
    month_after: regex.Pattern[str]
    month_before: regex.Pattern[str]
    periods: Mapping[str, tuple[int, int]]
    period_after: regex.Pattern[str]
    period_before: regex.Pattern[str]
    years: Mapping[tuple[str, int], frozenset[int]]
    era: regex.Pattern[str]

    def month_names(self, text: str) -> Iterator[MonthName]:
        """Yield the months that are named beside a day or a year."""
        for match in self.name.finditer(text):
            start, end = match.span()
            if _DAY_BEFORE.search(text[max(start - _NEAR, 0) : start]) or _NUMBER_AFTER.match(
                text[end : end + _NEAR]
            ):
                exact = match["exact"]
                found = self.names.get(_key(exact)) if exact else None
                month = found or self.stems.get(_key(match["exact"] or match["stem"]))
                if month:
                    yield MonthName(start, end, month, found is not None)

    def is_month(self, text: str, start: int, end: int) -> bool:
        """Tell whether a number is a month by what stands beside it: 3月, tháng 3."""
        before = text[max(start - _NEAR, 0) : start]
        return bool(self.month_after.match(text, end) or self.month_before.search(before))

    def hour(self, text: str, start: int, end: int, hour: int) -> int | None:
        """Return the hour from 0 to 23 that is said as 1 to 12; None if no part of the day is.

        :param start: of a time of day, or of its minutes.
        """
        found = self.period_after.match(text, end) or self.period_before.search(
            text[max(start - 2 * _NEAR, 0) : start]
        )
        span = self.periods.get(_key(found["period"])) if found else None
        if span is None:
            return None
        first, last = span
        return min(
            (hour % _HALF_DAY, hour % _HALF_DAY + _HALF_DAY),
            key=lambda h: (
                min((first - h) % _HOURS, (h - last + 1) % _HOURS)
                if (h - first) % _HOURS >= (last - first) % _HOURS
                else 0
            ),
        )

    def our_years(self, text: str, start: int, year: int) -> frozenset[int]:
        """Return the years of our era that a year of another may be."""
        era = self.era.search(text[max(start - _NEAR, 0) : start])
        return self.years.get((era[0].strip() if era else "", year), frozenset())


def numeric_dates(text: str) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Yield the parts of dates in digits, each with its span and what it may mean.

    A month is `--3`, as in XML Schema. In 5/3/2024 either may be the month.
    """
    for match in _DATE.finditer(text):
        first, second, third = (match[1], match[3], match[4])
        if not all(map(str.isdecimal, (first, second, third))):
            continue  # of a Unicode newer than Python's
        if len(first) == 4 and len(third) <= 2:
            months = [False, _is_month(second) and 0 < int(third) <= _MAX_DAY, False]
        elif len(first) <= 2 and len(third) in (2, 4):
            fits = all(0 < int(part) <= _MAX_DAY for part in (first, second))
            months = [fits and _is_month(first), fits and _is_month(second), False]
        else:
            continue
        if any(months):
            for group, is_month in zip((1, 3, 4), months, strict=True):
                value = str(int(match[group]))
                values = {value, f"--{value}"} if is_month else {value}
                if group == 4 and len(first) <= 2 and len(third) == 2:
                    values |= {f"19{int(third):02}", f"20{int(third):02}"}
                yield *match.span(group), frozenset(values)
    for match in _MONTH_OF_YEAR.finditer(text):
        month, year = match.groups()
        if month.isdecimal() and _is_month(month) and year.isdecimal() and int(year) >= _LATE:
            yield *match.span(1), frozenset({str(int(month)), f"--{int(month)}"})
            yield *match.span(2), frozenset({str(int(year))})


@functools.lru_cache(maxsize=128)
def calendar(language: str) -> Calendar:
    """Return how a language writes dates and times; what is unknown matches nothing.

    :param language: a FLORES-200 code.
    """
    known = languages().get(language)
    standard = languages()[STANDARD_OF_GROUP.get(known.group, language)] if known else None
    try:
        locale = Locale.parse(standard.bcp47, sep="-") if standard else None
    except UnknownLocaleError:
        locale = None
    if standard is None or locale is None:
        return Calendar({}, {}, _NEVER, _NEVER, _NEVER, {}, _NEVER, _NEVER, {}, _NEVER)
    full, short = _month_names(locale)
    names = {name: month for name, month in full.items() if not _COUNTED.search(name)}
    stems = _stems(locale) | {
        name: month
        for name, month in short.items()
        if len(name) >= _MIN_NAME and not _COUNTED.search(name) and name not in names
    }
    affixes = {_COUNTED.sub("0", name) for name in (*full, *short) if _COUNTED.search(name)}
    periods = _periods(locale)
    years = _years(standard.code, standard.bcp47)
    eras = {era for era, _ in years if era}
    return Calendar(
        names,
        names | stems,
        _name_pattern(names, stems),
        _either(r"\s?(?:{})", {affix.partition("0")[2] for affix in affixes}),
        _either(r"(?:{})\s?$", {affix.partition("0")[0].strip() for affix in affixes}),
        {_key(name): hours for name, hours in periods.items()},
        *_period_patterns(locale, periods),
        years,
        _either(r"(?:{})\s?$", eras),
    )


def _is_month(digits: str) -> bool:
    return 0 < int(digits) <= _N_MONTHS


def _key(name: str) -> str:
    return str(_DOTS.sub("", name.casefold()))


def _month_names(locale: Locale) -> tuple[dict[str, int], dict[str, int]]:
    """Return months by their full names, and by short ones, in lower case."""
    found: list[dict[str, int]] = []
    for width in ("wide", "abbreviated"):
        names: dict[str, int] = {}
        for form in ("format", "stand-alone"):
            for month, name in locale.months[form][width].items():
                for written in (_key(name), _key(normal_form(name))):
                    names.setdefault(written, month)
        found.append(names)
    return found[0], found[1]


def _stems(locale: Locale) -> dict[str, int]:
    """Return months by what their forms have in common: март of марта and март."""
    found: dict[str, int] = {}
    for month, name in locale.months["format"]["wide"].items():
        forms = zip(_key(name), _key(locale.months["stand-alone"]["wide"][month]), strict=False)
        stem = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], forms))
        if len(stem) >= _MIN_NAME and not _COUNTED.search(stem):
            found.setdefault(stem, month)
    return found


def _name_pattern(names: Collection[str], stems: Collection[str]) -> regex.Pattern[str]:
    if not names:
        return _NEVER
    exact, begun = _longest_first(names), _longest_first({*names, *stems})
    if _UNSPACED.match(next(iter(names))):
        return regex.compile(rf"(?P<exact>{begun})(?P<stem>)")
    return regex.compile(
        rf"(?<![\p{{L}}\p{{M}}])"
        rf"(?:(?P<exact>{exact})(?![\p{{L}}\p{{M}}])|(?P<stem>{begun})[\p{{L}}\p{{M}}]{{0,6}}+)",
        regex.IGNORECASE,
    )


def _longest_first(some: Collection[str]) -> str:
    return "|".join(
        r"\.?".join(map(regex.escape, word)) if _UNSPACED.match(word) else regex.escape(word)
        for word in sorted(some, key=len, reverse=True)
    )


def _either(form: str, some: Collection[str]) -> regex.Pattern[str]:
    """Return a pattern for one of some strings, put into a form; for nothing if there are none."""
    told = sorted(filter(None, some), key=len, reverse=True)
    words = "|".join(map(regex.escape, told))
    return regex.compile(form.format(words), regex.IGNORECASE) if told else _NEVER


def _periods(locale: Locale) -> dict[str, tuple[int, int]]:
    """Return the hours of the parts of a day by their names: {"PM": (12, 24)}."""
    rules: Mapping[str, list[dict[str, int]]] = locale.day_period_rules.get(None, {})
    spans = {"am": (0, _HALF_DAY), "pm": (_HALF_DAY, _HOURS)} | {
        period: (some[0]["from"] // _SECONDS, some[0]["before"] // _SECONDS)
        for period, some in rules.items()
        if "from" in some[0]
    }
    found: dict[str, tuple[int, int]] = {}
    for period, span in spans.items():
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                name = locale.day_periods.get(form, {}).get(width, {}).get(period)
                if name and len(_key(name)) > 1:
                    found.setdefault(name, span)
    return found


def _period_patterns(
    locale: Locale, periods: Collection[str]
) -> tuple[regex.Pattern[str], regex.Pattern[str]]:
    skeleton = _HOUR_MARK.match(str(locale.datetime_skeletons["H"].pattern))
    mark = _DOTS.sub("", skeleton[1].replace("'", "")) if skeleton else ""
    marks = "|".join(regex.escape(each) for each in (mark, "o'clock", "o’clock") if each)
    longest = sorted(periods, key=len, reverse=True)
    either = "|".join(_period_pattern(name, locale.language) for name in longest) or "(?!)"
    minutes_after = rf"{_MINUTES}(?:\s?(?:{marks})\.?)?[\s,]{{0,2}}"
    hours_before = r"[\s,]{0,2}(?:\p{Nd}{1,2}\s?[:：hH時时点點시]\s?)?$"
    return (
        regex.compile(
            rf"{minutes_after}(?P<period>{either})(?![\p{{Latin}}\p{{Cyrillic}}])", regex.IGNORECASE
        ),
        regex.compile(rf"(?P<period>{either}){hours_before}", regex.IGNORECASE),
    )


def _period_pattern(name: str, language: str) -> str:
    letters = _DOTS.sub("", name)
    pattern = r"[.\s]{0,2}".join(map(regex.escape, letters))
    # "am" is a word in German and in Welsh
    is_word = len(letters) <= _SHORT_NAME and language != "en"
    return rf"(?-i:{pattern})" if is_word else pattern


def _years(code: str, locale: str) -> dict[tuple[str, int], frozenset[int]]:
    """Return the years of our era by those of another that a language counts in, with its name."""
    written = MessageFormat("{day,date,::yG}", _NAMED_ERAS.get(code, locale)).format
    found: dict[tuple[str, int], set[int]] = {}
    for year in _YEARS:
        for month, day in ((1, 3), (12, 28)):
            said = _COUNTED.search(written({"day": datetime.datetime(year, month, day)}))
            if said and int(said[0]) == year:
                return {}
            if said:
                era = said.string[: said.start()].strip() if code in _NAMED_ERAS else ""
                found.setdefault((era, int(said[0])), set()).add(year)
    return {key: frozenset(some) for key, some in found.items()}
