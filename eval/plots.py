"""Plots of the languages' figures, as SVG text that is the same for the same figures."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import regex

from eval.datasets import ENGLISH
from ragqwen.errors import SettingsError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = Mapping[str, Any]

_BLUE, _GREY, _ENGLISH = "#1f5fa8", "#8a8f98", "#d9480f"
_ROW_INCHES = 0.17
_EDGE_INCHES = 1.3  # title, legend and axis
_WIDTH_INCHES = 9.5
_LABEL_SIZE = 8


@dataclass(frozen=True, slots=True)
class _Series:
    """One kind of mark of a panel: its name, the figure it shows, and whether it is filled."""

    name: str
    figure: str
    filled: bool


_RECALL_1 = (
    _Series("words alone", "lexical_recall@1", filled=False),
    _Series("hybrid", "hybrid_recall@1", filled=True),
)
_RECALL_10 = (
    _Series("words alone", "lexical_recall@10", filled=False),
    _Series("hybrid", "hybrid_recall@10", filled=True),
)
_DOCUMENTS = (
    _Series("right language", "documents_code", filled=False),
    _Series("right group", "documents_group", filled=True),
)
_QUERIES = (
    _Series("right language", "queries_code", filled=False),
    _Series("right group", "queries_group", filled=True),
)


def draw_plots(rows: Sequence[Row]) -> dict[str, str]:
    """Return SVG texts by name: `recall`, `scripts`, `families` and `identification`.

    :param rows: the languages' figures, as in `languages.json`.
    :raises SettingsError: if matplotlib is not installed.
    """
    recall = {"recall@1": _RECALL_1, "recall@10": _RECALL_10}
    identified = {"documents": _DOCUMENTS, "queries": _QUERIES}
    by_recall = _sorted(rows, ("hybrid_recall@10", "hybrid_recall@1", "lexical_recall@10"))
    by_identification = _sorted(rows, ("queries_group", "documents_group", "queries_code"))
    return {
        "recall": _svg("recall", _by_language(by_recall, recall)),
        "scripts": _svg("scripts", _by_group(rows, "script")),
        "families": _svg("families", _by_group(rows, "family")),
        "identification": _svg("identification", _by_language(by_identification, identified)),
    }


def inline(name: str, svg: str) -> str:
    """Return an SVG text to be put into a page, where ids of several plots must not clash."""
    body = svg[svg.index("<svg") :]
    return str(regex.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body))


def _by_language(rows: Sequence[Row], panels: Mapping[str, Sequence[_Series]]) -> "Figure":
    """Draw a line of dots for each language, English with a band and a line of its own."""
    figure, axes = _figure(len(rows), len(panels))
    places = range(len(rows))
    english = next((n for n, row in enumerate(rows) if row["language"] == ENGLISH), None)
    for ax, (title, series) in zip(axes, panels.items(), strict=True):
        for one in series:
            _dots(ax, [(row, place) for row, place in zip(rows, places, strict=True)], one)
        if english is not None:
            ax.axhspan(english - 0.5, english + 0.5, color=_ENGLISH, alpha=0.15, linewidth=0)
            _english_line(ax, rows[english], series[-1])
        _finish(ax, title, _values(rows, series))
    _label(axes[0], [f"{row['name']} · {row['language']}" for row in rows], english)
    axes[0].legend(**_LEGEND)
    return figure


def _by_group(rows: Sequence[Row], field: str) -> "Figure":
    """Draw the languages of each script or family on one line, with the mean."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[field] or "not known", []).append(row)
    names = sorted(groups, key=lambda name: (-_mean(groups[name], "hybrid_recall@1"), name))
    figure, axes = _figure(len(names), 2, row_inches=0.24)
    english = next((row for row in rows if row["language"] == ENGLISH), None)
    for ax, of in zip(axes, ("recall@1", "recall@10"), strict=True):
        one = _Series("hybrid", f"hybrid_{of}", filled=True)
        members = [(row, place) for place, name in enumerate(names) for row in groups[name]]
        _dots(ax, members, one, alpha=0.45)
        for leg, colour in (("lexical", _GREY), ("hybrid", _BLUE)):
            means = [_mean(groups[name], f"{leg}_{of}") for name in names]
            label = "words alone, mean" if leg == "lexical" else "hybrid, mean"
            ax.scatter(means, range(len(names)), marker="|", s=110, c=colour, label=label)
        if english is not None:
            _english_line(ax, english, one)
        _finish(ax, of, _values(rows, (one, _Series("", f"lexical_{of}", filled=False))))
    _label(axes[0], [f"{name} ({len(groups[name])})" for name in names], None)
    axes[0].legend(**_LEGEND)
    return figure


_LEGEND: dict[str, Any] = {
    "loc": "lower left",
    "bbox_to_anchor": (0, 1, 2, 0.1),
    "ncols": 4,
    "fontsize": 8,
    "frameon": False,
    "borderaxespad": 2.2,
}


def _figure(n_rows: int, n_panels: int, row_inches: float = _ROW_INCHES) -> "tuple[Figure, Any]":
    try:
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise SettingsError("plots need matplotlib: pip install 'ragqwen[eval]'") from exc
    height = _EDGE_INCHES + row_inches * n_rows
    figure = Figure(figsize=(_WIDTH_INCHES, height))
    axes = figure.subplots(1, n_panels, sharey=True, squeeze=False)[0]
    bottom, top = 0.4 / height, 1 - (_EDGE_INCHES - 0.4) / height
    figure.subplots_adjust(left=0.24, right=0.98, bottom=bottom, top=top, wspace=0.06)
    axes[0].set_ylim(n_rows - 0.4, -0.6)
    return figure, axes


def _dots(
    ax: "Axes", members: Sequence[tuple[Row, int]], series: _Series, alpha: float = 1
) -> None:
    for english, colour in ((False, _BLUE), (True, _ENGLISH)):
        known = [
            (row[series.figure], place)
            for row, place in members
            if row[series.figure] is not None and (row["language"] == ENGLISH) == english
        ]
        ax.scatter(
            [value for value, _ in known],
            [place for _, place in known],
            s=18 if series.filled else 36,  # so that one in the other's place is seen
            facecolors=colour if series.filled else "none",
            edgecolors=colour,
            linewidths=0.8,
            alpha=alpha,
            label="" if english else series.name,
            zorder=3,
        )


def _english_line(ax: "Axes", english: Row, series: _Series) -> None:
    value = english[series.figure]
    ax.axvline(value, color=_ENGLISH, linewidth=0.8, label=f"English, {series.name}")


def _finish(ax: "Axes", title: str, values: Sequence[float]) -> None:
    lowest = min(values, default=0.0)
    ax.set_xlim(max(-0.02, math.floor(lowest * 10) / 10 - 0.02), 1.02)
    ax.set_title(title, fontsize=9, loc="left")
    ax.tick_params(axis="x", labelsize=8, top=True, labeltop=False)
    ax.tick_params(axis="y", length=0)
    ax.grid(color="#e3e5e8", linewidth=0.5)
    ax.set_axisbelow(True)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _label(ax: "Axes", labels: Sequence[str], english: int | None) -> None:
    ax.set_yticks(range(len(labels)), labels, fontsize=_LABEL_SIZE)
    if english is not None:
        ax.get_yticklabels()[english].set_color(_ENGLISH)


def _svg(name: str, figure: "Figure") -> str:
    """Return a figure as SVG, without a date and with ids that follow from its name."""
    from matplotlib import rc_context

    out = io.BytesIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue().decode()


def _sorted(rows: Sequence[Row], figures: Sequence[str]) -> list[Row]:
    """Return the rows, best first by one figure after the other."""
    return sorted(rows, key=lambda row: ([-row[name] for name in figures], row["language"]))


def _values(rows: Iterable[Row], series: Iterable[_Series]) -> list[float]:
    series = list(series)
    return [row[one.figure] for row in rows for one in series if row[one.figure] is not None]


def _mean(rows: Sequence[Row], figure: str) -> float:
    return math.fsum(row[figure] for row in rows) / len(rows)
