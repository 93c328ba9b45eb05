"""What a model's vectors rest on beside its weights, whether it runs here or on a server."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragqwen.embedding import Vectors
from ragqwen.errors import ModelError

END_TOKEN = 151_643  # <|endoftext|>, on which Qwen3-Embedding's vector rests
PROBE = "Tea grows in the hills."
MAX_QUESTION_CHARS = 8_000  # at most 32,000 tokens, so that no question outgrows the model
_CONFIGURATION = "config_sentence_transformers.json"
_QWEN3 = re.compile(r"qwen3[-_.]?embedding", re.IGNORECASE)
_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Prompts:
    """What comes before a question and before a document."""

    query: str = ""
    document: str = ""

    @classmethod
    def from_configuration(cls, prompts: Mapping[str, str], default: str | None) -> "Prompts":
        """Choose as sentence-transformers does among a model's prompts.

        :param default: name of the prompt for what has none of its own.
        """
        fallback = prompts.get(default, "") if default else ""
        document = next((n for n in ("document", "passage", "corpus") if n in prompts), None)
        return cls(
            query=prompts.get("query", fallback) or "",
            document=(prompts[document] if document else fallback) or "",
        )


# Source: Qwen3-Embedding's model card
_QWEN3_PROMPTS = Prompts(
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
)


def read_prompts(name: str) -> Prompts:
    """Read a model's prompts from its own configuration: in its folder, or on the Hugging Face Hub.

    Those of Qwen3-Embedding by its published name are known.

    :raises ModelError: if they can't be read.
    """
    path = Path(name) / _CONFIGURATION
    if not path.exists() and is_qwen3_embedding(name):
        return _QWEN3_PROMPTS
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        if not Path(name).is_dir():
            path = Path(hf_hub_download(name, _CONFIGURATION))
        given = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return Prompts.from_configuration(
            given.get("prompts") or {}, given.get("default_prompt_name")
        )
    except (OSError, ValueError) as exc:
        raise ModelError(
            f"the prompts of the embedder {name!r} can't be read ({exc}); set RAGQWEN_EMBEDDER to "
            "its name on the Hugging Face Hub or to the folder of a copy, and serve it by that name"
        ) from exc
    except EntryNotFoundError:
        return Prompts()


def is_qwen3_embedding(name: str) -> bool:
    """Tell whether a model's name or folder says that it is a Qwen3-Embedding."""
    return bool(_QWEN3.search(name))


def fingerprint(name: str, dimension: int, prompts: Prompts) -> str:
    """Name a model, its dimension and a digest of its prompts.

    It is the same whether the model runs here or on a server, and in whatever precision: vectors
    of both agree to 1e-6 in float32. A folder goes by its true path, however it is
    written. It does not tell new weights under an old name; that does `Embedder.probe`.
    """
    if Path(name).is_dir():
        name = str(Path(name).resolve())
    text = json.dumps([prompts.query, prompts.document]).encode()
    digest = hashlib.blake2b(text, digest_size=4).hexdigest()
    return f"sentence-transformers:{name}:{dimension}:{digest}"


def check_instruction(name: str, prompts: Prompts) -> None:
    """Refuse a Qwen3-Embedding that would embed questions without an instruction.

    :raises ModelError: if the prompt of questions is not `Instruct: …\\nQuery:`.
    """
    if not re.fullmatch(r"Instruct: .+\nQuery: ?", prompts.query, re.DOTALL):
        raise ModelError(
            f"the copy of Qwen3-Embedding in {name!r} has the query prompt {prompts.query!r}, not "
            "an instruction, without which it finds less; in its folder's "
            f"{_CONFIGURATION}, set the prompt 'query' to {_QWEN3_PROMPTS.query!r}"
        )


def check_dimension(name: str, asked: int | None, of_model: int) -> int:
    """Return the dimension that vectors will have.

    :param asked: the setting, None for the model's own.
    :raises ModelError: if the model has fewer.
    """
    if asked is not None and asked > of_model:
        raise ModelError(
            f"RAGQWEN_EMBEDDER_DIMENSION is {asked}, but vectors of {name!r} have {of_model}; "
            f"unset it, or give at most {of_model}"
        )
    return asked or of_model


def check_vectors(name: str, vectors: Vectors, *, zero: bool) -> Vectors:
    """Return vectors, all of them of length 1 within 1e-3.

    :param vectors: (n, dimension).
    :param zero: whether one may also be zero, as static models make of a text they know nothing of.
    :raises ModelError: if one has another length or is not a number.
    """
    norms = np.linalg.norm(vectors, axis=-1)
    fine = np.abs(norms - 1) <= _NORM_TOLERANCE  # NaN is not
    if zero:
        fine |= norms == 0
    if not fine.all():
        raise ModelError(
            f"the embedder {name!r} made a vector of length {norms[~fine][0]:.4g}, not 1; its "
            "weights are damaged, or overflow in half precision: download it anew, or take another"
        )
    return vectors
