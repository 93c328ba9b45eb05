"""From a document to chunks: whole sentences packed to about the same content in any language."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragqwen.languages import words_to_english
from ragqwen.records import Block, Chunk, Document
from ragqwen.segmentation import Span, count_words, sentences
from ragqwen.tokens import count_tokens

CHUNKING_VERSION = "4"  # part of the recipe; raise it when chunks come out differently

_MAX_SENTENCE_CHARS = 1200
_MAX_TOKENS_PER_CHAR = 4  # a character is at most 4 bytes, and a token at least one
_JOIN_TOKENS = 1  # what joining two sentences may cost beside the white space between
_MAX_ROW_CHARS = 300
_SMALL = 0.25  # of a full chunk: less than this is joined to the chunk before


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    words: float  # as many as English has for it
    tokens: int
    gap_tokens: int  # of the white space before it, with what joining costs
    block: Block


def chunk_document(document: Document, *, max_words: int, max_tokens: int) -> Iterator[Chunk]:
    """Yield the chunks of a document, in order; each is a span of its text.

    A chunk is filled up to `max_words` of English, of which the languages table says how many words
    of its own a language has for one: 0.7 (Malayalam) to 1.5 (Burmese). Tokens would not do: the
    same content has 1 to 10 times English's. A chunk ends earlier at a heading, at the end of a
    page, and where the language changes. `max_tokens` is never exceeded.

    :param max_words: English words; one sentence may have more, and a short rest is added on top.
    :param max_tokens: Qwen tokens.
    """
    units = list(_sentences(document, max_tokens))
    groups = _joined_rests(_packed(units, max_words, max_tokens), max_words, max_tokens)
    for ordinal, group in enumerate(groups):
        start, end = group[0].start, group[-1].end
        text = document.text[start:end]
        yield Chunk(
            ordinal=ordinal,
            start=start,
            end=end,
            text=text,
            page=group[0].block.page,
            headings=_headings(document, group[0]),
            tokens=count_tokens(text),
            language=group[0].block.language,
        )


def _headings(document: Document, first: _Sentence) -> tuple[str, ...]:
    """Return a chunk's headings; one that begins inside a table gets the table's first row too."""
    block = first.block
    if block.kind != "table" or first.start == block.start:
        return block.headings
    row = document.text[block.start : block.end].split("\n", 1)[0]
    return (*block.headings, row[:_MAX_ROW_CHARS])


def text_to_embed(document: Document, chunk: Chunk) -> str:
    """Return what is embedded for a chunk: its title and headings, then its text."""
    context = dict.fromkeys((document.title, *chunk.headings))
    return "\n".join((" › ".join(part for part in context if part), chunk.text)).strip()


def _sentences(document: Document, max_tokens: int) -> Iterator[_Sentence]:
    before = 0
    for block in document.blocks:
        for start, end in _bounded_spans(document, block, max_tokens):
            text = document.text[start:end]
            yield _Sentence(
                start,
                end,
                words=count_words(text) / words_to_english(block.language),
                tokens=count_tokens(text),
                gap_tokens=count_tokens(document.text[before:start]) + _JOIN_TOKENS,
                block=block,
            )
            before = end


def _bounded_spans(document: Document, block: Block, max_tokens: int) -> Iterator[Span]:
    """Yield the spans of a block's sentences, those of too many tokens in pieces."""
    max_chars = max(1, max_tokens // _MAX_TOKENS_PER_CHAR)
    for start, end in _spans(document, block):
        text = document.text[start:end]
        if len(text) <= max_chars or count_tokens(text) <= max_tokens:
            yield start, end
            continue
        for a, b in sentences(text, block.language, max_chars=max_chars):
            yield start + a, start + b


def _spans(document: Document, block: Block) -> Iterator[Span]:
    """Yield the spans of a block's sentences; a table or code has lines instead."""
    text = document.text[block.start : block.end]
    lines = text.splitlines(keepends=True) if block.kind in ("table", "code") else [text]
    at = block.start
    for line in lines:
        if len(lines) > 1 and len(line) <= _MAX_SENTENCE_CHARS:
            if line.strip():
                start = at + len(line) - len(line.lstrip())
                yield start, start + len(line.strip())
        else:
            for a, b in sentences(line, block.language, max_chars=_MAX_SENTENCE_CHARS):
                yield at + a, at + b
        at += len(line)


def _packed(
    units: Sequence[_Sentence], max_words: int, max_tokens: int
) -> Iterator[list[_Sentence]]:
    group: list[_Sentence] = []
    words, tokens = 0.0, 0
    for unit in units:
        joined_tokens = tokens + unit.gap_tokens + unit.tokens
        full = words + unit.words > max_words or joined_tokens > max_tokens
        starts_section = (
            unit.block.kind == "heading"
            and group
            and group[-1].block.kind != "heading"
            and words >= _SMALL * max_words
        )
        if group and (full or starts_section or _parted(group[-1], unit)):
            yield group
            group, words, joined_tokens = [], 0.0, unit.tokens
        group.append(unit)
        words += unit.words
        tokens = joined_tokens
    if group:
        yield group


def _parted(before: _Sentence, after: _Sentence) -> bool:
    """Tell whether the page or the language changes between two sentences."""
    ends = [(unit.block.page, unit.block.language) for unit in (before, after)]
    return ends[0] != ends[1]


def _joined_rests(
    groups: Iterator[list[_Sentence]], max_words: int, max_tokens: int
) -> Iterator[list[_Sentence]]:
    """Join a group that holds little to the one before, unless something new begins with it."""
    before: list[_Sentence] = []
    for group in groups:
        small = sum(unit.words for unit in group) < _SMALL * max_words
        tokens = sum(unit.gap_tokens + unit.tokens for unit in (*before, *group))
        goes_on = before and group[0].block.kind != "heading" and not _parted(before[-1], group[0])
        if goes_on and small and tokens <= max_tokens:
            before = before + group
            continue
        if before:
            yield before
        before = group
    if before:
        yield before
