"""Documents over HTTP: upload, list, read, delete."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import HARBOUR, OWLS, Collection
from tests.ingest.making import make_docx

QUESTION = "What is the harbour fee?"


def test_an_upload_is_stored_and_answers(collection: Collection) -> None:
    response = collection.upload(("harbour.txt", HARBOUR))
    assert response.status_code == 201
    (result,) = response.json()["results"]
    assert (result["name"], result["status"], result["version"]) == ("harbour.txt", "ingested", 1)
    answer = collection.post("ask", question=QUESTION).json()
    assert answer["citations"][0]["document_id"] == result["document_id"]


def test_many_files_are_uploaded_at_once(collection: Collection) -> None:
    files = [(f"{n}.txt", f"Room number {n} is painted green.") for n in range(5)]
    response = collection.upload(*files)
    assert response.status_code == 201
    assert [result["name"] for result in response.json()["results"]] == [name for name, _ in files]
    assert collection.get().json()["total"] == 5


def test_an_office_file_is_read(collection: Collection, tmp_path: Path) -> None:
    content = make_docx(tmp_path / "a.docx").read_bytes()
    (result,) = collection.upload(("rules.docx", content)).json()["results"]
    document = collection.get(f"documents/{result['document_id']}").json()
    assert document["title"] == "Ferry rules"
    assert "Children travel free." in document["text"]


@pytest.mark.parametrize("bad_first", [True, False])
def test_one_bad_file_of_two_gives_both_outcomes_in_order(
    collection: Collection, bad_first: bool
) -> None:
    files = [("bad.pdf", ""), ("owls.txt", OWLS)]
    response = collection.upload(*files if bad_first else reversed(files))
    assert response.status_code == 201
    outcomes = [(item["name"], item["status"]) for item in response.json()["results"]]
    expected = [("bad.pdf", "refused"), ("owls.txt", "ingested")]
    assert outcomes == (expected if bad_first else expected[::-1])


def test_files_of_one_name_keep_their_order(collection: Collection) -> None:
    response = collection.upload(("a.txt", HARBOUR), ("b.txt", OWLS), ("a.txt", "Bees dance."))
    outcomes = [(item["name"], item["status"]) for item in response.json()["results"]]
    assert outcomes == [("a.txt", "ingested"), ("b.txt", "ingested"), ("a.txt", "refused")]


def test_only_bad_files_are_a_problem_with_each_reason(collection: Collection) -> None:
    response = collection.upload(("a.pdf", b""), ("b.docx", b"PK\x03\x04 rubbish"))
    assert response.status_code == 422
    results = response.json()["results"]
    assert [result["status"] for result in results] == ["refused", "refused"]
    assert all(result["name"] in result["reason"] for result in results)


def test_the_same_upload_again_changes_nothing(harbour: Collection) -> None:
    response = harbour.upload(("harbour.txt", HARBOUR), document_id="harbour")
    assert response.status_code == 200
    assert [result["status"] for result in response.json()["results"]] == ["unchanged"]
    assert harbour.get("documents/harbour").json()["version"] == 1


def test_a_changed_upload_answers_instead_of_the_old(harbour: Collection) -> None:
    changed = HARBOUR.replace("12 euros", "99 euros")
    assert harbour.upload(("harbour.txt", changed), document_id="harbour").status_code == 201
    answer = harbour.post("ask", question=QUESTION).json()
    assert "99 euros" in answer["answer"]
    assert "12 euros" not in str(answer["passages"])


def test_an_older_version_keeps_its_text(harbour: Collection) -> None:
    harbour.upload(("owls.txt", OWLS), document_id="harbour")
    now = harbour.get("documents/harbour").json()
    old = harbour.get("documents/harbour", version=1).json()
    assert (now["version"], now["text"]) == (2, OWLS)
    assert (old["version"], old["text"], old["n_chars"]) == (1, HARBOUR, len(HARBOUR))
    assert old["content_hash"] != now["content_hash"]


def test_an_older_version_is_described_as_it_was(harbour: Collection) -> None:
    before = harbour.get("documents/harbour").json()
    harbour.upload(("owls.html", f"<p>{OWLS}</p>"), document_id="harbour")
    old = harbour.get("documents/harbour", version=1).json()
    assert old == before | {"n_chunks": 0}


def test_the_language_can_be_given(collection: Collection) -> None:
    for name, given in (("a", "mya_Mymr"), ("b", "zh-TW")):
        collection.upload((f"{name}.txt", HARBOUR), document_id=name, language=given)
    found = [collection.get(f"documents/{name}").json()["language"] for name in ("a", "b")]
    assert found == ["mya_Mymr", "zho_Hant"]


def test_a_bad_language_is_refused_before_anything_is_made(collection: Collection) -> None:
    response = collection.upload(("a.txt", HARBOUR), language="burmese")
    assert response.status_code == 422
    assert "'burmese'" in response.json()["detail"]
    assert collection.get().status_code == 404


def test_one_id_for_two_files_is_refused(collection: Collection) -> None:
    response = collection.upload(("a.txt", HARBOUR), ("b.txt", OWLS), document_id="x")
    assert response.status_code == 422
    assert "2 files" in response.json()["detail"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\evil.txt", "/abs/evil.txt"])
def test_a_name_with_a_path_loses_it(collection: Collection, name: str) -> None:
    (result,) = collection.upload((name, OWLS)).json()["results"]
    assert result["status"] == "ingested"
    assert result["name"] in ("passwd", "evil.txt")


@pytest.mark.parametrize("document_id", ["a/b/c.txt", "two words", "ਪੰਜਾਬੀ?#&=+", "..a", "é" * 80])
def test_any_id_makes_the_round_trip(collection: Collection, document_id: str) -> None:
    collection.upload(("a.txt", OWLS), document_id=document_id)
    assert collection.get().json()["documents"][0]["document_id"] == document_id
    path = f"documents/{quote(document_id, safe='')}"
    assert collection.get(path).json()["document_id"] == document_id
    assert collection.delete(path).status_code == 204
    assert collection.get(path).status_code == 404


@pytest.mark.parametrize("document_id", ["a\nb", "a\x00b", "x" * 501])
def test_an_id_that_no_one_could_type_is_refused(collection: Collection, document_id: str) -> None:
    response = collection.upload(("a.txt", OWLS), document_id=document_id)
    assert response.status_code == 422
    assert "can't be a document's id" in response.json()["detail"]


def test_the_list_comes_in_pages(collection: Collection) -> None:
    collection.upload(*[(f"{n}.txt", f"Room number {n} is painted green.") for n in range(5)])
    pages = [collection.get(limit=2, offset=offset).json() for offset in (0, 2, 4, 6)]
    assert [page["total"] for page in pages] == [5] * 4
    assert [page["offset"] for page in pages] == [0, 2, 4, 6]
    assert [len(page["documents"]) for page in pages] == [2, 2, 1, 0]
    ids = [item["document_id"] for page in pages for item in page["documents"]]
    assert ids == sorted(set(ids))


def test_what_is_deleted_answers_no_more(harbour: Collection) -> None:
    harbour.upload(("owls.txt", OWLS), document_id="owls")
    assert harbour.delete("documents/harbour").status_code == 204
    answer = harbour.post("ask", question=QUESTION).json()
    assert not answer["answerable"]
    assert "12 euros" not in str(answer)


def test_collections_are_apart(client: TestClient, harbour: Collection) -> None:
    other = Collection(client, f"{harbour.name}-other")
    other.upload(("owls.txt", OWLS))
    assert not other.post("ask", question=QUESTION).json()["answerable"]
    assert other.get("documents/harbour").status_code == 404
    listed = {item["name"] for item in client.get("/v1/collections").json()["collections"]}
    assert {harbour.name, other.name} <= listed


def test_a_deleted_collection_is_gone(harbour: Collection) -> None:
    assert harbour.client.delete(harbour.url).status_code == 204
    assert harbour.get().status_code == 404
    assert harbour.client.delete(harbour.url).status_code == 404


def test_a_collection_made_anew_is_empty_of_the_old(harbour: Collection) -> None:
    harbour.client.delete(harbour.url)
    harbour.upload(("owls.txt", OWLS), document_id="owls")
    found = harbour.post("search", query="harbour fee").json()["passages"]
    assert [passage["document_id"] for passage in found] == ["owls"]


def test_a_collection_may_have_any_printable_name(client: TestClient) -> None:
    collection = Collection(client, quote("mes notes é ?#%", safe=""))
    assert collection.upload(("a.txt", OWLS)).status_code == 201
    names = [item["name"] for item in client.get("/v1/collections").json()["collections"]]
    assert "mes notes é ?#%" in names


def test_documents_outlive_the_service(
    make_client: Callable[..., TestClient], tmp_path: Path
) -> None:
    first = Collection(make_client(data_dir=tmp_path), "kept")
    first.upload(("harbour.txt", HARBOUR), document_id="harbour")
    second = Collection(make_client(data_dir=tmp_path), "kept")
    assert second.post("ask", question=QUESTION).json()["answerable"]
    assert second.get("documents/harbour").json()["text"] == HARBOUR


def test_uploads_and_questions_at_once_all_succeed(harbour: Collection) -> None:
    def upload(n: int) -> int:
        text = f"Cabin number {n} has a view of the lake and {n + 2} beds."
        response = harbour.upload((f"{n}.txt", text), document_id=f"cabin-{n}")
        return int(response.status_code)

    def ask(_: int) -> tuple[int, str]:
        response = harbour.post("ask", question=QUESTION)
        return response.status_code, response.json()["answer"]

    with ThreadPoolExecutor(8) as pool:
        uploads, answers = pool.map(upload, range(16)), pool.map(ask, range(16))
        assert set(uploads) == {201}
        assert all(code == 200 and "12 euros" in text for code, text in answers)
    assert harbour.get().json()["total"] == 17
    found = harbour.post("search", query="cabin number 7 with 9 beds").json()["passages"]
    assert found[0]["document_id"] == "cabin-7"


def test_one_document_uploaded_from_many_threads_has_every_version(harbour: Collection) -> None:
    def upload(n: int) -> int:
        text = f"The harbour fee is {n} euros."
        response = harbour.upload(("harbour.txt", text), document_id="harbour")
        return int(response.json()["results"][0]["version"])

    with ThreadPoolExecutor(4) as pool:
        versions = sorted(pool.map(upload, range(100, 108)))
    assert versions == list(range(2, 10))
    found = harbour.post("search", query="harbour fee").json()["passages"]
    assert [passage["version"] for passage in found] == [9]
