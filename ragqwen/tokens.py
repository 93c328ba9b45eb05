"""Counting in Qwen3's own tokens, with tiktoken and the vocabulary that `dashscope` carries."""

import functools
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import tiktoken
from tiktoken.load import load_tiktoken_bpe

from ragqwen.errors import SettingsError
from ragqwen.text import unicode_form

# Source: Qwen3's tokenizer.json; the ids of the special tokens go up from 151,643.
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPECIAL_TOKENS = tuple(
    """
    <|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|object_ref_end|> <|box_start|>
    <|box_end|> <|quad_start|> <|quad_end|> <|vision_start|> <|vision_end|> <|vision_pad|>
    <|image_pad|> <|video_pad|> <tool_call> </tool_call> <|fim_prefix|> <|fim_middle|>
    <|fim_suffix|> <|fim_pad|> <|repo_name|> <|file_sep|> <tool_response> </tool_response>
    <think> </think>
    """.split()  # noqa: SIM905
)
_BATCH_TEXTS = 32
_BATCH_TOKENS = 16_384  # of a batch with its padding
_SLICE_CHARS = 20_000  # tiktoken's merge is quadratic in one unbroken piece


@functools.cache
def qwen_encoding() -> tiktoken.Encoding:
    """Return Qwen3's encoding: 151,643 byte-level BPE ranks and 26 special tokens.

    :raises SettingsError: if the package that carries the vocabulary is not installed.
    """
    spec = importlib.util.find_spec("dashscope")
    if spec is None or spec.origin is None:
        raise SettingsError("the package dashscope, which carries the Qwen vocabulary, is missing")
    ranks = load_tiktoken_bpe(str(Path(spec.origin).parent / "resources" / "qwen.tiktoken"))
    special = {token: len(ranks) + i for i, token in enumerate(_SPECIAL_TOKENS)}
    return tiktoken.Encoding(
        "qwen3", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens=special
    )


def count_tokens(text: str) -> int:
    """Count the Qwen3 tokens of a text; special tokens in it count as the plain text they are."""
    text = unicode_form("NFC", text)
    slices = (text[at : at + _SLICE_CHARS] for at in range(0, len(text), _SLICE_CHARS))
    return sum(len(qwen_encoding().encode_ordinary(piece)) for piece in slices)


def batches_by_length(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the numbers of texts of about one length, longest first, so that little is padded.

    Length is in tokens: across languages, characters say little of it.
    """
    lengths = [1 + count_tokens(text) for text in texts]
    order = sorted(range(len(texts)), key=lengths.__getitem__, reverse=True)
    at = 0
    while at < len(order):
        size = min(_BATCH_TEXTS, max(1, _BATCH_TOKENS // lengths[order[at]]))
        yield order[at : at + size]
        at += size
