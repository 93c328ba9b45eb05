"""Errors over HTTP: all of them are problem responses (RFC 9457)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from indexes.store import Store
from tests.api.conftest import HARBOUR, Collection
from tests.api.contract import sse_events
from tests.fakes import LetterEmbedder, ScriptedChat, put_texts

QUESTION = "What is the harbour fee?"


class BrokenChat(ScriptedChat):
    """Fails in a way that nobody has foreseen."""

    def _stream(self, *_: Any, **__: Any) -> Iterator[Any]:
        raise ZeroDivisionError("a secret detail")


def assert_problem(response: Any, status: int, *words: str) -> None:
    body = response.json()
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    for word in words:
        assert word in body["detail"]


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("get", "/nowhere", "/nowhere"),
        ("get", "/v1/collections/none/documents", "'none'"),
        ("get", "/v1/collections/none/documents/x", "'none'"),
        ("delete", "/v1/collections/none", "'none'"),
        ("delete", "/v1/collections/none/documents/x", "'none'"),
    ],
)
def test_what_is_not_there_is_404(client: TestClient, method: str, path: str, word: str) -> None:
    assert_problem(client.request(method, path), 404, word)


@pytest.mark.parametrize("path", ["ask", "ask/stream"])
def test_a_question_to_no_collection_is_404(collection: Collection, path: str) -> None:
    assert_problem(collection.post(path, question=QUESTION), 404, collection.name)


def test_a_search_in_no_collection_is_404(collection: Collection) -> None:
    assert_problem(collection.post("search", query="fee"), 404, collection.name)


def test_an_unknown_document_or_version_is_404(harbour: Collection) -> None:
    assert_problem(harbour.get("documents/gone"), 404, "'gone'")
    assert_problem(harbour.get("documents/harbour", version=7), 404, "version 7")
    assert_problem(harbour.delete("documents/gone"), 404, "'gone'")


def test_another_method_is_405_with_those_allowed(client: TestClient) -> None:
    response = client.put("/v1/collections")
    assert_problem(response, 405, "PUT /v1/collections")
    assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "body", "word"),
    [
        ("ask", {}, "body.question"),
        ("ask", {"question": ""}, "body.question"),
        ("ask", {"question": " \n "}, "body.question"),
        ("ask", {"question": "x" * 20_001}, "body.question"),
        ("ask", {"question": 7}, "body.question"),
        ("ask", {"question": QUESTION, "k": 0}, "body.k"),
        ("ask", {"question": QUESTION, "thinking": True}, "body.thinking"),
        ("ask/stream", {"question": " "}, "body.question"),
        ("search", {"query": ""}, "body.query"),
        ("search", {"query": "x", "k": 201}, "body.k"),
        ("search", {"query": "x", "retriever": "psychic"}, "'hybrid', 'dense' or 'lexical'"),
    ],
)
def test_a_bad_body_is_422_and_says_where(
    harbour: Collection, path: str, body: dict[str, Any], word: str
) -> None:
    response = harbour.post(path, **body)
    assert_problem(response, 422, word)
    assert response.json()["errors"]


@pytest.mark.parametrize("body", [b'{"question":', b"\xff\xfe", b"[]", b'{"question": "\\ud800"}'])
def test_a_body_that_is_no_question_is_422(harbour: Collection, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    url = f"{harbour.url}/ask"
    assert_problem(harbour.client.post(url, content=body, headers=headers), 422, "body")


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"offset": -1}, {"offset": 10**20}, {"limit": "x"}]
)
def test_an_impossible_page_is_422(harbour: Collection, query: dict[str, Any]) -> None:
    assert_problem(harbour.get(**query), 422, f"query.{next(iter(query))}")


@pytest.mark.parametrize("version", [0, -1, 10**20, "x"])
def test_an_impossible_version_is_422(harbour: Collection, version: Any) -> None:
    assert_problem(harbour.get("documents/harbour", version=version), 422, "query.version")


def test_an_upload_without_files_is_422(collection: Collection) -> None:
    response = collection.client.post(f"{collection.url}/documents")
    assert_problem(response, 422, "body.files")


def test_a_bad_collection_name_is_422(client: TestClient) -> None:
    response = Collection(client, "%20").upload(("a.txt", HARBOUR))
    assert_problem(response, 422, "can't be a collection's name")


def test_a_body_that_says_it_is_too_large_is_413(collection: Collection) -> None:
    assert_problem(collection.upload(("a.txt", b"a" * 3_000_000)), 413, "2,097,152 bytes")


def test_a_body_that_turns_out_too_large_is_413(collection: Collection) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--b\r\ncontent-disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        yield from (b"a" * 100_000 for _ in range(30))
        yield b"\r\n--b--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=b"}
    url = f"{collection.url}/documents"
    response = collection.client.post(url, content=pieces(), headers=headers)
    assert_problem(response, 413, "2,097,152 bytes")
    assert collection.get().status_code == 404


def test_an_index_of_another_embedder_is_409(
    make_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    with Store(tmp_path, LetterEmbedder()) as store:
        put_texts(store.collection("c", create=True), LetterEmbedder(), harbour=HARBOUR)
    collection = Collection(make_client(data_dir=tmp_path), "c")
    for response in (
        collection.post("ask", question=QUESTION),
        collection.post("ask/stream", question=QUESTION),
        collection.upload(("a.txt", HARBOUR)),
    ):
        assert_problem(response, 409, "fake:letters:32", "ragqwen reindex")
    assert collection.client.get("/v1/collections").json()["collections"][0]["name"] == "c"


def test_an_unforeseen_error_is_500_without_its_details(
    make_client: Callable[..., TestClient],
) -> None:
    collection = Collection(make_client(chat=BrokenChat(pieces=[])), "c")
    collection.upload(("harbour.txt", HARBOUR))
    response = collection.post("ask", question=QUESTION)
    assert_problem(response, 500, "ZeroDivisionError")
    assert "secret" not in response.text


def test_a_server_that_is_down_is_503(make_client: Callable[..., TestClient]) -> None:
    client = make_client(llm_base_url="http://127.0.0.1:9/v1", llm_model="q")
    collection = Collection(client, "c")
    collection.upload(("harbour.txt", HARBOUR))
    assert_problem(
        collection.post("ask", question=QUESTION), 503, "http://127.0.0.1:9/v1 can't be reached"
    )
    events = sse_events(collection.post("ask/stream", question=QUESTION).text)
    assert [name for name, _ in events] == ["passages", "error"]
    assert events[-1][1]["status"] == 503
