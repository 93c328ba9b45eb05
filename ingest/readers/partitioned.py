"""HTML, Markdown, Word and PowerPoint, read by `unstructured`, off the network."""

import os
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ingest.readers.decode import decode_text
from ingest.readers.refusals import PARSER_ERRORS, damaged
from ragqwen.records import Element, ElementKind, ParsedFile

NO_LANGUAGES = [""]
"""Tells `unstructured` not to detect languages: it knows 55 and mistakes others for them."""

_NOISE = (
    "//script|//style|//template|//noscript|//nav|//*[@role='navigation']|//*[@hidden]"
    "|//*[@aria-hidden='true' and not(self::math) and not(ancestor::math)]"
)
_KINDS: dict[str, ElementKind] = {
    "Title": "heading",
    "ListItem": "list_item",
    "Table": "table",
    "CodeSnippet": "code",
}
_SKIPPED = frozenset({"PageBreak", "Footer", "PageNumber"})
_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_TITLE = re.compile(r"""^title:[ \t]*["']?(.*?)["']?[ \t]*$""", re.M)
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CORE = {
    "title": "{http://purl.org/dc/elements/1.1/}title",
    "author": "{http://purl.org/dc/elements/1.1/}creator",
    "modified": "{http://purl.org/dc/terms/}modified",
}


@cache
def quiet_unstructured() -> None:
    """Keep `unstructured` from the network and from guessing; call before importing any of it.

    On import it reports its use, unless the environment says no. To tell titles from prose by
    English grammar it downloads a spaCy model, and spaCy imports torch; a stand-in for its
    tokenizer saves all three, and nothing short is taken for a title because it looks like one.
    """
    os.environ["SCARF_NO_ANALYTICS"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["UNSTRUCTURED_DISABLE_NOTICE"] = "1"
    stand_in: Any = ModuleType("unstructured.nlp.tokenize")
    stand_in.sent_tokenize = lambda text: [text]
    stand_in.word_tokenize = str.split
    stand_in.pos_tag = lambda text: [(word, "NN") for word in text.split()]
    sys.modules.setdefault("unstructured.nlp.tokenize", stand_in)
    from unstructured.partition import text_type

    text_type.is_possible_title = lambda *_args, **_kwargs: False
    text_type.is_possible_narrative_text = lambda *_args, **_kwargs: False


def read_html(path: Path, name: str) -> ParsedFile:
    """Read a web page: its visible text without navigation, under its h1 to h6."""
    return parse_html(decode_text(path.read_bytes(), markup=True), name)


def parse_html(text: str, name: str) -> ParsedFile:
    """Read HTML that is text already.

    :raises DocumentRefused: if it can't be parsed.
    """
    from lxml import etree
    from lxml import html as lxml_html

    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True)
    try:
        root = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):  # nothing but comments or white space
        return ParsedFile(())
    except (ValueError, AssertionError) as exc:
        raise damaged(name, exc) from exc
    title = " ".join(root.findtext(".//title", "").split())
    metadata = {
        "language": root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang")
    }
    for noise in root.xpath(_NOISE):
        if noise.getparent() is not None:
            noise.drop_tree()
    for table in reversed(root.findall(".//table")):
        if _is_layout(table):
            parts = [
                part
                for part in table.iter("thead", "tbody", "tfoot", "tr", "td", "th")
                if next(part.iterancestors("table")) is table
            ]
            for part in [table, *parts]:
                part.tag = "div"
    page = etree.tostring(root, encoding="unicode", method="html")
    return ParsedFile(tuple(_partition_html(page, name)), title=title, metadata=metadata)


def _is_layout(table: Any) -> bool:
    """Tell a table that only places things: it says so, holds tables, or has one column."""
    if table.get("role") in ("presentation", "none") or table.find(".//table") is not None:
        return True
    return all(len(row.findall("td") + row.findall("th")) < 2 for row in table.iter("tr"))


def _partition_html(page: str, name: str) -> Iterable[Element]:
    quiet_unstructured()
    from unstructured.partition.html import partition_html

    try:
        return list(_elements(partition_html(text=page, languages=NO_LANGUAGES)))
    except PARSER_ERRORS as exc:
        raise damaged(name, exc) from exc


def read_markdown(path: Path, name: str) -> ParsedFile:
    """Read Markdown; a YAML front matter gives the title and is no text."""
    text = decode_text(path.read_bytes()).replace("\r\n", "\n")
    title = ""
    if front := _FRONT_MATTER.match(text):
        found = _FRONT_TITLE.search(front[1])
        title = found[1] if found else ""
        text = text[front.end() :]
    import markdown

    page = markdown.markdown(text, extensions=["tables", "fenced_code", "sane_lists", "footnotes"])
    return ParsedFile(parse_html(f"<html><body>{page}</body></html>", name).elements, title=title)


def read_docx(path: Path, name: str) -> ParsedFile:
    """Read a Word file; only its heading styles make headings."""
    quiet_unstructured()
    from docx.opc.exceptions import PackageNotFoundError
    from unstructured.partition.docx import partition_docx

    try:
        found = partition_docx(filename=str(path), languages=NO_LANGUAGES)
        elements = (*_without_repeated_headers(found), *_word_notes(path))
    except (PackageNotFoundError, *PARSER_ERRORS) as exc:
        raise damaged(name, exc) from exc
    properties = office_properties(path, name)
    return ParsedFile(elements, title=properties.pop("title", ""), metadata=properties)


def read_pptx(path: Path, name: str) -> ParsedFile:
    """Read a presentation: slides are pages, their titles headings; speaker's notes included."""
    quiet_unstructured()
    from pptx.exc import PackageNotFoundError, PythonPptxError
    from unstructured.partition.pptx import partition_pptx

    try:
        found = partition_pptx(filename=str(path), languages=NO_LANGUAGES, include_slide_notes=True)
        elements = tuple(_elements(found))
    except (PackageNotFoundError, PythonPptxError, *PARSER_ERRORS) as exc:
        raise damaged(name, exc) from exc
    properties = office_properties(path, name)
    return ParsedFile(elements, title=properties.pop("title", ""), metadata=properties)


def office_properties(path: Path, name: str) -> dict[str, str]:
    """Read title, author and date of change from an OOXML file's core properties."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        with zipfile.ZipFile(path) as archive:
            if "docProps/core.xml" not in archive.namelist():
                return {}
            root = etree.fromstring(archive.read("docProps/core.xml"), parser)
    except etree.XMLSyntaxError:  # they are an extra; the text can be read without
        return {}
    except PARSER_ERRORS as exc:
        raise damaged(name, exc) from exc
    return {key: text for key, tag in _CORE.items() if (text := root.findtext(tag, ""))}


def _word_notes(path: Path) -> Iterator[Element]:
    """Give a Word file's footnotes and endnotes, which `unstructured` leaves out."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    with zipfile.ZipFile(path) as archive:
        for part in ("word/footnotes.xml", "word/endnotes.xml"):
            if part in archive.namelist():
                for note in etree.fromstring(archive.read(part), parser).iterchildren():
                    yield Element("".join(note.itertext(f"{_W}t", f"{_W}tab")))


def _without_repeated_headers(found: Iterable[Any]) -> Iterator[Element]:
    """Keep the first of each page header: every section repeats it."""
    seen: set[str] = set()
    for item in found:
        if type(item).__name__ == "Header":
            if any(item.text in text for text in seen):
                continue
            seen.add(item.text)
        yield from _elements([item])


def _elements(found: Iterable[Any]) -> Iterator[Element]:
    """Turn `unstructured`'s elements into ours."""
    for item in found:
        label = type(item).__name__
        if label in _SKIPPED:
            continue
        kind = _KINDS.get(label, "text")
        html = item.metadata.text_as_html if kind == "table" else None
        yield Element(
            table_rows(html) if html else item.text,
            kind=kind,
            page=item.metadata.page_number,
            level=(item.metadata.category_depth or 0) + 1 if kind == "heading" else 0,
        )


def table_rows(html: str) -> str:
    """Write an HTML table as one line per row, cells separated by " | "."""
    from lxml import html as lxml_html

    rows = []
    for row in lxml_html.fromstring(html).iter("tr"):
        cells = [" ".join(cell.text_content().split()) for cell in row.iterchildren("td", "th")]
        if any(cells):
            rows.append(" | ".join(cells))
    return "\n".join(rows)
