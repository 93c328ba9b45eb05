"""Tell a file's format by what is in it; its name's ending is only a hint between text formats."""

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ingest.readers.decode import has_utf16_shape
from ingest.readers.refusals import PARSER_ERRORS, damaged, empty, locked, unsupported
from ragqwen.errors import DocumentRefused

Format = Literal[
    "txt", "md", "html", "xml", "csv", "tsv", "org", "rst", "rtf", "eml", "mbox", "msg", "pdf",
    "docx", "pptx", "xlsx", "xls", "epub", "odt", "doc", "ppt", "odp", "ods", "docm", "xlsb",
]  # fmt: skip

MEDIA_TYPES: Mapping[Format, str] = MappingProxyType(
    {
        "txt": "text/plain",
        "md": "text/markdown",
        "html": "text/html",
        "xml": "application/xml",
        "csv": "text/csv",
        "tsv": "text/tab-separated-values",
        "org": "text/org",
        "rst": "text/x-rst",
        "rtf": "application/rtf",
        "eml": "message/rfc822",
        "mbox": "application/mbox",
        "msg": "application/vnd.ms-outlook",
        "pdf": "application/pdf",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xls": "application/vnd.ms-excel",
        "epub": "application/epub+zip",
        "odt": "application/vnd.oasis.opendocument.text",
        "doc": "application/msword",
        "ppt": "application/vnd.ms-powerpoint",
        "odp": "application/vnd.oasis.opendocument.presentation",
        "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "docm": "application/vnd.ms-word.document.macroEnabled.12",
        "xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    }
)

MAX_UNPACKED_BYTES = 1_000_000_000
"""Most that the members of a zip container may come to, as they declare themselves."""
MAX_RATIO = 200
"""Most that a container may grow by, once it declares more than MIN_RATIO_BYTES."""
MIN_RATIO_BYTES = 100_000_000
MAX_MEMBERS = 20_000
"""Most members of a zip container."""

HEAD_BYTES = 65_536
"""How much of a file's beginning is looked at."""

_TEXT_ENDINGS: Mapping[str, Format] = MappingProxyType(
    {
        ".md": "md",
        ".markdown": "md",
        ".mdown": "md",
        ".html": "html",
        ".htm": "html",
        ".xhtml": "html",
        ".xml": "xml",
        ".fb2": "xml",
        ".csv": "csv",
        ".tsv": "tsv",
        ".tab": "tsv",
        ".org": "org",
        ".rst": "rst",
        ".eml": "eml",
        ".mht": "eml",
        ".mhtml": "eml",
        ".mbox": "mbox",
    }
)
# fmt: off
_BINARY_ENDINGS = frozenset((
    ".pdf", ".docx", ".docm", ".pptx", ".xlsx", ".xlsb", ".xls", ".doc", ".ppt", ".epub", ".odt",
    ".odp", ".ods", ".msg", ".rtf", ".one", ".zip", ".gz", ".7z", ".rar", ".png", ".jpg", ".jpeg",
    ".gif", ".tif", ".tiff", ".webp", ".mp3", ".mp4", ".wav", ".exe",
))
# fmt: on
_MARKUP_AS_OFFICE = frozenset({".doc", ".xls"})
"""Programs export HTML and web archives under these endings, and Office opens them."""

_SAVE_AS_PDF = "save it as PDF with text, .docx or .txt and ingest that"
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n", "a PNG picture", "run OCR on it (such as tesseract) and ingest the text"),
    (b"\xff\xd8\xff", "a JPEG picture", "run OCR on it (such as tesseract) and ingest the text"),
    (b"GIF8", "a GIF picture", "run OCR on it (such as tesseract) and ingest the text"),
    (b"II*\x00", "a TIFF picture", "run OCR on it (such as tesseract) and ingest the text"),
    (b"MM\x00*", "a TIFF picture", "run OCR on it (such as tesseract) and ingest the text"),
    (b"RIFF", "a media file", "ingest a transcript or a text of it"),
    (b"ID3", "a sound file", "ingest a transcript of it"),
    (b"OggS", "a sound file", "ingest a transcript of it"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "a OneNote section", _SAVE_AS_PDF),
    (b"\x1f\x8b", "a gzip archive", "unpack it and ingest the files inside"),
    (b"BZh", "a bzip2 archive", "unpack it and ingest the files inside"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it and ingest the files inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and ingest the files inside"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it and ingest the files inside"),
    (b"%!PS", "a PostScript file", "convert it to PDF and ingest that"),
    (b"SQLite format 3\x00", "an SQLite database", "export the text you need as .csv"),
    (b"\x7fELF", "a program", "ingest a document"),
    (b"MZ\x90", "a program", "ingest a document"),
)
_ODF_ENDINGS: Mapping[str, Format] = MappingProxyType(
    {"text": "odt", "presentation": "odp", "spreadsheet": "ods"}
)
_OLE_STREAMS: tuple[tuple[str, Format], ...] = (
    ("__properties_version1.0", "msg"),
    ("WordDocument", "doc"),
    ("PowerPoint Document", "ppt"),
    ("Workbook", "xls"),
    ("Book", "xls"),
)
_HTML_START = re.compile(r"\s*(<!--.*?-->\s*)*(<!doctype\s+html|<html[\s>])", re.I | re.S)
_XML_START = re.compile(r"\s*<\?xml\s")
_XHTML_ROOT = re.compile(r"<html[\s>]", re.I)
_MAIL_START = re.compile(
    r"(?:(?:Received|Return-Path|Delivered-To|MIME-Version|Message-ID|From|To|Date|Subject|X-[\w-]+"
    r"):[^\n]*\r?\n(?:[ \t][^\n]*\n)*){2}",
    re.I,
)


def recognise(path: Path, name: str) -> Format:
    """Tell the format of a file.

    :param name: what the file is called, for its ending and for messages.
    :raises DocumentRefused: if the file is empty, is of a kind that can't be read here, needs a
        password, or is a container that would unpack to too much.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        raise empty(name)
    for test, find in _CONTAINERS:
        if test(head):
            return find(path, name)
    for magic, kind, remedy in _MAGIC:
        if head.startswith(magic):
            raise unsupported(name, kind, remedy)
    if head[4:8] == b"ftyp":
        raise unsupported(name, "a media file", "ingest a transcript or a text of it")
    return _text_format(head, name)


def _text_format(head: bytes, name: str) -> Format:
    """Tell which of the text formats this is, by its first characters and then by its ending."""
    start = head.replace(b"\x00", b"") if _is_wide(head) else head
    if b"\x00" in start or _control_share(start) > 0.1:
        raise unsupported(name, "no kind of text known here", _SAVE_AS_PDF)
    first = start.decode("latin-1").removeprefix("ÿþ").removeprefix("þÿ").removeprefix("ï»¿")
    ending = Path(name).suffix.lower()
    found = _by_content(first, ending)
    if ending in _BINARY_ENDINGS and not (ending in _MARKUP_AS_OFFICE and found != "txt"):
        raise DocumentRefused(
            f"{name} is named {ending}, but what it holds is text, not such a file: "
            "rename it to .txt or .html, or get the right file"
        )
    return found


def _by_content(first: str, ending: str) -> Format:
    hint = _TEXT_ENDINGS.get(ending, "txt")
    if hint in ("md", "rst", "org", "csv", "tsv", "eml", "mbox"):
        return hint  # these may begin like HTML or XML and still be what they are called
    if _HTML_START.match(first):
        return "html"
    if _XML_START.match(first):
        return "html" if hint == "html" or _XHTML_ROOT.search(first[:2000]) else "xml"
    if hint == "txt" and ending != ".txt" and _MAIL_START.match(first):
        return "eml"
    return hint


def _is_wide(head: bytes) -> bool:
    return head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")) or has_utf16_shape(head)


def _control_share(head: bytes) -> float:
    """Return the share of bytes that no text has: C0 controls but tab, newlines, FF and ESC."""
    controls = bytes(set(range(32)) - {9, 10, 12, 13, 27})
    return 1 - len(head.translate(None, controls)) / len(head) if head else 0.0


def _zip_format(path: Path, name: str) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_bomb(members, path.stat().st_size, name)
            names = {member.filename for member in members}
            declared = _beginning(archive, "mimetype")
            manifest = _beginning(archive, "META-INF/manifest.xml")
    except PARSER_ERRORS as exc:
        raise damaged(name, exc) from exc
    if any(member.flag_bits & 1 for member in members) or b":encryption-data" in manifest:
        raise locked(name)
    found = _open_document(declared.decode("latin-1").strip(), names) or _open_xml(names)
    if found is None:
        raise unsupported(name, "a zip archive", "unpack it and ingest the files inside")
    return found


def _beginning(archive: zipfile.ZipFile, part: str) -> bytes:
    if part not in archive.namelist() or archive.getinfo(part).flag_bits & 1:
        return b""
    with archive.open(part) as file:
        return file.read(HEAD_BYTES)


def _open_document(declared: str, names: set[str]) -> Format | None:
    if declared == "application/epub+zip" or "META-INF/container.xml" in names:
        return "epub"
    family = declared.removeprefix("application/vnd.oasis.opendocument.")
    return _ODF_ENDINGS.get(family.removesuffix("-template"))


def _open_xml(names: set[str]) -> Format | None:
    """Tell the Office format by its main part, wherever the content types put it."""
    if "[Content_Types].xml" not in names:
        return None
    if any(part.startswith("word/") for part in names):
        return "docm" if "word/vbaProject.bin" in names else "docx"
    if any(part.startswith("ppt/") for part in names):
        return "pptx"
    if "xl/workbook.bin" in names:
        return "xlsb"
    return "xlsx" if any(part.startswith("xl/") for part in names) else None


def _check_bomb(members: list[zipfile.ZipInfo], packed_bytes: int, name: str) -> None:
    """Refuse a container that says it unpacks to too much.

    Declared sizes can lie; the memory limit of the process that reads is the second line.
    """
    unpacked = sum(member.file_size for member in members)
    grows = unpacked > MIN_RATIO_BYTES and unpacked > MAX_RATIO * max(packed_bytes, 1)
    if unpacked > MAX_UNPACKED_BYTES or grows or len(members) > MAX_MEMBERS:
        raise DocumentRefused(
            f"{name} would unpack to {unpacked:,} bytes in {len(members):,} parts from "
            f"{packed_bytes:,} bytes, more than is safe to open (at most "
            f"{MAX_UNPACKED_BYTES:,} bytes, {MAX_MEMBERS:,} parts, {MAX_RATIO} times its size): "
            "split it, or save its text as a plain file"
        )


def _ole_format(path: Path, name: str) -> Format:
    import olefile

    try:
        with olefile.OleFileIO(path) as ole:
            if ole.exists("EncryptedPackage") or ole.exists("EncryptedSummary"):
                raise locked(name)
            for stream, found in _OLE_STREAMS:
                if ole.exists(stream):
                    if found == "doc" and ole.openstream(stream).read(12)[11] & 1:
                        raise locked(name)
                    return found
    except PARSER_ERRORS as exc:
        raise damaged(name, exc) from exc
    raise unsupported(name, "an old Office file of another kind", _SAVE_AS_PDF)


def _always(found: Format) -> Callable[[Path, str], Format]:
    return lambda _path, _name: found


_CONTAINERS: tuple[tuple[Callable[[bytes], bool], Callable[[Path, str], Format]], ...] = (
    (lambda head: b"%PDF-" in head[:1024], _always("pdf")),
    (lambda head: head.startswith(b"{\\rtf"), _always("rtf")),
    (lambda head: head.startswith((b"PK\x03\x04", b"PK\x05\x06")), _zip_format),
    (lambda head: head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), _ole_format),
)
