"""From elements to a document: one normalised text, of which every element is a span."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from ragqwen.errors import DocumentRefused
from ragqwen.languages import identify
from ragqwen.records import Block, Document, Element, ParsedFile
from ragqwen.text import normalise_text, unwrap_lines

_MAX_HEADING_CHARS = 200
_MAX_TITLE_CHARS = 300


def content_hash(data: bytes) -> str:
    """Return the hash by which unchanged content is known."""
    return hashlib.blake2b(data, digest_size=20).hexdigest()


def assemble(
    parsed: ParsedFile,
    *,
    document_id: str,
    source: str,
    content_hash: str,
    language: str | None = None,
) -> Document:
    """Join a file's elements into a document.

    :param source: what the reader of a citation knows the file by, such as its name.
    :param language: FLORES-200 code; found out from the text if None.
    :raises DocumentRefused: if there is no text in it.
    """
    text, blocks = _join(parsed.elements)
    if not text:
        raise DocumentRefused(f"{source} has no text in it")
    title = parsed.title
    if not title and blocks[0].kind == "heading":
        title = text[: blocks[0].end]
    title = normalise_text(title)[:_MAX_TITLE_CHARS].replace("\n", " ")
    return Document(
        document_id=document_id,
        text=text,
        blocks=blocks,
        content_hash=content_hash,
        title=title or source,
        source=source,
        media_type=parsed.media_type,
        language=language or identify(text),
        metadata=_plain(parsed.metadata),
    )


def elements_from_text(text: str) -> tuple[Element, ...]:
    """Return the paragraphs of a plain text, parted by blank lines."""
    return tuple(Element(paragraph) for paragraph in normalise_text(text).split("\n\n"))


def _join(elements: Iterable[Element]) -> tuple[str, tuple[Block, ...]]:
    parts: list[str] = []
    blocks: list[Block] = []
    headings: list[tuple[int, str]] = []
    length = 0
    for element in elements:
        text = normalise_text(element.text)
        if not text:
            continue
        if element.kind in ("text", "list_item") and "\n" in text:
            text = normalise_text(unwrap_lines(text))
        if element.kind == "heading":
            headings = [(level, name) for level, name in headings if level < element.level]
            headings.append((element.level, text[:_MAX_HEADING_CHARS].replace("\n", " ")))
        if parts:
            in_list = element.kind == "list_item" and blocks[-1].kind == "list_item"
            parts.append("\n" if in_list else "\n\n")
            length += len(parts[-1])
        path = tuple(name for _, name in headings)
        blocks.append(Block(length, length + len(text), element.kind, element.page, path))
        parts.append(text)
        length += len(text)
    return "".join(parts), tuple(blocks)


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of the metadata what JSON can hold, with text made safe."""
    return {
        normalise_text(str(key)): normalise_text(value) if isinstance(value, str) else value
        for key, value in metadata.items()
    }
