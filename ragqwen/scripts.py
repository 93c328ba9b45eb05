"""Which script each character is in, for the scripts of the 119 languages."""

import functools

import numpy as np
import numpy.typing as npt

COMMON = 0
"""No script of its own: spaces, figures, punctuation, marks that go with any letter."""
FOREIGN = 1
"""A script in which none of the 119 is written."""

SCRIPTS = (
    "Zyyy", "Zzzz", "Latn", "Grek", "Cyrl", "Armn", "Hebr", "Arab", "Deva", "Beng", "Guru", "Gujr",
    "Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh", "Thai", "Laoo", "Mymr", "Geor", "Hang", "Khmr",
    "Hani",
)  # fmt: skip
"""ISO 15924 codes; `script_ids` gives places in this list. `Hani` is Chinese and Japanese."""

# Where a stretch of one script begins, in hexadecimal, in the order of SCRIPTS.
_STRETCHES = """
Zyyy 0 5b 7b ab bb d7 f7 2b0 300 1ab0 1cd0 1dc0 2000 2e00 2fe0 3190 3200 4dc0 fe00 fefe ff3b ff5b
     ffe0 1f000
Zzzz 700 780 f00 1050 1200 1800 1b00 1cc0 2c00 2c80 2d30 3100 31a0 a000 a6a0 a800 a900 a980 aa80
     ab70 d7fc e000 10000 40000
Latn 41 61 aa ba c0 d8 f8 1d00 1e00 2c60 a720 ab30 fb00 ff21 ff41
Grek 370 1f00
Cyrl 400 1c80 2de0 a640
Armn 530 fb13
Hebr 590 fb1d
Arab 600 750 870 fb50 fe70
Deva 900 a8e0
Beng 980
Guru a00
Gujr a80
Orya b00
Taml b80
Telu c00
Knda c80
Mlym d00
Sinh d80
Thai e00
Laoo e80
Mymr 1000
Geor 10a0 1c90 2d00
Hang 1100 3130 a960 ac00 ffa0
Khmr 1780
Hani 2e80 3005 3040 31c0 3400 4e00 f900 ff66 20000
"""
_LAST = 0x40000


@functools.cache
def _table() -> npt.NDArray[np.uint8]:
    """Return the script of each code point up to U+40000, which stands for all beyond."""
    begins: dict[int, int] = {}
    script = COMMON
    for word in _STRETCHES.split():
        if word in SCRIPTS:
            script = SCRIPTS.index(word)
        else:
            begins[int(word, 16)] = script
    table = np.zeros(_LAST + 1, dtype=np.uint8)
    for begin in sorted(begins):
        table[begin:] = begins[begin]
    return table


def script_ids(points: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    """Return the place in SCRIPTS of each code point's script.

    Letters that only languages beyond the 119 have in the Burmese script (Shan, Mon, Karen) are
    FOREIGN.

    :param points: (n,) code points.
    :return: (n,)
    """
    return _table()[np.minimum(points, _LAST)]
