"""Posting to a model's server: patience where it helps, and errors that say what to do."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from ragqwen.errors import ModelError, ModelRefused, ModelUnavailable
from ragqwen.model_server import ModelServer

Answer = httpx.Response | Exception


class Line:
    """A server that gives its answers one after another; the last again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def server(self, **more: Any) -> ModelServer:
        return ModelServer(
            "http://models:8001/v1/",
            setting="RAGQWEN_EMBEDDER",
            transport=httpx.MockTransport(self),
            sleep=self.waits.append,
            **more,
        )


def good() -> httpx.Response:
    return httpx.Response(200, json={"fine": True})


def test_a_body_is_posted_below_the_base_url_with_the_key() -> None:
    line = Line(good())
    assert line.server(api_key="secret").post("/embeddings", {"input": "tea"}) == {"fine": True}
    (request,) = line.requests
    assert str(request.url) == "http://models:8001/v1/embeddings"
    assert request.headers["authorization"] == "Bearer secret"
    assert request.content == b'{"input":"tea"}'


def test_what_is_at_the_root_is_posted_there() -> None:
    line = Line(good())
    line.server().post("/classify", {}, at_root=True)
    assert line.requests[0].url.path == "/classify"


@pytest.mark.parametrize(
    "trouble",
    [
        lambda: httpx.Response(429),
        lambda: httpx.Response(503),
        lambda: httpx.Response(504),
        lambda: httpx.Response(529),
        lambda: httpx.ConnectError("refused"),
        lambda: httpx.ReadError("reset"),
        lambda: httpx.RemoteProtocolError("closed"),
    ],
)
def test_a_busy_or_starting_server_is_tried_again(trouble: Callable[[], Answer]) -> None:
    line = Line(trouble(), trouble(), good())
    assert line.server().post("/embeddings", {}) == {"fine": True}
    assert len(line.requests) == 3
    assert 0 < line.waits[0] < line.waits[1]


class Body(httpx.SyncByteStream):
    """A response's body, which says whether it is closed."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        """Yield nothing."""
        return iter(())

    def close(self) -> None:
        """Take note."""
        self.closed = True


def test_what_a_busy_server_says_is_left_before_the_wait() -> None:
    body, closed = Body(), []
    server = ModelServer(
        "http://models:8001/v1",
        setting="RAGQWEN_EMBEDDER",
        transport=httpx.MockTransport(Line(httpx.Response(503, stream=body), good())),
        sleep=lambda _: closed.append(body.closed),
    )
    server.post("/embeddings", {})
    assert closed == [True]


def test_a_server_that_says_how_long_is_left_alone_for_that_long() -> None:
    line = Line(httpx.Response(429, headers={"retry-after": "7"}), good())
    line.server().post("/embeddings", {})
    assert line.waits == [7.0]


def test_no_server_is_left_alone_for_longer_than_half_a_minute() -> None:
    line = Line(httpx.Response(429, headers={"retry-after": "3600"}), good())
    line.server().post("/embeddings", {})
    assert line.waits == [30.0]


def test_with_one_try_nothing_is_tried_again() -> None:
    line = Line(httpx.Response(503), good())
    with pytest.raises(ModelUnavailable, match="busy"):
        line.server(n_tries=1).post("/embeddings", {})
    assert len(line.requests) == 1


@pytest.mark.parametrize("wait", ["-5", "nan", "inf", "soon"])
def test_a_wait_that_is_none_is_not_kept(wait: str) -> None:
    line = Line(httpx.Response(429, headers={"retry-after": wait}), good())
    line.server().post("/embeddings", {})
    assert 0 < line.waits[0] < 1


@pytest.mark.parametrize("trouble", [httpx.Response(503), httpx.ConnectError("refused")])
def test_after_five_tries_it_is_told_what_to_check(trouble: Answer) -> None:
    line = Line(trouble)
    with pytest.raises(ModelUnavailable, match="check RAGQWEN_EMBEDDER_BASE_URL"):
        line.server().post("/embeddings", {})
    assert len(line.requests) == 5


def test_a_request_that_took_too_long_is_not_sent_again() -> None:
    line = Line(httpx.ReadTimeout("too long"), good())
    with pytest.raises(ModelUnavailable, match=r"models:8001.*ReadTimeout"):
        line.server().post("/embeddings", {})
    assert len(line.requests) == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "set RAGQWEN_EMBEDDER_API_KEY"),
        (404, "RAGQWEN_EMBEDDER is the name by which it is served"),
        (400, "too many tokens"),
    ],
)
def test_a_refusal_is_told_as_the_server_said_it(status: int, advice: str) -> None:
    line = Line(httpx.Response(status, text="too many tokens"), good())
    with pytest.raises(ModelRefused, match=advice) as caught:
        line.server().post("/embeddings", {})
    assert "too many tokens" in str(caught.value)
    assert caught.value.status == status
    assert len(line.requests) == 1


@pytest.mark.parametrize("text", ["<html>", "[1]", ""])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="no JSON object"):
        Line(httpx.Response(200, text=text)).server().post("/embeddings", {})


def test_an_address_that_is_none_is_told() -> None:
    server = ModelServer("http://[bad", setting="RAGQWEN_EMBEDDER")
    with pytest.raises(ModelUnavailable, match="RAGQWEN_EMBEDDER_BASE_URL"):
        server.post("/embeddings", {})
