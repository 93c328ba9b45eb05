"""Which Qwen3 fits a machine."""

import pytest

from ragqwen.errors import InputError
from ragqwen.qwen_models import (
    NATIVE_CONTEXT,
    fit,
    next_best,
    qwen_models,
    recommend,
    vllm_options,
)

SIZES = ["0.6B", "1.7B", "4B", "8B", "14B", "30B-A3B", "32B", "235B-A22B"]


def test_the_eight_sizes_are_listed_with_published_names() -> None:
    models = list(qwen_models())
    assert list(dict.fromkeys(model.size for model in models)) == SIZES
    names = {model.name for model in models}
    assert {"Qwen/Qwen3-8B", "Qwen/Qwen3-8B-AWQ", "Qwen/Qwen3-30B-A3B-GPTQ-Int4"} <= names
    assert len(names) == len(models)


@pytest.mark.parametrize(("size", "kib"), [("0.6B", 112), ("8B", 144), ("14B", 160), ("32B", 256)])
def test_the_kv_cache_of_a_token_is_the_published_one(size: str, kib: int) -> None:
    model = next(model for model in qwen_models() if model.size == size)
    assert model.kv_bytes_per_token == kib * 1024


def test_more_memory_never_gives_a_less_able_size() -> None:
    found = [recommend(float(gb), context_tokens=16_384, concurrency=4) for gb in range(4, 700, 4)]
    ranks = [SIZES.index(best.model.size) if best else -1 for best in found]
    assert ranks == sorted(ranks)
    assert ranks[-1] == len(SIZES) - 1


def test_what_is_recommended_fits_and_the_next_precision_up_does_not() -> None:
    best = recommend(24, context_tokens=16_384, concurrency=4)
    assert best
    assert best.needed_gb <= 24
    better = [
        fit(model, 24, context_tokens=16_384, concurrency=4)
        for model in qwen_models()
        if model.size == best.model.size and model.weights_gb > best.model.weights_gb
    ]
    assert better
    assert not any(found.fits for found in better)


def test_the_arithmetic_adds_up() -> None:
    best = recommend(24, context_tokens=16_384, concurrency=4)
    assert best
    used = best.model.weights_gb + best.kv_gb + 1.5
    assert best.needed_gb == pytest.approx(used / 0.92)
    assert f"{used:.1f} GB" in best.arithmetic


def test_a_machine_too_small_gets_nothing() -> None:
    assert recommend(1, context_tokens=16_384, concurrency=4) is None


def test_a_long_context_takes_a_size_that_has_it_and_yarn() -> None:
    best = recommend(24, context_tokens=65_536, concurrency=1)
    assert best
    assert best.model.yarn
    options = vllm_options(context_tokens=65_536, concurrency=1)
    assert "yarn" in options[options.index("--hf-overrides") + 1]
    assert "--hf-overrides" not in vllm_options(context_tokens=NATIVE_CONTEXT, concurrency=1)


def test_gpus_share_a_model() -> None:
    one, four = (recommend(96, context_tokens=32_768, concurrency=8, gpus=n) for n in (1, 4))
    assert one and four
    assert (one.model.size, four.model.size) == ("30B-A3B", "235B-A22B")
    options = vllm_options(context_tokens=32_768, concurrency=8, gpus=4)
    assert options[options.index("--tensor-parallel-size") + 1] == "4"


@pytest.mark.parametrize(
    ("memory_gb", "context_tokens", "gpus"),
    [(0, 4096, 1), (float("nan"), 4096, 1), (24, 200_000, 1), (24, 4096, 3)],
)
def test_what_cannot_be_is_refused(memory_gb: float, context_tokens: int, gpus: int) -> None:
    with pytest.raises(InputError):
        recommend(memory_gb, context_tokens=context_tokens, concurrency=1, gpus=gpus)


def test_heads_fewer_than_gpus_are_kept_on_several() -> None:
    model = next(model for model in qwen_models() if model.name == "Qwen/Qwen3-235B-A22B-GPTQ-Int4")
    four, eight = (
        fit(model, 24, context_tokens=32_768, concurrency=4, gpus=gpus) for gpus in (4, 8)
    )
    assert eight.kv_gb == 2 * four.kv_gb == pytest.approx(50.5, abs=0.1)
    assert "376 KiB" in eight.arithmetic
    assert not eight.fits


def test_what_there_is_room_for_fits_and_one_more_does_not() -> None:
    asked = {"context_tokens": 16_384, "concurrency": 4}
    assert recommend(8, **asked) is None
    fewer, shorter = next_best(8, **asked)
    assert (fewer[1], shorter[0]) == (16_384, 4)
    for concurrency, context in (fewer, shorter):
        assert recommend(8, context_tokens=context, concurrency=concurrency)
    assert recommend(8, context_tokens=16_384, concurrency=fewer[0] + 1) is None
    assert recommend(8, context_tokens=shorter[1] + 1024, concurrency=4) is None


def test_a_machine_without_room_for_the_weights_has_room_for_nothing() -> None:
    assert list(next_best(1, context_tokens=1024, concurrency=1)) == []


def test_a_shorter_context_may_be_one_of_a_smaller_model() -> None:
    assert list(next_best(5, context_tokens=65_536, concurrency=1)) == [(1, 17_408)]
