"""Numbers written as words, and words that scale a figure, as Unicode's CLDR has them.

ICU spells numbers out in about 70 of the 119 languages, and what it writes is read back here by
looking it up. Babel has the words for thousands, millions and lakhs, and for percent.
"""

import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import regex
from babel import Locale, UnknownLocaleError
from babel.units import format_unit
from icu4py.messageformat import MessageFormat

from ragqwen.analysis import normal_form
from ragqwen.languages import STANDARD_OF_GROUP, languages
from ragqwen.segmentation import words

# What CLDR calls the forms of numbers; ICU takes the usual form for what a language lacks. Making
# one ready takes ICU some 40 ms, so there are no more
_CARDINALS = ("", "-masculine", "-feminine", "-neuter", "-verbose", "-native-attributive")
_ORDINALS = ("", "-masculine", "-feminine")
_MORE_ORDINALS = (
    *("", "-neuter", "-common", "-plural", "-masculine-plural", "-feminine-plural"),
    *("-masculine-adjective", "-n", "-r", "-s", "-m"),
    *(
        f"-{gender}{case}"
        for case in ("genitive", "dative", "accusative", "instrumental", "prepositional")
        for gender in ("masculine-", "feminine-", "plural-")
    ),
    *("-masculine-locative", "-feminine-locative", "-genitive", "-partitive", "-inessive"),
    *("-elative", "-illative", "-adessive", "-ablative", "-allative", "-essive"),
)
_YEARS = range(1001, 2100)
_COUNTED = range(1, 101)
_INFLECTED = range(1, 32)  # of days, storeys and places there are few more
# CLDR lacks them; each with a half of it
_DOZENS = {
    "afr_Latn": ("dosyn", "halwe dosyn"),
    "arb_Arab": ("دزينة", "نصف دزينة"),
    "ben_Beng": ("ডজন", "আধা ডজন"),
    "cat_Latn": ("dotzena", "mitja dotzena"),
    "ces_Latn": ("tucet", "půl tuctu"),
    "dan_Latn": ("dusin", "et halvt dusin"),
    "deu_Latn": ("dutzend", "halbes dutzend"),
    "ell_Grek": ("ντουζίνα", "μισή ντουζίνα"),
    "eng_Latn": ("dozen", "half a dozen"),
    "fin_Latn": ("tusina", "puoli tusinaa"),
    "fra_Latn": ("douzaine", "demi-douzaine"),
    "glg_Latn": ("ducia", "media ducia"),
    "heb_Hebr": ("תריסר", "חצי תריסר"),
    "hin_Deva": ("दर्जन", "आधा दर्जन"),
    "hun_Latn": ("tucat", "fél tucat"),
    "ind_Latn": ("lusin", "setengah lusin"),
    "ita_Latn": ("dozzina", "mezza dozzina"),
    "nld_Latn": ("dozijn", "half dozijn"),
    "nob_Latn": ("dusin", "et halvt dusin"),
    "pes_Arab": ("دوجین", "نیم دوجین"),
    "pol_Latn": ("tuzin", "pół tuzina"),
    "por_Latn": ("dúzia", "meia dúzia"),
    "ron_Latn": ("duzină", "jumătate de duzină"),
    "rus_Cyrl": ("дюжина", "полдюжины"),
    "spa_Latn": ("docena", "media docena"),
    "swe_Latn": ("dussin", "ett halvt dussin"),
    "tha_Thai": ("โหล", "ครึ่งโหล"),
    "tur_Latn": ("düzine", "yarım düzine"),
    "ukr_Cyrl": ("дюжина", "пів дюжини"),
    "urd_Arab": ("درجن", "آدھا درجن"),
}
_DOZEN = 12
_FEW = range(2, 11)
_ENGLISH_LETTERS = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12}
_ROUND = (
    *(n * 1000 for n in (*range(2, 20), *range(20, 100, 10), *range(100, 1000, 100))),
    *(n * 10**6 for n in (*range(1, 20), *range(20, 100, 10), *range(100, 1000, 100))),
    *(n * 10**9 for n in range(1, 11)),
)
_PROBES = (1, 2, 3, 5, 20, 21, 100, 101, 200, 1000)
_FOR_PLURALS = (1, 2, 3, 5, 11, 100)
_WRITTEN_IN_FIGURES = frozenset({"Hans", "Hant", "Jpan"})  # 三百 is digits as 300 is
_UNSPACED = regex.compile(r"[\p{Han}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_FIGURES = regex.compile(r"\p{Nd}+")
_LETTER = regex.compile(r"\p{L}")
_UNSEEN = regex.compile(r"['\p{Cf}]")
_PERCENT = "concentr-percent"
_PERCENT_SIGNS = "%٪﹪％"
# Which CLDR lacks, or has in another form
_PERCENTS = frozenset(
    {
        *("per cent", "per cento", "la sută", "на сто", "одсто", "посто", "pct", "procentų"),
        *("százaléka", "porsiyento", "في المئة", "في المائة", "بالمئة", "אחוזים", "फीसदी"),
        *("फ\u093cीसदी", "விழுக்காடு", "퍼센트", "phần trăm"),
    }
)
_PERCENTS_BEFORE = frozenset({"百分之", "ร้อยละ", "asilimia", "සියයට"})
_TENS = ("十百千", "십백천")
_HAN_GROUPS = frozenset("万萬亿億만억")
_GAP = r"[\x20\u00a0\u2009\u202f\u200b-]?"


@dataclass(frozen=True, slots=True)
class NumberWords:
    """What a language says for numbers.

    `cardinals` and `ordinals` have numbers by their words, in normal form, and `lengths` how many
    words a number that begins with a word has at most. `scale` and `percent` match what stands
    right after a figure, `percent_before` before it, and `says_percent` tells whether the word for
    percent is known; `scales` are the factors of what `scale`
    matches, in lower case. `letter` and `letters` are the same for what may be a unit as well, such
    as the "m" of $5m.
    """

    cardinals: Mapping[tuple[str, ...], int]
    ordinals: Mapping[tuple[str, ...], int]
    lengths: Mapping[str, int]
    scales: Mapping[str, int]
    scale: regex.Pattern[str]
    letters: Mapping[str, int]
    letter: regex.Pattern[str]
    percent: regex.Pattern[str]
    percent_before: regex.Pattern[str]
    says_percent: bool


@functools.lru_cache(maxsize=128)
def number_words(language: str) -> NumberWords:
    """Return the number words of a language; signs alone if nothing is known of it.

    :param language: a FLORES-200 code.
    """
    known = languages().get(language)
    if known is None:
        return _put_together({}, {}, {}, {}, set(), set())
    standard = languages()[STANDARD_OF_GROUP.get(known.group, language)]
    locale = standard.bcp47
    cardinals: dict[tuple[str, ...], int] = {}
    ordinals: dict[tuple[str, ...], int] = {}
    if standard.script not in _WRITTEN_IN_FIGURES and _is_spelled(locale):
        cardinals = _read_back(_cardinals(locale))
        ordinals = _read_back(_ordinals(locale))
    scales, letters = _scales(locale)
    if standard.code in _DOZENS:
        dozen, half = _DOZENS[standard.code]
        said = ((key[0], number) for key, number in cardinals.items() if len(key) == 1)
        counted = [(f"{word} {dozen}", number * _DOZEN) for word, number in said if number in _FEW]
        cardinals |= _read_back([*counted, (dozen, _DOZEN), (half, _DOZEN // 2)])
        scales[dozen] = _DOZEN
    if standard.code == "eng_Latn":
        letters |= _ENGLISH_LETTERS
    return _put_together(cardinals, ordinals, scales, letters, *_percents(locale))


def _put_together(
    cardinals: dict[tuple[str, ...], int],
    ordinals: dict[tuple[str, ...], int],
    scales: dict[str, int],
    letters: dict[str, int],
    percents: set[str],
    percents_before: set[str],
) -> NumberWords:
    lengths: dict[str, int] = {}
    for key in (*cardinals, *ordinals):
        lengths[key[0]] = max(lengths.get(key[0], 0), len(key))
    after = _any_of(percents | _PERCENTS)
    before = _any_of(percents_before | _PERCENTS_BEFORE)
    return NumberWords(
        cardinals,
        {key: number for key, number in ordinals.items() if key not in cardinals},
        lengths,
        scales,
        regex.compile(rf"{_GAP}({_any_of(scales)})", regex.IGNORECASE),
        letters,
        regex.compile(rf"{_GAP}({_any_of(letters)})"),
        regex.compile(rf"{_GAP}(?:[{_PERCENT_SIGNS}]|{after})", regex.IGNORECASE),
        regex.compile(rf"(?:[{_PERCENT_SIGNS}]|(?:{before})\s?)$", regex.IGNORECASE),
        bool(percents or percents_before),
    )


def _is_spelled(locale: str) -> bool:
    """Tell whether ICU spells numbers out in a language; where it doesn't, it does in English."""
    spelled = _spell(locale, 1234)
    return locale == "en" or not (spelled == _spell("en", 1234) or _FIGURES.search(spelled))


def _spell(locale: str, number: int) -> str:
    return MessageFormat("{n,spellout}", locale).format({"n": number})


def _cardinals(locale: str) -> Iterator[tuple[str, int]]:
    thousands = {n: _spell(locale, n * 1000) for n in (1, 2)}
    for said, year in _variants(locale, "numbering-year", ("",), _YEARS):
        if not said.startswith(f"{thousands[year // 1000]} "):  # else it is a sum of two numbers
            yield said, year
    yield from _variants(locale, "cardinal", _CARDINALS, (*range(1001), *_ROUND))


def _ordinals(locale: str) -> Iterator[tuple[str, int]]:
    yield from _variants(locale, "ordinal", _ORDINALS, _COUNTED)
    yield from _variants(locale, "ordinal", _MORE_ORDINALS, _INFLECTED)


def _variants(
    locale: str, kind: str, variants: Sequence[str], numbers: Sequence[int]
) -> Iterator[tuple[str, int]]:
    """Yield numbers as they are spelled; a variant that a language lacks is its usual form."""
    usual: tuple[str, ...] = ()
    for variant in variants:
        spell = MessageFormat(f"{{n,spellout,%spellout-{kind}{variant}}}", locale).format
        probes = tuple(spell({"n": number}) for number in _PROBES)
        if probes != usual:
            yield from ((spell({"n": number}), number) for number in numbers)
        usual = usual or probes


def _read_back(spelled: Iterable[tuple[str, int]]) -> dict[tuple[str, ...], int]:
    """Return numbers by the words that they are spelled with; the smaller, if two are alike."""
    lines: dict[str, int] = {}
    for line, number in spelled:
        lines.setdefault(line.replace("\n", " "), number)
    text = normal_form("\n".join(lines))
    keys: list[list[str]] = [[]]
    done = 0
    for start, end in words(text):
        keys.extend([] for _ in range(text.count("\n", done, start)))
        keys[-1].append(text[start:end])
        done = end
    found: dict[tuple[str, ...], int] = {}
    for key, number in zip(keys, lines.values(), strict=False):
        if key:
            found.setdefault(tuple(key), number)
    return found


def _scales(locale: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return the words that scale a figure, and the letters that do.

    :return: {"million": 10**6, "mio.": 10**6} in lower case, {"M": 10**6} as they are written.
    """
    try:
        formats = Locale.parse(locale, sep="-").compact_decimal_formats
    except UnknownLocaleError:
        return {}, {}
    found: dict[str, int] = {}
    letters = {"k": 1000}
    for length, min_letters in (("long", 2), ("short", 3)):  # "5 mm" is no milliard
        for by_size in formats.get(length, {}).values():
            for size, written in sorted(by_size.items(), key=lambda item: int(item[0])):
                pattern = _UNSEEN.sub("", written.pattern)
                word = pattern.replace("0", "").strip()
                n_letters = len(_LETTER.findall(word))
                scale = int(size) // 10 ** max(pattern.count("0") - 1, 0)
                if length == "short" and 0 < n_letters < min_letters:
                    letters.setdefault(word, scale)
                if n_letters >= min_letters or _UNSPACED.match(word):
                    for form in (word.casefold(), normal_form(word)):
                        found.setdefault(form, scale)
    if locale == "ja":
        found["千"] = 1000  # in Chinese it begins the words for kilometre and kilogram
    found |= {
        ten + word: 10**power * scale  # 5千万
        for tens in _TENS
        for power, ten in enumerate(tens, start=1)
        for word, scale in found.items()
        if word in _HAN_GROUPS
    }
    return found, letters


def _percents(locale: str) -> tuple[set[str], set[str]]:
    """Return the words for percent, in lower case: those after a figure, those before it."""
    after: set[str] = set()
    before: set[str] = set()
    for number in _FOR_PLURALS:
        try:
            said = format_unit(number, _PERCENT, "long", locale=locale.replace("-", "_"))
        except UnknownLocaleError:
            return set(), set()
        said = _UNSEEN.sub("", said).strip()
        word = _FIGURES.sub("", said).strip().casefold()
        if _LETTER.match(word) and word != _PERCENT:
            (after if _FIGURES.match(said) else before).add(word)
    return after, before


def _any_of(some: Collection[str]) -> str:
    """Return a pattern for whole words, the longest first."""
    forms = (
        regex.escape(word)
        if _UNSPACED.match(word) or not word[-1].isalpha()
        else rf"{regex.escape(word)}\b"
        for word in sorted(some, key=len, reverse=True)
    )
    return "|".join(forms) or "(?!)"
