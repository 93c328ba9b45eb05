"""What is embedded of a passage, and digests."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.embedding import Vectors, embed_passages, text_digest
from ragqwen.errors import ModelError
from ragqwen.langchain import LangChainEmbeddings
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import LetterEmbedder

PASSAGES = [("Ferries. Dogs.", ["Ferries.", "Dogs."]), ("Tea.", ["Tea."]), ("…", [])]


def test_a_passage_has_a_vector_for_each_sentence_half_of_it_the_whole() -> None:
    embedder = StaticEmbedder()
    vectors = embed_passages(embedder, PASSAGES)
    assert [len(some) for some in vectors] == [2, 1, 1]
    whole, sentence = embedder.embed_documents(["Ferries. Dogs.", "Dogs."])
    np.testing.assert_allclose(vectors[0][1], (whole + sentence) / 2, atol=1e-6)


def test_an_embedder_of_wholes_gives_one_vector_each() -> None:
    embedder = LetterEmbedder()
    vectors = embed_passages(embedder, PASSAGES)
    assert [some.shape for some in vectors] == [(1, 32)] * 3
    np.testing.assert_array_equal(vectors[1][0], embedder.embed_query("Tea."))


def test_no_passages_have_no_vectors() -> None:
    assert embed_passages(StaticEmbedder(), []) == []


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_vector_that_is_not_finite_is_refused(number: float) -> None:
    class Broken(LetterEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> Vectors:
            vectors = super().embed_documents(texts)
            vectors[-1, 0] = number
            return vectors

    with pytest.raises(ModelError, match=r"not finite for 'Tea\.'"):
        embed_passages(Broken(), PASSAGES[:2])


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_has_a_digest(text: str) -> None:
    assert text_digest(text) == text_digest(text) != text_digest(text + "x")


def test_langchain_takes_the_same_vectors() -> None:
    embedder = StaticEmbedder()
    embeddings = LangChainEmbeddings(embedder)
    (document,) = embeddings.embed_documents(["ferry"])
    assert document == embeddings.embed_query("ferry") == embedder.embed_query("ferry").tolist()
