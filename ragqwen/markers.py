"""Citation markers in a model's answer, told from other brackets, be the text whole or streamed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex

_BLANK = r"[\p{Zs}\t\p{Cf}]{0,3}"
_NUMBER = r"\p{Nd}{1,3}"
_PASSAGE = (  # as the prompt calls them, in languages that answers often come in
    r"(?:passages?|pasajes?|passage[mn]s?|passagg[io]{1,2}|отрыв(?:ок|ка|ке|ку)|pasaj|パッセージ)"
)
_SOURCE = (
    rf"(?:{_PASSAGE}|sources?|documents?|docs?|refs?|references?|citations?|excerpts?|texts?"
    r"|quellen?|dokumente?|textstellen?|fuentes?|documentos?|textos?|textes?|fontes?|font[ei]"
    r"|document[oi]|источник(?:и|а)?|документы?|джерел[оа]|źródł[oa]|kaynak|belge|nguồn|sumber"
    r"|来源|來源|文档|文檔|文件|段落|文献|资料|資料|出典|文書|출처|문서|المصدر|مصدر|المستند|المقطع|स्रोत)"
)
_RANGE = rf"{_NUMBER}(?:{_BLANK}[-‐‑–—~]{_BLANK}{_NUMBER})?"
_ITEM = rf"(?:{_SOURCE}{_BLANK}[:：.№]?{_BLANK})?[\^#]?{_RANGE}"
_AND = r"[\p{Zs}](?:and|und|et|ed?|y|и|та|i|a|og|och|ve|en|ja|dan|và|और|و)[\p{Zs}]"
_BETWEEN = rf"(?:{_AND}|{_BLANK}[,;，、،؛；&和与及と]{_BLANK})"
_PAGE = r"(?:pp?|pgs?|pages?|s|seiten?|págs?|páginas?|стр|с|页|頁)"
_PAGES = rf"{_PAGE}\.?{_BLANK}\p{{Nd}}{{1,4}}(?:[-–]\p{{Nd}}{{1,4}})?"
_TAIL = rf"(?:†[^\[\]【】\n]{{0,40}}|[,;，、]?{_BLANK}{_PAGES})?"
_MORE = rf"(?:{_BETWEEN}{_ITEM}){{0,15}}"
_ITEMS = rf"{_BLANK}(?P<items>{_ITEM}{_MORE}){_TAIL}{_BLANK}"
# Of bounded length, so that little of a stream is ever held back
_MARKER = regex.compile(
    rf"\[{_ITEMS}\]|【{_ITEMS}】|［{_ITEMS}］|\\\[{_ITEMS}\\\]|[(（](?={_BLANK}{_SOURCE}){_ITEMS}[)）]",
    regex.IGNORECASE,
)
_NUMBERS = regex.compile(rf"({_NUMBER})(?:{_BLANK}[-‐‑–—~]{_BLANK}({_NUMBER}))?")
_NAMED = regex.compile(
    rf"(?<![\p{{L}}\p{{M}}\p{{N}}])(?<={_PASSAGE}{_BLANK})(?P<items>{_RANGE}(?:{_BETWEEN}{_RANGE}){{0,15}})"
    r"(?![\p{L}\p{N}%]|[.,:]\p{N})",
    regex.IGNORECASE,
)
_ROUND = regex.compile(rf"[(（](?P<items>{_RANGE})[)）]")
_ROUND_MARKER = regex.compile(
    rf"(?<=[\p{{L}}\p{{M}}\p{{N}}\p{{P}}]{_BLANK}){_ROUND.pattern}"
    rf"(?={_BLANK}(?:[.,;:!?。，；：！？،؛؟।]|\n|$))"
)
_NAMED_OR_ROUND = regex.compile(f"{_NAMED.pattern}|{_ROUND_MARKER.pattern}", regex.IGNORECASE)
# Told by the next character, if it is known, because to look further takes longer
_STOP = regex.compile(r"[\[【［(（](?=[\p{Nd}\p{Zs}\t\p{Cf}\p{L}\^#]|\Z)|\\(?=\[|\Z)|\n|`+")
_FOOTNOTE = regex.compile(rf"[ \t]*\[\^{_NUMBER}\]:")
# "Sources:" alone, or with nothing but markers
_SOURCES = regex.compile(
    rf"[\s#*_]*+(?:{_SOURCE}|źródła|kaynaklar|bibliography)[\s*_]*+(?:[:：][\s*_]*+|$)"
    rf"(?P<listed>(?:{_MARKER.pattern}|[\s,;*_])*+)$",
    regex.IGNORECASE,
)
_LISTED = regex.compile(r"[ \t*_]*+(?:[-+•–—·]|\p{Nd}{1,3}[.):．、])\s")
_MAX_MARKER_CHARS = 800
_MAX_RANGE = 20  # [1-3] is three passages; [1-400] is none that a prompt has
_FENCE = 3  # backticks; what fewer open ends with the line


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker as it stood in the text, and the numbers of the passages it names."""

    text: str
    numbers: tuple[int, ...]


class MarkerStream:
    """Parts text from markers while it comes in pieces; how it is cut into them changes nothing.

    `[1]`, `[1, 3]`, `[1-3]`, `[^1]`, `[#1]`, `\\[1\\]`, `【1】` and `［1］` are markers, in the
    digits of any script, and so are `[source 1]`, `(passage 1)`, `[1 and 2]`, `[1, p. 3]` and
    `【1†source】`.
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
                    yield Marker(found.group(), tuple(_numbers(found["items"])))
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


def split_mentions(text: str, *, in_round: bool) -> Iterator[str | Marker]:
    """Part text without markers from the numbers of passages that it names: `see passage 1`.

    :param in_round: whether `(1)` is a marker too.
    """
    done = 0
    for match in (_NAMED_OR_ROUND if in_round else _NAMED).finditer(text):
        yield text[done : match.start()]
        yield Marker(match.group(), tuple(_numbers(match["items"])))
        done = match.end()
    yield text[done:]


def cites_in_round(text: str, sources: Iterable[str], n_sources: int) -> bool:
    """Tell whether all `(1)` of a text are markers, and none counts, tells an age or is quoted.

    They end clauses, have the numbers of sources, and none of these has such brackets itself.
    """
    found = list(_ROUND.finditer(text))
    return (
        bool(found)
        and len(found) == len(_ROUND_MARKER.findall(text))
        and all(1 <= number <= n_sources for each in found for number in _numbers(each["items"]))
        and not any(_ROUND.search(source) for source in sources)
    )


def without_sources(text: str) -> str:
    """Return an answer without what lists its sources at its end: footnotes, or "Sources: …"."""
    lines = text.rstrip().split("\n")
    while len(lines) > 1 and (not lines[-1].strip() or _FOOTNOTE.match(lines[-1])):
        lines.pop()
    for at in range(len(lines) - 1, 0, -1):
        if (head := _SOURCES.match(lines[at])) and (at + 1 < len(lines) or head["listed"]):
            return "\n".join(lines[:at]).rstrip()
        if lines[at].strip() and not (_LISTED.match(lines[at]) or _MARKER.search(lines[at])):
            break
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
