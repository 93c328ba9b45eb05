"""The command `ragqwen models`."""

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ragqwen.qwen_models import Fit

DEFAULT_CONTEXT_TOKENS = 16_384  # 6,000 of passages, 8,192 of thinking and the answer
DEFAULT_CONCURRENCY = 4
_MIB_GB = 1024**2 / 1e9


@click.command()
@click.option("--memory", type=float, metavar="GB", help="Memory of one GPU; else of the GPU seen.")
@click.option("--gpus", default=None, type=click.IntRange(1, 8), help="GPUs that share a model.")
@click.option(
    "--context",
    default=DEFAULT_CONTEXT_TOKENS,
    show_default=True,
    type=click.IntRange(1024),
    metavar="TOKENS",
    help="Of a request: passages, thinking and answer.",
)
@click.option(
    "--concurrency",
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    type=click.IntRange(1),
    help="Requests at a time, each with all of its context.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(
    memory: float | None, gpus: int | None, context: int, concurrency: int, as_json: bool
) -> None:
    """List Qwen3's eight sizes, and say which to run on this machine.

    GB are 10^9 bytes. "needs" is the GPU memory for the context and the concurrency asked for: the
    weights, the KV cache and 1.5 GB for the engine, over the 92 % that vLLM uses.
    "GFLOP/token" is what a token costs.
    """
    from ragqwen.qwen_models import fit, models_with_context, next_best, recommend

    seen = visible_gpus_gb() if memory is None else []
    gpus = gpus or _power_of_two(len(seen))
    memory = memory if memory is not None else min(seen, default=None)
    fits = [
        fit(model, memory or 0.0, context_tokens=context, concurrency=concurrency, gpus=gpus)
        for model in models_with_context(context)
    ]
    best = memory and recommend(memory, context_tokens=context, concurrency=concurrency, gpus=gpus)
    best = best or None
    if as_json:
        import json

        listed = [_as_dict(found) for found in fits]
        click.echo(json.dumps({"models": listed, "recommended": _advice(best)}, indent=2))
        return
    _print_table(fits)
    click.echo()
    if best:
        click.echo(f"Run {best.model.name}: {best.arithmetic}.\n")
        click.echo("  " + serve_command(best))
        click.echo("  " + vllm_command(best))
    elif memory is None:
        click.echo("No GPU is seen here: give the memory of one by --memory.")
    else:
        click.echo(
            f"None fits {gpus} x {memory:.1f} GB with {concurrency} requests of {context:,} tokens."
        )
        room = next_best(memory, context_tokens=context, concurrency=concurrency, gpus=gpus)
        options = [f"--concurrency {n} --context {tokens}" for n, tokens in room]
        click.echo(f"There is room for {' or '.join(options) or 'no request of any'}.")


def serve_command(found: "Fit") -> str:
    """Return the command of ours that serves answers with this model."""
    tensor = f" --vllm-gpus {found.gpus}" if found.gpus > 1 else ""
    return (
        f"ragqwen serve --vllm {found.model.name} --vllm-context {found.context_tokens} "
        f"--vllm-concurrency {found.concurrency}{tensor}"
    )


def vllm_command(found: "Fit") -> str:
    """Return the command that serves the model alone."""
    from ragqwen.qwen_models import vllm_options

    options = vllm_options(
        context_tokens=found.context_tokens, concurrency=found.concurrency, gpus=found.gpus
    )
    return shlex.join(["vllm", "serve", found.model.name, *options])


def visible_gpus_gb(timeout_seconds: float = 30) -> list[float]:
    """Return the memory of each GPU that NVIDIA's own tool sees, none where it says nothing."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    query = [command, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            query, capture_output=True, text=True, timeout=timeout_seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired):  # as with a driver that hangs
        return []
    lines = done.stdout.split() if done.returncode == 0 else []
    return [int(line) * _MIB_GB for line in lines if line.isdecimal()]


def _power_of_two(count: int) -> int:
    return max(number for number in (1, 2, 4, 8) if number <= max(count, 1))


def _print_table(fits: "Sequence[Fit]") -> None:
    head = f"{'model':33} {'weights':>8} {'KV/token':>9} {'context':>8} {'GFLOP/token':>11}"
    click.echo(f"{head} {'needs':>9}")
    for found in fits:
        model = found.model
        click.echo(
            f"{model.name:33} {model.weights_gb:5.1f} GB {found.kv_bytes_per_token // 1024:5} KiB "
            f"{model.max_context_tokens:8,} {model.gflop_per_token:11.1f} {found.needed_gb:6.1f} GB"
        )


def _as_dict(found: "Fit") -> dict[str, object]:
    return {
        "name": found.model.name,
        **asdict(found.model),
        "max_context_tokens": found.model.max_context_tokens,
        "kv_bytes_per_token": found.kv_bytes_per_token,
        "gflop_per_token": found.model.gflop_per_token,
        "needed_gb": round(found.needed_gb, 2),
        "fits": found.fits,
    }


def _advice(best: "Fit | None") -> dict[str, str] | None:
    if best is None:
        return None
    return {
        "name": best.model.name,
        "arithmetic": best.arithmetic,
        "command": serve_command(best),
        "vllm_command": vllm_command(best),
    }
