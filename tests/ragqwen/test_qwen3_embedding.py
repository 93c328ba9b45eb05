"""Qwen3-Embedding through sentence-transformers, on a tiny model of its architecture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragqwen.embedding_models import Prompts, fingerprint, read_prompts
from ragqwen.errors import ModelError
from ragqwen.sentence_transformer import SentenceTransformerEmbedder
from ragqwen.tokens import qwen_encoding
from tests.tiny_models import DIMENSION, PROMPTS, change, copy_of, cut_short, left_as_pointer

TEXTS = [
    "Tea.",
    "ชาเติบโตบนเนินเขา",
    "The ferry leaves at six. " * 40,
    "",
    "Cafe\u0301 <|endoftext|> x",
]
DIGEST_OF_NO_PROMPTS = "471e1694"


@pytest.fixture(scope="module")
def embedder(qwen3_embedder: Path) -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(str(qwen3_embedder))


def last_state(folder: Path, text: str) -> Any:
    """Return the unit vector of a text's last token, computed by hand."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, dtype=torch.float32)
    tokens = [*qwen_encoding().encode_ordinary(text), 151_643]
    with torch.inference_mode():
        state = model(torch.tensor([tokens])).last_hidden_state[0, -1].numpy()
    return state / np.linalg.norm(state)


def test_a_document_is_the_state_of_its_end_token(
    qwen3_embedder: Path, embedder: SentenceTransformerEmbedder
) -> None:
    vector = embedder.embed_documents(["Tea grows."])[0]
    np.testing.assert_allclose(vector, last_state(qwen3_embedder, "Tea grows."), atol=1e-5)


def test_a_question_is_the_same_behind_its_instruction(
    qwen3_embedder: Path, embedder: SentenceTransformerEmbedder
) -> None:
    vector = embedder.embed_query("tea?")
    expected = last_state(qwen3_embedder, PROMPTS["query"] + "tea?")
    np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_texts_of_all_lengths_come_back_in_their_order(
    embedder: SentenceTransformerEmbedder,
) -> None:
    together = embedder.embed_documents(TEXTS * 10)
    alone = np.stack([embedder.embed_documents([text])[0] for text in TEXTS] * 10)
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_vectors_are_shortened_to_unit_vectors(
    qwen3_embedder: Path, embedder: SentenceTransformerEmbedder
) -> None:
    short = SentenceTransformerEmbedder(str(qwen3_embedder), dimension=32).embed_documents(TEXTS)
    cut = embedder.embed_documents(TEXTS)[:, :32]
    np.testing.assert_allclose(short, cut / np.linalg.norm(cut, axis=1, keepdims=True), atol=1e-5)


def test_vectors_can_not_be_made_longer(qwen3_embedder: Path) -> None:
    with pytest.raises(ModelError, match=r"RAGQWEN_EMBEDDER_DIMENSION is 65.*at most 64"):
        SentenceTransformerEmbedder(str(qwen3_embedder), dimension=65)


def test_the_fingerprint_is_that_of_the_model_on_a_server(
    qwen3_embedder: Path, embedder: SentenceTransformerEmbedder
) -> None:
    name = str(qwen3_embedder)
    assert embedder.fingerprint == fingerprint(name, DIMENSION, read_prompts(name))


def test_a_folder_has_one_fingerprint_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "models")
    (tmp_path / "link").symlink_to("models/mine")
    folder = f"{tmp_path.resolve()}/models/mine"
    spellings = [folder, f"{folder}/", "mine", "./mine", "../models/mine", f"{tmp_path}/link"]
    assert {fingerprint(name, 32, Prompts()) for name in spellings} == {
        f"sentence-transformers:{folder}:32:{DIGEST_OF_NO_PROMPTS}"
    }


def test_the_fingerprint_has_the_name_of_a_published_model_as_it_is() -> None:
    found = fingerprint("Qwen/Qwen3-Embedding-0.6B", 32, Prompts())
    assert found.startswith("sentence-transformers:Qwen/Qwen3-Embedding-0.6B:32:")


def test_the_fingerprint_tells_prompts_apart(
    qwen3_embedder: Path, embedder: SentenceTransformerEmbedder
) -> None:
    prompts = read_prompts(str(qwen3_embedder))
    assert fingerprint("a", 32, prompts) != fingerprint("a", 32, type(prompts)("Instruct: other"))


@pytest.mark.parametrize("name", ["Qwen3-Embedding-copy", "renamed"])
def test_a_copy_that_lost_its_end_token_is_refused(
    qwen3_embedder: Path, tmp_path: Path, name: str
) -> None:
    folder = copy_of(qwen3_embedder, tmp_path / name)
    change(folder / "tokenizer.json", post_processor=None)
    with pytest.raises(ModelError, match=r"not in 151643 .*tokenizer\.json"):
        SentenceTransformerEmbedder(str(folder))


def test_a_copy_that_lost_its_instruction_is_refused(qwen3_embedder: Path, tmp_path: Path) -> None:
    folder = copy_of(qwen3_embedder, tmp_path / "renamed")
    change(folder / "config_sentence_transformers.json", prompts={})
    with pytest.raises(ModelError, match=r"config_sentence_transformers\.json, set the prompt"):
        SentenceTransformerEmbedder(str(folder))


def test_another_model_of_the_architecture_may_have_prompts_of_its_own(
    qwen3_embedder: Path, tmp_path: Path
) -> None:
    folder = copy_of(qwen3_embedder, tmp_path / "other")
    change(folder / "config_sentence_transformers.json", prompts={"query": "ask: "})
    embedder = SentenceTransformerEmbedder(str(folder))
    np.testing.assert_allclose(
        embedder.embed_query("tea"), embedder.embed_documents(["ask: tea"])[0], atol=1e-5
    )


def test_damaged_weights_are_refused(qwen3_embedder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = copy_of(qwen3_embedder, tmp_path / "Qwen3-Embedding-damaged")
    weights = load_file(folder / "model.safetensors")
    weights["norm.weight"][3] = np.nan
    (folder / "model.safetensors").unlink()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="length nan, not 1; its weights are damaged"):
        SentenceTransformerEmbedder(str(folder))


@pytest.mark.parametrize("incomplete", [cut_short, left_as_pointer])
def test_an_incomplete_copy_is_refused(
    qwen3_embedder: Path, tmp_path: Path, incomplete: Callable[[Path, Path], Path]
) -> None:
    folder = incomplete(qwen3_embedder, tmp_path / "partial")
    with pytest.raises(ModelError, match=r"embedder .*partial.*incomplete: download it anew"):
        SentenceTransformerEmbedder(str(folder))
