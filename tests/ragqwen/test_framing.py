"""What speaks of the answer is told from what it says, in any language."""

import numpy as np
import pytest

from ragqwen.framing import Framing
from ragqwen.static_embedding import StaticEmbedder, unit

EMBEDDER = StaticEmbedder()
FRAMING = Framing(EMBEDDER)


@pytest.mark.parametrize("word", ["passage", "According", "answer", "dokumentu", "文档", "คำตอบ"])
def test_words_of_sources_and_answers_are_framing(word: str) -> None:
    assert FRAMING.of_sources(unit(EMBEDDER.embed_words([word]))).all()


def test_other_words_are_not() -> None:
    words = ["ferry", "king", "founded", "book", "newspaper", "Staaten", "war", "court"]
    assert not np.any(FRAMING.of_sources(unit(EMBEDDER.embed_words(words))))


@pytest.mark.parametrize("said", ["Hope this helps", "Remélem, ez segít", "Thank you"])
def test_a_sentence_to_the_reader_is_framing(said: str) -> None:
    assert FRAMING.is_most_of(said.split())


@pytest.mark.parametrize("said", ["The crew helps passengers", "We hope to open in May", "Six"])
def test_a_sentence_that_says_something_is_not(said: str) -> None:
    assert not FRAMING.is_most_of(said.split())
