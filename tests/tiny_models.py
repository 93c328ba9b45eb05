"""Tiny models of Qwen3's true architecture with its real vocabulary, laid out like published ones.

The weights are random: vectors and scores mean nothing, but any two texts have different ones.
"""

import functools
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

from ragqwen.tokens import qwen_encoding

DIMENSION = 64
PROMPTS = {
    "query": "Instruct: Given a web search query, retrieve relevant passages that answer the query"
    "\nQuery:",
    "document": "",
}
_N_CONTROL = 14  # <|endoftext|> to <|video_pad|>; those after them are shown in what is written
# What a base model's template is like: it knows nothing of queries and documents
_CHATML = (
    "{% for message in messages %}{% if message.role in ['system', 'user', 'assistant'] %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endif %}{% endfor %}"
)


def save_embedder(
    folder: Path, *, end_token: bool = True, prompts: dict[str, str] | None = None
) -> Path:
    """Save a model like Qwen3-Embedding; without its end token or prompts it is a broken copy."""
    from transformers import Qwen3Model

    _save_model(Qwen3Model, folder)
    save_tokenizer(folder, end_token=end_token)
    modules = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    listed = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (name, path) in enumerate(modules.items())
    ]
    write_json(folder / "modules.json", listed)
    pooling = {"word_embedding_dimension": DIMENSION, "pooling_mode_lasttoken": True}
    others = (
        "cls_token",
        "mean_tokens",
        "max_tokens",
        "mean_sqrt_len_tokens",
        "weightedmean_tokens",
    )
    pooling |= {f"pooling_mode_{other}": False for other in others}
    write_json(folder / "1_Pooling" / "config.json", {**pooling, "include_prompt": True})
    write_json(
        folder / "config_sentence_transformers.json",
        {
            "prompts": PROMPTS if prompts is None else prompts,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    )
    return folder


def save_reranker(folder: Path) -> Path:
    """Save a model like Qwen3-Reranker: a language model whose next token is yes or no."""
    from transformers import Qwen3ForCausalLM

    _save_model(Qwen3ForCausalLM, folder)
    save_tokenizer(folder, end_token=False)
    return folder


def save_converted_reranker(folder: Path, original: Path, *, n_labels: int = 1) -> Path:
    """Save a reranker as a classifier, whose one row is that of yes less that of no."""
    import torch
    from transformers import Qwen3ForCausalLM, Qwen3ForSequenceClassification

    language_model = Qwen3ForCausalLM.from_pretrained(original)
    config = language_model.config
    config.num_labels, config.pad_token_id = n_labels, 151_643
    classifier = Qwen3ForSequenceClassification(config)
    classifier.model.load_state_dict(language_model.model.state_dict())
    yes, no = (qwen_encoding().encode_single_token(word) for word in ("yes", "no"))
    rows = language_model.lm_head.weight
    classifier.score.weight = torch.nn.Parameter(
        (rows[yes] - rows[no]).detach().repeat(n_labels, 1)
    )
    classifier.save_pretrained(folder)
    save_tokenizer(folder, end_token=False)
    return folder


def save_bert(folder: Path, kind: str) -> Path:
    """Save a tiny BERT of one label, a `Model` or `ForSequenceClassification`."""
    import transformers

    config = transformers.BertConfig(
        vocab_size=6,
        hidden_size=DIMENSION,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=DIMENSION,
        num_labels=1,
    )
    getattr(transformers, f"Bert{kind}")(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ntea\n")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def copy_of(folder: Path, to: Path) -> Path:
    """Return a copy of a model; its weights are not copied but linked to."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.safetensors"))
    for weights in folder.glob("*.safetensors"):
        (to / weights.name).symlink_to(weights)
    return to


def cut_short(folder: Path, to: Path) -> Path:
    """Return a copy of a model whose weights were not downloaded to their end."""
    copy_of(folder, to)
    weights = to / "model.safetensors"
    start = weights.read_bytes()[:1_000_000]
    weights.unlink()
    weights.write_bytes(start)
    return to


def left_as_pointer(folder: Path, to: Path) -> Path:
    """Return a copy of a model as Git leaves it without LFS: what stands for the weights."""
    copy_of(folder, to)
    weights = to / "model.safetensors"
    weights.unlink()
    weights.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1191586416\n"
    )
    return to


def change(path: Path, **more: Any) -> None:
    """Change entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | more))


def _save_model(kind: Any, folder: Path) -> None:
    import torch
    from transformers import Qwen3Config

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=DIMENSION,
        intermediate_size=2 * DIMENSION,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
        initializer_range=0.2,  # ten times the usual, so that contexts show
        bos_token_id=151_643,
        eos_token_id=151_645,
    )
    kind(config).save_pretrained(folder)
    saved = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**saved, "architectures": ["Qwen3ForCausalLM"]})


@functools.cache
def _qwen_bpe() -> Any:
    from transformers.convert_slow_tokenizer import TikTokenConverter

    spec = importlib.util.find_spec("dashscope")
    assert spec is not None and spec.origin is not None
    ranks = Path(spec.origin).parent / "resources" / "qwen.tiktoken"
    vocabulary, merges = TikTokenConverter().extract_vocab_merges_from_model(str(ranks))
    encoding = qwen_encoding()
    special = {token: encoding.encode_single_token(token) for token in encoding.special_tokens_set}
    return vocabulary | special, merges, sorted(special, key=special.__getitem__)


def save_tokenizer(folder: Path, *, end_token: bool, template: str = _CHATML) -> None:
    """Save Qwen's true vocabulary; the marks of thinking and tools are text, as in Qwen3's own."""
    from tokenizers import processors
    from transformers import Qwen2Tokenizer

    vocabulary, merges, special = _qwen_bpe()
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=merges,
        eos_token="<|im_end|>",
        padding_side="left",
        model_max_length=32_768,
        chat_template=template,
    )
    backend = tokenizer.backend_tokenizer
    backend.add_special_tokens(special[:_N_CONTROL])
    backend.add_tokens(special[_N_CONTROL:])
    if end_token:
        ending = processors.TemplateProcessing(
            single="$A <|endoftext|>",
            pair="$A $B <|endoftext|>",
            special_tokens=[("<|endoftext|>", 151_643)],
        )
        backend.post_processor = ending
    tokenizer.save_pretrained(folder)


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
