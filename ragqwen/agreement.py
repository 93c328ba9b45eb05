"""Whether a place in a passage has the figures that a claim has, each where the claim has it.

A figure of the claim that is not in the place is wrong. In one language one is also wrong if the
words around it are met better around another figure of the place: "5 boats and 7 ferries" is not
borne out by "7 boats and 5 ferries", though it has both.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from ragqwen.figures import Figure, all_values, figures, word_form
from ragqwen.number_words import number_words
from ragqwen.segmentation import words

_WINDOW = 4  # words on either side of a figure, the nearest weigh most
_WEIGHTS = [1 / (1 + distance) for distance in range(_WINDOW)]
_SLACK = 1  # a word may stand so much further off in the passage
_MARGIN = 0.2
_MAX_CLAIMED, _MAX_FOUND = 32, 64  # figures; of more, what stands around them isn't looked at
_MIN_CONFLICT = 0.4
_YEAR_DIGITS = 4
_DASH = regex.compile(r"\s?\p{Pd}\s?")
_MILLION = 10**6  # Hindi borrows the word, and CLDR has lakhs alone
_UNTOLD = frozenset({"0", "1"})  # "one" and "no" are articles and more


@dataclass(frozen=True, slots=True)
class _Placed:
    """A figure and the words around it, in normal form, the nearest first."""

    figure: Figure
    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a text, with what stands around them.

    `loose` marks figures with a word such as "million" by their value without it, and figures
    without one: across languages it isn't always known whether there was such a word, unless the
    language `says_scale`. `joined` are the two sides of a score or a range, such as 20–16.
    """

    placed: tuple[_Placed, ...]
    values: frozenset[str]
    loose: frozenset[str]
    has_month: bool
    has_percent: bool
    says_percent: bool
    says_scale: bool
    joined: tuple[tuple[Figure, Figure], ...]

    @classmethod
    def of(cls, text: str, language: str) -> "Figures":
        """Find the figures of a text in a language."""
        placed = tuple(_placed(text, figures(text, language)))
        found = [each.figure for each in placed]
        return cls(
            placed,
            frozenset(all_values(found)),
            frozenset(
                mark for figure in found for mark in _loose(figure, told=bool(figure.unscaled))
            ),
            any(map(_is_month, found)),
            any(figure.is_percent for figure in found),
            number_words(language).says_percent,
            _MILLION in number_words(language).scales.values(),
            tuple(_joined(text, found)),
        )

    def __or__(self, other: "Figures") -> "Figures":
        """Return the figures of both texts."""
        return Figures(
            self.placed + other.placed,
            self.values | other.values,
            self.loose | other.loose,
            self.has_month or other.has_month,
            self.has_percent or other.has_percent,
            self.says_percent,
            self.says_scale,
            self.joined + other.joined,
        )


def agree(claim: Figures, place: Figures, heading: Figures, *, same: bool) -> bool:
    """Tell whether a place, or the headings above it, has what a claim's figures say.

    A year may stand in a heading; another figure only with a word that stands next to it there.

    :param same: whether claim and place are in one language.
    """
    has_percent = place.has_percent or heading.has_percent or not place.says_percent
    told: set[frozenset[str]] = set()
    for said in claim.placed:
        figure = said.figure
        if not figure.is_certain or figure.values in told:
            continue
        if figure.is_percent and not has_percent:
            return False
        if figure.kind == "month" and not (place.has_month or heading.has_month):
            continue  # its word is missing, or is written in a way that isn't known
        if not (_has(claim, place, said, same=same) or _is_titled(said, heading, same=same)):
            return False
        told.add(figure.values)
    if not all(_has_joined(place, *pair) for pair in claim.joined[:_MAX_CLAIMED]):
        return False
    n_found = len(place.placed) + len(heading.placed)
    if not same or n_found > _MAX_FOUND or len(claim.placed) > _MAX_CLAIMED:
        return True
    return not any(_belongs_elsewhere(said, place.placed, heading.placed) for said in claim.placed)


def _has(claim: Figures, place: Figures, said: _Placed, *, same: bool) -> bool:
    figure = said.figure
    if not figure.values & place.values:
        told = bool(figure.unscaled)
        is_untold = not same and not (place if told else claim).says_scale
        return is_untold and bool(_loose(figure, told=not told) & place.loose)
    if figure.half is None and figure.values.isdisjoint(_UNTOLD):
        return True
    met = [there for there in place.placed if figure.values & all_values([there.figure])]
    if all(_is_untold(there.figure) for there in met):  # "1" is not every "un" of a text
        return same and any(_are_beside(said, there) for there in met)
    halves = {there.figure.half for there in met} - {None}
    return figure.half is None or not halves or figure.half in halves


def _joined(text: str, found: Sequence[Figure]) -> Iterator[tuple[Figure, Figure]]:
    """Yield figures that a dash joins, other than a date's."""
    for one, other in pairwise(found):
        if _DASH.fullmatch(text, one.end, other.start) and not (_is_month(one) or _is_month(other)):
            yield one, other


def _has_joined(place: Figures, one: Figure, other: Figure) -> bool:
    """Tell whether two figures follow one another, as 20–16 and "20 to 16" do."""
    sure = [there.figure for there in place.placed if there.figure.is_certain]
    return len(sure) > _MAX_FOUND or any(
        one.values & all_values([first]) and other.values & all_values([second])
        for first, second in pairwise(sure)
    )


def _loose(figure: Figure, *, told: bool) -> set[str]:
    """Return marks of a figure without "million", which match marks of one with it told or not."""
    return {f"{value} {told}" for value in figure.unscaled or figure.values}


def _is_titled(said: _Placed, heading: Figures, *, same: bool) -> bool:
    return any(
        said.figure.values & there.figure.values
        and (
            not same or _likeness(said, there) > 0 or any(_is_year(v) for v in there.figure.values)
        )
        for there in heading.placed
    )


def _is_year(value: str) -> bool:
    return value.isdecimal() and len(value) == _YEAR_DIGITS


def _belongs_elsewhere(
    said: _Placed, found: tuple[_Placed, ...], titled: tuple[_Placed, ...]
) -> bool:
    """Tell whether what is said around a figure stands around another in the passage."""
    if _is_untold(said.figure) or _is_month(said.figure):
        return False  # a date's parts come in any order
    values = said.figure.values
    right = [there for there in (*found, *titled) if values & all_values([there.figure])]
    wrong = [
        there
        for there in found
        if not (
            values & all_values([there.figure])
            or not there.figure.is_certain
            or _is_month(there.figure)
        )
    ]
    most = max((_likeness(said, there) for there in wrong), default=0.0)
    return most >= _MIN_CONFLICT and most > _MARGIN + max(
        (_likeness(said, there) for there in right), default=0.0
    )


def _is_untold(figure: Figure) -> bool:
    return figure.kind != "digits" and not figure.values.isdisjoint(_UNTOLD)


def _is_month(figure: Figure) -> bool:
    return any(value.startswith("--") for value in figure.values)


def _are_beside(said: _Placed, there: _Placed) -> bool:
    """Tell whether two figures stand beside the same word: 1 boat, one small boat."""
    return not (
        set(said.right[:1]).isdisjoint(there.right[:2])
        and set(said.left[:1]).isdisjoint(there.left[:1])
    )


def _likeness(said: _Placed, there: _Placed) -> float:
    """Return the share of the words around a figure that stand around another, in [0, 1]."""
    met = total = 0.0
    for ours, theirs in ((said.left, there.left), (said.right, there.right)):
        for distance, word in enumerate(ours[:_WINDOW]):
            total += _WEIGHTS[distance]
            if word in theirs[: distance + 1 + _SLACK]:
                met += _WEIGHTS[distance]
    return met / total if total else 0.0


def _placed(text: str, some: Iterable[Figure]) -> Iterator[_Placed]:
    spans = list(words(text))
    starts = [start for start, _ in spans]
    reach = _WINDOW + _SLACK
    for figure in some:
        first, last = bisect_left(starts, figure.start), bisect_left(starts, figure.end)
        yield _Placed(
            figure,
            tuple(word_form(text[a:b]) for a, b in reversed(spans[max(first - reach, 0) : first])),
            tuple(word_form(text[a:b]) for a, b in spans[last : last + reach]),
        )
