"""The OpenAPI description, and that it is kept to."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import HARBOUR, Collection
from tests.api.contract import Contract

METHODS = {"get", "put", "post", "delete", "patch"}
PROBLEM = {"$ref": "#/components/schemas/ProblemOut"}


@pytest.fixture(scope="module")
def description(client: TestClient) -> dict[str, Any]:
    found = client.get("/openapi.json").json()
    assert isinstance(found, dict)
    return found


def operations(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for item in description["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    }


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    if isinstance(value, list):
        return set().union(*map(references, value))
    return set()


def test_it_says_what_it_describes(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.")
    assert description["info"]["title"] == "ragqwen"
    assert description["info"]["version"] == "0.1.0"


def test_it_has_every_route(description: dict[str, Any]) -> None:
    assert set(description["paths"]) == {
        "/health",
        "/ready",
        "/v1/collections",
        "/v1/collections/{collection}",
        "/v1/collections/{collection}/documents",
        "/v1/collections/{collection}/documents/{document_id}",
        "/v1/collections/{collection}/search",
        "/v1/collections/{collection}/ask",
        "/v1/collections/{collection}/ask/stream",
    }


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    found = references(description)
    assert len(found) > 10
    for reference in found:
        at: Any = description
        for step in reference.removeprefix("#/").split("/"):
            assert step in at, reference
            at = at[step]


def test_every_route_describes_its_success(description: dict[str, Any]) -> None:
    for name, operation in operations(description).items():
        good = {code: of for code, of in operation["responses"].items() if code[0] == "2"}
        assert good, name
        for code, response in good.items():
            assert ("content" in response) == (code != "204"), (name, code)
            for content in response.get("content", {}).values():
                assert references(content), (name, code)


def test_every_route_describes_its_errors_as_problems(description: dict[str, Any]) -> None:
    for name, operation in operations(description).items():
        bad = {code: of for code, of in operation["responses"].items() if code[0] != "2"}
        assert "default" in bad, name
        for response in bad.values():
            assert response["content"] == {"application/problem+json": {"schema": PROBLEM}}, name


def test_every_route_and_field_of_a_path_is_explained(description: dict[str, Any]) -> None:
    for path, item in description["paths"].items():
        for operation in item.values():
            assert len(operation["description"]) > 20
            told = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert told == {part.strip("{}") for part in path.split("/") if part[:1] == "{"}


def test_the_stream_names_what_its_events_carry(description: dict[str, Any]) -> None:
    stream = description["paths"]["/v1/collections/{collection}/ask/stream"]["post"]
    item = stream["responses"]["200"]["content"]["text/event-stream"]["itemSchema"]
    carried = references(item["properties"]["data"]["contentSchema"])
    assert {reference.rpartition("/")[2] for reference in carried} == {
        "PassagesEvent",
        "DeltaEvent",
        "AnswerOut",
        "ProblemOut",
    }
    for event in ("passages", "delta", "answer", "error"):
        assert f"`{event}`" in stream["description"]


def test_every_route_gives_what_it_describes(client: TestClient, harbour: Collection) -> None:
    contract: Contract = client.app.state.contract  # type: ignore[attr-defined]
    harbour.upload(("harbour.txt", HARBOUR), document_id="harbour")
    harbour.upload(("empty.pdf", b""))
    for path in ("ask", "ask/stream"):
        harbour.post(path, question="What is the harbour fee?")
    harbour.post("search", query="harbour fee")
    harbour.get()
    harbour.get("documents/harbour")
    for path in ("/health", "/ready", "/v1/collections"):
        client.get(path)
    harbour.delete("documents/harbour")
    client.delete(harbour.url)
    answered = {name for _, name, status in contract.seen if status < 300}
    assert answered == set(operations(contract.description))
    uploads = {status for _, name, status in contract.seen if name.startswith("upload")}
    assert uploads == {200, 201, 422}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"version": "0.1"}, []),
        ({"version": 1}, ["$.version: 1 is no string"]),
        ({"status": "bad"}, ["$.status: 'bad' is not allowed"]),
        ({"more": 1}, ["$: 'more' is not described"]),
    ],
)
def test_the_check_of_responses_finds_what_differs(
    description: dict[str, Any], changed: dict[str, Any], expected: list[str]
) -> None:
    good = {"status": "ok", "version": "1", "embedder": "e", "model": "m"}
    schema = {"$ref": "#/components/schemas/HealthOut"}
    assert list(Contract(description).mismatches(good | changed, schema)) == expected
    assert list(Contract(description).mismatches({}, schema))
