"""The report on all languages as pages: Markdown, and HTML that needs no other file."""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eval.datasets import ENGLISH

Row = Mapping[str, Any]

_TITLE = "Every language, measured"
_CAPTIONS = {
    "recall": "Recall in each language's own documents, best first",
    "scripts": "Recall by script; in brackets the number of languages",
    "families": "Recall by family; in brackets the number of languages",
    "identification": "Identification of the language, best first",
}
_COLUMNS = {  # heading: (figure, format)
    "docs: language": ("documents_code", "{:.2f}"),
    "group": ("documents_group", "{:.2f}"),
    "queries: language": ("queries_code", "{:.2f}"),
    "group ": ("queries_group", "{:.2f}"),
    "sentences": ("sentences", "{:.1f}"),
    "words": ("words", "{:.0f}"),
    "words × English": ("words_to_english", "{:.2f}"),
    "tokens × English": ("tokens_to_english", "{:.2f}"),
    "longest sentence": ("longest_sentence", "{:.0f}"),
    "words R@1": ("lexical_recall@1", "{:.3f}"),
    "Δ": ("lexical_recall@1_points", "{:+.1f}"),
    "words R@10": ("lexical_recall@10", "{:.3f}"),
    "Δ ": ("lexical_recall@10_points", "{:+.1f}"),
    "hybrid R@1": ("hybrid_recall@1", "{:.3f}"),
    "Δ  ": ("hybrid_recall@1_points", "{:+.1f}"),
    "hybrid R@10": ("hybrid_recall@10", "{:.3f}"),
    "Δ   ": ("hybrid_recall@10_points", "{:+.1f}"),
}
_EXPLAINED = (
    "Shares are of 1. `docs` and `queries`: identified as the right language, or as one of its "
    "group. Sentences and words are means per document; `× English` compares documents that are in "
    "both languages, in ICU words and in Qwen tokens; the longest sentence is in characters. "
    "R@1 and R@10: recall among the language's own documents, by words alone and hybrid. "
    "Δ: points against English."
)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem;
  color: #1c1e21; background: #fff }
svg { max-width: 100%; height: auto }
figure { margin: 2rem 0 } figcaption { font-weight: 600 }
div.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: 13px }
th, td { padding: .15rem .5rem; text-align: right; border-bottom: 1px solid #e3e5e8 }
th:first-child, td:first-child, td.text { text-align: left; white-space: nowrap }
thead th { position: sticky; top: 0; background: #fff; vertical-align: bottom }
tr.english { background: #fdeee6; font-weight: 600 } tr.average { font-weight: 600 }
"""


def markdown_page(result: Mapping[str, Any], plots: Iterable[str]) -> str:
    """Return the report as Markdown, which shows plots that lie beside it.

    :param plots: their names, in the order of the page.
    """
    lines = [f"# {_TITLE}", "", *(f"- {line}" for line in run_lines(result["run"])), ""]
    lines += _markdown_failures(result["failed"])
    lines += ["## Averages", "", *_markdown_table(_average_rows(result)), ""]
    for name in plots:
        lines += [f"## {_CAPTIONS[name]}", "", f"![{_CAPTIONS[name]}]({name}.svg)", ""]
    lines += ["## Languages", "", _EXPLAINED, "", *_markdown_table(_language_rows(result)), ""]
    lines += [f"- {note}" for note in notes(result["languages"])]
    return "\n".join(lines).rstrip() + "\n"


def html_page(result: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """Return the report as one HTML page that needs nothing else.

    :param plots: SVG elements by name.
    """
    figures = "\n".join(
        f"<figure><figcaption>{_CAPTIONS[name]}</figcaption>\n{svg}</figure>"
        for name, svg in plots.items()
    )
    failures = [f"{code} failed: {reason}" for code, reason in result["failed"].items()]
    return f"""<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_TITLE}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{_TITLE}</h1>
{_html_list([*failures, *run_lines(result["run"])])}
<h2>Averages</h2>
{_html_table(_average_rows(result))}
{figures}
<h2>Languages</h2>
<p>{html.escape(_EXPLAINED.replace("`", ""))}</p>
{_html_table(_language_rows(result))}
{_html_list(notes(result["languages"]))}
</body>
</html>
"""


def run_lines(run: Mapping[str, Any]) -> list[str]:
    """Return a run's record in short, in words."""
    versions, seconds = dict(run["versions"]), run["seconds"]
    main = ("ragqwen", "analysis", "reading", "chunking", "embedder", "python", "platform")
    first = ", ".join(f"{name} {versions.pop(name)}" for name in main)
    stages = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items() if name != "whole")
    return [
        f"data set {run['dataset']['name']}, digest {run['dataset']['digest'][:12]}",
        first,
        ", ".join(f"{name} {value}" for name, value in versions.items()),
        f"begun {run['started']}, {seconds['whole']:.0f} s on the clock; in its workers, added up: "
        f"{stages}",
    ]


def notes(rows: Sequence[Row]) -> list[str]:
    """Return what one has to know about some of the languages."""
    unsure = [f"{row['name']} ({row['language']})" for row in rows if not row["sure"]]
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row["language"])
    found = [f"* text less sure: {', '.join(unsure)}"] if unsure else []
    return found + [
        f"group {name}: {', '.join(codes)}; a text is often good in more than one of them"
        for name, codes in groups.items()
        if codes != [name]
    ]


def _average_rows(result: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    yield f"all ({result['average']['languages']})", result["average"]
    for of in ("scripts", "families"):
        for name, row in result[of].items():
            yield f"{name or 'not known'} ({row['languages']})", row


def _language_rows(result: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    for row in result["languages"]:
        yield f"{row['name']} {row['language']}{'' if row['sure'] else ' *'}", row


def _cells(row: Row) -> list[str]:
    return [
        "" if row[figure] is None else shape.format(row[figure])
        for figure, shape in _COLUMNS.values()
    ]


def _markdown_table(rows: Iterable[tuple[str, Row]]) -> Iterator[str]:
    headings = [heading.strip() for heading in _COLUMNS]
    yield f"| | {' | '.join(headings)} |"
    yield f"| --- |{' ---: |' * len(headings)}"
    for label, row in rows:
        cells = [label, *_cells(row)]
        if row.get("language") == ENGLISH:
            cells = [f"**{cell}**" for cell in cells]
        yield f"| {' | '.join(cells)} |"


def _markdown_failures(failed: Mapping[str, str]) -> list[str]:
    lines = [f"- **{code} failed:** {reason}" for code, reason in failed.items()]
    return [*lines, ""] if lines else []


def _html_table(rows: Iterable[tuple[str, Row]]) -> str:
    headings = "".join(f"<th>{html.escape(heading.strip())}</th>" for heading in _COLUMNS)
    lines = []
    for label, row in rows:
        kind = ' class="english"' if row.get("language") == ENGLISH else ""
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in (label, *_cells(row)))
        lines.append(f"<tr{kind}>{cells}</tr>")
    body = "\n".join(lines)
    return (
        f'<div class="wide"><table>\n<thead><tr><th></th>{headings}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _html_list(lines: Sequence[str]) -> str:
    items = "\n".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<ul>\n{items}\n</ul>" if lines else ""
