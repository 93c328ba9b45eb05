"""Sentences and words in every script: `sentencex` and ICU, with code-point spans."""

from collections.abc import Iterator
from itertools import pairwise

import regex
import sentencex
from icu4py.breakers import LineBreaker, SentenceBreaker, WordBreaker

from ragqwen.languages import iso_code

Span = tuple[int, int]

_WORD = regex.compile(r"[\p{L}\p{N}]")
# ICU does not part a word of these scripts from a figure or a foreign word beside it
_DICTIONARY_WORDS = regex.compile(
    r"([[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]&&[\p{L}\p{M}]]+)", regex.V1
)
_SURROGATES = regex.compile(r"[\ud800-\udfff]")
_APOSTROPHES = regex.compile(r"‘(?=\p{Ll}{1,3}\s)|(?<=\p{L})’(?=\p{L})")  # ‘t, don’t: no quote

_UNMARKED = frozenset({"th", "lo"})  # often written without sentence marks; a space ends a clause
_WHOLE_CHARS, _CLAUSE_CHARS = 200, 130  # so that there are about as many as an English text has
# Thai and Lao set figures and foreign words off by spaces, brackets and a mark of repetition: no
# sentence ends there, nor after "and", "or", "that", nor before them and what else goes on:
# "which", "by", "of", "in order to", "while", "until", "then", verbs' particles
_THAI_GOES_ON = "และ|หรือ|โดย|ซึ่ง|ที่|เพื่อ|จน|ของ|ได้|แล้ว|ไป|มา|สู่|ให้|ว่า|ทำให้|รวม|ขณะที่"
_LAO_GOES_ON = "ແລະ|ຫຼື|ໂດຍ|ຊຶ່ງ|ທີ່|ເພື່ອ|ຈົນ|ຂອງ|ໄດ້|ແລ້ວ|ໄປ|ມາ|ສູ່|ໃຫ້|ວ່າ|ເຮັດໃຫ້|ລວມ|ຂະນະທີ່"
_CLAUSE = regex.compile(
    rf".{{{_CLAUSE_CHARS},}}?"
    r"(?:(?<![\p{N}\p{Latin}(]|และ|หรือ|ที่|ว่า|ແລະ|ຫຼື|ທີ່|ວ່າ)\s+"
    rf"(?![\p{{N}}\p{{Latin}}ๆໆฯ()]|\p{{L}}\.|{_THAI_GOES_ON}|{_LAO_GOES_ON})|$)",
    regex.DOTALL,
)

# sentencex takes quadratic time over quotation marks that do not pair
_WINDOW_CHARS, _SURE_CHARS = 5000, 4000
# Ends that sentencex does not know, by the mark they begin with: the Khmer and Tibetan marks, an
# ellipsis or a sentence in brackets before a capital, "no." and Italian "I" (which it takes for an
# abbreviation and a numeral), a figure after a Chinese mark, the next item of a list
_MARK = regex.compile(r"[.!?…(（。！？।॥។៕།༎]")
_MISSED = regex.compile(
    r"""
    (?<!។ល)[។៕](?!ល។)\s* | [།༎]\s+ | (?:…|\.{3})["”»’)]*\s+(?=["“„«(¿¡]*\p{Lu})
    | (?:^|(?<=[.!?]\s))\([^()]*[.!?]\)\s+(?=\p{Lu}) | (?:^|(?<=[。！？]))（[^（）]*[。！？]）
    | (?<=\b[Nn]o)\.\s+(?=\p{Lu}) | (?<=\p{Ll}{3})\.\s+(?=I\s\p{Ll}) | [。！？।॥](?=[0-9A-Za-z])
    | (?<=\p{L}{5})[.!?]\s+(?=(?:\d{1,2}\.|[\p{Pd}•]|\(\w{1,3}\))\s\p{Lu})
    """,
    regex.VERBOSE,
)
# Abbreviations that sentencex does not know. Before a small letter there is no need to know them.
_BEFORE_NAME = (
    r"M|[Kk]s|[Mm]nr|[Mm]evr|[Dd]hr|[Dd]na|[Dd]l|Dkt|Bw|TS|TP|ThS|P?GS|Gng|Bpk|Jl|Δρ|ул|св|ul|sv|იხ"
    r"|श्री|डॉ|डा|प्रो|प्रा|उदा|ડૉ|ডা|ড|ਡਾ|ଡା|డా|ಡಾ|ഡോ"
)
_BEFORE_NUMBER = (
    r"[Aa]rt|[Ff]ig|[Nn]r|[Nn]o|[Nn]úm|[Pp]p?|[Pp][aá]gs?|[Ss]tr|[Ss]s?|[Bb]l|[Tt]el|kl|kb|plkst|godz|"
    r"[Rr]ys|рис|стр|гл|ст|тел|σελ|κεφ|գլ|გვ|रु|पृ|রু|ਰੁ|રૂ|ରୁ|ரூ|రూ|ರೂ|രൂ|රු"
)
_LONE_LETTER = (  # in scripts without capitals; with them, sentencex knows initials
    r"[\p{L}&&[\p{Arabic}\p{Hebrew}\p{Georgian}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}"
    r"\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Thai}\p{Lao}]]"
)
_SMALL_LETTER = r"[\p{Ll}--\p{Georgian}]"  # Georgian has no capitals that begin a sentence
_SPACELESS = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_NO_WORD = r"(?:^|[^\p{L}\p{M}\p{N}])"
# A sentence goes on where one of these matches
_GOES_ON = regex.compile(
    rf"""
    (?<!(?:[。！？।॥۔။។]|\p{{L}}{{6}}\.)\s{{0,3}})
        [\s\p{{Pd}}\p{{Pe}},;:،؛、]{{0,9}}+{_SMALL_LETTER}(?!\p{{L}}{{0,3}}\))
    | (?<={_NO_WORD}(?:{_BEFORE_NAME}|{_LONE_LETTER})\.\s{{0,3}})
    | (?<={_NO_WORD}(?:{_BEFORE_NUMBER})\.\s{{0,3}})\p{{N}}
    | (?<={_NO_WORD}\p{{L}}\p{{M}}+\.\s{{0,3}}){_LONE_LETTER}\.
    | (?<=\p{{N}}\.)[\p{{N}}\p{{Lo}}] | (?<=\b\d{{4}}\.(?:\s\d{{1,2}}\.)?\s)\d{{1,2}}\.
    | (?<=\b(?:[Dd](?:er|ie|as|em|en|es)|(?<!I\s)[AaIi]m|[Vv]om|[Bb]eim|[Zz]u[mr])
        \s\d{{1,3}}\.\s{{0,3}})
    | (?<=[.!?][\p{{Pf}}"'])[\p{{L}}--{_SPACELESS}]
    | (?<=[」』])(?:と(?!ても|にかく|りあえず|もだち|ころ)|って) | (?<=[၊၏]\s{{0,3}})
    | [\p{{Cf}}\p{{Pe}}\p{{Pf}}"'\s]{{1,9}}+\Z
    """,
    regex.VERBOSE | regex.V1,
)
_MARKER_CHARS = 12
_LIST_MARKER = regex.compile(r"\W*(?:\p{N}{1,3}|\p{L}|[ivxIVX]{1,5})[.)]\s*")


def words(text: str) -> Iterator[Span]:
    """Yield the spans of the words of a text: what ICU cuts out that has a letter or a digit.

    ICU's dictionaries cut Thai, Lao, Khmer, Burmese, Chinese and Japanese; UAX #29 the rest. It
    goes by the script and not by the language, so a question is cut as the documents are,
    whatever the language of either.
    """
    end = 0
    for part in (text,) if text.isascii() else _DICTIONARY_WORDS.split(_encodable(text)):
        for piece in WordBreaker(part, "und"):
            start, end = end, end + len(piece)
            if piece[0].isalnum() or (piece != " " and _WORD.search(piece)):
                yield start, end


def count_words(text: str) -> int:
    """Count the words of a text; 0.7 to 1.5 times English's for the same content."""
    return sum(1 for _ in words(text))


def sentences(text: str, language: str = "und", *, max_chars: int = 1200) -> Iterator[Span]:
    """Yield the spans of a text's sentences, in order, without the white space around them.

    A line's end ends a sentence: wrapped lines are joined when a document is assembled. What is
    longer than `max_chars` is cut further, at ICU's sentence ends and then where a line may break,
    so that a text without any mark or any space still comes in pieces.
    """
    at = 0
    iso = iso_code(language)
    iso_of_ascii = iso if language.endswith("_Latn") else "en"  # an English line in Armenian, say
    for line in text.splitlines(keepends=True):
        code = iso_of_ascii if line.isascii() else iso
        for start, end in () if line.isspace() else pairwise(_ends(_plain(line), code)):
            yield from _trimmed(text, _limited(text, (at + start, at + end), language, max_chars))
        at += len(line)


def _plain(line: str) -> str:
    """Return a line of the same length without what leads sentencex astray."""
    return line if line.isascii() else str(_APOSTROPHES.sub("\u02bc", _encodable(line)))


def _encodable(text: str) -> str:
    """Return a text of the same length that can be encoded."""
    return text if text.isascii() else str(_SURROGATES.sub("\ufffd", text))


def _ends(line: str, iso: str) -> Iterator[int]:
    """Yield 0 and where the sentences of a line end: where sentencex says so, put right."""
    ends = {*_marked_ends(line, iso), *_missed_ends(line)}
    start = 0
    yield start
    for end in sorted(ends):
        if end == len(line) or not _goes_on(line, start, end):
            yield end
            start = end


def _marked_ends(line: str, iso: str) -> Iterator[int]:
    """Yield the ends that sentencex finds, window by window."""
    at = 0
    while at < len(line):
        sure = at + _SURE_CHARS if at + _WINDOW_CHARS < len(line) else len(line)
        for number, piece in enumerate(sentencex.segment(iso, line[at : at + _WINDOW_CHARS])):
            if number and at + len(piece) > sure:
                break  # it may go on in the next window, or be part of a quotation that does
            for length in _clauses(piece, iso):
                at += length
                yield at


def _clauses(sentence: str, iso: str) -> Iterator[int]:
    """Yield the lengths of a sentence's pieces; those of a language without marks end at spaces."""
    end = 0
    if iso in _UNMARKED and len(sentence) > _WHOLE_CHARS:
        for match in _CLAUSE.finditer(sentence):
            end = match.end()
            yield len(match.group())
    if end < len(sentence):
        yield len(sentence) - end


def _missed_ends(line: str) -> Iterator[int]:
    for mark in _MARK.finditer(line):
        if found := _MISSED.match(line, mark.start()):
            yield found.end()


def _goes_on(line: str, start: int, end: int) -> bool:
    """Tell whether a sentence does not end there, but has an abbreviation, a figure or a quote."""
    if end - start <= _MARKER_CHARS and _LIST_MARKER.fullmatch(line, start, end):
        return True
    return _GOES_ON.match(line, end) is not None


def _limited(text: str, span: Span, language: str, max_chars: int) -> Iterator[Span]:
    if span[1] - span[0] <= max_chars:
        yield span
        return
    for breaker in (SentenceBreaker, LineBreaker):
        pieces = list(_packed(text, span, breaker, language, max_chars))
        if all(end - start <= max_chars for start, end in pieces):
            break
    for start, end in pieces:  # a "word" of any length is cut hard
        yield from ((at, min(at + max_chars, end)) for at in range(start, end, max_chars))


def _packed(
    text: str,
    span: Span,
    breaker: type[SentenceBreaker] | type[LineBreaker],
    language: str,
    max_chars: int,
) -> Iterator[Span]:
    """Yield what the breaker cuts, joined as long as it fits (sentences stay single)."""
    start = at = span[0]
    for piece in breaker(_encodable(text[span[0] : span[1]]), iso_code(language)):
        joins = breaker is LineBreaker and at + len(piece) - start <= max_chars
        if at > start and not joins:
            yield start, at
            start = at
        at += len(piece)
    if at > start:
        yield start, at


def _trimmed(text: str, spans: Iterator[Span]) -> Iterator[Span]:
    for start, end in spans:
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if start < end:
            yield start, end
