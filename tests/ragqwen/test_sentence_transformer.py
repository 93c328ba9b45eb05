"""The sentence-transformers embedder, on a real model of that library made on the spot."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ragqwen.errors import ModelError


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "Instruct:", "find", "tea", "coffee", "grows", "high"]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(0).normal(size=(len(words), 64)).astype(np.float32)
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=weights)],
        prompts={"query": "Instruct: find ", "document": ""},
    )
    folder = tmp_path_factory.mktemp("model")
    model.save(str(folder))
    return folder


def test_vectors_are_unit_length_also_when_shortened(model_folder: Path) -> None:
    from ragqwen.sentence_transformer import SentenceTransformerEmbedder

    embedder = SentenceTransformerEmbedder(str(model_folder), dimension=32)
    vectors = embedder.embed_documents(["tea grows high", "coffee"])
    assert vectors.shape == (2, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.dimension == 32


def test_a_query_gets_the_models_instruction_and_a_document_none(model_folder: Path) -> None:
    from ragqwen.sentence_transformer import SentenceTransformerEmbedder

    embedder = SentenceTransformerEmbedder(str(model_folder))
    as_query = embedder.embed_query("tea")
    with_instruction, bare = embedder.embed_documents(["Instruct: find tea", "tea"])
    np.testing.assert_allclose(as_query, with_instruction, atol=1e-5)
    assert not np.allclose(as_query, bare, atol=1e-3)


def test_the_fingerprint_tells_dimensions_apart(model_folder: Path) -> None:
    from ragqwen.sentence_transformer import SentenceTransformerEmbedder

    whole = SentenceTransformerEmbedder(str(model_folder))
    short = SentenceTransformerEmbedder(str(model_folder), dimension=32)
    assert whole.fingerprint != short.fingerprint


def test_the_probe_tells_new_weights_saved_over_the_old_folder(
    model_folder: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    from ragqwen.sentence_transformer import SentenceTransformerEmbedder

    folder = tmp_path / "tuned"
    shutil.copytree(model_folder, folder)
    before = SentenceTransformerEmbedder(str(folder))
    model = SentenceTransformer(str(folder))
    weights = model[0].embedding.weight.data
    weights += 2 * weights.flip(0)
    model.save(str(folder))
    after = SentenceTransformerEmbedder(str(folder))
    assert after.fingerprint == before.fingerprint
    assert after.probe @ before.probe < 0.99


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    from ragqwen.sentence_transformer import SentenceTransformerEmbedder

    with pytest.raises(ModelError, match="nowhere"):
        SentenceTransformerEmbedder(str(tmp_path / "nowhere"))
