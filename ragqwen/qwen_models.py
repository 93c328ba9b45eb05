"""Qwen3's eight sizes: what each takes in memory, and which one a machine can serve.

The arithmetic, in bytes: the weights, plus the KV cache of `context_tokens` for each of
`concurrency` requests, plus what the engine itself takes, must fit into what vLLM uses of the
memory, 92 %.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ragqwen.errors import InputError

Quantisation = Literal["bf16", "FP8", "GPTQ-Int8", "AWQ", "GPTQ-Int4"]

GB = 1e9
USABLE_SHARE = 0.92  # vLLM's own default, --gpu-memory-utilization
ENGINE_GB = 1.5  # per GPU, for activations and CUDA graphs: a rule of thumb, not measured
NATIVE_CONTEXT = 40_960  # 8,192 of prompt and 32,768 of output
YARN_CONTEXT = 131_072
_HEAD_DIM = 128
_BYTES_OF_KEY_AND_VALUE = 2 * 2  # bf16 each
_YARN = (
    '{"max_position_embeddings":131072,"rope_parameters":{"rope_type":"yarn","factor":4.0,'
    '"original_max_position_embeddings":32768,"rope_theta":1000000}}'
)


@dataclass(frozen=True, slots=True)
class QwenModel:
    """One size of Qwen3 in one precision.

    `weights_gb` was measured with Transformers on one token of input where Qwen3's documentation
    says so, and is computed for the two mixtures: 2, 1 and 0.53 bytes a parameter in bf16, FP8 and
    4 bits, embeddings in bf16 always. `active_billions` of parameters are used for each token.
    Source: Qwen3 technical report, tables 1 and 2; Qwen3 documentation, speed benchmark.
    """

    size: str
    quantisation: Quantisation
    weights_gb: float
    active_billions: float
    layers: int
    kv_heads: int
    yarn: bool

    @property
    def name(self) -> str:
        """Return its published name, such as Qwen/Qwen3-8B-AWQ."""
        suffix = "" if self.quantisation == "bf16" else f"-{self.quantisation}"
        return f"Qwen/Qwen3-{self.size}{suffix}"

    @property
    def max_context_tokens(self) -> int:
        """Return the longest context, by YaRN where the size has it."""
        return YARN_CONTEXT if self.yarn else NATIVE_CONTEXT

    @property
    def kv_bytes_per_token(self) -> int:
        """Return what one token of context takes in bf16."""
        return self.layers * self.kv_heads * _HEAD_DIM * _BYTES_OF_KEY_AND_VALUE

    @property
    def gflop_per_token(self) -> float:
        """Return the cost of a token: two operations for each active parameter."""
        return 2 * self.active_billions


@dataclass(frozen=True, slots=True)
class Fit:
    """A model on a machine, and the arithmetic of it, in GB of 10^9 bytes over all GPUs."""

    model: QwenModel
    context_tokens: int
    concurrency: int
    gpus: int
    memory_gb: float

    @property
    def kv_bytes_per_token(self) -> int:
        """Return what one token of context takes: heads fewer than GPUs are kept on several."""
        return self.model.kv_bytes_per_token * max(1, self.gpus // self.model.kv_heads)

    @property
    def kv_gb(self) -> float:
        """Return what all tokens of all requests take."""
        return self.kv_bytes_per_token * self.context_tokens * self.concurrency / GB

    @property
    def room_tokens(self) -> int:
        """Return how many tokens there is room for beside the weights, below 0 for no room."""
        room_gb = self.memory_gb * USABLE_SHARE - self.model.weights_gb - ENGINE_GB * self.gpus
        return math.floor(room_gb * GB / self.kv_bytes_per_token)

    @property
    def needed_gb(self) -> float:
        """Return the memory that the GPUs must have together."""
        used = self.model.weights_gb + self.kv_gb + ENGINE_GB * self.gpus
        return used / USABLE_SHARE

    @property
    def fits(self) -> bool:
        """Return whether the machine has that."""
        return self.needed_gb <= self.memory_gb

    @property
    def arithmetic(self) -> str:
        """Return the sum in words."""
        kib = self.kv_bytes_per_token / 1024
        return (
            f"{self.model.weights_gb:.1f} GB weights + {self.kv_gb:.1f} GB KV cache "
            f"({self.concurrency} requests x {self.context_tokens:,} tokens x {kib:.0f} KiB) + "
            f"{ENGINE_GB * self.gpus:.1f} GB engine = "
            f"{self.needed_gb * USABLE_SHARE:.1f} GB, which is {USABLE_SHARE:.0%} of "
            f"{self.needed_gb:.1f} GB; there are {self.memory_gb:.1f} GB"
        )


# size, active billions, layers, KV heads, YaRN, and weights in GB by precision; the most able last
_SIZES: tuple[tuple[str, float, int, int, bool, dict[Quantisation, float]], ...] = (
    ("0.6B", 0.6, 28, 8, False, {"bf16": 1.39, "FP8": 1.22, "GPTQ-Int8": 0.99}),
    ("1.7B", 1.7, 28, 8, False, {"bf16": 3.41, "FP8": 2.73, "GPTQ-Int8": 2.23}),
    ("4B", 4.0, 36, 8, True, {"bf16": 7.97, "FP8": 5.28, "AWQ": 2.92}),
    ("8B", 8.2, 36, 8, True, {"bf16": 15.95, "FP8": 9.32, "AWQ": 6.18}),
    ("14B", 14.8, 40, 8, True, {"bf16": 28.4, "FP8": 16.01, "AWQ": 9.96}),
    ("30B-A3B", 3.35, 48, 4, True, {"bf16": 61.0, "FP8": 31.1, "GPTQ-Int4": 17.1}),
    ("32B", 32.8, 64, 8, True, {"bf16": 62.75, "FP8": 33.38, "AWQ": 19.11}),
    ("235B-A22B", 22.2, 94, 4, True, {"bf16": 470.0, "FP8": 236.0, "GPTQ-Int4": 126.0}),
)


def qwen_models() -> Iterator[QwenModel]:
    """Yield every size in every precision that Qwen publishes, the most able size last.

    Within a size the most precise comes first.
    """
    for size, active, layers, kv_heads, yarn, weights in _SIZES:
        for quantisation, gigabytes in weights.items():
            yield QwenModel(size, quantisation, gigabytes, active, layers, kv_heads, yarn)


def models_with_context(context_tokens: int) -> list[QwenModel]:
    """Return the models that have a context, in the order of `qwen_models`.

    :raises InputError: if there are none.
    """
    if context_tokens > YARN_CONTEXT:
        raise InputError(
            f"no Qwen3 has a context of {context_tokens:,} tokens; {YARN_CONTEXT:,} is the most"
        )
    return [model for model in qwen_models() if model.max_context_tokens >= context_tokens]


def fit(
    model: QwenModel, memory_gb: float, *, context_tokens: int, concurrency: int, gpus: int = 1
) -> Fit:
    """Return how a model fits.

    :param memory_gb: of one GPU, in GB of 10^9 bytes.
    :param context_tokens: of one request: its prompt, thinking and answer.
    """
    return Fit(model, context_tokens, concurrency, gpus, memory_gb * gpus)


def recommend(
    memory_gb: float, *, context_tokens: int, concurrency: int, gpus: int = 1
) -> Fit | None:
    """Return the most able size that fits, in the best precision that does; None if none fits.

    :raises InputError: if no size has that context, or the GPUs can't share a model.
    """
    if not math.isfinite(memory_gb) or memory_gb <= 0:
        raise InputError(f"the memory must be a number of GB above 0, not {memory_gb}")
    if gpus not in (1, 2, 4, 8):
        raise InputError(f"a model can be shared by 1, 2, 4 or 8 GPUs, not {gpus}")
    fits = [
        found
        for model in models_with_context(context_tokens)
        for found in [
            fit(model, memory_gb, context_tokens=context_tokens, concurrency=concurrency, gpus=gpus)
        ]
        if found.fits
    ]
    if not fits:
        return None
    best = fits[-1].model.size
    return next(found for found in fits if found.model.size == best)


def next_best(
    memory_gb: float, *, context_tokens: int, concurrency: int, gpus: int = 1
) -> Iterator[tuple[int, int]]:
    """Yield what a machine has room for where no model fits.

    :return: concurrency and context: the most requests of the context asked for, and the longest
        context, in whole 1,024 tokens, of as many requests. Either is left out if it is none.
    """
    asked = [
        fit(model, memory_gb, context_tokens=context_tokens, concurrency=concurrency, gpus=gpus)
        for model in qwen_models()
    ]
    long = [found for found in asked if found.model.max_context_tokens >= context_tokens]
    requests = max(found.room_tokens // context_tokens for found in long)
    if requests > 0:
        yield requests, context_tokens
    longest = max(
        min(found.room_tokens // concurrency, found.model.max_context_tokens) for found in asked
    )
    if longest >= 1024:
        yield concurrency, longest // 1024 * 1024


def vllm_options(*, context_tokens: int, concurrency: int, gpus: int = 1) -> list[str]:
    """Return the options of `vllm serve` with which an answer can be asked of it.

    No end of thinking of one's own is set: it would be put into answers.
    """
    options = ["--reasoning-parser", "qwen3", "--max-model-len", str(context_tokens)]
    options += ["--max-num-seqs", str(concurrency), "--enable-prompt-tokens-details"]
    options += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    if gpus > 1:
        options += ["--tensor-parallel-size", str(gpus)]
    if context_tokens > NATIVE_CONTEXT:
        options += ["--hf-overrides", _YARN]
    return options
