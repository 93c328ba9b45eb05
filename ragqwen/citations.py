"""Citations: places in the sources that an answer rests on, each a checked span."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import regex

from ragqwen.alignment import Aligner
from ragqwen.markers import Marker, false_marker_end, parse_markers, without_footnotes
from ragqwen.reader import Quote
from ragqwen.records import Citation, Passage, Status
from ragqwen.segmentation import count_words, sentences, words
from ragqwen.verification import PassageVerifier, Support

_MAX_CHECKS = 2000  # of a claim against a passage in one answer; what is beyond is unsupported
_SHARED_CHECKS = 10  # that holding a claim against several places together counts for
_SHARED_SUPPORT = 0.02  # of a passage for its part of a claim that rests on several together
_MAX_SHARED_CHARS = 5000
_MIN_WORDS = 2  # "Yes." and "Hello!" claim nothing that could be looked up
_BULLET = regex.compile(r"[-+•–—·]\s+")
_NUMBERED = regex.compile(r"(?:\p{Nd}{1,3}[.)．、]|\(\p{Nd}{1,3}\))\s+|[-+•–—·]\s+")
_ITEM = regex.compile(r"(?m)^[ \t*_]*+((?:\()?(\p{Nd}{1,3})[.)．、])\s")
_EMPHASIS = "*_ "
_END_MARKS = ' .!?…。！？।॥۔؟։។"”’»)]*_'
_SPACES = " \t\u00a0\u3000"


_Mark = tuple[int, tuple[int, ...]]  # a place in the text, and the passages cited there


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """An answer whose markers have been checked.

    `text` has markers numbered in order of use, one for each of `citations`.
    `unsupported_claims` are what neither the passages cited nor any other bear out;
    `removed_markers` counts numbers that stood for no passage.
    """

    text: str
    citations: tuple[Citation, ...] = ()
    unsupported_claims: tuple[str, ...] = ()
    removed_markers: int = 0


@dataclass(frozen=True, slots=True)
class _Claim:
    """A span of the answer without its markers, and the passages it cites, by number from 1.

    `place` is where its markers go.
    """

    start: int
    end: int
    place: int
    numbers: tuple[int, ...]


def cite_quotes(quotes: Sequence[Quote]) -> tuple[Citation, ...]:
    """Return one citation for each quote, marked [1], [2] … in order; a quote proves itself."""
    return tuple(
        _citation(f"[{number}]", quote.passage, Support(quote.start, quote.end, 1.0), "verified")
        for number, quote in enumerate(quotes, start=1)
    )


def cite_generated(
    answer: str, passages: Sequence[Passage], language: str, aligner: Aligner
) -> CitedAnswer:
    """Turn a model's markers, which number passages, into citations that are held against them.

    A claim is a sentence or the part of one up to its markers. Each passage that it cites is cited
    by the place that supports it best, `unsupported` if that doesn't. A claim that cites nothing
    gets the passage that bears it out best, if one does. Equal places share a marker.

    :param language: the answer's.
    """
    text, marks, removed = _without_markers(answer, len(passages))
    checker = _Checker(passages, language, aligner)
    items = _items(text)
    citations: dict[tuple[str, int, int, str], Citation] = {}
    unsupported: list[str] = []
    pieces: list[str] = []
    done = 0
    for claim in _claims(text, marks, language):
        whole = text[claim.start : claim.end]
        marked_at = claim.end - len(whole.lstrip(f"{_EMPHASIS}{_SPACES}\n"))
        said = _plain(whole, in_list=marked_at in items)
        found = checker.check(said, claim.numbers) if claim.numbers else checker.search(said)
        if not any(cited.status == "verified" for cited in found) and _says_something(said):
            unsupported.append(said)
        markers = []
        for cited in found:
            key = (cited.document_id, cited.start, cited.end, cited.status)
            known = citations.get(key)
            marker = known.marker if known else f"[{len(citations) + 1}]"
            if known is None or known.score > cited.score:
                citations[key] = replace(cited, marker=marker)
            markers.append(marker)
        if markers:
            before = text[done : claim.place]
            space = " " if before and not before[-1].isspace() else ""
            pieces += [before, space, *dict.fromkeys(markers)]
            done = claim.place
    pieces.append(text[done:])
    return CitedAnswer(
        "".join(pieces).strip(), tuple(citations.values()), tuple(unsupported), removed
    )


class _Checker:
    """Holds claims against passages, each claim against each passage at most once."""

    def __init__(self, passages: Sequence[Passage], language: str, aligner: Aligner) -> None:
        self._passages = passages
        self._language = language
        self._aligner = aligner
        self._verifiers: dict[int, PassageVerifier] = {}
        self._supports: dict[tuple[str, int], Support] = {}
        self._n_checks = 0

    def check(self, said: str, numbers: Sequence[int]) -> list[Citation]:
        """Return a citation of each passage that a claim cites; the markers come later."""
        supports = [self._support(said, number) for number in numbers]
        shared = self._shared(said, numbers, supports)
        found = []
        for number, support in zip(numbers, supports, strict=True):
            if shared and support.score >= _SHARED_SUPPORT:
                support = replace(support, score=shared.score)
            status: Status = "verified" if support.holds else "unsupported"
            found.append(_citation("", self._passages[number - 1], support, status))
        return found

    def search(self, said: str) -> list[Citation]:
        """Return a citation of the passage that bears a claim out best, if one does."""
        if not _says_something(said):
            return []
        found = [
            (support, passage)
            for number, passage in enumerate(self._passages, start=1)
            for support in [self._support(said, number)]
            if support.holds
        ]
        if not found:
            return []
        support, passage = max(found, key=lambda item: item[0].score)
        return [_citation("", passage, support, "verified")]

    def _support(self, said: str, number: int) -> Support:
        key = (said, number)
        if key not in self._supports:
            verifier = self._verifiers.get(number)
            if verifier is None:
                verifier = PassageVerifier(self._passages[number - 1], self._aligner)
                self._verifiers[number] = verifier
            if self._n_checks >= _MAX_CHECKS:
                return verifier.unchecked()
            self._n_checks += 1
            self._supports[key] = verifier.support(said, self._language)
        return self._supports[key]

    def _shared(
        self, said: str, numbers: Sequence[int], supports: Sequence[Support]
    ) -> Support | None:
        """Return the support of all cited places together, where no one of them suffices."""
        passages = [self._passages[number - 1] for number in numbers]
        if len(numbers) < 2 or any(support.holds for support in supports):
            return None
        if self._n_checks >= _MAX_CHECKS:
            return None
        self._n_checks += _SHARED_CHECKS
        quotes = [_quote(*each) for each in zip(passages, supports, strict=True)]
        joined = " ".join(dict.fromkeys(quotes))[:_MAX_SHARED_CHARS]
        whole = replace(passages[0], text=joined, start=0, end=len(joined), headings=())
        support = PassageVerifier(whole, self._aligner).support(said, self._language)
        return support if support.holds else None


def _without_markers(answer: str, n_passages: int) -> tuple[str, list[_Mark], int]:
    """Return the text without markers and the space before them, the marks, and how many go."""
    marks: list[_Mark] = []
    pieces: list[str] = []
    length = removed = 0
    parts = parse_markers(without_footnotes(answer))
    for part, after in pairwise([*parts, ""]):
        if isinstance(part, Marker):
            kept = tuple(number for number in part.numbers if 1 <= number <= n_passages)
            removed += len(part.numbers) - len(kept)
            if kept:
                marks.append((length, kept))
        else:
            piece = part.rstrip(_SPACES) if isinstance(after, Marker) else part
            before = pieces[-1] if pieces else ""
            while end := false_marker_end(before, piece):
                piece = piece[: end - 1] + piece[end:]  # its closing bracket
            pieces.append(piece)
            length += len(piece)
    return "".join(pieces), marks, removed


def _claims(text: str, marks: Sequence[_Mark], language: str) -> Iterator[_Claim]:
    """Yield the claims of a text, in order; a mark belongs to the claim that it follows.

    At the beginning of a line with more on it, a mark belongs to what it stands before.
    """
    spans = list(sentences(text, language))
    starts = [start for start, _ in spans]
    of_sentence: list[list[_Mark]] = [[] for _ in spans]
    for place, numbers in marks if spans else ():
        leads = (place == 0 or text[place - 1] == "\n") and text[place : place + 1] != "\n"
        at = bisect_left(starts, place) - 1
        if leads and at + 1 < len(spans):
            at += 1
            place = _end_place(text, *spans[at])
        of_sentence[max(at, 0)].append((place, numbers))
    for (start, end), some in zip(spans, of_sentence, strict=True):
        yield from _parts(text, start, end, sorted(some))


def _parts(text: str, start: int, end: int, marks: Sequence[_Mark]) -> Iterator[_Claim]:
    """Yield a sentence cut at its marks; what is too little to claim anything joins the next."""
    if not marks:
        yield _Claim(start, end, _end_place(text, start, end), ())
        return
    numbers_at: dict[int, list[int]] = {}
    for place, some in marks:
        numbers_at.setdefault(place, []).extend(some)
    word_ends = [start + stop for _, stop in words(text[start:end])]
    numbers: list[int] = []
    seen = 0
    for place in numbers_at:
        numbers += numbers_at[place]
        n_words = bisect_right(word_ends, place)
        is_last = place == marks[-1][0]
        if is_last or n_words - seen >= _MIN_WORDS:
            stop = end if is_last else place
            yield _Claim(start, stop, place, tuple(dict.fromkeys(numbers)))
            start, numbers, seen = stop, [], n_words


def _end_place(text: str, start: int, end: int) -> int:
    """Return where a marker goes that is put to a sentence: before the marks that end it."""
    return start + len(text[start:end].rstrip(_END_MARKS))


def _plain(claim: str, *, in_list: bool) -> str:
    """Return what a claim says, without the mark of a list's item and emphasis.

    :param in_list: whether a number at its start is an item's; else it may be the day of a date.
    """
    claim = claim.strip().lstrip(_EMPHASIS)
    mark = _NUMBERED if in_list else _BULLET
    return mark.sub("", claim, count=1) if mark.match(claim) else claim


def _items(text: str) -> frozenset[int]:
    """Return where the numbered items of lists start: lines whose numbers follow each other."""
    marked = [
        (match.start(1), int(match[2]))
        for match in _ITEM.finditer(text)
        if match[2].isdecimal()  # which knows fewer digits than regex does
    ]
    return frozenset(
        start
        for first, second in pairwise(marked)
        if second[1] == first[1] + 1
        for start, _ in (first, second)
    )


def _says_something(said: str) -> bool:
    if said.startswith("#") or said.rstrip(_EMPHASIS).endswith((":", "：")):
        return False  # a heading or a lead-in
    return count_words(said) >= _MIN_WORDS


def _quote(passage: Passage, support: Support) -> str:
    return passage.text[support.start - passage.start : support.end - passage.start]


def _citation(marker: str, passage: Passage, support: Support, status: Status) -> Citation:
    return Citation(
        marker=marker,
        document_id=passage.document_id,
        version=passage.version,
        title=passage.title,
        source=passage.source,
        language=passage.language,
        page=passage.page_at(support.start),
        start=support.start,
        end=support.end,
        quote=_quote(passage, support),
        status=status,
        score=support.score,
    )
