"""XML of any vocabulary, FictionBook among them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.readers.decode import decode_text
from ingest.readers.refusals import damaged
from ragqwen.records import Element, ElementKind, ParsedFile

_HEADINGS = frozenset({"title", "heading", "head", "subtitle", "h1", "h2", "h3", "h4", "h5", "h6"})
_ITEMS = frozenset({"li", "item", "listitem"})
_SKIPPED = frozenset({"binary", "style", "stylesheet", "script"})
MAX_DEPTH = 200
"""Deepest nesting walked into; below it all text is one element."""


def read_xml(path: Path, name: str) -> ParsedFile:
    """Read XML: the innermost element with text of its own is a paragraph.

    Entities are never expanded, so neither bombs nor outside files come in.
    """
    from lxml import etree

    data = path.read_bytes()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = _recovered(data, name)
    if _local(root) == "fictionbook":
        return _read_book(root)
    elements = tuple(_walk(root, 0, 1))
    title = next((e.text for e in elements if e.kind == "heading"), "")
    language = root.get("{http://www.w3.org/XML/1998/namespace}lang", "")
    return ParsedFile(elements, title=title, metadata={"language": language})


def _read_book(root: Any) -> ParsedFile:
    """Read a FictionBook: its annotation and its bodies; the rest describes the file."""
    about = root.find("{*}description/{*}title-info")
    parts = [] if about is None else about.findall("{*}annotation")
    parts += root.findall("{*}body")
    elements = tuple(element for part in parts for element in _walk(part, 0, 1))
    facts = {
        key: "" if about is None else " ".join("".join(_texts_of(about, tag)).split())
        for key, tag in (("title", "book-title"), ("author", "author"), ("language", "lang"))
    }
    return ParsedFile(elements, title=facts.pop("title"), metadata=facts)


def _texts_of(parent: Any, tag: str) -> Iterator[str]:
    found = parent.find(f"{{*}}{tag}")
    return iter(()) if found is None else _texts(found)


def _recovered(data: bytes, name: str) -> Any:
    """Read what can be read of XML that isn't well formed, or is in a charset libxml lacks."""
    from lxml import etree

    text = decode_text(data, markup=True).lstrip()
    if text.startswith("<?xml"):
        text = text.partition("?>")[2]
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, encoding="utf-8"
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise damaged(name, exc) from exc
    if root is None:
        raise damaged(name, ValueError("no XML element in it"))
    return root


def _walk(node: Any, depth: int, level: int) -> Iterator[Element]:
    tag = _local(node)
    if tag is None or tag in _SKIPPED:
        return
    inline = _has_own_text(node)
    if inline or tag in _HEADINGS or depth > MAX_DEPTH:
        text = " ".join("".join(_texts(node)).split())
        kind = _kind(tag)
        yield Element(text, kind=kind, level=min(level, 9) if kind == "heading" else 0)
        return
    inner = level + any(_local(child) in _HEADINGS for child in node) if depth else level
    for child in node:
        yield from _walk(child, depth + 1, inner)


def _kind(tag: str) -> ElementKind:
    if tag in _HEADINGS:
        return "heading"
    return "list_item" if tag in _ITEMS else "text"


def _has_own_text(node: Any) -> bool:
    return bool((node.text or "").strip()) or any((child.tail or "").strip() for child in node)


def _texts(node: Any) -> Iterator[str]:
    """Give the text within a node, a space where an element of several words may end."""
    if node.text and _local(node) is not None:
        yield node.text
    mixed = _has_own_text(node)
    for child in node:
        if _local(child) not in _SKIPPED:
            yield from _texts(child)
        if not mixed:
            yield " "
        yield child.tail or ""


def _local(node: Any) -> str | None:
    """Return an element's name without its namespace; None for comments and the like."""
    return node.tag.rpartition("}")[2].lower() if isinstance(node.tag, str) else None
