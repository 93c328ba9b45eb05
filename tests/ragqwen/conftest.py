"""Tiny models of Qwen3's architecture, made once for all tests that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny_models
from tests.chain_model import save_chain_model
from tests.vllm_server import CHAT_MODEL, served


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the tiny models are in."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def qwen3_embedder(models: Path) -> Path:
    """Return the folder of a tiny Qwen3-Embedding."""
    return tiny_models.save_embedder(models / "Qwen3-Embedding-tiny")


@pytest.fixture(scope="session")
def qwen3_reranker(models: Path) -> Path:
    """Return the folder of a tiny Qwen3-Reranker."""
    return tiny_models.save_reranker(models / "Qwen3-Reranker-tiny")


@pytest.fixture(scope="session")
def chain_model(models: Path) -> Path:
    """Return the folder of a tiny Qwen3 that thinks 20 words and answers in 40."""
    return save_chain_model(models / "Qwen3-chain")


@pytest.fixture(scope="session")
def chat_url(chain_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve that model with vLLM under the name CHAT_MODEL, and return the base URL."""
    options = "--reasoning-parser qwen3 --enable-prompt-tokens-details --enable-auto-tool-choice"
    options += f" --tool-call-parser hermes --served-model-name {CHAT_MODEL}"
    log = tmp_path_factory.mktemp("vllm") / "chat.log"
    with served(chain_model, log, *options.split()) as base_url:
        yield base_url
