"""Benchmark of the built-in embedder: against its tokenizer alone and a model like all-MiniLM."""

import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from statistics import median
from typing import Any

from ragqwen.static_embedding import StaticEmbedder

_MINILM_PASSAGES = 64  # what it takes for one is nearly the same for any
_MINILM_PIECES = 30_522
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LOAD = """
import time
from ragqwen.static_embedding import StaticEmbedder
start = time.perf_counter()
StaticEmbedder().embed_query("river")
print(time.perf_counter() - start)
"""


def measure(texts: Sequence[str], *, n_runs: int) -> dict[str, float]:
    """Embed texts, which are of words that the embedder hasn't met, on all cores.

    The two others take turns with it, so that a busy machine is as busy for all three. All-MiniLM's
    shape has random weights and one piece for each word, fewer than the real one.

    :param n_runs: how often each is measured; the median counts, of times and of ratios.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(files("ragqwen").joinpath("data/embedder/tokenizer.json")))
    minilm = _minilm({word for text in texts for word in text.lower().replace(".", "").split()})
    few = texts[:_MINILM_PASSAGES]
    minilm.encode(few[:8])
    ours, cut, theirs = [], [], []
    for _ in range(n_runs):
        new = StaticEmbedder().embed_documents
        ours.append(_seconds(functools.partial(new, texts)) / len(texts))
        cut.append(_seconds(lambda: tokenizer.encode_batch_fast(texts)) / len(texts))
        theirs.append(_seconds(lambda: minilm.encode(few)) / len(few))
    return {
        "builtin_load_s": median(_load_seconds() for _ in range(n_runs)),
        "builtin_passages_per_s": 1 / median(ours),
        "builtin_to_tokenizer": _ratio(ours, cut),
        "minilm_to_builtin": _ratio(theirs, ours),
    }


def _minilm(words: set[str]) -> Any:
    """Return a model of all-MiniLM-L6's shape and size of vocabulary, with random weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizer

    pieces = [*_SPECIAL, ".", *sorted(words)]
    pieces += [f"[unused{n}]" for n in range(_MINILM_PIECES - len(pieces))]
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
    )
    with tempfile.TemporaryDirectory() as name:
        BertModel(config).save_pretrained(name)
        BertTokenizer(vocab={piece: n for n, piece in enumerate(pieces)}).save_pretrained(name)
        transformer = Transformer(name, max_seq_length=256)
    return SentenceTransformer(modules=[transformer, Pooling(384)], device="cpu")


def _load_seconds() -> float:
    done = subprocess.run([sys.executable, "-c", _LOAD], check=True, capture_output=True, text=True)
    return float(done.stdout)


def _ratio(times: Sequence[float], others: Sequence[float]) -> float:
    return median(a / b for a, b in zip(times, others, strict=True))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
