"""What all tests share: no network, no settings from outside, and an empty store."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from indexes.store import Store
from tests.fakes import CountingEmbedder

# examples take what they take on a busy machine; failures are to come back the same everywhere
settings.register_profile(
    "ragqwen",
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "thorough", settings.get_profile("ragqwen"), derandomize=False, max_examples=3000
)  # pytest --hypothesis-profile=thorough
settings.load_profile("ragqwen")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("RAGQWEN_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test reach beyond this machine."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test wants to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def embedder() -> CountingEmbedder:
    """Return the built-in embedder, which notes what it embeds."""
    return CountingEmbedder()


@pytest.fixture
def store(tmp_path: Path, embedder: CountingEmbedder) -> Iterator[Store]:
    """Return an empty store in `tmp_path / "data"`."""
    with Store(tmp_path / "data", embedder) as opened:
        yield opened
