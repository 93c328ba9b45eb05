"""What changed from one result of an evaluation to another."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from ragqwen.errors import InputError

Figures = Mapping[str, float]

_ABOUT = frozenset({"documents", "queries", "pairs", "languages", "citations"})  # counts
_LESS_IS_BETTER = frozenset({"refused"})
_NEITHER = ("quote_chars", "from_", "sentences", "words", "tokens", "longest")
_DIFFERENCE = "_points"  # figures that only say another once more, against English
_SAME = 5e-7
_PARTS = ("versions", "settings", "options", "dataset")


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines that say what differs: the set-up, each language's figures, the averages.

    Languages (or pairs of them) come by their biggest loss; of figures that are neither better nor
    worse when they rise only the change is given.

    :raises InputError: if the results are of different kinds, or have no language in common.
    """
    kinds = old["run"]["kind"], new["run"]["kind"]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"a result of {kinds[0]!r} can't be compared with one of {kinds[1]!r}: give two "
            "results of one command"
        )
    before, after = figures_by_language(old), figures_by_language(new)
    common = [name for name in before if name in after]
    if not common:
        raise InputError(
            f"the results have no language in common: {', '.join(before)} and {', '.join(after)}"
        )
    yield from _set_up(old["run"], new["run"])
    for label, names in (
        ("only in the first", before.keys() - after.keys()),
        ("only in the second", after.keys() - before.keys()),
    ):
        if names:
            yield f"{label}: {', '.join(sorted(names))}"
    yield from _changes({name: (before[name], after[name]) for name in common})


def figures_by_language(result: Mapping[str, Any]) -> dict[str, Figures]:
    """Return a result's figures by language, or by pair as `query in corpus`."""
    rows: Sequence[Mapping[str, Any]] = result.get("pairs") or result.get("languages") or []
    return {
        str(row.get("language") or f"{row['query_language']} in {row['corpus_language']}"): {
            name: float(value)
            for name, value in row.items()
            if isinstance(value, int | float)
            and not isinstance(value, bool)
            and name not in _ABOUT
            and not name.endswith(_DIFFERENCE)
        }
        for row in rows
    }


def _set_up(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    differs = False
    for part in _PARTS:
        before, after = old.get(part, {}), new.get(part, {})
        for name in (*before, *(name for name in after if name not in before)):
            if before.get(name) != after.get(name):
                differs = True
                yield f"{part}.{name}: {before.get(name, '-')} -> {after.get(name, '-')}"
    if not differs:
        yield "versions, settings, options and data set are the same"


def _changes(common: Mapping[str, tuple[Figures, Figures]]) -> Iterator[str]:
    changes = {
        language: {name: after[name] - before[name] for name in before if name in after}
        for language, (before, after) in common.items()
    }
    changed = {
        language: {name: change for name, change in by_name.items() if abs(change) > _SAME}
        for language, by_name in changes.items()
    }
    ordered = sorted(
        (language for language in changed if changed[language]),
        key=lambda language: (worst_change(changed[language]), language),
    )
    for language in ordered:
        before, after = common[language]
        yield f"{language:24}  " + "  ".join(
            _change(name, before[name], after[name]) for name in changed[language]
        )
    unchanged = len(common) - len(ordered)
    if unchanged:
        yield f"{unchanged} of {len(common)} without a change"
    yield from _averages(common)


def _averages(common: Mapping[str, tuple[Figures, Figures]]) -> Iterator[str]:
    """Yield a line for each figure: its average over what both results have."""
    names = dict.fromkeys(
        name for before, after in common.values() for name in before if name in after
    )
    for name in names:
        both = [(b[name], a[name]) for b, a in common.values() if name in b and name in a]
        before, after = (fmean(values) for values in zip(*both, strict=True))
        yield f"average over {len(both):3}  {_change(name, before, after)}"


def worst_change(changes: Figures) -> float:
    """Return the biggest loss among changes, as a negative number; the smallest gain if none."""
    gains = [
        -change if name in _LESS_IS_BETTER else change
        for name, change in changes.items()
        if not name.startswith(_NEITHER)
    ]
    return min(gains, default=0.0)


def _change(name: str, before: float, after: float) -> str:
    return f"{name} {before:.3f} -> {after:.3f} ({after - before:+.3f})"
