"""Plain text, and tables as text."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from ingest.readers.decode import decode_text
from ingest.readers.refusals import damaged
from ragqwen.records import Element, ElementKind, ParsedFile

MAX_CELL_CHARS = 10_000_000
"""Longest cell of a CSV file, in characters; Python's own limit is 131,072."""
SNIFF_CHARS = 20_000

_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+|\f")


def read_text(path: Path, _name: str) -> ParsedFile:
    """Read plain text: a paragraph ends at a blank line, and nothing is taken for a heading."""
    return ParsedFile(tuple(paragraphs(decode_text(path.read_bytes()))))


def paragraphs(text: str) -> Iterable[Element]:
    """Cut text at blank lines and form feeds."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return (Element(part) for part in _BLANK_LINES.split(lines) if part.strip())


def read_csv(path: Path, name: str) -> ParsedFile:
    """Read comma-, semicolon-, tab- or bar-separated values as one table."""
    text = decode_text(path.read_bytes()).replace("\x00", "")
    limit = csv.field_size_limit(MAX_CELL_CHARS)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, name)))
    except csv.Error as exc:
        raise damaged(name, exc) from exc
    finally:
        csv.field_size_limit(limit)
    return ParsedFile(tuple(tables(rows)))


def _delimiter(text: str, name: str) -> str:
    if Path(name).suffix.lower() in (".tsv", ".tab"):
        return "\t"
    sample = text[:SNIFF_CHARS]
    return max(",;\t|", key=lambda mark: _steadiness(sample, mark))


def _steadiness(sample: str, mark: str) -> tuple[int, int]:
    """Rank a delimiter: on how many lines it stands as often as on the first, then how often."""
    rows = [row for row in csv.reader(sample.splitlines(), delimiter=mark) if row]
    width = len(rows[0]) if rows else 1
    return (sum(len(row) == width for row in rows) if width > 1 else 0, width)


def tables(rows: Iterable[Iterable[str]]) -> Iterable[Element]:
    """Make tables of rows: an empty row ends one, and a single column is text."""
    block: list[list[str]] = []
    for row in [*rows, ()]:
        cells = [" ".join(cell.split()) for cell in row]
        if any(cells):
            block.append(cells)
        elif block:
            yield _table(block)
            block = []


def _table(block: list[list[str]]) -> Element:
    used = [
        index
        for index in range(max(map(len, block)))
        if any(index < len(row) and row[index] for row in block)
    ]
    kind: ElementKind = "table" if len(used) > 1 else "text"
    lines = (" | ".join(row[index] if index < len(row) else "" for index in used) for row in block)
    return Element("\n".join(lines), kind=kind)
