"""The report on all languages: `languages.json`, `languages.md`, `languages.html` and plots."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from eval.datasets import ENGLISH, Dataset
from eval.pages import html_page, markdown_page
from eval.plots import draw_plots, inline
from eval.profiles import RECALLS, Outcomes, Profile, Size, explain
from eval.records import write_result
from ragqwen.languages import group_of, languages

_ABOUT = frozenset({"language", "name", "script", "family", "group", "sure"})
_COUNTS = frozenset({"documents", "queries"})
_AGAINST_ENGLISH = ("_to_english", "_points")


def languages_result(
    dataset: Dataset, outcomes: Outcomes, record: Mapping[str, Any]
) -> dict[str, Any]:
    """Return everything that was measured, as `languages.json` has it.

    :return: "run"; "average" over the languages; "scripts" and "families" with such averages;
        "languages", each with its figures and what they are against English; "failed", messages by
        language.
    """
    profiles = [found for found in outcomes.values() if isinstance(found, Profile)]
    english = next((profile for profile in profiles if profile.language == ENGLISH), None)
    rows = [language_row(profile, english, dataset.unsure) for profile in profiles]
    return {
        "run": dict(record),
        "average": average(rows),
        "scripts": _averages_by(rows, "script"),
        "families": _averages_by(rows, "family"),
        "languages": rows,
        "failed": {
            code: explain(found)
            for code, found in outcomes.items()
            if isinstance(found, BaseException)
        },
    }


def language_row(
    profile: Profile, english: Profile | None, unsure: frozenset[str]
) -> dict[str, Any]:
    """Return a language's figures, and what they are against English.

    `…_to_english` are ratios over the documents that are in both languages; `…_points` are
    differences in hundredths. Both are None where there is nothing to compare with.
    """
    code = profile.language
    language = languages().get(code)
    return {
        "language": code,
        "name": language.name if language else code,
        "script": language.script if language else code.partition("_")[2],
        "family": language.family if language else "",
        "group": group_of(code),
        "sure": code not in unsure,
        "documents": profile.documents,
        "queries": profile.queries,
        **{name: round(value, 4) for name, value in profile.figures.items()},
        **_ratios(profile.sizes, english.sizes if english else {}),
        **{f"{name}_points": _points(profile, english, name) for name in RECALLS},
    }


def average(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean of each figure over the languages that have it, and how many they are.

    English is left out where it would be compared with itself.
    """
    names = [name for name in (rows[0] if rows else ()) if name not in _ABOUT | _COUNTS]
    others = [row for row in rows if row["language"] != ENGLISH]
    counted = {name: others if name.endswith(_AGAINST_ENGLISH) else rows for name in names}
    known = {
        name: [row[name] for row in some if row[name] is not None] for name, some in counted.items()
    }
    means = {name: round(fmean(some), 4) if some else None for name, some in known.items()}
    return {"languages": len(rows), **means}


def write_report(out: Path, result: Mapping[str, Any]) -> None:
    """Write a result into a folder, as JSON and as two pages with plots."""
    plots = draw_plots(result["languages"])
    out.mkdir(parents=True, exist_ok=True)
    for name, svg in plots.items():
        (out / f"{name}.svg").write_text(svg, "utf-8")
    write_result(out / "languages.json", result)
    (out / "languages.md").write_text(markdown_page(result, plots), "utf-8")
    inlined = {name: inline(name, svg) for name, svg in plots.items()}
    (out / "languages.html").write_text(html_page(result, inlined), "utf-8")


def _averages_by(rows: Iterable[Mapping[str, Any]], field: str) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[field], []).append(row)
    return {name: average(groups[name]) for name in sorted(groups)}


def _ratios(sizes: Mapping[str, Size], english: Mapping[str, Size]) -> dict[str, float | None]:
    both = [(sizes[name], english[name]) for name in sizes if name in english]
    n_words = sum(there.words for _, there in both)
    n_tokens = sum(there.tokens for _, there in both)
    return {
        "words_to_english": round(sum(here.words for here, _ in both) / n_words, 3)
        if n_words
        else None,
        "tokens_to_english": round(sum(here.tokens for here, _ in both) / n_tokens, 3)
        if n_tokens
        else None,
    }


def _points(profile: Profile, english: Profile | None, name: str) -> float | None:
    if english is None:
        return None
    return round(100 * (profile.figures[name] - english.figures[name]), 1)
