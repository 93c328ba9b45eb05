"""Which embedder and reranker the settings make."""

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from api.wiring import Service, make_embedder, make_reranker
from ragqwen.errors import ModelError
from ragqwen.settings import load_settings


class _Server(BaseHTTPRequestHandler):
    """Gives every text the same vector, and every passage the same score."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.headers["authorization"] == "Bearer secret"
        vector = base64.b64encode(np.ones(64, dtype="<f4").tobytes()).decode()
        n = len(body.get("input", body.get("documents")))
        answer = {
            "data": [{"index": i, "embedding": vector} for i in range(n)],
            "results": [{"index": i, "relevance_score": 0.5} for i in range(n)],
        }
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def test_an_embedder_is_used_on_the_server_that_is_named(server_url: str, tmp_path: Path) -> None:
    settings = load_settings(
        embedder=str(tmp_path), embedder_base_url=server_url, embedder_api_key="secret"
    )
    embedder = make_embedder(settings)
    assert embedder.dimension == 64
    np.testing.assert_allclose(embedder.embed_query("tea"), np.full(64, 1 / 8))


def test_a_reranker_is_used_on_the_server_that_is_named(server_url: str) -> None:
    settings = load_settings(
        reranker="some/reranker", reranker_base_url=server_url, reranker_api_key="secret"
    )
    reranker = make_reranker(settings)
    assert reranker is not None
    assert reranker.scores("tea?", ["Tea.", "Salt."]).tolist() == [0.5, 0.5]


def test_the_light_ranker_is_the_default_and_no_model() -> None:
    assert load_settings().reranker == "light"
    assert make_reranker(load_settings()) is None


@pytest.mark.parametrize(("reranker", "is_light"), [("light", True), ("off", False)])
def test_the_light_ranker_can_be_left_out(reranker: str, is_light: bool, tmp_path: Path) -> None:
    with Service(load_settings(data_dir=tmp_path, reranker=reranker)) as service:
        assert (service.ranker is not None) == is_light


def test_another_model_s_vectors_are_not_overruled_by_the_built_in_one_s(
    server_url: str, tmp_path: Path
) -> None:
    settings = load_settings(
        data_dir=tmp_path,
        embedder=str(tmp_path),
        embedder_base_url=server_url,
        embedder_api_key="secret",
    )
    with Service(settings) as service:
        assert service.ranker is None


def test_a_reranker_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="set RAGQWEN_RERANKER to the name"):
        make_reranker(load_settings(reranker=str(tmp_path / "nowhere")))
