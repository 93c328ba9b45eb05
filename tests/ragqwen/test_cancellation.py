"""Giving up what is asked of a real server that never comes to an end, over http and https."""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ragqwen import cancellation, model_server
from ragqwen.cancellation import Cancellation
from ragqwen.errors import GivenUp
from ragqwen.model_server import ModelServer

BEGUN = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b'10\r\ndata: {"n": 1}\n\n\r\n'
)
WITHOUT_END = b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {"n": 1}\n\n'
ADDRESS = "127.0.0.1"


class Unending:
    """Sends `reply` to each request and waits for the client to go; says when both happened.

    Without a certificate it speaks http. With `shakes_hands` false it never answers the first byte.
    """

    def __init__(
        self, reply: bytes = b"", certificate: Path | None = None, *, shakes_hands: bool = True
    ) -> None:
        self.asked, self.left = threading.Event(), threading.Event()
        self._reply, self._tls = reply, None
        if certificate and shakes_hands:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._listening = socket.create_server((ADDRESS, 0))
        scheme = "https" if certificate else "http"
        self.base_url = f"{scheme}://{ADDRESS}:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._listening:
            connection, _ = self._listening.accept()
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection, suppress(OSError):  # the client may close without TLS's farewell
            connection.recv(65536)
            connection.sendall(self._reply)
            self.asked.set()
            while connection.recv(65536):
                pass
        self.left.set()

    def client(self, **more: Any) -> ModelServer:
        """Return what asks it."""
        return ModelServer(self.base_url, setting="RAGQWEN_LLM", timeout_seconds=30, **more)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of a certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ADDRESS)])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have clients trust the certificate, and return it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    model_server._tls.cache_clear()
    yield certificate
    model_server._tls.cache_clear()


@pytest.fixture(params=["http", "https"])
def protection(request: pytest.FixtureRequest, trusted: Path) -> Path | None:
    """Return the server's certificate, if it is to have one."""
    return trusted if request.param == "https" else None


def post(server: ModelServer) -> object:
    return server.post("/x", {})


def read(server: ModelServer) -> object:
    return list(server.events("/x", {}))


def assert_given_up(server: Unending, ask: Callable[[ModelServer], object], **more: Any) -> None:
    """Ask in a thread, cancel once the server was asked, and see both sides stop at once."""
    waiting = Cancellation()

    def wait() -> None:
        with waiting.scope():
            ask(server.client(**more))

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(wait)
        assert server.asked.wait(10)
        time.sleep(0.1)  # until it waits for the next byte
        waiting.cancel()
        begin = time.monotonic()
        with pytest.raises(GivenUp):
            asking.result()
    assert time.monotonic() - begin < 2
    assert server.left.wait(2)


@pytest.mark.parametrize("ask", [post, read])
@pytest.mark.parametrize("reply", [b"", BEGUN, WITHOUT_END], ids=["none", "chunks", "without end"])
def test_a_request_is_given_up_before_and_after_the_response_begins(
    protection: Path | None, reply: bytes, ask: Callable[[ModelServer], object]
) -> None:
    assert_given_up(Unending(reply, protection), ask)


class Connected:
    """Stands in for httpcore's stream: has a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def get_extra_info(self, name: str) -> socket.socket | None:
        """Return the socket."""
        return self._connection if name == "socket" else None


def test_a_connection_that_comes_about_too_late_is_shut_down() -> None:
    waiting, (ours, theirs) = Cancellation(), socket.socketpair()
    with ours, theirs, waiting.connections() as trace:
        waiting.cancel()
        trace("connection.connect_tcp.complete", {"return_value": Connected(ours)})
        theirs.settimeout(2)
        assert theirs.recv(1) == b""


def test_what_was_given_up_is_not_asked_for() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={})

    server = ModelServer("http://x", setting="RAGQWEN_LLM", transport=httpx.MockTransport(answer))
    waiting = Cancellation()
    waiting.cancel()
    with waiting.scope(), pytest.raises(GivenUp):
        post(server)
    assert sent == []


def test_a_wait_is_given_up_in_its_middle() -> None:
    waiting, begin = Cancellation(), time.monotonic()
    timer = threading.Timer(0.1, waiting.cancel)
    timer.start()
    with waiting.scope(), pytest.raises(GivenUp):
        cancellation.sleep(30)
    assert time.monotonic() - begin < 5
    timer.join()


def test_after_a_scope_nothing_is_given_up_any_more() -> None:
    waiting = Cancellation()
    with waiting.scope():
        waiting.cancel()
    cancellation.sleep(0)


@pytest.mark.parametrize("retry_lost", [True, False])
def test_a_tls_handshake_that_hangs_is_given_up(trusted: Path, retry_lost: bool) -> None:
    assert_given_up(Unending(b"", trusted, shakes_hands=False), post, retry_lost=retry_lost)


def test_a_stream_that_is_closed_early_closes_its_connection(protection: Path | None) -> None:
    server = Unending(BEGUN, protection)
    events = server.client().events("/x", {})
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert server.left.wait(2)


def test_a_cancelled_task_closes_its_connection(protection: Path | None) -> None:
    server = Unending(b"", protection)

    async def leave() -> None:
        task = asyncio.create_task(server.client().apost("/x", {}))
        assert await asyncio.to_thread(server.asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.left.wait, 2)

    asyncio.run(leave())
