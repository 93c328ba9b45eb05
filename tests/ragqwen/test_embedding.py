"""The built-in embedder: unit vectors of spellings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.embedding import HashedNgramEmbedder, text_digest
from ragqwen.langchain import LangChainEmbeddings

EMBEDDER = HashedNgramEmbedder()


@given(st.lists(st.text(max_size=80), max_size=4))
def test_vectors_are_of_length_one_or_zero(texts: list[str]) -> None:
    vectors = EMBEDDER.embed_documents(texts)
    assert (vectors.shape, vectors.dtype) == ((len(texts), 768), np.float32)
    for norm in np.linalg.norm(vectors, axis=1):
        assert norm == pytest.approx(1, abs=1e-5) or norm == 0


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_vector_does_not_depend_on_the_batch(text: str, other: str) -> None:
    _, vector = EMBEDDER.embed_documents([other, text])
    np.testing.assert_array_equal(vector, EMBEDDER.embed_query(text))


def test_vectors_are_the_same_in_every_process() -> None:
    vector = EMBEDDER.embed_query("The ferry to Gavdos")
    positions = np.arange(768) @ vector  # worked out once; an index on disk depends on it
    assert float(positions) == pytest.approx(-654.412, abs=0.01)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_a_text_of_nothing_is_like_nothing(text: str) -> None:
    assert not EMBEDDER.embed_query(text).any()


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("ferry timetable", "ferries' timetables", "dogs on deck"),
        ("Κρήτη λιμάνι", "λιμανιού της Κρήτης", "σκύλος"),
        ("渡轮时刻表", "渡轮的时刻", "狗在甲板上"),
        ("Gavdos", "GAVDOS", "Sofia"),
        ("recieve", "receive", "forward"),
    ],
)
def test_like_spellings_are_nearer_than_others(text: str, near: str, far: str) -> None:
    query = EMBEDDER.embed_query(text)
    to_near, to_far = EMBEDDER.embed_documents([near, far]) @ query
    assert to_near > to_far + 0.2


def test_the_fingerprint_names_the_dimension() -> None:
    small = HashedNgramEmbedder(64)
    assert (small.dimension, small.embed_query("x").shape) == (64, (64,))
    assert small.fingerprint != EMBEDDER.fingerprint


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_has_a_digest(text: str) -> None:
    assert text_digest(text) == text_digest(text) != text_digest(text + "x")


def test_langchain_takes_the_same_vectors() -> None:
    embeddings = LangChainEmbeddings(EMBEDDER)
    (document,) = embeddings.embed_documents(["ferry"])
    assert document == embeddings.embed_query("ferry") == EMBEDDER.embed_query("ferry").tolist()
