"""No text makes a stage crash, or take more than time in proportion to its length."""

import time
from collections.abc import Callable

import pytest
import regex

from ingest.chunks import chunk_document
from ingest.documents import assemble
from ragqwen.agreement import Figures
from ragqwen.analysis import normal_form, terms
from ragqwen.errors import DocumentRefused
from ragqwen.figures import figures
from ragqwen.identification import identify, identify_batch
from ragqwen.markers import parse_markers
from ragqwen.records import Element, ParsedFile
from ragqwen.segmentation import sentences, words
from ragqwen.text import normalise_text
from ragqwen.tokens import count_tokens

FLOODS = {
    "Latin letters": "x",
    "Latin words": "abc ",
    "Han": "渡",
    "Kana": "カ",
    "Hangul": "한",
    "jamo": "\u1100",
    "Thai": "เรือข้ามฟาก",
    "Lao": "ເຮືອ",
    "Khmer": "ភាសា",
    "Burmese": "သင်္ဘော",
    "digits": "7",
    "many scripts in a word": "aаα漢กא",
    "combining mark": "\u0301",
    "combining marks out of order": "\u0301\u0323",
    "half-width voiced marks": "\uff9e\u0301",
    "emoji": "👩\u200d",
    "ligature that grows": "\ufdfa",
    "letter that folds to two": "ß",
    "bidi controls": "\u202e\u2066\u200f",
    "zero-width spaces": "\u200b",
    "zero-width joiners": "\u200d",
    "tags": "\U000e0041",
    "lone surrogates": "\ud800",
    "surrogates and letters": "a\udfff",
    "NULs": "\0",
    "controls": "\x01\x02\x1f",
    "newlines": "\n",
    "carriage returns": "\r",
    "spaces": " ",
    "full stops": ".",
    "Chinese full stops": "。",
    "ellipses": "…",
    "ellipses and quotes": '…"',
    "commas": ",",
    "dashes": "-",
    "quotes": '"',
    "apostrophes": "'",
    "quotes that do not close": "«",
    "brackets that do not close": "([",
    "brackets that do not open": ")",
    "Chinese brackets": "（",
    "one-letter sentences": "A. ",
    "abbreviations": "Dr. ",
    "list numbers": "1. ",
    "identifiers": "a-",
    "addresses": "a@b.",
    "URLs": "http://a.b/",
    "hashes": "#",
    "markers": "[1]",
    "markers that do not close": "[1, 2",
    "backticks": "`[",
    "grouped digits": "1 234,5 ",
    "Chinese numerals": "二万",
    "Roman numerals": "MXCIV",
    "number words": "five million ",
    "numbers with signs": "-5 % ",
}
N_CHARS = 8000
MAX_RATIO = 12.0  # of the time for four times the text: 4 if it is linear, 16 if quadratic


def chunked(text: str, language: str = "tha_Thai") -> int:
    try:
        document = assemble(
            ParsedFile((Element(text),)),
            document_id="d",
            source="d.txt",
            content_hash="0",
            language=language,
        )
    except DocumentRefused:  # there is no text in it
        return 0
    return sum(1 for _ in chunk_document(document, max_words=160, max_tokens=2048))


STAGES: dict[str, Callable[[str], object]] = {
    "normal form": normalise_text,
    "sentences": lambda text: list(sentences(text)),
    "sentences in Thai": lambda text: list(sentences(text, "tha_Thai")),
    "words": lambda text: list(words(text)),
    "terms": terms,
    "identify": identify,
    "identify_batch": lambda text: identify_batch([text, text[:1]]),
    "count_tokens": count_tokens,
    "chunks": chunked,
    "markers": parse_markers,
    "figures": figures,
    "figures in words": lambda text: figures(text, "eng_Latn"),
    "figures and their surroundings": lambda text: Figures.of(text, "tha_Thai"),
}


def seconds(stage: Callable[[str], object], text: str) -> float:
    start = time.process_time()  # on a busy machine the clock tells little
    stage(text)
    return time.process_time() - start


def flood(unit: str, n_chars: int) -> str:
    return (unit * (n_chars // len(unit) + 1))[:n_chars]


def ratio(stage: Callable[[str], object], unit: str, head: str = "") -> float:
    """Return how much longer four times the text takes; the best of three where that is much."""
    short, long = (head + flood(unit, n) for n in (N_CHARS, 4 * N_CHARS))
    fast, slow = seconds(stage, short), seconds(stage, long)
    for _ in range(2):
        if slow < MAX_RATIO * fast:
            break
        fast, slow = min(fast, seconds(stage, short)), min(slow, seconds(stage, long))
    return slow / max(fast, 0.001)  # below a millisecond there is but noise


@pytest.fixture(scope="module", autouse=True)
def what_is_loaded_at_first_use() -> None:
    for stage in STAGES.values():
        stage("The ferry leaves at noon.")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_takes_time_in_proportion(name: str, stage: str) -> None:
    assert ratio(STAGES[stage], FLOODS[name]) < MAX_RATIO


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("mark", ["\u0301", "\u0323\u0301", "\u064b", "\u0e49", "\u20dd"])
def test_a_tower_of_marks_on_a_letter_takes_time_in_proportion(mark: str, stage: str) -> None:
    assert ratio(STAGES[stage], mark, head="a") < MAX_RATIO


@pytest.mark.parametrize("stage", STAGES)
def test_a_letter_with_100_000_marks_is_read(stage: str) -> None:
    STAGES[stage]("a" + "\u0301" * 100_000 + " ferry")


@pytest.mark.parametrize("unit", ["\n", ".", '"', "(", "\u200b", "x"])
@pytest.mark.parametrize("stage", ["normal form", "sentences", "words", "identify"])
def test_a_million_characters_of_a_kind_are_read(stage: str, unit: str) -> None:
    STAGES[stage](unit * 1_000_000)


@pytest.mark.parametrize("unit", ["x", "渡", "เรือ", "7", "\u0301", ".", "«", "\ud800", " \n", "，"])
def test_no_flood_comes_out_in_sentences_longer_than_allowed(unit: str) -> None:
    text = flood(unit, 30_000)
    spans = list(sentences(text, "tha_Thai"))
    assert all(end - start <= 1200 for start, end in spans)
    assert sum(end - start for start, end in spans) >= len("".join(text.split()))


def test_what_no_reader_sees_neither_hides_nor_makes_a_sentence_end() -> None:
    text = (
        "The \u202eferry\u202c lea\u200bves at noon.\u200f It re\u2060turns.\u200b\nDr.\u00a0Lin."
    )
    shown = [regex.sub(r"\p{Cf}", "", text[a:b]).strip() for a, b in sentences(text)]
    assert shown == ["The ferry leaves at noon.", "It returns.", "Dr.\u00a0Lin."]


def test_a_word_of_several_scripts_is_in_a_term() -> None:
    assert normal_form("раypal") in terms("Log in to раypal now")
