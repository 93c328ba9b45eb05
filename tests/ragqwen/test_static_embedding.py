"""The built-in embedder: unit vectors in which texts of 119 languages meet."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen import static_embedding
from ragqwen.errors import ModelError
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.static_tokenizer import StaticTokenizer

EMBEDDER = StaticEmbedder()
FACTS = Path(__file__).parents[2] / "eval" / "facts"
FOLDER = Path(__file__).parents[2] / "ragqwen" / "data" / "embedder"
MAX_BYTES = 40_000_000  # what the model may take in the repository


@given(st.lists(st.text(max_size=80), max_size=4))
def test_vectors_are_of_length_one_or_zero(texts: list[str]) -> None:
    vectors = EMBEDDER.embed_documents(texts)
    assert (vectors.shape, vectors.dtype) == ((len(texts), 256), np.float32)
    for norm in np.linalg.norm(vectors, axis=1):
        assert norm == pytest.approx(1, abs=1e-5) or norm == 0


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_vector_does_not_depend_on_the_batch(text: str, other: str) -> None:
    _, vector = EMBEDDER.embed_documents([other, text])
    np.testing.assert_allclose(vector, EMBEDDER.embed_query(text), atol=1e-6)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_text_of_nothing_is_like_nothing(text: str) -> None:
    assert not EMBEDDER.embed_query(text).any()


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("Where does the ferry leave?", "Das Schiff fährt im Hafen ab.", "Der Hund schläft."),
        ("How much water is there?", "水很多。", "狗在睡觉。"),
        ("Wapi kuna shule?", "სკოლა სოფელშია.", "ძაღლს სძინავს."),
        ("The price of bread", "Цена хлеба", "Собака спит."),
        ("ଭାରତର ଇତିହାସ", "History of India", "The dog sleeps."),
        ("Serbia", "Србија", "Шпанија"),
        ("國家的歷史", "国家的历史", "狗在睡觉"),
    ],
)
def test_what_means_the_same_is_nearer_in_any_language(text: str, near: str, far: str) -> None:
    query = EMBEDDER.embed_query(text)
    to_near, to_far = EMBEDDER.embed_documents([near, far]) @ query
    assert to_near > to_far + 0.1


def test_a_word_that_tells_little_brings_a_short_vector() -> None:
    the, volcano = np.linalg.norm(EMBEDDER.embed_words(["the", "volcano"]), axis=1)
    assert the < volcano / 2


def test_sentence_transformers_gives_the_same_vectors() -> None:
    from sentence_transformers import SentenceTransformer

    texts = [path.read_text("utf-8")[:2000] for path in sorted(FACTS.glob("*.toml"))]
    texts += ["", "a\u00a0b\u3000c ´x", "ﷺ مُحَمَّد", "İstanbul ısı", "👩\u200d👧 x", "ଓଡ଼ିଶା", "2,5%"]
    theirs = SentenceTransformer(str(FOLDER)).encode(texts)
    np.testing.assert_allclose(EMBEDDER.embed_documents(texts), theirs, atol=1e-5)
    assert len(texts) > 119


def test_a_word_of_any_length_is_embedded_in_pieces() -> None:
    assert EMBEDDER.embed_query("x" * 1_000_000).any()


def test_long_words_are_cut_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[int] = []
    encode = StaticTokenizer.encode

    def counted(tokenizer: StaticTokenizer, words: Sequence[str]) -> list[list[int]]:
        cut.append(sum(map(len, words)))
        return encode(tokenizer, words)

    monkeypatch.setattr(StaticTokenizer, "encode", counted)
    words = [f"{n:04}" + "x" * 1996 for n in range(100)]
    assert StaticEmbedder().embed_words(words).any(axis=1).all()
    assert sum(cut) == 200_000
    assert max(cut) < 70_000


def test_words_that_are_cut_have_the_vectors_of_words_to_the_bit() -> None:
    words = ["", "river", "ଓଡ଼ିଶା", "2,5%", "\ue000", "a" * 40]
    vectors = EMBEDDER.embed_pieces(EMBEDDER.cut_words(words))
    np.testing.assert_array_equal(vectors, EMBEDDER.embed_words(words))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="install ragqwen anew"):
        StaticEmbedder(tmp_path)


def test_the_model_is_small_enough_to_be_in_the_repository() -> None:
    sizes = [path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(sizes) <= MAX_BYTES


def test_many_threads_get_the_same_vectors() -> None:
    texts = [f"word{n} river{n % 7}" for n in range(400)]
    expected = StaticEmbedder().embed_documents(texts)
    shared = StaticEmbedder()
    with ThreadPoolExecutor(8) as pool:
        parts = pool.map(lambda at: shared.embed_documents(texts[at : at + 10]), range(0, 400, 10))
        np.testing.assert_allclose(np.concatenate(list(parts)), expected, atol=1e-6)


def test_what_is_embedded_in_blocks_and_forgotten_comes_out_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many = [f"word{n} river" for n in range(40)]
    texts = ["", *many[:5], " ".join(many), "", "a river of bread", *many, ""]
    expected, words = EMBEDDER.embed_documents(texts), EMBEDDER.embed_words(many)
    monkeypatch.setattr(static_embedding, "_BLOCK_WORDS", 8)
    monkeypatch.setattr(static_embedding, "_MAX_KNOWN", 20)
    monkeypatch.setattr(static_embedding, "_BATCH_CHARS", 10)
    small = StaticEmbedder()
    np.testing.assert_allclose(small.embed_documents(texts), expected, atol=1e-6)
    np.testing.assert_allclose(small.embed_words(many), words, atol=1e-6)


def test_a_failure_while_words_are_cut_leaves_nothing_half_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embedder = StaticEmbedder()
    with monkeypatch.context() as broken:
        broken.setattr(static_embedding, "sum_rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            embedder.embed_documents(["the river", "bread"])
    texts = ["bread", "the river"]
    np.testing.assert_allclose(
        embedder.embed_documents(texts), EMBEDDER.embed_documents(texts), atol=1e-6
    )


def test_failures_one_after_another_leave_room_for_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_embedding, "_MAX_KNOWN", 8)
    embedder = StaticEmbedder()
    for word in ("river", "bread", "volcano"):
        with monkeypatch.context() as broken:
            broken.setattr(static_embedding, "sum_rows", interrupted)
            with pytest.raises(KeyboardInterrupt):
                embedder.embed_words([f"{word}{n}" for n in range(4)])
    np.testing.assert_allclose(embedder.embed_words(["sea"]), EMBEDDER.embed_words(["sea"]))


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt
