"""Other weights under the same name: told by the vector of one text that a collection keeps."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from indexes.catalogue import Catalogue
from indexes.store import CollectionIndex, Store
from ragqwen.embedding import Embedder
from ragqwen.errors import FingerprintMismatch, NotFound
from ragqwen.retrieval import Retriever
from tests.fakes import (
    CountingEmbedder,
    LetterEmbedder,
    embedded,
    make_cutter,
    make_document,
    put_texts,
)

FERRY = "The ferry to Gavdos leaves at six."
DOGS = "Dogs stay on the upper deck."


def find(index: CollectionIndex, embedder: Embedder, question: str) -> list[str]:
    """Return the texts that both legs find for a question."""
    evidence = Retriever(index, embedder, dense_weight=0.4).retrieve(question)
    return [passage.text for passage in evidence.passages]


def reindex(store: Store, embedder: Embedder) -> Iterator[str]:
    cutter = make_cutter(embedder)
    return store.reindex("default", cutter.recipe, cutter.cut_and_embed)


def open_with(folder: Path, letters: LetterEmbedder) -> Store:
    return Store(folder / "letters", letters)


def make_letters(folder: Path, letters: LetterEmbedder) -> None:
    """Store two texts with an embedder whose fingerprint doesn't tell its weights."""
    with open_with(folder, letters) as store:
        put_texts(store.collection("default", create=True), letters, ferry=FERRY, dogs=DOGS)


def forget_probes(folder: Path) -> None:
    """Take a data folder back to the schema that had no probes."""
    connection = sqlite3.connect(folder / "letters" / "catalogue.sqlite")
    connection.execute("ALTER TABLE collections DROP COLUMN probe")
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    connection.close()


def test_other_weights_under_the_same_name_are_refused_and_the_remedy_named(tmp_path: Path) -> None:
    make_letters(tmp_path, LetterEmbedder())
    other = LetterEmbedder(shift=5)
    with open_with(tmp_path, other) as store:
        index = store.collection("default")
        for use in (
            lambda: find(index, other, FERRY),
            lambda: put_texts(index, other, cats="Cats stay below."),
            lambda: index.vectors_by_digest(["ferry"]),
        ):
            with pytest.raises(
                FingerprintMismatch, match=r"other weights.*`ragqwen reindex --collection default`"
            ):
                use()
        assert index.count_documents() == 2


def test_the_same_weights_in_half_precision_are_taken(tmp_path: Path) -> None:
    make_letters(tmp_path, LetterEmbedder())
    half = LetterEmbedder()
    half.probe = half.probe.astype(np.float16).astype(np.float32) * np.float32(1.0001)
    with open_with(tmp_path, half) as store:
        assert find(store.collection("default"), half, FERRY)[0] == FERRY


def test_what_needs_no_vectors_goes_on_with_other_weights(tmp_path: Path) -> None:
    make_letters(tmp_path, LetterEmbedder())
    with open_with(tmp_path, LetterEmbedder(shift=5)) as store:
        index = store.collection("default")
        index.delete("dogs")
        assert len(index.lexical(["ferry", "dogs"], 9)) == 1
        assert index.document("ferry").text == FERRY


def test_reindexing_takes_the_new_weights_and_shuts_out_the_old(tmp_path: Path) -> None:
    old, new = LetterEmbedder(), LetterEmbedder(shift=5)
    make_letters(tmp_path, old)
    with open_with(tmp_path, old) as before, open_with(tmp_path, new) as store:
        held = before.collection("default")
        assert find(held, old, FERRY)[0] == FERRY
        list(reindex(store, new))
        assert find(store.collection("default"), new, FERRY)[0] == FERRY
        with pytest.raises(FingerprintMismatch, match="other weights"):
            held.dense(old.embed_query(FERRY), 1)


def test_old_weights_write_nothing_once_a_reindex_that_they_waited_for_is_done(
    tmp_path: Path,
) -> None:
    old, new = LetterEmbedder(), LetterEmbedder(shift=5)
    make_letters(tmp_path, old)
    catalogue = Catalogue(tmp_path / "letters" / "catalogue.sqlite")
    seen = catalogue.collection("default")
    with open_with(tmp_path, new) as store:
        list(reindex(store, new))
    with pytest.raises(NotFound, match="embedded anew meanwhile"):
        catalogue.put(seen, [embedded(make_document("cats", "Cats."), old)], "recipe")
    catalogue.close()


def test_a_collection_from_before_probes_opens_and_gets_one_with_the_next_document(
    tmp_path: Path,
) -> None:
    letters = LetterEmbedder()
    make_letters(tmp_path, letters)
    forget_probes(tmp_path)
    with open_with(tmp_path, letters) as store:
        index = store.collection("default")
        assert find(index, letters, FERRY)[0] == FERRY
        assert index.state().probe is None
        put_texts(index, letters, cats="Cats stay below.")
        assert index.state().probe is not None
    other = LetterEmbedder(shift=5)
    with open_with(tmp_path, other) as store, pytest.raises(FingerprintMismatch):
        find(store.collection("default"), other, FERRY)


def test_of_two_that_bring_the_first_probe_the_later_is_held_against_the_earlier(
    tmp_path: Path,
) -> None:
    letters, other = LetterEmbedder(), LetterEmbedder(shift=5)
    make_letters(tmp_path, letters)
    forget_probes(tmp_path)
    with open_with(tmp_path, letters) as store, open_with(tmp_path, other) as second:
        index, late = store.collection("default"), second.collection("default")
        put_texts(index, letters, cats="Cats stay below.")
        with pytest.raises(FingerprintMismatch):
            put_texts(late, other, cows="Cows swim.")


def test_two_open_a_data_folder_from_before_probes_at_once(tmp_path: Path) -> None:
    make_letters(tmp_path, LetterEmbedder())
    forget_probes(tmp_path)
    path = tmp_path / "letters" / "catalogue.sqlite"
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: Catalogue(path), range(8)))
    for catalogue in opened:
        assert catalogue.collection("default").probe is None
        catalogue.close()


def test_the_builtin_embedder_needs_no_probe(store: Store, embedder: CountingEmbedder) -> None:
    index = store.collection("default", create=True)
    put_texts(index, embedder, ferry=FERRY)
    assert index.state().probe is None
