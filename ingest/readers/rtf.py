"""Rich Text Format, with its code pages.

Pandoc knows code page 1252 alone and garbles Japanese, Czech or Russian files.
Source: Rich Text Format Specification 1.9.1.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragqwen.records import Element, ParsedFile

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])"
    rb"|[\r\n]+|([^\\{}\r\n]+)"
)
_CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "cp950",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_CODE_PAGES = {936: "gb18030", 65001: "utf-8", 10000: "mac_roman", 1361: "johab", 708: "iso8859_6"}
_CHARACTERS = {
    b"tab": "\t", b"line": "\n", b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘",
    b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"emspace": " ", b"enspace": " ",
    b"zwj": "\u200d", b"zwnj": "\u200c", b"ltrmark": "\u200e", b"rtlmark": "\u200f",
}  # fmt: skip
_SYMBOLS = {b"~": "\u00a0", b"_": "-"}
_DESTINATIONS = {b"fonttbl": "fonts", b"stylesheet": "styles", b"title": "title", b"shptxt": "text"}
_SKIPPED = frozenset(
    b"colortbl pict object objdata themedata colorschememapping datastore latentstyles listtable"
    b" listoverridetable rsidtbl generator xmlnstbl fldinst header headerl headerr headerf footer"
    b" footerl footerr footerf ftnsep ftnsepc ftnsepcn aftnsep aftnsepc aftnsepcn listtext pntext"
    b" bkmkstart bkmkend filetbl revtbl nonshppict annotation atnid atnauthor author operator"
    b" company subject keywords comment doccomm category manager hlinkbase template".split()
)
_STARRED_READ = frozenset((b"cs", b"shppict", b"shpinst"))
_HEADING = re.compile(r"heading (\d)", re.I)


def read_rtf(path: Path, _name: str) -> ParsedFile:
    """Read an RTF file: paragraphs, headings by style or outline level, list items, tables."""
    return _RtfReader().read(path.read_bytes())


@dataclass(frozen=True, slots=True)
class _Group:
    """What a closing brace restores."""

    destination: str = "text"
    font: int | None = None
    unicode_skip: int = 1
    hidden: bool = False


@dataclass(slots=True)
class _RtfReader:
    """One pass over a file. Bytes wait in `pending` until it is clear which code page they end in:
    a double-byte character may come as an escape and a letter."""

    codec: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    headings: dict[int, int] = field(default_factory=dict)
    group: _Group = field(default_factory=_Group)
    stack: list[_Group] = field(default_factory=list)
    pending: bytearray = field(default_factory=bytearray)
    text: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)
    style: int = 0
    outline: int = 0
    listed: bool = False
    in_table: bool = False
    skip: int = 0
    starred: bool = False
    found: list[Element] = field(default_factory=list)

    def read(self, data: bytes) -> ParsedFile:
        position = 0
        while token := _TOKEN.search(data, position):
            position = token.end()
            word, number, code, symbol, brace, text = token.groups()
            if word == b"bin":
                position += max(int(number or 0), 0)
            elif word:
                self._word(word, int(number) if number else None)
            elif symbol:
                self._symbol(symbol)
            elif brace:
                self._brace(brace)
            elif code or text:
                self._bytes(bytes([int(code, 16)]) if code else text)
        self._end_paragraph()
        self._end_table()
        title = "".join(self.title).strip()
        return ParsedFile(tuple(self.found), title=title if title.strip("? ") else "")

    def _bytes(self, data: bytes) -> None:
        skipped = min(self.skip, len(data))
        self.skip -= skipped
        self.pending += data[skipped:]

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self.skip = 0
        self.starred = False
        if brace == b"{":
            self.stack.append(self.group)
        elif self.stack:
            self.group = self.stack.pop()

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self.starred = True
        elif symbol in (b"\\", b"{", b"}"):  # may be the second half of a character
            self._bytes(symbol)
        elif symbol in (b"\r", b"\n"):
            self._end_paragraph()
        else:
            self._write(_SYMBOLS.get(symbol, ""))

    def _word(self, word: bytes, number: int | None) -> None:
        starred, self.starred = self.starred, False
        if word == b"u" and number is not None:
            self._write(chr(number & 0xFFFF))
            self.skip = self.group.unicode_skip
        elif word in _CHARACTERS:
            self._write(_CHARACTERS[word])
        elif word in _DESTINATIONS:
            self._turn_to(_DESTINATIONS[word])
        elif word in _SKIPPED or (starred and word not in _STARRED_READ):
            self._turn_to("nothing")
        else:
            self._flush()
            self._structure(word)
            self._format(word, number)

    def _structure(self, word: bytes) -> None:
        """End a paragraph, a cell or a row."""
        if self.group.destination != "text":
            return
        if word in (b"par", b"sect", b"page"):
            self._end_paragraph()
        elif word in (b"cell", b"nestcell"):
            self.cells.append(" ".join("".join(self.text).split()))
            self.text.clear()
        elif word in (b"row", b"nestrow"):
            if any(self.cells):
                self.rows.append(" | ".join(self.cells))
            self.cells.clear()

    def _format(self, word: bytes, number: int | None) -> None:
        """Note what a control word says of the text to come."""
        value = 1 if number is None else number
        match word:
            case b"ansicpg":
                self.codec = _CODE_PAGES.get(value, f"cp{value}")
            case b"mac":
                self.codec = "mac_roman"
            case b"f":
                self.group = replace(self.group, font=number)
            case b"fcharset" if self.group.font is not None and value in _CHARSETS:
                self.fonts[self.group.font] = _CHARSETS[value]
            case b"uc":
                self.group = replace(self.group, unicode_skip=max(value, 0))
            case b"plain":
                self.group = replace(self.group, font=None, hidden=False)
            case b"v":
                self.group = replace(self.group, hidden=value != 0)
            case b"pard":
                self.style, self.outline, self.listed, self.in_table = 0, 0, False, False
            case b"s":
                self.style = number or 0
            case b"outlinelevel" if value < 9:
                self.outline = value + 1
            case b"ls" | b"pnlvlblt" | b"pnlvlbody":
                self.listed = True
            case b"intbl":
                self.in_table = True

    def _turn_to(self, destination: str) -> None:
        self._flush()
        if self.group.destination != "nothing":
            self.group = replace(self.group, destination=destination)

    def _flush(self) -> None:
        """Decode the bytes that wait, now that their code page ends."""
        if self.pending:
            font = self.group.font
            codec = self.codec if font is None else self.fonts.get(font, self.codec)
            data = bytes(self.pending)
            self.pending.clear()
            try:
                self._write(data.decode(codec, "replace"))
            except LookupError:  # a code page that Python lacks
                self._write(data.decode("cp1252", "replace"))

    def _write(self, text: str) -> None:
        self._flush()
        match self.group.destination:
            case "text" if not self.group.hidden:
                self.text.append(text)
            case "title":
                self.title.append(text)
            case "styles" if found := _HEADING.search(text):
                self.headings[self.style] = int(found[1])

    def _end_paragraph(self) -> None:
        self._flush()
        if self.in_table or self.cells:  # a paragraph within a cell
            self.text.append(" ")
            return
        self._end_table()
        text = "".join(self.text).strip()
        self.text.clear()
        level = self.outline or self.headings.get(self.style, 0)
        if text and level:
            self.found.append(Element(" ".join(text.split()), kind="heading", level=level))
        elif text:
            self.found.append(Element(text, kind="list_item" if self.listed else "text"))

    def _end_table(self) -> None:
        if self.rows:
            self.found.append(Element("\n".join(self.rows), kind="table"))
            self.rows.clear()
