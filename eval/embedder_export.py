"""Writing the trained embedder as a model that sentence-transformers loads."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save
from tokenizers import Tokenizer

from eval.embedder_work import whole

_MODULES = [
    {
        "idx": 0,
        "name": "0",
        "path": "",
        "type": "sentence_transformers.models.StaticEmbedding",
    },
    {
        "idx": 1,
        "name": "1",
        "path": "1_Normalize",
        "type": "sentence_transformers.models.Normalize",
    },
]
_MODEL = {"similarity_fn_name": "cosine", "prompts": {"query": "", "document": ""}}


def export(
    vectors: npt.NDArray[np.float32], tokenizer: Tokenizer, out: Path, facts: Mapping[str, object]
) -> None:
    """Write a model's folder: a `StaticEmbedding` in int8 with a weight for each piece.

    :param vectors: (n_pieces, dim); the unknown piece's, which is the first, is taken for zero.
    :param facts: what training.json is to say of how it was made.
    """
    weights = np.abs(vectors).max(axis=1) / 127
    weights[0] = 0
    scale = np.where(weights > 0, weights, 1)
    table = np.round(vectors / scale[:, None]).astype(np.int8)
    out.mkdir(parents=True, exist_ok=True)
    arrays = {"embeddings": table, "weights": weights.astype(np.float32)}
    with whole(out / "model.safetensors") as temporary:  # the old one may be mapped into memory
        temporary.write_bytes(save(arrays))  # its `save_file` lets only the owner read it
    _write_tokenizer(tokenizer, out / "tokenizer.json")
    digest = hashlib.blake2b(digest_size=6)
    for name in ("model.safetensors", "tokenizer.json"):
        digest.update((out / name).read_bytes())
    _write(out / "modules.json", _MODULES)
    _write(out / "config_sentence_transformers.json", _MODEL)
    _write(out / "training.json", {"digest": digest.hexdigest(), **facts})


def _write_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write the tokenizer with scores of three decimals, which halves its size."""
    about = json.loads(tokenizer.to_str())
    about["model"]["vocab"] = [[piece, round(score, 3)] for piece, score in about["model"]["vocab"]]
    path.write_text(json.dumps(about, ensure_ascii=False, separators=(",", ":")), "utf-8")


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
