"""The catalogue: versions, revisions, and transactions that happen as a whole or not at all."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.catalogue import Catalogue
from indexes.schema import Collection, Stored
from ragqwen.errors import DimensionMismatch, NotFound, StoreBusy, StoreError
from tests.fakes import CountingEmbedder, LetterEmbedder, embedded, make_cutter, make_document


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Return an empty catalogue."""
    opened = Catalogue(tmp_path / "catalogue.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def collection(catalogue: Catalogue, embedder: CountingEmbedder) -> Collection:
    """Return an empty collection."""
    return make(catalogue, "default", embedder)


def make(catalogue: Catalogue, name: str, embedder: CountingEmbedder) -> Collection:
    catalogue.create_collection(name, f"uid-{name}", embedder.fingerprint, embedder.dimension)
    return catalogue.collection(name)


def put(catalogue: Catalogue, collection: Collection, embedder: Any, **texts: str) -> list[int]:
    documents = [embedded(make_document(name, text), embedder) for name, text in texts.items()]
    return [stored.version for stored in catalogue.put(collection, documents, "recipe")]


def revision(catalogue: Catalogue) -> int:
    return catalogue.collection("default").revision


def chunk_ids(catalogue: Catalogue, collection: Collection) -> list[int]:
    return [chunk.chunk_id for chunk in catalogue.added_since(collection, 0)]


def test_a_document_comes_back_as_it_was(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    metadata = {"author": "မြ", "years": [1998, {"a": None}]}
    document = make_document("a", "The ferry.\n\nDogs 😀.", language="eng_Latn")
    document = replace(document, metadata=metadata, title="Rules")
    catalogue.put(collection, [embedded(document, embedder)], "recipe")
    assert catalogue.document(collection, "a") == document


def test_chunks_come_back_with_all_that_a_citation_needs(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    document, chunks = embedded(make_document("a", "😀 The ferry leaves. " * 30), embedder)
    catalogue.put(collection, [(document, chunks)], "recipe")
    ids = chunk_ids(catalogue, collection)
    stored = catalogue.chunks(collection, ids)
    assert len(ids) == len(chunks) > 1
    assert [stored[i].chunk for i in ids] == [item.chunk for item in chunks]
    assert {(s.document_id, s.version, s.source) for s in stored.values()} == {("a", 1, "a.txt")}


def test_a_span_of_a_text_is_counted_in_characters(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="😀𝔘ber die Fähre")
    assert catalogue.text(collection, "a", 1, 1, 5) == "𝔘ber"


def test_versions_count_up_and_older_texts_stay(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    versions = [put(catalogue, collection, embedder, a=text) for text in ("One.", "Two.", "Six.")]
    assert versions == [[1], [2], [3]]
    texts = [catalogue.document(collection, "a", version).text for version in (None, 1, 2)]
    assert texts == ["Six.", "One.", "Two."]


def test_what_is_current_already_is_not_stored_again(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.", b="Two.")
    chunks = chunk_ids(catalogue, collection)
    documents = [embedded(make_document("a", "One."), embedder)]
    assert catalogue.put(collection, documents, "recipe") == [Stored(1, is_new=False)]
    assert (revision(catalogue), chunk_ids(catalogue, collection)) == (1, chunks)
    documents += [
        embedded(make_document(*given), embedder) for given in [("b", "Six."), ("c", "C")]
    ]
    outcomes = catalogue.put(collection, documents, "recipe")
    assert outcomes == [Stored(1, False), Stored(2, True), Stored(1, True)]
    assert catalogue.removed_since(collection, 1) == chunks[1:]
    assert catalogue.put(collection, documents[:1], "another recipe") == [Stored(2, is_new=True)]


def test_of_threads_that_store_the_same_document_one_does(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    documents = [embedded(make_document("a", "One."), embedder)]
    barrier = threading.Barrier(6)

    def store(_: int) -> Stored:
        barrier.wait(30)
        return catalogue.put(collection, documents, "recipe")[0]

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(store, range(6)))
    assert sorted(stored.is_new for stored in outcomes) == [False] * 5 + [True]
    assert {stored.version for stored in outcomes} == {1}
    assert revision(catalogue) == 1


@pytest.mark.parametrize("version", [0, 2, -1])
def test_a_version_that_is_not_there_is_not_found(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder, version: int
) -> None:
    put(catalogue, collection, embedder, a="One.")
    with pytest.raises(NotFound, match="document 'a'"):
        catalogue.document(collection, "a", version)
    with pytest.raises(NotFound, match="document 'a'"):
        catalogue.text(collection, "a", version, 0, 3)


def test_replaced_chunks_are_removed_and_never_come_back(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.")
    old = chunk_ids(catalogue, collection)
    seen = revision(catalogue)
    put(catalogue, collection, embedder, a="Two.")
    assert catalogue.removed_since(collection, seen) == old
    assert catalogue.chunks(collection, old) == {}
    put(catalogue, collection, embedder, a="One.")
    assert not set(old) & set(chunk_ids(catalogue, collection))


def test_a_number_of_a_deleted_chunk_is_never_given_again(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.")
    old = chunk_ids(catalogue, collection)
    catalogue.delete(collection, "a")
    put(catalogue, collection, embedder, a="One.")
    assert min(chunk_ids(catalogue, collection)) > max(old)


def test_a_deleted_document_leaves_no_text_and_no_version(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.")
    put(catalogue, collection, embedder, a="Two.")
    catalogue.delete(collection, "a")
    for version in (None, 1, 2):
        with pytest.raises(NotFound):
            catalogue.document(collection, "a", version)
    assert catalogue.count_documents(collection) == 0
    assert put(catalogue, collection, embedder, a="New.") == [1]


def test_deleting_what_is_not_there_changes_nothing(
    catalogue: Catalogue, collection: Collection
) -> None:
    before = revision(catalogue)
    with pytest.raises(NotFound, match="no document 'a' in collection 'default'"):
        catalogue.delete(collection, "a")
    assert revision(catalogue) == before


def test_the_revision_rises_with_every_change(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    revisions = [revision(catalogue)]
    put(catalogue, collection, embedder, a="One.", b="Two.")
    revisions.append(revision(catalogue))
    put(catalogue, collection, embedder, a="Six.")
    revisions.append(revision(catalogue))
    catalogue.delete(collection, "b")
    revisions.append(revision(catalogue))
    assert revisions == [0, 1, 2, 3]


def test_what_came_after_a_revision_is_told(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.")
    put(catalogue, collection, embedder, b="Two.")
    (added,) = catalogue.added_since(collection, 1)
    assert (added.text, added.title) == ("Two.", "b.txt")
    expected = embedder.embed_query("b.txt\nTwo.")[None, :]
    np.testing.assert_allclose(added.vectors, expected, atol=5e-4)  # float16


class Failing(list[Any]):
    """A list of chunks that breaks when it is gone through a second time, on being stored."""

    passes = 0

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        if self.passes > 1:
            raise RuntimeError("broken")
        return super().__iter__()


def test_an_error_while_storing_leaves_nothing_behind(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.")
    first = embedded(make_document("a", "Two."), embedder)
    document, chunks = embedded(make_document("b", "Six."), embedder)
    with pytest.raises(RuntimeError, match="broken"):
        catalogue.put(collection, [first, (document, Failing(chunks))], "recipe")
    assert revision(catalogue) == 1
    assert [info.document_id for info in catalogue.documents(collection)] == ["a"]
    assert catalogue.document(collection, "a").text == "One."
    assert len(catalogue.chunks(collection, chunk_ids(catalogue, collection))) == 1


def test_vectors_of_another_length_are_refused(
    catalogue: Catalogue, collection: Collection
) -> None:
    with pytest.raises(DimensionMismatch, match=r"b: vectors of shape \(1, 32\).* 256 numbers"):
        put(catalogue, collection, LetterEmbedder(), b="Two.")
    assert catalogue.count_documents(collection) == 0


def test_storing_into_a_collection_deleted_meanwhile_is_refused(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    catalogue.delete_collection(collection.pk)
    catalogue.create_collection("default", "another", embedder.fingerprint, embedder.dimension)
    with pytest.raises(NotFound, match="deleted or embedded anew meanwhile"):
        put(catalogue, collection, embedder, a="One.")


def test_collections_do_not_see_each_other(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    other = make(catalogue, "other", embedder)
    put(catalogue, collection, embedder, a="One.")
    put(catalogue, other, embedder, a="Two.")
    ours, theirs = chunk_ids(catalogue, collection), chunk_ids(catalogue, other)
    assert catalogue.document(collection, "a").text == "One."
    assert catalogue.chunks(collection, theirs) == {}
    assert set(catalogue.vectors_by_digest(collection, ["a"])).isdisjoint(
        catalogue.vectors_by_digest(other, ["a"])
    )
    catalogue.delete_collection(collection.pk)
    assert catalogue.document(other, "a").text == "Two."
    assert list(catalogue.chunks(other, [*ours, *theirs])) == theirs


def test_a_deleted_collection_is_gone_from_every_table(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    put(catalogue, collection, embedder, a="One.")
    put(catalogue, collection, embedder, a="Two.")
    catalogue.delete_collection(collection.pk)
    connection = sqlite3.connect(tmp_path / "catalogue.sqlite")
    for table in ("collections", "documents", "versions", "chunks", "removals"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    connection.close()


def test_documents_are_listed_by_id_in_pages(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, c="Six.", a="One.", b="Two two.")
    listed = catalogue.documents(collection, limit=2, offset=1)
    assert [(info.document_id, info.n_chars, info.n_chunks) for info in listed] == [
        ("b", 8, 1),
        ("c", 4, 1),
    ]
    assert catalogue.count_documents(collection) == 3
    assert catalogue.document_info(collection, "b") == listed[0]


def test_a_document_is_known_by_its_hash_and_recipe(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.")
    expected = make_document("a", "One.").content_hash
    assert catalogue.recipes(collection) == {"a": (expected, "recipe")}


def test_ids_are_looked_up_however_many_there_are(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.")
    (known,) = chunk_ids(catalogue, collection)
    assert list(catalogue.chunks(collection, [*range(known + 1, 40_000), known])) == [known]


def test_what_was_stored_is_there_when_it_is_opened_again(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    put(catalogue, collection, embedder, a="One.")
    catalogue.close()
    again = Catalogue(tmp_path / "catalogue.sqlite")
    assert again.document(again.collection("default"), "a").text == "One."
    again.close()


def test_reindexing_that_breaks_changes_nothing(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.", b="Two.")
    before = chunk_ids(catalogue, collection)
    letters = LetterEmbedder()

    def cut(document: Any) -> Any:
        if document.document_id == "b":
            raise RuntimeError("broken")
        return make_cutter(letters).cut_and_embed(document)

    with pytest.raises(RuntimeError, match="broken"):
        list(catalogue.reindex(collection, fingerprint="x", dimension=32, recipe="new", cut=cut))
    assert catalogue.collection("default") == replace(collection, revision=1)
    assert chunk_ids(catalogue, collection) == before
    assert {recipe for _, recipe in catalogue.recipes(collection).values()} == {"recipe"}


def test_reindexing_that_is_left_off_changes_nothing(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.", b="Two.")
    before = chunk_ids(catalogue, collection)
    cut = make_cutter(LetterEmbedder()).cut_and_embed
    done = catalogue.reindex(collection, fingerprint="x", dimension=32, recipe="new", cut=cut)
    assert next(done) == "a"
    done.close()  # type: ignore[attr-defined]
    assert catalogue.collection("default") == replace(collection, revision=1)
    assert chunk_ids(catalogue, collection) == before


def test_a_file_that_is_no_catalogue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"catalogue\.sqlite can't be opened as a catalogue"):
        Catalogue(path)


def test_a_catalogue_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="has schema 99"):
        Catalogue(path)


@pytest.mark.parametrize("remove", ["document", "collection"])
def test_a_deleted_text_is_in_no_file_of_the_catalogue(
    catalogue: Catalogue,
    collection: Collection,
    embedder: CountingEmbedder,
    tmp_path: Path,
    remove: str,
) -> None:
    def files_with(text: str) -> list[str]:
        return [p.name for p in tmp_path.iterdir() if text.encode() in p.read_bytes()]

    put(catalogue, collection, embedder, a="Zanzibar. " * 2000, b="Two.")
    put(catalogue, collection, embedder, a="Gibraltar. " * 2000)
    assert files_with("Zanzibar")
    if remove == "document":
        catalogue.delete(collection, "a")
        assert catalogue.document(collection, "b").text == "Two."
    else:
        catalogue.delete_collection(collection.pk)
    assert files_with("Zanzibar") == files_with("Gibraltar") == []


def test_a_document_is_deleted_although_another_reads(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    put(catalogue, collection, embedder, a="One.", b="Two.")
    reading = catalogue.added_since(collection, 0)
    assert next(reading).text == "One."
    catalogue.delete(collection, "b")
    assert [added.text for added in reading] == ["Two."]  # of one moment
    assert catalogue.count_documents(collection) == 1


def test_every_reference_to_a_version_is_indexed(catalogue: Catalogue, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "catalogue.sqlite")
    query = "EXPLAIN QUERY PLAN SELECT 1 FROM chunks WHERE version = 1"
    (plan,) = connection.execute(query).fetchall()
    connection.close()
    assert plan[3].startswith("SEARCH chunks")


def test_who_writes_meanwhile_is_told_of(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    impatient = Catalogue(tmp_path / "catalogue.sqlite", busy_timeout_seconds=0.1)
    put(catalogue, collection, embedder, a="One.")
    cut = make_cutter(embedder).cut_and_embed
    reindexing = catalogue.reindex(collection, fingerprint="x", dimension=8, recipe="n", cut=cut)
    next(reindexing)
    assert impatient.count_documents(collection) == 1
    with pytest.raises(StoreBusy, match=r"another process is writing.*try again.*reindex"):
        put(impatient, collection, embedder, b="Two.")
    reindexing.close()  # type: ignore[attr-defined]
    assert put(impatient, collection, embedder, b="Two.") == [1]
    impatient.close()


def test_a_catalogue_that_breaks_while_open_is_named(
    catalogue: Catalogue, collection: Collection, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / "catalogue.sqlite")
    connection.executescript("PRAGMA foreign_keys = OFF; DROP TABLE versions; DROP TABLE removals")
    connection.close()
    expected = r"catalogue\.sqlite can't be read or written: no such table.*restore it from a copy"
    for read in (catalogue.documents, lambda given: catalogue.removed_since(given, 0)):
        with pytest.raises(StoreError, match=expected):
            read(collection)
    with pytest.raises(StoreError, match=expected):
        catalogue.delete_collection(collection.pk)
    assert catalogue.collection("default") == collection


def test_storing_into_a_collection_embedded_anew_meanwhile_is_refused(
    catalogue: Catalogue, collection: Collection, embedder: CountingEmbedder
) -> None:
    done = catalogue.reindex(
        collection, fingerprint="another", dimension=collection.dimension, recipe="r", cut=list
    )
    assert list(done) == []
    with pytest.raises(NotFound, match="embedded anew meanwhile"):
        put(catalogue, collection, embedder, a="One.")
