"""Bytes to text: the mark, the shape, the declaration, and only then a guess."""

import codecs
import re

SAMPLE_BYTES = 100_000
"""How much of a file is shown to the guesser; it takes seconds over megabytes."""
MAX_BAD_SHARE = 0.02
"""Most wrong sequences among the non-ASCII bytes of what still counts as (broken) UTF-8."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDER = {
    # what a page calls itself -> the superset that browsers read it as (WHATWG Encoding)
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
    "iso8859-9": "cp1254",
    "big5": "big5hkscs",
}
_DECLARED = re.compile(
    rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)|<meta[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)""",
    re.I,
)
_NON_ASCII = re.compile(rb"[\x80-\xff]")


def decode_text(data: bytes, *, charset: str = "", markup: bool = False) -> str:
    """Decode bytes of unknown encoding.

    :param charset: what a header outside the bytes says, as in an e-mail.
    :param markup: whether to believe a `<meta charset>` or XML declaration inside.
    :return: the text without a byte order mark; what can't be decoded becomes U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if has_utf16_shape(data[:SAMPLE_BYTES]):
        return data.decode(_utf16_order(data[:SAMPLE_BYTES]), "replace")
    names = [charset]
    if markup and (found := _DECLARED.search(data[:4096])):
        names.append((found[1] or found[2]).decode("ascii", "replace"))
    escapes = b"\x1b$" in data[:SAMPLE_BYTES]  # ISO-2022: seven bits, so UTF-8 would take it too
    for encoding in (*(_known(name) for name in names if escapes), "utf-8", *map(_known, names)):
        if encoding and (text := _strictly(data, encoding)) is not None:
            return text
    if _is_broken_utf8(data):
        return data.decode("utf-8", "replace")
    return data.decode(_guess(data), "replace")


def has_utf16_shape(data: bytes) -> bool:
    """Tell whether unmarked bytes look like UTF-16: NULs, nearly all on one side of the pairs."""
    if len(data) < 4:
        return False
    even, odd = data[0::2].count(0), data[1::2].count(0)
    return max(even, odd) > max(1, len(data) // 40) and min(even, odd) * 20 <= max(even, odd)


def _utf16_order(data: bytes) -> str:
    return "utf-16-be" if data[0::2].count(0) > data[1::2].count(0) else "utf-16-le"


def _known(name: str) -> str:
    """Return Python's name for a declared charset, in the wider form, or nothing."""
    try:
        known = codecs.lookup(name).name if name else ""
    except LookupError:
        return ""
    if known.startswith(("utf-16", "utf-32")):
        return ""  # the declaration itself was read as single bytes, so this can't be true
    return _WIDER.get(known, known)


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError, ValueError):
        return None


def _is_broken_utf8(data: bytes) -> bool:
    """Tell UTF-8 with a few wrong bytes from text in another encoding."""
    sample = data[:SAMPLE_BYTES]
    high = len(_NON_ASCII.findall(sample))
    if not high:  # the wrong bytes lie further on
        return True
    lost = len(sample.decode("utf-8", "ignore").encode())
    return len(sample) - lost <= max(3, MAX_BAD_SHARE * high) and high > 3


def _guess(data: bytes) -> str:
    import charset_normalizer

    sample = data[:SAMPLE_BYTES]
    best = charset_normalizer.from_bytes(sample).best()
    if best is None:
        return "cp1252"
    return _WIDER.get(codecs.lookup(best.encoding).name, best.encoding)
