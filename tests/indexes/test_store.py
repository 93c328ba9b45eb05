"""A data folder: what search sees when documents come and go, here and in other processes."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from indexes.store import CollectionIndex, Store
from ragqwen.analysis import terms
from ragqwen.embedding import Embedder
from ragqwen.errors import FingerprintMismatch, InputError, NotFound
from ragqwen.records import Document
from ragqwen.retrieval import Retriever
from tests.fakes import (
    CountingEmbedder,
    LetterEmbedder,
    make_cutter,
    put_texts,
)

FERRY = "The ferry to Gavdos leaves at six."
DOGS = "Dogs stay on the upper deck."


@pytest.fixture
def index(store: Store) -> CollectionIndex:
    """Return an empty collection."""
    return store.collection("default", create=True)


@pytest.fixture
def other_store(store: Store, tmp_path: Path, embedder: CountingEmbedder) -> Iterator[Store]:
    """Return the same data folder opened again, as another process would."""
    with Store(tmp_path / "data", embedder) as opened:
        yield opened


def find(index: CollectionIndex, embedder: Embedder, question: str) -> list[str]:
    """Return the texts that both legs find for a question."""
    evidence = Retriever(index, embedder, dense_weight=0.4).retrieve(question)
    return [passage.text for passage in evidence.passages]


def hits(index: CollectionIndex, embedder: Embedder, question: str) -> list[str]:
    """Return the texts that come from either leg, before anything is left out."""
    legs = (index.lexical(terms(question), 99), index.dense(embedder.embed_query(question), 99))
    ids = [chunk_id for leg in legs for chunk_id, _ in leg]
    found = index.chunks(ids)
    assert set(found) == set(ids), "an index holds a chunk that is gone"
    return sorted({stored.chunk.text for stored in found.values()})


# --- documents come and go -------------------------------------------------------------------


def test_a_stored_document_is_found_at_once(
    index: CollectionIndex, embedder: CountingEmbedder
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    assert find(index, embedder, "When does the ferry leave?")[0] == FERRY


def test_a_deleted_document_is_in_no_index(
    index: CollectionIndex, embedder: CountingEmbedder
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    assert hits(index, embedder, FERRY) == [DOGS, FERRY]
    index.delete("ferry")
    assert hits(index, embedder, FERRY) == [DOGS]
    assert index.lexical(["ferry"], 9) == []


def test_a_replaced_text_is_in_no_index(index: CollectionIndex, embedder: CountingEmbedder) -> None:
    put_texts(index, embedder, ferry=FERRY)
    assert hits(index, embedder, FERRY) == [FERRY]
    put_texts(index, embedder, ferry=FERRY.replace("six", "nine"))
    assert hits(index, embedder, FERRY) == [FERRY.replace("six", "nine")]
    assert index.lexical(["six"], 9) == []


def test_chunks_removed_after_a_search_do_not_become_passages(
    index: CollectionIndex, embedder: CountingEmbedder
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    found = [chunk_id for chunk_id, _ in index.dense(embedder.embed_query(FERRY), 9)]
    index.delete("ferry")
    assert [stored.chunk.text for stored in index.chunks(found).values()] == [DOGS]


def test_deleting_what_is_not_there_is_refused(index: CollectionIndex) -> None:
    with pytest.raises(NotFound, match="'nothing'"):
        index.delete("nothing")


# --- opened again, and in another process ----------------------------------------------------


def test_a_saved_collection_is_loaded_and_not_built_anew(
    index: CollectionIndex, embedder: CountingEmbedder, store: Store, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    store.close()
    folder = tmp_path / "data" / "collections" / index.uid
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*.faiss")}
    with Store(tmp_path / "data", embedder) as again:
        assert hits(again.collection("default"), embedder, FERRY) == [DOGS, FERRY]
    assert len(written) == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.faiss")} == written


def test_what_was_never_saved_is_found_after_opening_again(
    index: CollectionIndex, embedder: CountingEmbedder, other_store: Store
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    assert hits(other_store.collection("default"), embedder, FERRY) == [FERRY]


def test_changes_in_one_process_are_seen_in_another_at_once(
    index: CollectionIndex, embedder: CountingEmbedder, other_store: Store
) -> None:
    other = other_store.collection("default")
    put_texts(index, embedder, ferry=FERRY)
    assert hits(other, embedder, FERRY) == [FERRY]
    put_texts(other, embedder, dogs=DOGS)
    assert hits(index, embedder, FERRY) == [DOGS, FERRY]
    index.delete("ferry")
    assert hits(other, embedder, FERRY) == [DOGS]
    put_texts(index, embedder, dogs="Cats stay below.")
    assert hits(other, embedder, DOGS) == ["Cats stay below."]


@pytest.mark.parametrize("pattern", ["*.faiss", "vectors.json", "keywords.json", "keywords/*"])
@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_a_damaged_index_is_built_anew_from_the_catalogue(
    index: CollectionIndex,
    embedder: CountingEmbedder,
    store: Store,
    tmp_path: Path,
    pattern: str,
    content: bytes | None,
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    store.close()
    damaged = list((tmp_path / "data" / "collections" / index.uid).glob(pattern))
    assert damaged
    for path in damaged:
        path.unlink() if content is None else path.write_bytes(content)
    with Store(tmp_path / "data", embedder) as again:
        opened = again.collection("default")
        assert index.state().revision == opened.state().revision
        assert hits(opened, embedder, FERRY) == [DOGS, FERRY]
        assert opened.lexical(["gavdos"], 1)
        assert opened.dense(embedder.embed_query(FERRY), 1)


def test_all_indexes_may_be_lost(
    index: CollectionIndex, embedder: CountingEmbedder, store: Store, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    store.close()
    shutil.rmtree(tmp_path / "data" / "collections")
    with Store(tmp_path / "data", embedder) as again:
        assert find(again.collection("default"), embedder, FERRY) == [FERRY]


@pytest.mark.parametrize("lost", ["", "default", "default/keywords", "default/keywords.json"])
def test_what_is_lost_while_it_is_open_is_made_again_at_the_next_change(
    index: CollectionIndex, embedder: CountingEmbedder, store: Store, tmp_path: Path, lost: str
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    index.save()
    assert hits(index, embedder, FERRY) == [FERRY]
    path = tmp_path / "data" / "collections" / lost.replace("default", index.uid)
    path.unlink() if path.is_file() else shutil.rmtree(path)
    put_texts(index, embedder, dogs=DOGS)
    assert hits(index, embedder, FERRY) == [DOGS, FERRY]
    assert sorted(index.document_frequencies(["ferry", "dogs"]).items()) == [
        ("dogs", 1),
        ("ferry", 1),
    ]
    store.close()
    with Store(tmp_path / "data", embedder) as again:
        assert hits(again.collection("default"), embedder, FERRY) == [DOGS, FERRY]


def test_what_is_lost_before_the_first_change_is_made_again(
    index: CollectionIndex, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "data" / "collections")
    index.save()
    put_texts(index, embedder, ferry=FERRY)
    assert hits(index, embedder, FERRY) == [FERRY]


# --- collections -----------------------------------------------------------------------------


def test_collections_never_answer_for_each_other(
    store: Store, index: CollectionIndex, embedder: CountingEmbedder
) -> None:
    other = store.collection("other", create=True)
    put_texts(index, embedder, ferry=FERRY)
    put_texts(other, embedder, dogs=DOGS)
    assert hits(index, embedder, FERRY + DOGS) == [FERRY]
    assert hits(other, embedder, FERRY + DOGS) == [DOGS]
    assert index.document_frequencies(["dogs"]) == {"dogs": 0}
    ids = [chunk_id for chunk_id, _ in other.lexical(["dogs"], 9)]
    assert (len(ids), index.chunks(ids)) == (1, {})
    with pytest.raises(NotFound):
        index.document("dogs")
    with pytest.raises(NotFound):
        index.text("dogs", 1, 0, 4)


def test_a_collection_that_was_never_made_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="no collection 'x'; ingest a document"):
        store.collection("x")


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a\n", "a\0b", "x" * 101, "a\ud800", "../../x", "/etc", ".."]
)
def test_a_name_that_can_not_be_used_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InputError, match="can't be a collection's name"):
        store.collection(name, create=True)


@pytest.mark.parametrize("name", ["..x", "ကူးတို့", "a b", "con", "x" * 100])
def test_any_other_name_is_usable_and_stays_inside_the_folder(
    store: Store, embedder: CountingEmbedder, tmp_path: Path, name: str
) -> None:
    index = store.collection(name, create=True)
    put_texts(index, embedder, ferry=FERRY)
    index.save()
    assert find(store.collection(name), embedder, FERRY) == [FERRY]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    assert len(list((tmp_path / "data" / "collections").iterdir())) == 1


def test_a_deleted_collection_is_gone_with_its_files(
    store: Store, index: CollectionIndex, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    index.save()
    store.delete_collection("default")
    with pytest.raises(NotFound):
        store.collection("default")
    with pytest.raises(NotFound):
        index.lexical(["ferry"], 1)
    assert list((tmp_path / "data" / "collections").iterdir()) == []


def test_other_collections_answer_while_one_waits_to_be_deleted(
    store: Store, index: CollectionIndex, tmp_path: Path
) -> None:
    store.collection("other", create=True)
    writer = sqlite3.connect(tmp_path / "data" / "catalogue.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        with ThreadPoolExecutor(2) as pool:
            try:
                deleting = pool.submit(store.delete_collection, "default")
                time.sleep(0.3)  # until it waits for the writer
                assert pool.submit(store.collection, "other").result(timeout=10).name == "other"
                assert not deleting.done()
            finally:
                writer.execute("ROLLBACK")
            deleting.result(timeout=30)
    finally:
        writer.close()
    assert [collection.name for collection in store.collections()] == ["other"]


def test_a_collection_made_again_begins_empty_everywhere(
    store: Store, index: CollectionIndex, embedder: CountingEmbedder, other_store: Store
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    assert hits(other_store.collection("default"), embedder, FERRY) == [FERRY]
    store.delete_collection("default")
    put_texts(store.collection("default", create=True), embedder, dogs=DOGS)
    assert hits(other_store.collection("default"), embedder, FERRY) == [DOGS]
    assert hits(store.collection("default"), embedder, FERRY) == [DOGS]


def test_a_collection_held_open_is_not_taken_for_another_of_its_name(
    store: Store, index: CollectionIndex, embedder: CountingEmbedder, other_store: Store
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    other_store.delete_collection("default")
    put_texts(other_store.collection("default", create=True), embedder, dogs=DOGS)
    with pytest.raises(NotFound, match="made again"):
        index.lexical(["dogs"], 1)
    with pytest.raises(NotFound, match="made again"):
        put_texts(index, embedder, ferry=FERRY)
    assert other_store.collection("default").count_documents() == 1


# --- another embedder ------------------------------------------------------------------------


def test_another_embedder_is_refused_and_the_remedy_named(
    store: Store, index: CollectionIndex, tmp_path: Path
) -> None:
    with (
        Store(tmp_path / "data", LetterEmbedder()) as other,
        pytest.raises(FingerprintMismatch) as caught,
    ):
        other.collection("default")
    for part in (
        "fake:letters:32",
        "builtin:",
        "set RAGQWEN_EMBEDDER and RAGQWEN_EMBEDDER_DIMENSION back",
        "ragqwen reindex --collection",
    ):
        assert part in str(caught.value)


def reindex(store: Store, embedder: Embedder) -> Iterator[str]:
    cutter = make_cutter(embedder)
    return store.reindex("default", cutter.recipe, cutter.cut_and_embed)


def test_reindexing_changes_the_embedder_and_keeps_the_documents(
    index: CollectionIndex, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    letters = LetterEmbedder()
    with Store(tmp_path / "data", letters) as other:
        assert sorted(reindex(other, letters)) == ["dogs", "ferry"]
        opened = other.collection("default")
        assert (opened.state().fingerprint, opened.state().dimension) == ("fake:letters:32", 32)
        assert hits(opened, letters, FERRY) == [DOGS, FERRY]
        assert opened.document_info("ferry").version == 1


def test_the_old_embedder_is_refused_after_reindexing(
    store: Store, index: CollectionIndex, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    letters = LetterEmbedder()
    with Store(tmp_path / "data", letters) as other:
        list(reindex(other, letters))
    for search in (lambda: index.dense(embedder.embed_query("x"), 1), lambda: index.lexical([], 1)):
        with pytest.raises(FingerprintMismatch):
            search()
    with pytest.raises(FingerprintMismatch):
        put_texts(index, embedder, dogs=DOGS)


def test_a_store_closes_although_its_collection_was_reindexed_elsewhere(
    index: CollectionIndex, embedder: CountingEmbedder, store: Store, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    letters = LetterEmbedder()
    with Store(tmp_path / "data", letters) as other:
        list(reindex(other, letters))
        store.close()
        assert hits(other.collection("default"), letters, FERRY) == [FERRY]


def test_a_store_closes_although_its_collection_was_made_again_elsewhere(
    index: CollectionIndex, embedder: CountingEmbedder, store: Store, other_store: Store
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    other_store.delete_collection("default")
    put_texts(other_store.collection("default", create=True), embedder, dogs=DOGS)
    store.close()
    assert hits(other_store.collection("default"), embedder, FERRY) == [DOGS]


def test_reindexing_that_breaks_leaves_the_old_embedder_working(
    index: CollectionIndex, embedder: CountingEmbedder, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    before = index.state()

    def broken(document: Document) -> list[object]:
        if document.document_id == "dogs":
            raise RuntimeError("broken")
        return list(make_cutter(LetterEmbedder()).cut_and_embed(document))

    with (
        Store(tmp_path / "data", LetterEmbedder()) as other,
        pytest.raises(RuntimeError, match="broken"),
    ):
        list(other.reindex("default", "new", broken))  # type: ignore[arg-type]
    assert index.state() == before
    assert hits(index, embedder, FERRY) == [DOGS, FERRY]


def test_reindexing_there_and_back_finds_the_same(
    index: CollectionIndex, embedder: CountingEmbedder, store: Store, tmp_path: Path
) -> None:
    put_texts(index, embedder, ferry=FERRY, dogs=DOGS)
    index.save()
    letters = LetterEmbedder()
    with Store(tmp_path / "data", letters) as other:
        list(reindex(other, letters))
    list(reindex(store, embedder))
    assert hits(store.collection("default"), embedder, FERRY) == [DOGS, FERRY]


# --- threads ---------------------------------------------------------------------------------


def test_threads_search_while_another_ingests_and_deletes(
    index: CollectionIndex, embedder: CountingEmbedder
) -> None:
    put_texts(index, embedder, ferry=FERRY)
    stop, errors, counts = threading.Event(), [], [0, 0]

    def search(number: int) -> None:
        try:
            while not stop.is_set():
                assert FERRY in find(index, embedder, "When does the ferry to Gavdos leave?")
                counts[number] += 1
        except BaseException as exc:  # noqa: BLE001 - it is raised again below
            errors.append(exc)

    threads = [threading.Thread(target=search, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for n in range(12):
        put_texts(index, embedder, **{f"d{n}": f"The ferry number {n} leaves at noon."})
        if n % 3 == 2:
            index.delete(f"d{n - 1}")
    stop.set()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    assert min(counts) > 0
    assert index.count_documents() == 9
