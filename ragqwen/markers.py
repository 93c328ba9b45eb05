"""Citation markers in a model's answer, told from other brackets, be the text whole or streamed."""

from collections.abc import Iterator
from dataclasses import dataclass

import regex

_BLANK = r"[\p{Zs}\t\p{Cf}]{0,3}"
_NUMBER = r"\p{Nd}{1,3}"
_ITEM = rf"\^?{_NUMBER}(?:{_BLANK}[-‐‑–—~]{_BLANK}{_NUMBER})?"
_ITEMS = rf"{_BLANK}{_ITEM}(?:{_BLANK}[,;，、،؛；]{_BLANK}{_ITEM}){{0,15}}{_BLANK}"
# Of bounded length, so that little of a stream is ever held back
_MARKER = regex.compile(rf"\[{_ITEMS}\]|【{_ITEMS}】|［{_ITEMS}］")
_NUMBERS = regex.compile(rf"({_NUMBER})(?:{_BLANK}[-‐‑–—~]{_BLANK}({_NUMBER}))?")
_STOP = regex.compile(r"[\[【［\n]|`+")
_FOOTNOTE = regex.compile(rf"[ \t]*\[\^{_NUMBER}\]:")
_MAX_MARKER_CHARS = 400
_MAX_RANGE = 20  # [1-3] is three passages; [1-400] is none that a prompt has
_FENCE = 3  # backticks; what fewer open ends with the line


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker as it stood in the text, and the numbers of the passages it names."""

    text: str
    numbers: tuple[int, ...]


class MarkerStream:
    """Parts text from markers while it comes in pieces; how it is cut into them changes nothing.

    `[1]`, `[1, 3]`, `[1-3]`, `[^1]`, `【1】` and `［1］` are markers, in the digits of any script.
    Longer numbers, such as years, are text; so is all that stands in backticks, and `[0]` right
    after a letter, which is an index.
    """

    def __init__(self, *, fenced: bool = True) -> None:
        """Begin a text; without `fenced`, three backticks and more are text."""
        self._fenced = fenced
        self._held = ""  # may yet become a marker
        self._before = ""  # the character before it
        self._ticks = 0  # backticks that came last
        self._code = 0  # backticks that opened the code in which this is; 0 outside of code
        self._scanned = 0  # characters that were yielded
        self._opened = 0  # how many stood before the code in which this is

    @property
    def fence(self) -> int | None:
        """Return where the fenced code began in which the text is by now; None outside of any."""
        return self._opened if self._code >= max(_FENCE, self._ticks + 1) else None

    def feed(self, piece: str) -> Iterator[str | Marker]:
        """Take a piece; yield the text and the markers that are sure by now."""
        yield from self._scan(self._held + piece, partial=True)

    def close(self) -> Iterator[str | Marker]:
        """Yield what was held back, at the end of the text."""
        yield from self._scan(self._held, partial=False)

    def _scan(self, text: str, *, partial: bool) -> Iterator[str | Marker]:
        if self._ticks and text and text[0] != "`":
            self._toggle(0)
        done, at, end = 0, 0, len(text)
        while stop := _STOP.search(text, at):
            at = stop.end()
            if text[stop.start()] == "`":
                self._ticks += len(stop.group())
                if at < len(text):
                    self._toggle(at)
            elif text[stop.start()] == "\n":
                self._code = self._code if self._code >= _FENCE else 0
            elif not self._code:
                found = _MARKER.match(text, stop.start(), partial=partial)
                if found and found.partial:
                    end = stop.start()
                    break
                if found and not self._is_index(text, found):
                    if found.start() > done:
                        yield text[done : found.start()]
                    yield Marker(found.group(), tuple(_numbers(found.group())))
                    done = at = found.end()
        self._before = text[end - 1] if end else self._before
        self._held = text[end:]
        self._scanned += end
        if end > done:
            yield text[done:end]

    def _toggle(self, at: int) -> None:
        """Open or close code, after a run of backticks that ends at a place of what is scanned."""
        if self._ticks >= _FENCE and not self._fenced:
            pass
        elif not self._code:
            self._code, self._opened = self._ticks, self._scanned + at
        elif self._ticks == self._code or self._ticks > self._code >= _FENCE:
            self._code = 0
        self._ticks = 0

    def _is_index(self, text: str, found: regex.Match[str]) -> bool:
        before = text[found.start() - 1] if found.start() else self._before
        return (before.isalnum() or before == "_") and found.group() == "[0]"


def parse_markers(text: str) -> list[str | Marker]:
    """Return a whole text as its markers and what stands between them.

    Fenced code that does not end is text: the fence was forgotten, or the answer cut off.
    """
    stream = MarkerStream()
    parts = [*stream.feed(text), *stream.close()]
    if stream.fence is not None:
        before, after = MarkerStream(), MarkerStream(fenced=False)
        parts = [*before.feed(text[: stream.fence]), *before.close()]
        parts += [*after.feed(text[stream.fence :]), *after.close()]
    merged: list[str | Marker] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def false_marker_end(before: str, after: str) -> int | None:
    """Return where, in the second of two texts to be joined, a marker would end that neither has.

    `[` and `1]`, between which a marker was taken out, would make one.
    """
    tail, head = before[-_MAX_MARKER_CHARS:], after[:_MAX_MARKER_CHARS]
    for match in _MARKER.finditer(tail + head, overlapped=True):
        if match.start() < len(tail) < match.end():
            return int(match.end()) - len(tail)
    return None


def without_footnotes(text: str) -> str:
    """Return an answer without the footnotes that are written out at its end: `[^1]: page 3`."""
    lines = text.rstrip().split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or _FOOTNOTE.match(lines[-1])):
        lines.pop()
    return "\n".join(lines)


def _numbers(marker: str) -> Iterator[int]:
    for match in _NUMBERS.finditer(marker):
        if not (match[1] + (match[2] or "")).isdecimal():
            continue  # digits of a script that Python doesn't know yet
        first, last = int(match[1]), int(match[2] or match[1])
        if first <= last < first + _MAX_RANGE:
            yield from range(first, last + 1)
        else:
            yield from (first, last)
