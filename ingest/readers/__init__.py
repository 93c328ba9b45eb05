"""Read one file into elements. A pure function of the file; run it in a child (`ingest.sandbox`).

`unstructured` reads HTML, Markdown, Word and PowerPoint, and, by way of pandoc's HTML, EPUB, ODT,
Org and reStructuredText. Plain text, tables, mail, RTF, XML and PDF have readers of their own,
because what `unstructured` makes of them loses text, pages or the encoding (see LOG.md).
"""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ingest.readers.formats import MEDIA_TYPES, Format, recognise
from ragqwen.errors import DocumentRefused
from ragqwen.records import Element, ParsedFile

MAX_FILE_BYTES = 200_000_000
"""Largest file read, in bytes."""

_READERS: Mapping[Format, str] = MappingProxyType(
    {
        "txt": "plain.read_text",
        "csv": "plain.read_csv",
        "tsv": "plain.read_csv",
        "xml": "markup.read_xml",
        "html": "partitioned.read_html",
        "md": "partitioned.read_markdown",
        "docx": "partitioned.read_docx",
        "pptx": "partitioned.read_pptx",
        "epub": "converted.read_epub",
        "odt": "converted.read_odt",
        "org": "converted.read_org",
        "rst": "converted.read_rst",
        "xlsx": "sheets.read_xlsx",
        "xls": "sheets.read_xls",
        "rtf": "rtf.read_rtf",
        "eml": "mail.read_eml",
        "mbox": "mail.read_mbox",
        "msg": "mail.read_msg",
        "pdf": "pdf.read_pdf",
        "doc": "converted.read_doc",
        "ppt": "converted.read_ppt",
        "odp": "converted.read_odp",
        "ods": "converted.read_ods",
        "docm": "converted.read_docm",
        "xlsb": "converted.read_xlsb",
    }
)
_UNSAFE = re.compile("[\x00\ud800-\udfff]")


def read_file(path: Path, *, name: str, max_bytes: int = MAX_FILE_BYTES) -> ParsedFile:
    """Read a file of any known format, told by its content.

    :param name: what messages call the file; its ending tells text formats apart.
    :raises DocumentRefused: if it can't be read; the message says what its owner can do.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise DocumentRefused(
                f"{name} has {size:,} bytes, more than the {max_bytes:,} that are read; split it"
            )
        found = recognise(path, name)
    except OSError as exc:
        raise DocumentRefused(
            f"{name} can't be opened ({exc.strerror}); check that it exists and may be read"
        ) from exc
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parsers warn of oddities that nobody here can mend
        parsed = _reader(found)(path, name)
    elements = tuple(_cleaned(parsed.elements))
    if not elements:
        raise DocumentRefused(
            f"{name} holds no text; if it is made of pictures, run OCR on it and ingest the result"
        )
    return replace(
        parsed,
        elements=elements,
        title=_safe(parsed.title).strip(),
        media_type=MEDIA_TYPES[found],
        metadata={key: _safe_value(value) for key, value in parsed.metadata.items() if value},
    )


def _reader(found: Format) -> Callable[[Path, str], ParsedFile]:
    module, function = _READERS[found].split(".")
    reader: Callable[[Path, str], ParsedFile] = getattr(
        import_module(f"ingest.readers.{module}"), function
    )
    return reader


def _cleaned(elements: Iterable[Element]) -> Iterable[Element]:
    for element in elements:
        text = _safe(element.text)
        text = text.strip("\n") if element.kind in ("table", "code") else text.strip()
        if text and not text.isspace():
            yield replace(element, text=text)


def _safe(text: str) -> str:
    """Take out NUL, join surrogate pairs and replace lone surrogates: no UTF-8 holds them."""
    if not _UNSAFE.search(text):
        return text
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\x00", "")


def _safe_value(value: Any) -> Any:
    if isinstance(value, str):
        return _safe(value)
    return [_safe(item) for item in value] if isinstance(value, list) else value


__all__ = ["MAX_FILE_BYTES", "read_file"]
