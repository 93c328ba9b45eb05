"""The command `ragqwen serve`, with a `vllm serve` of its own where that is asked for."""

import signal
import socket
import sys

import click

from api.model_commands import DEFAULT_CONCURRENCY, DEFAULT_CONTEXT_TOKENS
from ragqwen.errors import SettingsError
from ragqwen.settings import load_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--vllm",
    metavar="MODEL",
    help="Start and look after a `vllm serve` of this model, such as Qwen/Qwen3-8B, and answer "
    "with it. `ragqwen models` says which one fits.",
)
@click.option(
    "--vllm-context",
    default=DEFAULT_CONTEXT_TOKENS,
    show_default=True,
    type=click.IntRange(1024),
    metavar="TOKENS",
    help="Longest prompt, thinking and answer together.",
)
@click.option(
    "--vllm-concurrency",
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    type=click.IntRange(1),
    help="Requests that vLLM takes at a time.",
)
@click.option("--vllm-gpus", default=1, show_default=True, type=click.IntRange(1, 8))
@click.pass_context
def serve(
    ctx: click.Context,
    host: str,
    port: int,
    vllm: str | None,
    vllm_context: int,
    vllm_concurrency: int,
    vllm_gpus: int,
) -> None:
    """Serve uploads, search and answers over HTTP; see /docs there.

    There is no authentication yet: listen on other than this machine's own address only behind a
    proxy that has it.
    """
    import uvicorn

    from api.app import create_app
    from api.vllm_process import VllmProcess, free_port
    from api.wiring import Service
    from ragqwen.qwen_models import vllm_options

    signal.signal(signal.SIGTERM, _leave)  # uvicorn gives it back when it has shut down
    _check_address(host, port)  # before a model is loaded, which may take minutes
    if vllm is None:
        settings = load_settings(**ctx.obj)
    else:
        own = free_port()
        settings = load_settings(
            **ctx.obj,
            llm_engine="vllm",
            llm_base_url=f"http://127.0.0.1:{own}/v1",
            llm_model=vllm,
            llm_context_tokens=vllm_context,
        )
        options = vllm_options(
            context_tokens=vllm_context, concurrency=vllm_concurrency, gpus=vllm_gpus
        )
        process = VllmProcess(
            vllm,
            [*options, "--served-model-name", vllm],
            port=own,
            log=settings.data_dir / "vllm.log",
            command=settings.vllm_command,
            say=lambda line: click.echo(line, err=True),
        )
        ctx.with_resource(process)
    service = ctx.with_resource(Service(settings))
    _ = service.reranker, service.thinking_ceiling_tokens  # so that what is wrong shows now
    click.echo(f"ragqwen serves http://{host}:{port} (documentation at /docs)", err=True)
    uvicorn.run(create_app(service), host=host, port=port, log_level="warning")


def _check_address(host: str, port: int) -> None:
    """Bind an address and leave it again.

    :raises SettingsError: if that can't be.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:  # as asyncio does
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except OSError as exc:
        raise SettingsError(
            f"can't listen on {host}:{port}: {exc.strerror}; give another --host or --port"
        ) from exc


def _leave(number: int, _: object) -> None:
    """End by an exception, so that what was opened is closed."""
    sys.exit(128 + number)
