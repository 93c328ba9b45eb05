"""The built-in embedder's tokenizer: Unigram pieces of text that is balanced over the languages."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from eval.folding import compile_folds, folded_characters
from eval.parallel import Line

UNKNOWN_PIECE = "<unk>"
WORD_START = "▁"
_BASE_CHARS = 300_000  # of a language; what it has beyond counts by the exponent
_EXPONENT = 0.3
_MAX_REPEATS = 2


def train_tokenizer(lines: Iterable[Line], *, n_pieces: int, seed: int) -> Tokenizer:
    """Train a Unigram tokenizer on lines of many languages.

    Text is normalised (NFKC, lower case, `folded_characters`) and cut at white space,
    punctuation and figures first, so that a word has the same pieces wherever it stands.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Precompiled(compile_folds(folded_characters())),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.Metaspace(prepend_scheme="always", split=False),
        ]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=n_pieces,
        special_tokens=[UNKNOWN_PIECE],
        unk_token=UNKNOWN_PIECE,
        show_progress=True,
    )
    tokenizer.train_from_iterator(_balanced(lines, random.Random(seed)), trainer)
    return tokenizer


def _balanced(lines: Iterable[Line], rng: random.Random) -> Iterator[str]:
    """Yield text of every language, less than in proportion from those that have much."""
    texts: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        texts[line.language].append(line.text)
    for some in texts.values():
        total = sum(map(len, some))
        wanted = _BASE_CHARS * (total / _BASE_CHARS) ** _EXPONENT
        wanted = min(wanted, _MAX_REPEATS * total)
        while wanted > 0:
            rng.shuffle(some)
            for text in some:
                yield text
                wanted -= len(text)
                if wanted <= 0:
                    break
