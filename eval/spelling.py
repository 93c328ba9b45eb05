"""How pieces sound: their spelling in Latin letters, as features that kin in any script share."""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import regex
from scipy import sparse

from eval.embedder_tokenizer import WORD_START

N_FEATURES = 1 << 18
_MIN_LETTERS = 3
_NGRAM = 4
_MAX_NGRAMS = 8
_NOT_A_LETTER = regex.compile(r"[^a-z]")
_DOUBLED = regex.compile(r"(.)\1+")
# Sounds that scripts and spellings mix up, and no vowels
_SOUNDS = str.maketrans("cqgzjwfpdx", "kkkssvvbts", "aeiouyh")
# Yiddish as it sounds, which writes with Hebrew's letters but with vowels; longer ones first
_YIDDISH = {
    **{"זש": "zh", "טש": "tsh", "וו": "v", "וי": "oy", "יי": "ey"},
    **dict(zip("אבגדהוזטילמםנןסעפףקרת", "abgdhuztilmmnnseffkrs", strict=True)),
    **{"ח": "kh", "כ": "kh", "ך": "kh", "צ": "ts", "ץ": "ts", "ש": "sh"},
}
_YIDDISH_SOUND = regex.compile("|".join(_YIDDISH))


def romanize(pieces: Sequence[str]) -> list[str]:
    """Return pieces in small Latin letters, as uroman writes them; other characters are left out.

    Source: Hermjakob, May and Knight: Out-of-the-box universal romanization tool uroman, ACL 2018.
    """
    from uroman import Uroman

    roman = Uroman()

    def letters(piece: str) -> str:
        try:
            text = str(roman.romanize_string(piece.lstrip(WORD_START)))
        except AttributeError:  # uroman 1.3 fails on a few numerals
            return ""
        return str(_NOT_A_LETTER.sub("", text.lower()))

    return [letters(piece) for piece in pieces]


def spelling_features(pieces: Sequence[str], romanized: Sequence[str]) -> sparse.csr_matrix:
    """Return the hashed features of pieces' spellings in Latin letters.

    A piece has its whole form, its consonants, and its n-grams of 4 letters; one of fewer than
    three letters has none. One in Hebrew letters has those of its sound in Yiddish too.

    :param romanized: (n_pieces,) the pieces in Latin letters.
    :return: (n_pieces, N_FEATURES) float32; the squares of a row's weights add up to 1.
    """
    indices: list[int] = []
    data: list[float] = []
    starts = [0]
    for piece, letters in zip(pieces, romanized, strict=True):
        begins = "^" if piece.startswith(WORD_START) else ""
        forms = {letters, _yiddish(piece)}
        found = {
            zlib.crc32(feature.encode()) % N_FEATURES
            for form in forms
            for feature in _features(begins, form)
        }
        indices.extend(sorted(found))
        data.extend(len(found) ** -0.5 for _ in found)
        starts.append(len(indices))
    return sparse.csr_matrix(
        (np.array(data, dtype=np.float32), np.array(indices), np.array(starts)),
        shape=(len(pieces), N_FEATURES),
    )


def _yiddish(piece: str) -> str:
    sounds = _YIDDISH_SOUND.findall(piece)
    return "".join(_YIDDISH[sound] for sound in sounds)


def _features(begins: str, letters: str) -> Iterator[str]:
    if len(letters) < _MIN_LETTERS:
        return
    yield f"whole {letters}"
    consonants = _DOUBLED.sub(r"\1", letters[0] + letters[1:].translate(_SOUNDS))
    if len(consonants) >= _MIN_LETTERS:
        yield f"sounds {consonants.translate(_SOUNDS)}"
    form = begins + letters
    for at in range(min(len(form) - _NGRAM + 1, _MAX_NGRAMS)):
        yield form[at : at + _NGRAM]
