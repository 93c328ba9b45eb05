"""E-mail: one message, a mailbox of them, or Outlook's file."""

import email
import email.policy
import mailbox
import struct
from collections.abc import Iterator
from email.errors import HeaderParseError, MessageError
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser, Parser
from pathlib import Path
from typing import Any

from ingest.readers.decode import decode_text, has_utf16_shape
from ingest.readers.partitioned import parse_html
from ingest.readers.plain import paragraphs
from ingest.readers.refusals import PARSER_ERRORS, damaged
from ragqwen.records import Element, ParsedFile

_NO_SUBJECT = "(no subject)"
_MAIL_ERRORS: tuple[type[Exception], ...] = (MessageError, mailbox.Error, *PARSER_ERRORS)
_HEADERS = ("From", "To", "Cc", "Date")

# Outlook's property tags and types, [MS-OXPROPS] and [MS-OXCDATA] 2.11.1
_UNICODE, _ANSI, _BINARY, _INTEGER = 0x001F, 0x001E, 0x0102, 0x0003
_SUBJECT, _BODY, _HTML, _SENDER, _SENDER_MAIL, _TO, _CC = (
    0x0037, 0x1000, 0x1013, 0x0C1A, 0x5D01, 0x0E04, 0x0E03,
)  # fmt: skip
_TRANSPORT_HEADERS, _RTF, _FILE_NAME, _SHORT_NAME = 0x007D, 0x1009, 0x3707, 0x3704
_BODY_CODE_PAGE, _MESSAGE_CODE_PAGE = 0x3FDE, 0x3FFD
_HEADER_BYTES = 32
"""Length of what stands before the properties of a top-level message, [MS-OXMSG] 2.4.1.1."""
_CODE_PAGES = {65001: "utf-8", 20127: "ascii", 28591: "cp1252", 50220: "iso2022_jp",
               50221: "iso2022_jp", 50222: "iso2022_jp", 51932: "euc_jp", 51949: "euc_kr",
               52936: "gb18030", 54936: "gb18030", 936: "gb18030", 20932: "euc_jp",
               20866: "koi8_r", 21866: "koi8_u"}  # fmt: skip


def read_eml(path: Path, name: str) -> ParsedFile:
    """Read a message: its subject, its headers as one paragraph, its body; not its attachments."""
    data = path.read_bytes()
    policy = email.policy.default
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or has_utf16_shape(data[:4096]):
        message = Parser(policy=policy).parsestr(decode_text(data))
    else:
        message = BytesParser(policy=policy).parsebytes(data.removeprefix(b"\xef\xbb\xbf").lstrip())
    return _read_message(message, name)


def read_mbox(path: Path, name: str) -> ParsedFile:
    """Read a mailbox, each message under its subject."""
    box = mailbox.mbox(path, factory=None, create=False)
    parser = BytesParser(policy=email.policy.default)
    try:
        messages = [
            _read_message(parser.parsebytes(box.get_bytes(key)), name) for key in box.iterkeys()
        ]
    except _MAIL_ERRORS as exc:
        raise damaged(name, exc) from exc
    finally:
        box.close()
    elements = tuple(element for message in messages for element in message.elements)
    return ParsedFile(elements, metadata={"messages": len(messages)})


def _read_message(message: EmailMessage, name: str) -> ParsedFile:
    try:
        headers = {key: _header(message, key) for key in _HEADERS}
        subject = _header(message, "Subject") or _NO_SUBJECT
        attached = [part.get_filename() or "" for part in message.iter_attachments()]
        body = message.get_body(("plain", "html"))
        elements = list(_body_elements(body, name)) if body is not None else []
        if not elements and (rich := message.get_body(("html",))) is not None:
            elements = list(_body_elements(rich, name))
    except _MAIL_ERRORS as exc:
        raise damaged(name, exc) from exc
    return _message(subject, headers, attached, elements)


def _message(
    subject: str, headers: dict[str, str], attached: list[str], body: list[Element]
) -> ParsedFile:
    """Put a message together, whatever it was read from."""
    opening = "\n".join(f"{key}: {text}" for key, text in headers.items() if text)
    elements = (Element(subject, kind="heading", level=1), Element(opening), *body)
    metadata: dict[str, Any] = {key.lower(): text for key, text in headers.items()}
    metadata["attachments"] = [file for file in attached if file]
    title = "" if subject == _NO_SUBJECT else subject
    return ParsedFile(elements, title=title, metadata=metadata)


def _header(message: EmailMessage, key: str) -> str:
    """Return a header's text; one that breaks the rules is taken as it stands."""
    try:
        value = message.get(key, "")
    except (HeaderParseError, IndexError, ValueError, AttributeError, TypeError):
        value = next(
            (str(raw) for had, raw in message.raw_items() if had.lower() == key.lower()), ""
        )
    return " ".join(str(value).split())


def _body_elements(part: MIMEPart, name: str) -> Iterator[Element]:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        rich = part.get_content_type() == "text/html"
        charset = str(part.get_content_charset() or "")
        text = decode_text(payload, charset=charset, markup=rich)
        yield from parse_html(text, name).elements if rich else paragraphs(text)


def read_msg(path: Path, name: str) -> ParsedFile:
    """Read an Outlook message.

    By its storages rather than with python-oxmsg, which takes any 8-bit text for Latin-1.
    """
    import olefile

    try:
        with olefile.OleFileIO(path) as ole:
            return _read_outlook(ole, name)
    except PARSER_ERRORS as exc:
        raise damaged(name, exc) from exc


def _read_outlook(ole: Any, name: str) -> ParsedFile:
    numbers = _fixed_integers(ole)
    page = _codec(numbers.get(_MESSAGE_CODE_PAGE, 0)) or _codec(numbers.get(_BODY_CODE_PAGE, 0))
    received = Parser(policy=email.policy.default).parsestr(_string(ole, _TRANSPORT_HEADERS, page))
    sender = " ".join(filter(None, (_string(ole, _SENDER, page), _string(ole, _SENDER_MAIL, page))))
    headers = {
        "From": _header(received, "From") or sender,
        "To": _string(ole, _TO, page),
        "Cc": _string(ole, _CC, page),
        "Date": _header(received, "Date"),
    }
    folders = sorted({entry[0] for entry in ole.listdir() if entry[0].startswith("__attach_")})
    attached = [
        _string(ole, _FILE_NAME, page, folder) or _string(ole, _SHORT_NAME, page, folder)
        for folder in folders
    ]
    subject = _string(ole, _SUBJECT, page) or _NO_SUBJECT
    body = list(_outlook_body(ole, page, _codec(numbers.get(_BODY_CODE_PAGE, 0)), name))
    return _message(subject, headers, attached, body)


def _outlook_body(ole: Any, page: str, html_page: str, name: str) -> Iterator[Element]:
    """Give the plain body, else the HTML one."""
    if text := _string(ole, _BODY, page):
        yield from paragraphs(text)
    elif html := _stream(ole, _HTML, _BINARY):
        yield from parse_html(decode_text(html, charset=html_page, markup=True), name).elements
    elif html_text := _string(ole, _HTML, page):
        yield from parse_html(html_text, name).elements


def _stream(ole: Any, tag: int, kind: int, folder: str = "") -> bytes:
    stream = f"{folder}/__substg1.0_{tag:04X}{kind:04X}".lstrip("/")
    return bytes(ole.openstream(stream).read()) if ole.exists(stream) else b""


def _string(ole: Any, tag: int, page: str, folder: str = "") -> str:
    if wide := _stream(ole, tag, _UNICODE, folder):
        return wide.decode("utf-16-le", "replace").rstrip("\x00")
    return decode_text(_stream(ole, tag, _ANSI, folder).rstrip(b"\x00"), charset=page)


def _fixed_integers(ole: Any) -> dict[int, int]:
    """Read a message's 32-bit properties: rows of type, tag, flags and value, 16 bytes each."""
    data = ole.openstream("__properties_version1.0").read()[_HEADER_BYTES:]
    rows = struct.iter_unpack("<HHIII", data[: len(data) // 16 * 16])
    return {tag: value for kind, tag, _, value, _ in rows if kind == _INTEGER}


def _codec(code_page: int) -> str:
    return _CODE_PAGES.get(code_page, f"cp{code_page}" if code_page else "")
