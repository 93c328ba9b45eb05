"""Qwen3 models on a real vLLM server and here give the same; `make test-vllm` runs this."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

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
from tests.vllm_server import needs_vllm, served

_log = logging.getLogger(__name__)
pytestmark = needs_vllm
POOLING = ("--runner", "pooling", "--dtype", "float32")
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


@pytest.fixture(scope="module")
def embeddings(qwen3_embedder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("vllm") / "embeddings.log"
    with served(qwen3_embedder, log, *POOLING) as url:
        yield url


@pytest.fixture(scope="module")
def scores(qwen3_reranker: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("vllm") / "scores.log"
    overrides = ["--hf-overrides", json.dumps(OVERRIDES)]
    with served(qwen3_reranker, log, *POOLING, *overrides, "--chat-template", str(TEMPLATE)) as url:
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
    with (
        served(folder, tmp_path / "log", *POOLING) as url,
        pytest.raises(ModelError, match="151643"),
    ):
        ServedEmbedder(str(folder), ModelServer(url, setting="RAGQWEN_EMBEDDER"))


def test_an_embedder_served_is_no_reranker(qwen3_embedder: Path, embeddings: str) -> None:
    with pytest.raises(ModelError, match="compares vectors"):
        ServedReranker(str(qwen3_embedder), ModelServer(embeddings, setting="RAGQWEN_RERANKER"))


def test_a_reranker_served_without_the_template_is_refused(
    qwen3_reranker: Path, tmp_path: Path
) -> None:
    overrides = ["--hf-overrides", json.dumps(OVERRIDES)]
    with (
        served(qwen3_reranker, tmp_path / "log", *POOLING, *overrides) as url,
        pytest.raises(ModelError, match="--chat-template"),
    ):
        ServedReranker(str(qwen3_reranker), ModelServer(url, setting="RAGQWEN_RERANKER"))
