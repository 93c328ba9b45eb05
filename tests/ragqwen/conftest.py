"""Tiny models of Qwen3's architecture, made once for all tests that need one."""

from pathlib import Path

import pytest

from tests import tiny_models


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
