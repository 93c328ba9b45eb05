"""What paths, corpora, standard input and uploads name."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources import (
    FileSource,
    RecordSource,
    RefusedSource,
    count_sources,
    document_id_for,
    find_sources,
    read_corpus,
    stdin_sources,
    upload_source,
    upload_sources,
)
from ragqwen.errors import InputError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
keys = st.sampled_from(["_id", "id", "text", "title", "metadata", "language"])


def names(*paths: str) -> list[str]:
    return [source.name for source in find_sources(paths)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a.txt, b/c.txt, b/d.md and hidden files."""
    for name in ("a.txt", "b/c.txt", "b/d.md", ".hidden", "b/.git/config", ".cache/e.txt"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "docs"


def test_a_folder_is_walked_in_order_without_hidden_files(folder: Path) -> None:
    assert names(str(folder)) == ["a.txt", "c.txt", "d.md"]


def test_a_hidden_file_that_is_named_is_taken(folder: Path) -> None:
    assert names(str(folder / ".hidden")) == [".hidden"]


def test_a_glob_names_files_in_order(folder: Path) -> None:
    assert names(str(folder / "**" / "*.txt")) == ["a.txt", "c.txt"]


def test_a_file_whose_name_is_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("one")
    assert names(str(tmp_path / "a[1].txt")) == ["a[1].txt"]


@pytest.mark.parametrize("given_path", ["nothing.txt", "none/*.txt"])
def test_a_path_that_names_nothing_is_refused(tmp_path: Path, given_path: str) -> None:
    path = str(tmp_path / given_path)
    assert list(find_sources([path])) == [
        RefusedSource(path, f"{path}: there is no such file or folder")
    ]


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert list(find_sources([str(tmp_path)])) == [RefusedSource("pipe", "pipe is no regular file")]


def test_sources_are_counted_before_they_are_read(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text('{"_id":"1","text":"a"}\n\nbad\n')
    paths = [str(folder), str(folder / "*.txt")]
    assert count_sources(paths) == len(list(find_sources(paths))) == 6


def test_the_same_file_has_the_same_id_from_anywhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absolute = next(find_sources([str(folder / "a.txt")]))
    monkeypatch.chdir(folder)
    assert next(find_sources(["a.txt"])).document_id == absolute.document_id  # type: ignore[union-attr]


def test_files_of_one_name_in_two_folders_have_two_ids(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text("same")
    first, second = find_sources([str(tmp_path)])
    assert first.document_id != second.document_id  # type: ignore[union-attr]


@pytest.mark.parametrize("name", [b"f\xe9.txt", b"f\xe9.jsonl", b"f\xe9.gone"])
def test_a_name_that_is_no_text_is_shown_as_one(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    if path.suffix != ".gone":
        path.write_text("x")
    (source,) = find_sources([str(path)])
    assert Path(source.name).stem.startswith("f\ufffd")
    repr(source.name).encode("utf-8")
    if isinstance(source, FileSource):
        assert source.read_content_hash()


@given(st.text(st.characters(exclude_categories=())), st.text())
def test_an_id_is_short_and_plain(name: str, origin: str) -> None:
    document_id = document_id_for(name, origin)
    assert len(document_id) <= 69
    assert document_id[0] not in "-."
    assert not set(document_id) & set("/\\ \n\0?#%&")
    document_id.encode("utf-8")


def test_an_id_keeps_the_letters_of_a_name_in_any_script() -> None:
    assert document_id_for("ကူးတို့ စည်းမျဉ်း.pdf", "x").startswith("ကူးတို့-စည်းမျဉ်း.pdf-")


# --- corpora ---------------------------------------------------------------------------------


def read(*lines: object, language: str | None = None) -> list[object]:
    encoded = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return list(read_corpus(encoded, "c.jsonl", language))


def test_a_record_is_a_document() -> None:
    (source,) = read({"_id": "7", "title": "Ferry", "text": "At six.\n\nOr noon."})
    assert isinstance(source, RecordSource)
    assert (source.document_id, source.content.title) == ("7", "Ferry")
    assert [element.text for element in source.content.elements] == ["At six.", "Or noon."]


@pytest.mark.parametrize(
    ("record", "document_id"),
    [({"_id": 7}, "7"), ({"_id": 1}, "1"), ({"_id": 0}, "0"), ({"id": "x"}, "x")],
)
def test_a_number_or_another_key_may_be_the_id(record: dict[str, object], document_id: str) -> None:
    (source,) = read({**record, "text": "a"})
    assert source.document_id == document_id  # type: ignore[attr-defined]


def test_a_record_s_language_goes_before_that_of_all() -> None:
    sources = read(
        {"_id": "1", "text": "a", "language": "my"},
        {"_id": "2", "text": "a"},
        language="deu_Latn",
    )
    assert [source.language for source in sources] == ["mya_Mymr", "deu_Latn"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{broken", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"text": "a"}', "no id"),
        ('{"_id": "", "text": "a"}', "no id"),
        ('{"_id": true, "text": "a"}', "no id"),
        ('{"_id": "x\\ud800", "text": "a"}', "can't be a document's id"),
        ('{"_id": "x\\u0000", "text": "a"}', "can't be a document's id"),
        ('{"_id": "x"}', "document x: no text"),
        ('{"_id": "x", "text": " "}', "document x: no text"),
        ('{"_id": "x", "text": ["a"]}', "document x: no text"),
        ('{"_id": "x", "text": "a", "title": ["a"]}', '"title" is not a string'),
        ('{"_id": "x", "text": "a", "metadata": [1]}', '"metadata" is not an object'),
        ('{"_id": "x", "text": "a", "language": "xx"}', "not one of the 119"),
    ],
)
def test_a_bad_line_is_refused_by_its_number_and_the_next_is_read(line: str, why: str) -> None:
    blank, good = "\n", '{"_id": "good", "text": "a"}'
    refused, taken = read(blank, line, good)
    assert isinstance(refused, RefusedSource)
    assert refused.name == "c.jsonl:2"
    assert refused.reason.startswith("c.jsonl, line 2: ")
    assert why in refused.reason
    assert isinstance(taken, RecordSource)


@given(st.dictionaries(keys, json_values) | json_values)
def test_any_json_is_a_record_or_refused(value: object) -> None:
    (source,) = read(json.dumps(value))
    assert isinstance(source, RecordSource | RefusedSource)
    if isinstance(source, RecordSource):
        source.document_id.encode("utf-8")


def test_a_record_s_hash_tells_of_any_change() -> None:
    record = {"_id": "1", "text": "a", "title": "b", "metadata": {"c": 1}}
    changes = [{"text": "x"}, {"title": "x"}, {"metadata": {"c": 2}}, {"language": "deu_Latn"}]
    sources = read(record, *({**record, **change} for change in changes))
    assert len({source.content_hash for source in sources}) == 5  # type: ignore[attr-defined]


def test_the_order_of_keys_does_not_change_a_record_s_hash() -> None:
    one, other = read(
        {"_id": "1", "text": "a", "title": "b"}, {"title": "b", "text": "a", "_id": "1"}
    )
    assert one == other


def test_a_corpus_in_a_folder_is_read_line_by_line(tmp_path: Path) -> None:
    corpus = b'{"_id":"1","text":"a \xff"}\n{"_id":"2","text":"b"}\n'
    (tmp_path / "c.jsonl").write_bytes(corpus)
    assert [s.document_id for s in find_sources([str(tmp_path)])] == ["1", "2"]  # type: ignore[union-attr]


# --- standard input and uploads --------------------------------------------------------------


def from_stdin(tmp_path: Path, content: str) -> list[object]:
    path = tmp_path / "kept"
    path.write_text(content)
    return list(stdin_sources(path, "notes.md", None))


def test_standard_input_that_begins_as_a_corpus_is_one(tmp_path: Path) -> None:
    first, second = from_stdin(tmp_path, '\n{"_id": "1", "text": "a"}\nbad')
    assert isinstance(first, RecordSource)
    assert isinstance(second, RefusedSource)
    assert second.name == "notes.md:3"


@pytest.mark.parametrize("content", ["# Plain", '{"name": "other JSON"}', "[1]", "", "[" * 100_000])
def test_any_other_standard_input_is_one_file(tmp_path: Path, content: str) -> None:
    (source,) = from_stdin(tmp_path, content)
    assert isinstance(source, FileSource)
    assert source.name == "notes.md"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\docs\\a.txt", "a.txt"),
        ("a/b/", "b"),
        ("..", "upload"),
        ("a/..", "upload"),
        ("", "upload"),
        ("/", "upload"),
    ],
)
def test_of_an_upload_s_name_the_last_part_stays(name: str, kept: str) -> None:
    source = upload_source(Path("/tmp/x"), name, None, None)
    assert source.name == kept
    assert (source.path, source.document_id) == (  # type: ignore[union-attr]
        Path("/tmp/x"),
        document_id_for(kept, f"upload:{kept}"),
    )


def test_an_upload_may_bring_its_id_and_language() -> None:
    source = upload_source(Path("/tmp/x"), "a.txt", "mine", "deu_Latn")
    assert source == FileSource(Path("/tmp/x"), "a.txt", "mine", "deu_Latn")


def test_an_uploaded_corpus_is_its_records(tmp_path: Path) -> None:
    corpus = tmp_path / "0"
    corpus.write_text('{"_id": "a", "text": "One."}\n{"_id": "b"}\n', "utf-8")
    one, two = upload_sources(corpus, "c.jsonl", None, None)
    assert isinstance(one, RecordSource)
    assert (one.document_id, one.content.title) == ("a", "a")
    assert isinstance(two, RefusedSource)
    assert "line 2" in two.reason


def test_an_uploaded_corpus_takes_no_id(tmp_path: Path) -> None:
    corpus = tmp_path / "0"
    corpus.write_text('{"_id": "a", "text": "One."}\n', "utf-8")
    with pytest.raises(InputError, match="its records have ids"):
        upload_sources(corpus, "c.jsonl", "mine", None)
