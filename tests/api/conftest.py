"""The two faces of the service over a data folder of each test's own."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient

from api.app import create_app
from api.cli import main
from api.wiring import Service
from ragqwen.settings import Settings
from tests.api.contract import Contract
from tests.api.model_server import ModelServer, run

HARBOUR = "The harbour fee is 12 euros. Boats over ten metres pay twice as much."
OWLS = "Owls sleep in the old mill by day. At night they hunt voles."
GRUETZE = "Die Gebühr für die Grützmühle beträgt 4 Euro im Monat."


class CommandLine:
    """Runs `ragqwen` in this process on one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir

    def run(self, *arguments: str | Path, exit_code: int = 0, input: Any = None) -> Result:
        """Run a command; whatever comes of it, it is never a traceback."""
        given = ["--data-dir", str(self.data_dir), *map(str, arguments)]
        result = CliRunner().invoke(main, given, input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert result.exit_code == exit_code, result.output
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str | Path, exit_code: int = 0, input: Any = None) -> Any:
        """Run a command with `--json` and return what it printed."""
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code, input=input).stdout)

    def ids(self, *arguments: str) -> list[str]:
        """Return the ids of the documents there are."""
        return [document["document_id"] for document in self.json("list", *arguments)]


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """Return the command line on an empty data folder."""
    return CommandLine(tmp_path / "data")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a corpus of three documents: harbour, owls and gruetze."""
    path = tmp_path / "corpus.jsonl"
    texts = {"harbour": HARBOUR, "owls": OWLS, "gruetze": GRUETZE}
    lines = [json.dumps({"_id": name, "text": text}) for name, text in texts.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def filled(cli: CommandLine, corpus: Path) -> CommandLine:
    """Return the command line with the corpus ingested."""
    cli.run("ingest", corpus)
    return cli


@pytest.fixture(scope="module")
def make_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., TestClient]]:
    """Return what opens a service over HTTP in a folder of its own, given settings.

    Every response is held against the OpenAPI description.
    """
    opened: list[TestClient] = []

    def make(*, chat: Any = None, data_dir: Path | None = None, **settings: Any) -> TestClient:
        given = Settings(data_dir=data_dir or tmp_path_factory.mktemp("data"), **settings)
        app = create_app(Service(given, chat=chat))
        client = TestClient(app, raise_server_exceptions=False)
        app.state.contract = Contract(app.openapi())
        client.event_hooks = {"request": [], "response": [app.state.contract.check]}
        opened.append(client.__enter__())
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def client(make_client: Callable[..., TestClient]) -> TestClient:
    """Return the service over HTTP, which the tests of a module share."""
    return make_client(max_upload_mb=1)


@pytest.fixture(scope="module")
def running() -> Iterator[ModelServer]:
    """Return a language model's server, which the tests of a module share."""
    yield from run(ModelServer())


@pytest.fixture
def model(running: ModelServer) -> ModelServer:
    """Return the server as if it had just begun."""
    running.reset()
    return running


_numbers = itertools.count()


class Collection:
    """A collection over HTTP; paths are below it."""

    def __init__(self, client: TestClient, name: str) -> None:
        self.client = client
        self.name = name
        self.url = f"/v1/collections/{name}"

    def upload(self, *files: tuple[str, str | bytes], **form: str) -> Any:
        """Upload files, each a name and its content."""
        parts = [("files", (name, content)) for name, content in files]
        return self.client.post(f"{self.url}/documents", files=parts, data=form)

    def post(self, path: str, **body: Any) -> Any:
        """Post a JSON body."""
        return self.client.post(f"{self.url}/{path}", json=body)

    def get(self, path: str = "documents", **query: Any) -> Any:
        """Get what lies at a path."""
        return self.client.get(f"{self.url}/{path}", params=query)

    def delete(self, path: str) -> Any:
        """Delete what lies at a path."""
        return self.client.delete(f"{self.url}/{path}")


@pytest.fixture
def collection(client: TestClient) -> Collection:
    """Return a collection that isn't there yet."""
    return Collection(client, f"test-{next(_numbers)}")


@pytest.fixture
def harbour(collection: Collection) -> Collection:
    """Return a collection of one document, harbour.txt, with the id harbour."""
    response = collection.upload(("harbour.txt", HARBOUR), document_id="harbour")
    assert response.status_code == 201, response.text
    return collection
