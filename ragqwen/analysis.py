"""From text to the terms that keyword search compares: the same way for documents and queries."""

import unicodedata

import regex

from ragqwen.segmentation import words

ANALYSIS_VERSION = "2"  # part of the keyword index's manifest; raise it when terms change
MAX_TERM_CHARS = 100

# No identifier begins in the middle of a script without spaces: 型号PPR-9087 has one, PPR-9087
_IN_IDENTIFIER = (
    r"[[\p{L}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]"
)
# The look-behind lets a search start once in a word, not at each letter of a very long one
_IDENTIFIER = regex.compile(
    rf"(?<!{_IN_IDENTIFIER}){_IN_IDENTIFIER}++(?:[-_./@:+#]{_IN_IDENTIFIER}++)+", regex.V1
)
_IDENTIFYING = regex.compile(r"[\p{N}_@]")
_PARTS = regex.compile(r"[-_./@:+#]")
# Arabic and Hebrew points and the tatweel carry no difference that an asker types
_POINTS = regex.compile(
    r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
)


def normal_form(text: str) -> str:
    """Return the form in which terms are compared: NFKC, case-folded, without vowel points."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return str(_POINTS.sub("", folded))


def terms(text: str, language: str = "und") -> list[str]:
    """Return the terms of a text, in order, repeated as often as they occur.

    An identifier with a digit or an "@" (`PPR-9087`, `a.b@c.org`) is a term as a whole, beside
    its parts.
    """
    text = normal_form(text)
    found = [text[start:end] for start, end in words(text, language)]
    seen = set(found)
    for match in _IDENTIFIER.finditer(text):
        whole = match.group()
        if _IDENTIFYING.search(whole):
            found.extend(term for term in (whole, *_PARTS.split(whole)) if term not in seen)
    return [term for term in found if len(term) <= MAX_TERM_CHARS]
