"""Real servers on both sides: clients that leave, and models that keep everyone waiting."""

import asyncio
import http.client
import json
import select
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from anyio import fail_after, to_thread
from fastapi.testclient import TestClient

from api.answering import Answering
from api.app import create_app
from api.wiring import Service
from ragqwen.settings import Settings
from tests.api.conftest import HARBOUR
from tests.api.model_server import Delta, served
from tests.fakes import put_texts

MAX_ANSWERS = 45  # more than the threads that all other requests share
ROUTES = ("ask", "ask/stream")
STAGES: dict[str, list[Delta] | None] = {
    "queued": None,
    "silent": [],
    "thinking": [{"reasoning": "hm "}],
    "answering": [{"content": "The fee is "}],
}


@dataclass
class Upstream:
    """A model's server that never comes to an end; `n_running` requests have someone waiting.

    It sends its `deltas` every tenth of a second, and not even a status where those are None.
    """

    deltas: list[Delta] | None = None
    n_running: int = 0

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        """Answer a request, for as long as there is somebody."""
        writing = asyncio.create_task(self._write(send))
        self.n_running += 1
        while (await receive())["type"] != "http.disconnect":
            pass
        self.n_running -= 1
        writing.cancel()

    async def _write(self, send: Any) -> None:
        if self.deltas is None:
            return
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while True:
            for delta in self.deltas:
                event = f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n"
                body = {"type": "http.response.body", "body": event.encode(), "more_body": True}
                await send(body)
            await asyncio.sleep(0.1)

    def come_to(self, n_running: int, seconds: float) -> None:
        """Wait until so many requests run, for so long at most."""
        wait_until(lambda: self.n_running == n_running, seconds)


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


@dataclass(frozen=True)
class Running:
    """A service on a port of its own, and the model's server behind it."""

    address: str
    upstream: Upstream

    def send(self, route: str) -> http.client.HTTPConnection:
        """Ask, and don't wait for the answer."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        body = json.dumps({"question": "What is the harbour fee?", "thinking": "off"})
        headers = {"content-type": "application/json"}
        connection.request("POST", f"/v1/collections/default/{route}", body, headers)
        return connection


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Return a service of one document, whose model never comes to an end."""
    upstream, folder = Upstream(), tmp_path_factory.mktemp("leaving")
    with ExitStack() as opened:
        model = opened.enter_context(served(upstream))
        settings = Settings(data_dir=folder, llm_base_url=f"http://{model}/v1", llm_model="q")
        service = Service(settings)
        put_texts(service.store.collection("default", create=True), service.embedder, fee=HARBOUR)
        app = create_app(service, Answering(MAX_ANSWERS))
        address = opened.enter_context(served(app, lifespan="on"))
        yield Running(address, upstream)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("stage", STAGES)
def test_the_model_stops_when_the_client_leaves(running: Running, route: str, stage: str) -> None:
    running.upstream.deltas = STAGES[stage]
    with closing(running.send(route)):
        running.upstream.come_to(1, seconds=10)
        time.sleep(0.3)
    running.upstream.come_to(0, seconds=1)


@pytest.fixture
def all_waiting(running: Running) -> Iterator[Running]:
    """Return the service while as many as may be wait for a silent server."""
    running.upstream.deltas = None
    with ExitStack() as opened:
        for number in range(MAX_ANSWERS):
            opened.enter_context(closing(running.send(ROUTES[number % 2])))
        running.upstream.come_to(MAX_ANSWERS, seconds=20)
        yield running
    running.upstream.come_to(0, seconds=5)


def test_all_else_goes_on_while_answers_wait(all_waiting: Running) -> None:
    with httpx.Client(base_url=f"http://{all_waiting.address}", timeout=5) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
        found = client.post("/v1/collections/default/search", json={"query": "harbour"})
        assert found.json()["passages"]
        files = {"files": ("owls.txt", "Owls sleep by day.")}
        assert client.post("/v1/collections/uploads/documents", files=files).status_code == 201


@pytest.mark.parametrize("route", ROUTES)
def test_an_answer_too_many_is_refused_for_a_while(all_waiting: Running, route: str) -> None:
    with closing(all_waiting.send(route)) as connection:
        response = connection.getresponse()
        problem = json.loads(response.read())
    assert (response.status, response.headers["retry-after"]) == (503, "5")
    assert response.headers["content-type"] == "application/problem+json"
    assert "ask again in 5 seconds" in problem["detail"]


def test_of_many_at_once_all_but_the_most_are_refused(running: Running) -> None:
    running.upstream.deltas = None
    refused = []
    with ExitStack() as opened:
        sent = [opened.enter_context(closing(running.send("ask"))) for _ in range(2 * MAX_ANSWERS)]
        running.upstream.come_to(MAX_ANSWERS, seconds=20)
        while len(refused) < MAX_ANSWERS:
            readable, _, _ = select.select([each.sock for each in sent], [], [], 10)
            assert readable, "some wait that were to be refused"
            for connection in [each for each in sent if each.sock in readable]:
                refused.append(connection.getresponse().status)
                sent.remove(connection)
        assert running.upstream.n_running == MAX_ANSWERS
    assert set(refused) == {503}
    running.upstream.come_to(0, seconds=5)


def test_health_and_readiness_take_no_thread_of_other_requests(
    make_client: Callable[..., TestClient],
) -> None:
    transport = httpx.ASGITransport(make_client().app)

    async def ask_with_all_threads_taken() -> list[int]:
        shared = to_thread.current_default_thread_limiter()
        shared.total_tokens = 1
        async with shared, httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            with fail_after(5):
                return [(await client.get(path)).status_code for path in ("/health", "/ready")]

    assert asyncio.run(ask_with_all_threads_taken()) == [200, 200]
