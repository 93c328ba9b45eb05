"""From elements to a document: one normalised text, of which every element is a span."""

import hashlib
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import regex

from ingest.paragraphs import with_languages
from ragqwen.errors import DocumentRefused
from ragqwen.identification import identify
from ragqwen.records import Block, Document, Element, ParsedFile
from ragqwen.text import normalise_text, unwrap_lines

_MAX_HEADING_CHARS = 200
_MAX_TITLE_CHARS = 300
_MAX_ID_CHARS = 500
_NOT_IN_ID = regex.compile(r"[\p{Cc}\p{Cs}]")


def content_hash(data: bytes) -> str:
    """Return the hash by which unchanged content is known."""
    return hash_stream(io.BytesIO(data))


def hash_stream(file: io.BufferedReader | io.BytesIO) -> str:
    """Return the content hash of a file, read piece by piece."""
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


def check_document_id(document_id: str) -> str:
    """Return the id if it can be kept and named.

    :raises DocumentRefused: if it is empty or too long, or has what no URL or file can hold.
    """
    if not 0 < len(document_id) <= _MAX_ID_CHARS or _NOT_IN_ID.search(document_id):
        raise DocumentRefused(
            f"{document_id[:_MAX_ID_CHARS]!r} can't be a document's id: give 1 to {_MAX_ID_CHARS} "
            "characters without line ends, control characters or surrogates"
        )
    return document_id


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
    :param language: FLORES-200 code of all of it; if None it is found out from the text, for the
        document and for each of its blocks.
    :raises DocumentRefused: if there is no text in it, or its id or metadata can't be kept.
    """
    source = normalise_text(source)
    text, blocks = _join(parsed.elements)
    if not text:
        raise DocumentRefused(f"{source} has no text in it")
    title = parsed.title
    if not title and blocks[0].kind == "heading":
        title = text[: blocks[0].end]
    title = normalise_text(title)[:_MAX_TITLE_CHARS].replace("\n", " ")
    if language is None:
        language = identify(text)
        blocks = with_languages(text, blocks, language)
    else:
        blocks = tuple(replace(block, language=language) for block in blocks)
    return Document(
        document_id=check_document_id(document_id),
        text=text,
        blocks=blocks,
        content_hash=content_hash,
        title=title or source,
        source=source,
        media_type=parsed.media_type,
        language=language,
        metadata=_metadata(parsed.metadata, source),
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


def _metadata(metadata: Mapping[str, Any], source: str) -> dict[str, Any]:
    try:
        return {normalise_text(str(key)): _plain(value) for key, value in metadata.items()}
    except RecursionError as exc:
        raise DocumentRefused(f"{source}: its metadata is nested too deeply") from exc


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it, with text made safe; NaN and infinity become None."""
    match value:
        case str():
            return normalise_text(value)
        case Mapping():
            return {normalise_text(str(key)): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case float() if not math.isfinite(value):
            return None
    return value
