"""Qwen3 models on a real vLLM server and here give the same; CONTRIBUTING.md says how to run it.

RAGQWEN_TEST_VLLM is the path of a `vllm` executable; without it the tests are skipped.
"""

import json
import logging
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from ragqwen.cross_encoder import CrossEncoderReranker
from ragqwen.errors import ModelError
from ragqwen.model_server import ModelServer
from ragqwen.reranking import TEMPLATE
from ragqwen.sentence_transformer import SentenceTransformerEmbedder
from ragqwen.served_embedder import ServedEmbedder
from ragqwen.served_reranker import ServedReranker
from tests.tiny_models import change, copy_of

_log = logging.getLogger(__name__)
VLLM = os.environ.get("RAGQWEN_TEST_VLLM")  # before the tests hide it
pytestmark = pytest.mark.skipif(
    not VLLM, reason="RAGQWEN_TEST_VLLM names no vllm executable (CONTRIBUTING.md)"
)
START_SECONDS = 600
OVERRIDES = {
    "architectures": ["Qwen3ForSequenceClassification"],
    "classifier_from_token": ["no", "yes"],
    "is_original_qwen3_reranker": True,
}
QUESTIONS = ["Where does tea grow?", "কোথায় চা জন্মে?", "?", "cafe\u0301 " * 300]
PASSAGES = [
    "Tea grows in the hills.",
    "ชาเติบโตบนเนินเขา",
    "",
    "One <|endoftext|> two <|im_end|> three.",
    "The ferry to the island leaves at noon. " * 150,
    *(f"Line {number}: wood, tea and salt." for number in range(60)),
]


@contextmanager
def served(folder: Path, log: Path, *options: str) -> Iterator[str]:
    """Serve a model with vLLM by its folder's name; yield the base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(VLLM), "serve", str(folder), "--runner", "pooling", "--dtype", "float32"]
    command += ["--max-model-len", "4096", "--enforce-eager", "--host", "127.0.0.1"]
    command += ["--port", str(port), *options]
    quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    environment = {**os.environ, **quiet}
    environment.pop("PYTHONPATH", None)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, cwd=log.parent
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(1)
    pytest.fail(f"vLLM did not start: {log.read_text('utf-8', 'replace')[-3000:]}")


@pytest.fixture(scope="module")
def embeddings(qwen3_embedder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("vllm") / "embeddings.log"
    with served(qwen3_embedder, log) as url:
        yield url


@pytest.fixture(scope="module")
def scores(qwen3_reranker: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("vllm") / "scores.log"
    overrides = ["--hf-overrides", json.dumps(OVERRIDES)]
    with served(qwen3_reranker, log, *overrides, "--chat-template", str(TEMPLATE)) as url:
        yield url


@pytest.mark.parametrize("dimension", [None, 32])
def test_vectors_agree(qwen3_embedder: Path, embeddings: str, dimension: int | None) -> None:
    name = str(qwen3_embedder)
    here = SentenceTransformerEmbedder(name, dimension=dimension)
    server = ModelServer(embeddings, setting="RAGQWEN_EMBEDDER")
    there = ServedEmbedder(name, server, dimension=dimension)
    assert here.fingerprint == there.fingerprint
    documents = np.abs(here.embed_documents(PASSAGES) - there.embed_documents(PASSAGES)).max()
    questions = max(
        np.abs(here.embed_query(text) - there.embed_query(text)).max() for text in QUESTIONS
    )
    _log.info("largest difference: documents %.1e, questions %.1e", documents, questions)
    assert documents < 1e-5
    assert questions < 1e-5


def test_scores_agree(qwen3_reranker: Path, scores: str) -> None:
    here = CrossEncoderReranker(str(qwen3_reranker))
    there = ServedReranker(str(qwen3_reranker), ModelServer(scores, setting="RAGQWEN_RERANKER"))
    difference = max(
        np.abs(here.scores(text, PASSAGES) - there.scores(text, PASSAGES)).max()
        for text in QUESTIONS
    )
    _log.info("largest difference: scores %.1e", difference)
    assert difference < 1e-5


def test_a_served_copy_without_its_end_token_is_refused(
    qwen3_embedder: Path, tmp_path: Path
) -> None:
    folder = copy_of(qwen3_embedder, tmp_path / "Qwen3-Embedding-copy")
    change(folder / "tokenizer.json", post_processor=None)
    with served(folder, tmp_path / "log") as url, pytest.raises(ModelError, match="151643"):
        ServedEmbedder(str(folder), ModelServer(url, setting="RAGQWEN_EMBEDDER"))


def test_a_reranker_served_without_the_template_is_refused(
    qwen3_reranker: Path, tmp_path: Path
) -> None:
    overrides = ["--hf-overrides", json.dumps(OVERRIDES)]
    with (
        served(qwen3_reranker, tmp_path / "log", *overrides) as url,
        pytest.raises(ModelError, match="--chat-template"),
    ):
        ServedReranker(str(qwen3_reranker), ModelServer(url, setting="RAGQWEN_RERANKER"))
