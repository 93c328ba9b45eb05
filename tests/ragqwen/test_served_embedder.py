"""The embedder behind `/v1/embeddings`, against a stand-in that tokenizes as vLLM does."""

import base64
import json
import threading
import time
import unicodedata
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ragqwen.embedding_models import PROBE
from ragqwen.errors import ModelError
from ragqwen.model_server import ModelServer
from ragqwen.served_embedder import ServedEmbedder
from ragqwen.tokens import qwen_encoding

NAME = "Qwen/Qwen3-Embedding-0.6B"
INSTRUCTION = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
)


class FakeEmbeddings:
    """Makes of tokens a vector of their own, seven long; `inputs` is what it was sent."""

    def __init__(self, *, end_token: bool = True, dimension: int = 64, as_list: bool = False):
        self.end_token, self.dimension, self.as_list = end_token, dimension, as_list
        self.inputs: list[list[Any]] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def vector(self, given: str | list[int]) -> Any:
        tokens = given
        if isinstance(given, str):
            tokens = qwen_encoding().encode_ordinary(unicodedata.normalize("NFC", given))
            tokens += [151_643] if self.end_token else []
        drawn = np.random.default_rng(tokens).normal(size=self.dimension)
        return (7 * drawn / np.linalg.norm(drawn)).astype("<f4")

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/embeddings"
        body = json.loads(request.content)
        assert body["model"] == NAME
        with self._lock:
            self.inputs.append(body["input"])
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        time.sleep(0.01)
        vectors = [self.vector(given) for given in body["input"]]
        data = [
            {
                "index": index,
                "embedding": vector.tolist()
                if self.as_list
                else base64.b64encode(vector.tobytes()).decode(),
            }
            for index, vector in enumerate(vectors)
        ]
        with self._lock:
            self.at_once -= 1
        return httpx.Response(200, json={"data": data[::-1]})


def serve(answers: Any) -> ModelServer:
    transport = httpx.MockTransport(answers)
    return ModelServer("http://models/v1", setting="RAGQWEN_EMBEDDER", transport=transport)


def test_documents_come_back_in_their_order_from_parallel_batches() -> None:
    fake = FakeEmbeddings()
    embedder = ServedEmbedder(NAME, serve(fake), parallel=3)
    fake.inputs.clear()
    texts = [f"Tea {number}" for number in range(200)]
    vectors = embedder.embed_documents(texts)
    expected = np.stack([fake.vector(text) for text in texts]) / 7
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert vectors.dtype == np.float32
    assert len(fake.inputs) == 7
    assert 1 < fake.most_at_once <= 3


def test_no_documents_are_no_request() -> None:
    fake = FakeEmbeddings()
    embedder = ServedEmbedder(NAME, serve(fake))
    n_requests = len(fake.inputs)
    assert embedder.embed_documents([]).shape == (0, 64)
    assert len(fake.inputs) == n_requests


def test_a_question_gets_the_instruction_and_a_document_none() -> None:
    fake = FakeEmbeddings()
    embedder = ServedEmbedder(NAME, serve(fake))
    fake.inputs.clear()
    embedder.embed_query("Where?")
    embedder.embed_documents(["There."])
    assert fake.inputs == [[f"{INSTRUCTION}Where?"], ["There."]]


def test_a_question_without_end_is_cut() -> None:
    fake = FakeEmbeddings()
    ServedEmbedder(NAME, serve(fake)).embed_query("x" * 50_000)
    assert len(fake.inputs[-1][0]) == len(INSTRUCTION) + 8_000


def test_numbers_are_taken_as_json_too() -> None:
    embedder = ServedEmbedder(NAME, serve(FakeEmbeddings(as_list=True)))
    expected = ServedEmbedder(NAME, serve(FakeEmbeddings())).embed_query("tea")
    np.testing.assert_allclose(embedder.embed_query("tea"), expected, atol=1e-6)


def test_shortened_vectors_are_unit_vectors_again() -> None:
    fake = FakeEmbeddings()
    embedder = ServedEmbedder(NAME, serve(fake), dimension=32)
    vector = embedder.embed_documents(["tea"])[0]
    cut = fake.vector("tea")[:32]
    np.testing.assert_allclose(vector, cut / np.linalg.norm(cut), atol=1e-6)
    assert embedder.dimension == 32


def test_vectors_can_not_be_made_longer() -> None:
    with pytest.raises(ModelError, match=r"RAGQWEN_EMBEDDER_DIMENSION is 128.*at most 64"):
        ServedEmbedder(NAME, serve(FakeEmbeddings()), dimension=128)


def test_a_server_that_leaves_out_the_end_token_is_refused() -> None:
    with pytest.raises(ModelError, match=r"151643.*tokenizer\.json"):
        ServedEmbedder(NAME, serve(FakeEmbeddings(end_token=False)))


def test_a_copy_whose_configuration_lacks_the_instruction_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "Qwen3-Embedding"
    folder.mkdir()
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {}}')
    with pytest.raises(ModelError, match=r"config_sentence_transformers\.json, set the prompt"):
        ServedEmbedder(str(folder), serve(FakeEmbeddings()))


def test_prompts_are_read_from_a_folder(tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "ask: ", "passage": "say: "}}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    seen: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content)["input"])
        data = [{"index": i, "embedding": [1.0] * 32} for i in range(len(seen[-1]))]
        return httpx.Response(200, json={"data": data})

    embedder = ServedEmbedder(str(tmp_path), serve(answer))
    embedder.embed_query("tea")
    embedder.embed_documents(["tea"])
    assert seen[1:] == [["ask: tea"], ["say: tea"]]


@pytest.mark.parametrize(
    ("embedding", "told"), [([float("nan")] * 32, "length nan"), ([0.0] * 32, "length 0")]
)
def test_a_vector_that_is_none_is_refused_at_the_start(
    embedding: list[float], told: str, tmp_path: Path
) -> None:
    packed = base64.b64encode(np.array(embedding, dtype="<f4").tobytes()).decode()
    data = [{"index": i, "embedding": packed} for i in range(2)]
    with pytest.raises(ModelError, match=told):
        ServedEmbedder(
            str(tmp_path), serve(lambda request: httpx.Response(200, json={"data": data}))
        )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": []},
        {"data": [{"index": 0}]},
        {"data": [{"index": 0, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": "tea"}, {"index": 1, "embedding": "tea"}]},
    ],
)
def test_what_holds_no_vectors_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"the server of 'Qwen/Qwen3-Embedding-0\.6B' sent"):
        ServedEmbedder(NAME, serve(lambda request: httpx.Response(200, json=body)))


def test_the_probe_is_a_documents_vector_and_asks_the_server_for_nothing_more() -> None:
    fake = FakeEmbeddings()
    embedder = ServedEmbedder(NAME, serve(fake), dimension=32)
    n_requests = len(fake.inputs)
    probe = embedder.probe
    assert len(fake.inputs) == n_requests
    np.testing.assert_allclose(probe, embedder.embed_documents([PROBE])[0], atol=1e-6)
