"""The way of sources into the index: what is done again, what is refused, what is stored."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from indexes.store import CollectionIndex, Store
from ingest.pipeline import Cutter, IngestResult, Pipeline
from ingest.sandbox import ParserPool
from ingest.sources import RefusedSource, Source, find_sources
from ragqwen.analysis import terms
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import CountingEmbedder, PlainParser, make_cutter, make_document

Write = Callable[..., list[str]]


@pytest.fixture
def index(store: Store) -> CollectionIndex:
    """Return an empty collection."""
    return store.collection("default", create=True)


@pytest.fixture
def parser() -> PlainParser:
    """Return a reader of plain text that notes what it reads."""
    return PlainParser()


@pytest.fixture
def pipeline(index: CollectionIndex, parser: PlainParser, embedder: CountingEmbedder) -> Pipeline:
    """Return a pipeline of small chunks."""
    return Pipeline(index, parser, make_cutter(embedder))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder for documents."""
    path = tmp_path / "docs"
    path.mkdir()
    return path


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")


def run(pipeline: Pipeline, folder: Path, *more: Source) -> list[IngestResult]:
    return list(pipeline.ingest([*find_sources([str(folder)]), *more]))


def outcomes(results: Sequence[IngestResult]) -> dict[str, str]:
    return {result.name: result.status for result in results}


def corpus(folder: Path, *records: dict[str, object]) -> None:
    (folder / "c.jsonl").write_text("\n".join(json.dumps(record) for record in records))


SECTIONS = [
    f"Those who sail with ferry number {n} should read the rules of it before they come aboard "
    f"with dogs and with bicycles, for ferry number {n} leaves at {n} from the old pier."
    for n in range(1, 7)
]  # each a chunk of its own at 40 words


def test_new_files_are_stored(pipeline: Pipeline, folder: Path, index: CollectionIndex) -> None:
    write(folder, a="The ferry leaves.", b="Dogs stay on deck.")
    results = run(pipeline, folder)
    assert [(r.name, r.status, r.version, r.n_chunks) for r in results] == [
        ("a.txt", "ingested", 1, 1),
        ("b.txt", "ingested", 1, 1),
    ]
    assert index.document(results[0].document_id).text == "The ferry leaves."


def test_what_is_unchanged_is_neither_read_nor_embedded(
    pipeline: Pipeline, folder: Path, parser: PlainParser, embedder: CountingEmbedder
) -> None:
    write(folder, a="The ferry leaves.", b="Dogs stay on deck.")
    run(pipeline, folder)
    parser.names.clear()
    embedder.texts.clear()
    assert set(outcomes(run(pipeline, folder)).values()) == {"unchanged"}
    assert (parser.names, embedder.texts) == ([], [])


def test_what_is_unchanged_leaves_the_revision(
    pipeline: Pipeline, folder: Path, index: CollectionIndex
) -> None:
    write(folder, a="The ferry leaves.")
    run(pipeline, folder)
    before = index.state().revision
    run(pipeline, folder)
    assert index.state().revision == before


def test_what_another_stored_meanwhile_is_unchanged(
    pipeline: Pipeline, folder: Path, index: CollectionIndex
) -> None:
    corpus(folder, *({"_id": f"d{n}", "text": f"Ferry {n}."} for n in range(100)))
    results = pipeline.ingest(find_sources([str(folder)]))
    first = next(results)  # the others are still to be stored when another ingest does it all
    assert {result.status for result in run(pipeline, folder)} == {"unchanged", "ingested"}
    statuses = [first.status, *(result.status for result in results)]
    assert statuses == ["ingested"] * 64 + ["unchanged"] * 36
    assert {info.version for info in index.documents()} == {1}


def test_a_changed_file_becomes_the_next_version(
    pipeline: Pipeline, folder: Path, index: CollectionIndex
) -> None:
    write(folder, a="The ferry leaves at six.")
    (first,) = run(pipeline, folder)
    write(folder, a="The ferry leaves at nine.")
    (second,) = run(pipeline, folder)
    assert (second.status, second.document_id, second.version) == ("ingested", first.document_id, 2)
    assert index.document(first.document_id).text == "The ferry leaves at nine."
    assert index.document(first.document_id, 1).text == "The ferry leaves at six."


def test_of_a_changed_document_only_new_chunks_are_embedded(
    pipeline: Pipeline, folder: Path, embedder: CountingEmbedder
) -> None:
    write(folder, a="\n\n".join(SECTIONS))
    (first,) = run(pipeline, folder)
    assert first.n_chunks == len(embedder.texts) == 6
    embedder.texts.clear()
    changed = [*SECTIONS[:3], SECTIONS[3].replace("dogs", "cats"), *SECTIONS[4:]]
    write(folder, a="\n\n".join(changed))
    run(pipeline, folder)
    assert len(embedder.texts) == 1
    assert "with cats" in embedder.texts[0]


def test_vectors_that_are_kept_are_those_of_their_chunks(
    pipeline: Pipeline, folder: Path, index: CollectionIndex, embedder: CountingEmbedder
) -> None:
    write(folder, a="\n\n".join(SECTIONS))
    run(pipeline, folder)
    write(folder, a="\n\n".join(reversed(SECTIONS)))
    run(pipeline, folder)
    query = embedder.embed_query(f"a.txt\n{SECTIONS[2]}")
    ((chunk_id, cosine),) = index.dense(query, 1)
    assert cosine == pytest.approx(1, abs=1e-3)
    assert index.chunks([chunk_id])[chunk_id].chunk.text == SECTIONS[2]


def test_a_text_that_occurs_twice_is_embedded_once(
    pipeline: Pipeline, folder: Path, embedder: CountingEmbedder
) -> None:
    record = {"title": "Ferry", "text": "The same text."}
    corpus(folder, {"_id": "1", **record}, {"_id": "2", **record})
    assert set(outcomes(run(pipeline, folder)).values()) == {"ingested"}
    assert embedder.texts == ["Ferry\nThe same text."]


def test_another_recipe_cuts_the_same_file_anew(
    index: CollectionIndex, parser: PlainParser, embedder: CountingEmbedder, folder: Path
) -> None:
    write(folder, a="\n\n".join(SECTIONS))
    for chunk_words, n_chunks in ((40, 6), (400, 1)):
        cutter = make_cutter(embedder, chunk_words=chunk_words)
        (result,) = run(Pipeline(index, parser, cutter), folder)  # type: ignore[arg-type]
        assert (result.status, result.n_chunks) == ("ingested", n_chunks)


def test_one_refused_source_does_not_stop_the_others(pipeline: Pipeline, folder: Path) -> None:
    write(folder, a="The ferry.", b="refuse", c="  ", d="Dogs.")
    (folder / "e.txt").symlink_to(folder / "nowhere")
    corpus(folder, {"_id": "1"}, {"_id": "2", "text": "Cats."})
    results = run(pipeline, folder, RefusedSource("x", "x is bad"))
    assert outcomes(results) == {
        "a.txt": "ingested",
        "b.txt": "refused",
        "c.txt": "refused",
        "d.txt": "ingested",
        "e.txt": "refused",
        "c.jsonl:1": "refused",
        "c.jsonl": "ingested",
        "x": "refused",
    }
    assert all(result.reason for result in results if result.status == "refused")


@pytest.mark.parametrize(
    "record",
    [
        {"_id": "\ud800", "text": "a"},
        {"_id": "1", "text": "a\ud800\0"},
        {"_id": "1", "text": "a", "title": "\ud800"},
        {"_id": "1", "text": "a", "metadata": {"\ud800": [{"\ud800": "\ud800"}]}},
        {"_id": "1", "text": "\u200b"},
        {"_id": "1", "text": "\u00ad"},
        {"_id": 10**300, "text": "a"},
    ],
)
def test_an_odd_record_stops_nothing(
    pipeline: Pipeline, folder: Path, record: dict[str, object]
) -> None:
    corpus(folder, record, {"_id": "good", "text": "The ferry."})
    results = run(pipeline, folder)
    assert len(results) == 2
    assert [r.status for r in results if r.document_id == "good"] == ["ingested"]


def test_an_id_twice_in_a_run_with_other_content_is_refused(
    pipeline: Pipeline, folder: Path, index: CollectionIndex
) -> None:
    corpus(folder, {"_id": "1", "text": "One."}, {"_id": "1", "text": "Two."})
    refused, taken = sorted(run(pipeline, folder), key=lambda result: result.status, reverse=True)
    assert (taken.status, refused.status) == ("ingested", "refused")
    assert "'1' came before" in refused.reason
    assert index.document("1").text == "One."


def test_an_id_twice_in_a_run_with_the_same_content_is_stored_once(
    pipeline: Pipeline, folder: Path, index: CollectionIndex
) -> None:
    corpus(folder, {"_id": "1", "text": "One."}, {"_id": "1", "text": "One."})
    assert sorted(r.status for r in run(pipeline, folder)) == ["ingested", "unchanged"]
    assert index.document_info("1").version == 1


def test_more_documents_than_one_commit_takes_are_all_stored(
    pipeline: Pipeline, folder: Path, index: CollectionIndex
) -> None:
    corpus(folder, *({"_id": f"d{n}", "text": f"Ferry {n}."} for n in range(150)))
    assert len(run(pipeline, folder)) == index.count_documents() == 150
    assert 1 < index.state().revision < 150


def test_results_come_while_documents_are_still_to_be_read(
    pipeline: Pipeline, folder: Path
) -> None:
    corpus(folder, *({"_id": f"d{n}", "text": f"Ferry {n}."} for n in range(100)))
    first = next(pipeline.ingest(find_sources([str(folder)])))
    assert first.document_id == "d0"


def test_files_and_records_are_done_in_order(pipeline: Pipeline, folder: Path) -> None:
    write(folder, a="Ferry.", b="Dogs.", d="Cats.")
    corpus(folder, {"_id": "1", "text": "One."}, {"_id": "2", "text": "Two."})
    names = [result.name for result in run(pipeline, folder)]
    assert names == ["a.txt", "b.txt", "c.jsonl", "c.jsonl", "d.txt"]


def test_a_file_goes_all_the_way_through_a_child_process(
    index: CollectionIndex, embedder: CountingEmbedder, folder: Path
) -> None:
    (folder / "a.md").write_text("# Dogs\n\nDogs stay on the upper deck.\n")
    with ParserPool(1, 60) as parser:
        (result,) = run(Pipeline(index, parser, make_cutter(embedder)), folder)
    document = index.document(result.document_id)
    assert (document.title, document.media_type) == ("Dogs", "text/markdown")
    assert document.text == "Dogs\n\nDogs stay on the upper deck."


def test_chunks_are_stored_and_indexed_in_their_own_language(
    pipeline: Pipeline, index: CollectionIndex, folder: Path
) -> None:
    english = "The ferry leaves the old harbour at six in the morning, and in winter at seven."
    thai = "เรือข้ามฟากออกจากท่าเรือเก่าตอนหกโมงเช้า สุนัขต้องอยู่บนดาดฟ้าชั้นบน"
    write(folder, a=f"{english}\n\n{english}\n\n{english}\n\n{thai}")
    run(pipeline, folder)
    (found, _), *_ = index.lexical(terms("ดาดฟ้า"), 5)
    stored = index.chunks([found])[found]
    assert (stored.chunk.language, stored.chunk.text) == ("tha_Thai", thai)
    (about,) = index.documents()
    assert about.language == "eng_Latn"
    document = index.document(about.document_id)
    assert [block.language for block in document.blocks] == ["eng_Latn"] * 3 + ["tha_Thai"]


def test_a_chunk_has_few_vectors_however_many_sentences(tmp_path: Path) -> None:
    text = " ".join(f"A{n}! " for n in range(300)) + "Tea. " * 300
    document = make_document("d", text)
    cutter = Cutter(StaticEmbedder(), chunk_words=10_000, chunk_tokens=100_000)
    (chunk,) = cutter.cut_and_embed(document)
    assert 2 < len(chunk.vectors) <= 48
