"""PDF: the text layer, page by page, its lines joined into paragraphs.

With pypdfium2, not `unstructured`, whose PDF reader loads torch and takes every page for English.
"""

import re
import statistics
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ingest.readers.refusals import damaged, locked
from ragqwen.errors import DocumentRefused
from ragqwen.records import Element, ParsedFile

SHORT_LINE = 0.8
"""A line below this share of its paragraph's width, ending a sentence, ends the paragraph."""
VERY_SHORT_LINE = 0.6
"""A line below this share stands alone: a heading, an address, a table's row."""
WIDE_GAP = 1.35
"""A step down of more than this many usual steps ends a paragraph."""
OTHER_SIZE = 1.15
"""Lines whose heights differ by more than this factor are of different paragraphs."""

_LINE_BREAKS = frozenset("\r\n")
_HYPHENS = frozenset("\x02\ufffe")
"""What PDFium writes for a hyphen at the end of a line that breaks a word."""
_SENTENCE_END = re.compile(r"""[.!?:;…。！？：；।॥۔؟؛։።၊။។ฯ][)\]"'”’»」』）]*$""")
_BULLET = re.compile(r"[•●○◦▪■□‣➢✓·∙–—*-]\s*(?=\S)")
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-zA-Zivx]{1,4})[.)]\s+\S|[①-⑳]")
_NUMBERING = re.compile(r"^[\dIVXivx.)\s]+(?=\S)")
_PRESENTATION = re.compile("[\ufb00-\ufdff\ufe70-\ufefc]+")
_IDEOGRAPHIC = re.compile("[\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff\uff00-\uffef]")
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Tibetan, Burmese, Khmer: a space ends a phrase, none parts words."""
_HANGUL = re.compile("[\uac00-\ud7af]")
_POOR_TITLE = re.compile(
    r"^(?:untitled|document\d*|microsoft \w+ -.*|.*\.(?:docx?|pdf|tex|dvi|indd|pptx?|xlsx?|odt))$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page, in points from its lower left corner."""

    text: str
    left: float
    right: float
    bottom: float
    height: float
    broken: bool = False
    spaced: bool = False

    @property
    def width(self) -> float:
        return self.right - self.left


def read_pdf(path: Path, name: str) -> ParsedFile:
    """Read a PDF's text layer; outline entries found on their page become headings.

    :raises DocumentRefused: if it needs a password, or no page has text.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as exc:
        raise (locked(name) if "password" in str(exc).lower() else damaged(name, exc)) from exc
    try:
        outline = _outline(document)
        pages = [
            list(_page_elements(document[index], index + 1, outline.get(index, {})))
            for index in range(len(document))
        ]
        metadata = document.get_metadata_dict(skip_empty=True)
    except (pypdfium2.PdfiumError, ValueError, IndexError) as exc:
        raise damaged(name, exc) from exc
    finally:
        document.close()
    if not any(pages):
        raise DocumentRefused(
            f"{name} has no text layer, only pictures ({len(pages)} pages): run OCR on it "
            "(such as ocrmypdf) and ingest the result"
        )
    title = metadata.get("Title", "").strip()
    return ParsedFile(
        tuple(element for page in pages for element in page),
        title="" if _POOR_TITLE.match(title) else title,
        metadata={
            "pages": len(pages),
            "author": metadata.get("Author", ""),
            "pages_without_text": [str(n) for n, page in enumerate(pages, 1) if not page],
        },
    )


def _outline(document: Any) -> dict[int, dict[str, int]]:
    """Return the bookmarks of each page: their text without spaces, and their level from 1."""
    found: dict[int, dict[str, int]] = {}
    for bookmark in document.get_toc(max_depth=9):
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        if index is not None:
            found.setdefault(index, {})[_bare(bookmark.get_title())] = bookmark.level + 1
    return found


def _bare(text: str) -> str:
    return "".join(_NUMBERING.sub("", _plain(text)).split()).casefold()


def _page_elements(page: Any, number: int, outline: Mapping[str, int]) -> Iterator[Element]:
    textpage = page.get_textpage()
    try:
        lines = list(_merged(_lines(textpage)))
    finally:
        textpage.close()
        page.close()
    spaces_kept = any(line.spaced and _HANGUL.match(line.text[-1:]) for line in lines)
    for paragraph in _paragraphs(lines, outline):
        text = _joined(paragraph, spaces_kept)
        level = outline.get(_bare(text), 0)
        if level:
            yield Element(text, kind="heading", page=number, level=level)
        elif _BULLET.match(text):
            yield Element(text, kind="list_item", page=number)
        else:
            yield Element(text, page=number)


def _lines(textpage: Any) -> Iterator[_Line]:
    """Cut a page's characters into lines, in PDFium's order, which is the logical one."""
    from pypdfium2 import raw

    start = 0
    characters: list[str] = []
    total = textpage.count_chars()
    for index in range(total + 1):
        code = raw.FPDFText_GetUnicode(textpage, index) if index < total else 0x0A
        character = chr(code) if code <= 0x10FFFF else ""
        if character in _LINE_BREAKS or character in _HYPHENS:
            if "".join(characters).strip():
                yield _line(textpage, characters, start, character in _HYPHENS)
            characters, start = [], index + 1
        else:
            characters.append(character or " ")


def _line(textpage: Any, characters: list[str], start: int, broken: bool) -> _Line:
    """Measure a line by its first and last character that is no space."""
    inked = [start + offset for offset, char in enumerate(characters) if not char.isspace()]
    first = textpage.get_charbox(inked[0], loose=True)
    last = textpage.get_charbox(inked[-1], loose=True)
    text = "".join(characters)
    return _Line(
        _plain(text).strip() if not broken else _plain(text).lstrip(),
        left=min(first[0], last[0]),
        right=max(first[2], last[2]),
        bottom=min(first[1], last[1]),
        height=max(first[3] - first[1], last[3] - last[1], 1.0),
        broken=broken,
        spaced=text[-1:].isspace(),
    )


def _merged(pieces: Iterable[_Line]) -> Iterator[_Line]:
    """Put together what stands side by side: sub- and superscripts come as lines of their own."""
    whole: _Line | None = None
    for piece in pieces:
        if whole is None:
            whole = piece
        elif _is_beside(whole, piece):
            tall = max(whole, piece, key=lambda line: line.height)
            gap = max(piece.left - whole.right, whole.left - piece.right)
            space = " " if gap > 0.15 * tall.height or whole.spaced else ""
            whole = _Line(
                whole.text + space + piece.text,
                left=min(whole.left, piece.left),
                right=max(whole.right, piece.right),
                bottom=tall.bottom,
                height=tall.height,
                broken=piece.broken,
                spaced=piece.spaced,
            )
        else:
            yield whole
            whole = piece
    if whole is not None:
        yield whole


def _is_beside(whole: _Line, piece: _Line) -> bool:
    height = max(whole.height, piece.height)
    apart = min(abs(piece.left - whole.right), abs(whole.left - piece.right))
    return not whole.broken and abs(piece.bottom - whole.bottom) < 0.6 * height and apart < height


def _plain(text: str) -> str:
    """Undo what fonts do to text: ligatures, Arabic presentation forms, soft hyphens."""
    bare = text.replace("\u00ad", "")
    return _PRESENTATION.sub(lambda found: unicodedata.normalize("NFKC", found[0]), bare)


def _paragraphs(lines: Iterable[_Line], outline: Mapping[str, int]) -> Iterator[list[_Line]]:
    """Gather lines into paragraphs by their place, their size and how they end."""
    found = list(lines)
    steps = [above.bottom - below.bottom for above, below in pairwise(found)]
    usual_step = statistics.median([step for step in steps if step > 0] or [0.0])
    paragraph: list[_Line] = []
    for line in found:
        if paragraph and _starts_anew(paragraph, line, usual_step, outline):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _starts_anew(
    paragraph: list[_Line], line: _Line, usual_step: float, outline: Mapping[str, int]
) -> bool:
    """Tell whether a line begins a paragraph after these."""
    above = paragraph[-1]
    if above.broken:
        return False
    if _bare(line.text) in outline or _bare(above.text) in outline:
        return True
    ended = _SENTENCE_END.search(above.text) is not None
    step = above.bottom - line.bottom
    if step < -0.5 * line.height:  # the next column, or a box elsewhere
        return ended or not line.text[:1].islower()
    if step > WIDE_GAP * max(usual_step, line.height):
        return True
    if max(above.height, line.height) > OTHER_SIZE * min(above.height, line.height):
        return True
    if _BULLET.match(line.text):
        return True
    width = max(max(piece.width for piece in paragraph), line.width)
    if above.width < VERY_SHORT_LINE * width or (ended and above.width < SHORT_LINE * width):
        return True
    indented = len(paragraph) > 1 and line.left > above.left + 0.8 * line.height
    numbered = _NUMBERED.match(line.text) is not None
    return (ended and (indented or numbered)) or (
        numbered and _NUMBERED.match(paragraph[0].text) is not None
    )


def _joined(lines: list[_Line], spaces_kept: bool) -> str:
    """Join a paragraph's lines with a space, or with none where the script or a hyphen says so.

    :param spaces_kept: whether lines of this page that end with a Korean word end in a space. If
        so, one that doesn't breaks a word; if not, a space is the better guess.
    """
    text = lines[0].text
    for above, line in pairwise(lines):
        if above.broken:
            text += line.text if line.text[:1].islower() else f"-{line.text}"
        elif _is_hyphenated(text, line.text):
            text = text[:-1] + line.text
        else:
            bare = _are_both(_IDEOGRAPHIC, text, line.text)
            bare |= _are_both(_UNSPACED, text, line.text) and not above.spaced
            bare |= _are_both(_HANGUL, text, line.text) and spaces_kept and not above.spaced
            text += line.text if bare else f" {line.text}"
    return text


def _are_both(script: re.Pattern[str], text: str, following: str) -> bool:
    return bool(script.match(text[-1:]) and script.match(following))


def _is_hyphenated(text: str, following: str) -> bool:
    return text[-1:] in ("-", "\u2010") and text[-2:-1].isalpha() and following[:1].islower()
