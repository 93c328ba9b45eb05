"""`ragqwen ask`, `search`, `list`, `show`, `delete`, `reindex` and `collections`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli import main
from indexes.store import Store
from ragqwen import messages
from ragqwen.static_embedding import StaticEmbedder
from tests.api.conftest import GRUETZE, HARBOUR, CommandLine
from tests.fakes import LetterEmbedder, put_texts

BUILTIN = StaticEmbedder().fingerprint
QUESTION = "What is the harbour fee?"
ANSWER_KEYS = {
    "question",
    "answer",
    "answerable",
    "language",
    "citations",
    "removed_markers",
    "unsupported_claims",
    "passages",
    "model",
    "notices",
    "thinking",
    "timings_ms",
    "searches",
}


def test_an_answer_quotes_and_cites(filled: CommandLine) -> None:
    said = filled.run("ask", QUESTION).stdout
    assert said.startswith("The harbour fee is 12 euros. [1]\n")
    assert "\n[1] harbour (corpus.jsonl), characters 0-28 of harbour v1\n" in said


def test_an_answer_as_json_has_every_field(filled: CommandLine) -> None:
    answer = filled.json("ask", QUESTION)
    assert set(answer) == ANSWER_KEYS
    assert answer["answerable"] is True
    assert answer["model"] == "extractive"
    assert answer["language"] == "eng_Latn"


@pytest.mark.parametrize(
    "question",
    [QUESTION, "Where do owls sleep by day?", "Wie hoch ist die Gebühr für die Grützmühle?"],
)
def test_every_quote_is_a_span_of_what_show_prints(filled: CommandLine, question: str) -> None:
    answer = filled.json("ask", question)
    assert answer["citations"]
    for cited in answer["citations"]:
        text = filled.run("show", cited["document_id"]).stdout
        assert text[cited["start"] : cited["end"]] == cited["quote"]


def test_every_marker_in_an_answer_is_a_citation(filled: CommandLine) -> None:
    answer = filled.json("ask", QUESTION)
    for cited in answer["citations"]:
        assert f"{cited['quote']} {cited['marker']}" in answer["answer"]


def test_every_passage_is_a_span_of_what_show_prints(filled: CommandLine) -> None:
    passages = filled.json("search", "fee")["passages"]
    assert passages
    for passage in passages:
        text = filled.run("show", passage["document_id"]).stdout
        assert text[passage["start"] : passage["end"]] == passage["text"]


def test_a_refusal_says_so_and_quotes_nothing(filled: CommandLine) -> None:
    answer = filled.json("ask", "Who won the chess championship in Reykjavik?")
    assert answer["answer"] == messages.NOT_FOUND
    assert answer["answerable"] is False
    assert answer["citations"] == []


@pytest.mark.parametrize("given", ["deu_Latn", "de-AT"])
def test_an_answer_comes_in_the_language_asked_for(filled: CommandLine, given: str) -> None:
    answer = filled.json("ask", "Who won the chess championship?", "--language", given)
    assert answer["answer"] == messages.translated(messages.NOT_FOUND, "deu_Latn")
    assert answer["language"] == "deu_Latn"


def test_each_citation_has_the_language_of_its_paragraph(cli: CommandLine, tmp_path: Path) -> None:
    both = tmp_path / "both.txt"
    both.write_text(f"{HARBOUR}\n\n{HARBOUR.replace('12', '14')}\n\n{GRUETZE}", "utf-8")
    cli.run("ingest", both)
    questions = (QUESTION, "Wie hoch ist die Gebühr für die Grützmühle?")
    cited = [cli.json("ask", question)["citations"][0]["language"] for question in questions]
    assert cited == ["eng_Latn", "deu_Latn"]


def test_an_answer_in_no_known_language_is_refused(filled: CommandLine) -> None:
    said = filled.run("ask", QUESTION, "--language", "tlh", exit_code=1).stderr
    assert "'tlh' is not one of the 119 languages" in said


def test_a_refusal_for_a_person_shows_the_nearest_passages(filled: CommandLine) -> None:
    question = "Who won the chess championship in Reykjavik?"
    said = filled.run("ask", question).stdout
    (found, *_) = filled.json("ask", question)["passages"]
    assert said.startswith(messages.NOT_FOUND + "\n\nNearest passages:\n 1. ")
    assert f"characters {found['start']}-{found['end']} of {found['document_id']} v1" in said


def test_marks_and_emoji_find_nothing(filled: CommandLine) -> None:
    assert filled.run("ask", "?").stdout == messages.NOT_FOUND + "\n"
    assert filled.run("search", "🙂").stdout == "Nothing found.\n"


def test_an_answer_for_a_person_shows_no_passages_beside_it(filled: CommandLine) -> None:
    assert "Nearest passages" not in filled.run("ask", QUESTION).stdout


def test_it_is_said_that_no_language_model_is_configured(filled: CommandLine) -> None:
    assert messages.NO_MODEL in filled.run("ask", QUESTION).stderr
    assert messages.NO_MODEL in filled.json("ask", QUESTION)["notices"]


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize("text", ["", "  \t "])
def test_a_blank_question_is_refused(filled: CommandLine, command: str, text: str) -> None:
    assert "is empty" in filled.run(command, text, exit_code=2).stderr


@pytest.mark.parametrize("command", ["ask", "search"])
def test_a_question_with_bytes_that_are_no_text_is_asked(filled: CommandLine, command: str) -> None:
    found = filled.json(command, "harbour fee \udcff")
    assert found["passages"][0]["document_id"] == "harbour"


def test_search_prints_passages_best_first(filled: CommandLine) -> None:
    first = filled.run("search", "harbour fee").stdout.splitlines()[:2]
    assert first[0].startswith(" 1. ")
    assert "(corpus.jsonl), characters 0-" in first[0]
    assert first[1].strip() == HARBOUR


def test_search_as_json_has_scores_that_fall(filled: CommandLine) -> None:
    found = filled.json("search", "fee", "-k", "3")
    scores = [passage["score"] for passage in found["passages"]]
    assert set(found) == {"query", "language", "passages"}
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)


def test_search_gives_no_more_than_k(filled: CommandLine) -> None:
    assert len(filled.json("search", "fee", "-k", "1")["passages"]) == 1


def test_search_by_words_finds_only_what_has_them(filled: CommandLine) -> None:
    found = filled.json("search", "Grützmühle", "--retriever", "lexical")["passages"]
    assert [passage["document_id"] for passage in found] == ["gruetze"]
    assert filled.run("search", "xyzzy", "--retriever", "lexical").stdout == "Nothing found.\n"


def test_list_names_each_document(filled: CommandLine) -> None:
    result = filled.run("list")
    assert result.stdout.splitlines()[0] == (
        f"gruetze  v1  deu_Latn  {len(GRUETZE)} chars  gruetze"
    )
    assert result.stderr == "3 documents in 'default'\n"


def test_list_as_json_has_every_field(filled: CommandLine) -> None:
    assert set(filled.json("list")[0]) == {
        "document_id",
        "version",
        "title",
        "source",
        "media_type",
        "language",
        "content_hash",
        "created_at",
        "n_chars",
        "n_chunks",
        "metadata",
    }


def test_collections_are_listed(filled: CommandLine) -> None:
    assert filled.run("collections").stdout == f"default  3 documents  {BUILTIN}\n"
    (found,) = filled.json("collections")
    assert set(found) == {"name", "n_documents", "embedder", "dimension", "revision"}


def test_without_documents_there_are_no_collections(cli: CommandLine) -> None:
    assert cli.json("collections") == []


def test_what_is_deleted_answers_no_more(filled: CommandLine) -> None:
    assert filled.run("delete", "harbour").stdout == "deleted harbour\n"
    assert filled.ids() == ["gruetze", "owls"]
    answer = filled.json("ask", QUESTION)
    assert HARBOUR[:28] not in str(answer)
    assert all(p["document_id"] != "harbour" for p in answer["passages"])


def test_several_documents_are_deleted_at_once(filled: CommandLine) -> None:
    filled.run("delete", "harbour", "owls")
    assert filled.ids() == ["gruetze"]


def test_reindex_answers_as_before(filled: CommandLine) -> None:
    before = filled.json("ask", QUESTION)["citations"]
    said = filled.run("reindex").stdout
    assert said == f"reindexed 3 documents with {BUILTIN}\n"
    assert filled.json("ask", QUESTION)["citations"] == before


def test_reindex_takes_a_new_chunk_size(
    filled: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / "long.jsonl"
    sentences = " ".join(f"Room {n} holds {n} chairs and one table." for n in range(60))
    long.write_text(f'{{"_id": "long", "text": "{sentences}"}}')
    filled.run("ingest", long)
    n_chunks = {item["document_id"]: item["n_chunks"] for item in filled.json("list")}["long"]
    monkeypatch.setenv("RAGQWEN_CHUNK_WORDS", "20")
    filled.run("reindex")
    again = {item["document_id"]: item["n_chunks"] for item in filled.json("list")}["long"]
    assert again > 2 * n_chunks


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", QUESTION),
        ("search", "fee"),
        ("list",),
        ("show", "harbour"),
        ("delete", "harbour"),
        ("reindex",),
    ],
)
def test_an_unknown_collection_is_named(filled: CommandLine, arguments: tuple[str, ...]) -> None:
    said = filled.run(*arguments, "-c", "attic", exit_code=1).stderr
    assert said.startswith("Error: there is no collection 'attic'")


@pytest.mark.parametrize("command", ["show", "delete"])
def test_an_unknown_document_is_named(filled: CommandLine, command: str) -> None:
    said = filled.run(command, "nothing", exit_code=1).stderr
    assert said == "Error: there is no document 'nothing' in collection 'default'\n"


def test_an_unknown_version_is_named(filled: CommandLine) -> None:
    said = filled.run("show", "harbour", "--version", "7", exit_code=1).stderr
    assert "'harbour' version 7" in said


@pytest.mark.parametrize("version", ["0", "-1", "x", "99999999999999999999"])
def test_an_impossible_version_is_refused(filled: CommandLine, version: str) -> None:
    assert "--version" in filled.run("show", "harbour", "--version", version, exit_code=2).stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"RAGQWEN_CHUNK_WORDS": "abc"}, "RAGQWEN_CHUNK_WORDS: Input should be a valid integer"),
        ({"RAGQWEN_CHUNK_WORDS": "3"}, "RAGQWEN_CHUNK_WORDS: Input should be greater than"),
        ({"RAGQWEN_LLM_MODEL": "q"}, "set both or neither"),
        ({"RAGQWEN_LLM_BASE_URL": "http://127.0.0.1:1/v1"}, "set both or neither"),
        ({"RAGQWEN_LLM_BASE_URL": "x", "RAGQWEN_LLM_MODEL": "q"}, "RAGQWEN_LLM_BASE_URL: "),
    ],
)
def test_a_bad_setting_is_named(
    filled: CommandLine, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    said = filled.run("ask", QUESTION, exit_code=1).stderr
    assert said.startswith("Error: ")
    assert message in said


def test_an_index_of_another_embedder_is_refused_with_the_way_out(
    cli: CommandLine,
) -> None:
    with Store(cli.data_dir, LetterEmbedder()) as store:
        index = store.collection("default", create=True)
        put_texts(index, LetterEmbedder(), harbour=HARBOUR)
    said = cli.run("ask", QUESTION, exit_code=1).stderr
    assert f"by fake:letters:32, but {BUILTIN} is configured" in said
    assert "ragqwen reindex" in said
    cli.run("reindex")
    assert cli.json("ask", QUESTION)["answerable"]


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    said = CommandLine(tmp_path / "file").run("list", exit_code=1).stderr
    assert said.startswith("Error: ")
    assert str(tmp_path / "file") in said


def test_a_data_folder_may_have_any_name(corpus: Path, tmp_path: Path) -> None:
    data = tmp_path / "a b?c=1&d#e%20f"
    CommandLine(data).run("ingest", corpus)
    assert (data / "catalogue.sqlite").is_file()
    assert CommandLine(data).json("ask", QUESTION)["answerable"]


def test_a_damaged_catalogue_is_refused(cli: CommandLine) -> None:
    cli.data_dir.mkdir()
    (cli.data_dir / "catalogue.sqlite").write_bytes(b"no database at all" * 100)
    said = cli.run("list", exit_code=1).stderr
    assert "catalogue.sqlite can't be opened as a catalogue" in said


@pytest.mark.parametrize("name", [None, *sorted(main.commands)])
def test_every_command_has_help(name: str | None) -> None:
    result = CliRunner().invoke(main, [*([name] if name else []), "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert len(result.stdout.splitlines()) > 4


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == "ragqwen, version 0.1.0\n"
