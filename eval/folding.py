"""Characters that the built-in embedder takes for others, so that kin languages share pieces.

Figures of all scripts are the same figures. The Brahmic scripts of India come in one order, in
Unicode and under the same names, so a word that Odia, Hindi and Telugu have from Sanskrit is one
word; Lao is written like Thai, and traditional Chinese like simplified. What keyboards write in
several ways, such as Yiddish's double letters and the apostrophe inside an Uzbek word, is written
in one. Nothing is shown to anyone in these letters.
"""

import io
import sys
import tempfile
import unicodedata

_ARABIC = {
    **dict.fromkeys("أإآٱ", "ا"),
    **dict.fromkeys("ىیېے", "ي"),
    **dict.fromkeys("کڪ", "ك"),
    "ں": "ن",
    **dict.fromkeys("ةہھەۀۂۃ", "ه"),
}
_LEFT_OUT = (  # vowel points, tatweel, joiners, directions, nuktas
    *(0x0307, 0x05BF, 0x05C1, 0x05C2, 0x05C4, 0x05C5, 0x05C7, 0x0640, 0x0670, 0x00AD, 0xFEFF),
    *(*range(0x0591, 0x05BE), *range(0x0610, 0x061B), *range(0x064B, 0x0660)),
    *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)),
    *(0x093C, 0x09BC, 0x0A3C, 0x0ABC, 0x0B3C, 0x0A71),
)
_INDIC = ("BENGALI", "GURMUKHI", "GUJARATI", "ORIYA", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM")
_INDIC_NAMES = {"LETTER EE": "LETTER E", "LETTER OO": "LETTER O"}  # length isn't told in all
_INDIC_NAMES |= {f"VOWEL SIGN {v * 2}": f"VOWEL SIGN {v}" for v in "EO"}
_INDIC_EXTRA = {
    **{"ৰ": "र", "ৱ": "व", "ৎ": "त्", "ੰ": "ं", "ൻ": "न्", "ർ": "र्", "ൽ": "ल्", "ൾ": "ळ्", "ൺ": "ण्"},
    **{"ୱ": "व", "ୟ": "य", "ৗ": "", "ୖ": "", "ൿ": "क्"},
}
_SINHALA = (
    "අආඇඈඉඊඋඌඍඑඒඓඔඕඖකඛගඝඞඟචඡජඣඤඥඦටඨඩඪණඬතථදධනඳපඵබභමඹයරලවශෂසහළෆ්ාැෑිීුූෘෙේෛොෝෞංඃ",
    "अआऐऐइईउऊऋएएऐओओऔकखगघङगचछजझञञजटठडढणडतथदधनदपफबभमबयरलवशषसहळफ्ाैैिीुूृेेैोोौंः",
)
_LAO_TO_THAI = 0x80
_ONE_WAY = {
    **dict.fromkeys("‘’ʻʼʹ`´׳", "'"),
    **{"״": '"', "ı": "i", "ё": "е", "װ": "וו", "ױ": "וי", "ײ": "יי"},
}


def folded_characters() -> dict[str, str]:
    """Return what single characters are taken for; the empty string is for what is left out."""
    from opencc import OpenCC

    folds = {chr(point): "" for point in _LEFT_OUT} | _ARABIC | _ONE_WAY | _INDIC_EXTRA
    folds |= dict(zip(*_SINHALA, strict=True))
    simplify = OpenCC("t2s").convert
    devanagari = {unicodedata.name(chr(point), ""): chr(point) for point in range(0x0900, 0x0980)}
    for point in range(0x80, sys.maxunicode + 1):
        char = chr(point)
        name = unicodedata.name(char, "")
        script, _, rest = name.partition(" ")
        if char in folds or not name:
            continue
        if unicodedata.category(char) == "Nd":
            folds[char] = str(unicodedata.decimal(char))
        elif script in _INDIC:
            twin = f"DEVANAGARI {_INDIC_NAMES.get(rest, rest)}"
            if twin in devanagari:
                folds[char] = devanagari[twin]
        elif script == "LAO" and unicodedata.category(char)[0] in "LM":
            twin = chr(point - _LAO_TO_THAI)
            folds[char] = twin if unicodedata.name(twin, "") else ""
        elif name.startswith("CJK UNIFIED") and len(plain := simplify(char)) == 1 and plain != char:
            folds[char] = plain
    return folds


def compile_folds(folds: dict[str, str]) -> bytes:
    """Return the folds as a character map that a `Precompiled` normalizer takes."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    rules = "".join(
        f"{ord(old):x}\t{' '.join(f'{ord(char):x}' for char in new)}\n"
        for old, new in folds.items()
    )
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write(rules)
        file.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["a b c d e f g h"]),
            model_writer=model,
            normalization_rule_tsv=file.name,
            model_type="char",
            vocab_size=20,
            hard_vocab_limit=False,
            minloglevel=2,
        )
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return bytes(proto.normalizer_spec.precompiled_charsmap)
