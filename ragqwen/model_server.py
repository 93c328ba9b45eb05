"""A model's server over HTTP: patient with one that is busy or starting; streams too; async too."""

import asyncio
import functools
import math
import random
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn

import httpx

from ragqwen import cancellation
from ragqwen.errors import ModelError, ModelRefused, ModelUnavailable
from ragqwen.events import EventReader
from ragqwen.replies import Reply

_TRIES = 5
_FIRST_WAIT_SECONDS = 0.5  # doubled each time: 7.5 seconds in all
_MAX_WAIT_SECONDS = 30.0  # where the server says how long
_CONNECT_SECONDS = 10.0
_BUSY = {429, 502, 503, 504, 529}
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)
_FAILURES = (httpx.HTTPError, httpx.InvalidURL)
_HINTS = {
    401: "set {setting}_API_KEY",
    403: "set {setting}_API_KEY",
    404: "check that {name_setting} is the name by which it is served, and {setting}_BASE_URL",
}


class ModelServer:
    """Posts to a model's server, such as vLLM's; threads may share one.

    A request that is given up, because its stream is closed, its task cancelled or the thread's
    `Cancellation`, closes its connection, by which the server knows that it can stop.
    """

    def __init__(
        self,
        base_url: str,
        *,
        setting: str,
        name_setting: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 120,
        retry_lost: bool = True,
        n_tries: int = _TRIES,
        transport: httpx.BaseTransport | None = None,
        async_transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], None] = cancellation.sleep,
    ) -> None:
        """Note where a server is; nothing is sent yet.

        :param base_url: such as http://localhost:8001/v1.
        :param setting: how its settings begin, for what an error says is to be done.
        :param name_setting: the setting that names its model, if that isn't `setting`.
        :param timeout_seconds: longest wait for one response, or for the next piece of a stream.
        :param retry_lost: try again where the connection fails, not only where the server is busy.
        :param n_tries: how often at most; with 1 nothing is tried again.
        """
        self._base_url = base_url.rstrip("/")
        self._hints = {"setting": setting, "name_setting": name_setting or setting}
        self._client: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {api_key}"} if api_key else {},
            "timeout": httpx.Timeout(
                timeout_seconds, connect=min(timeout_seconds, _CONNECT_SECONDS)
            ),
        }
        self._retry_lost = retry_lost
        self._n_tries = n_tries
        self._transport = transport
        self._async_transport = async_transport
        self._sleep = sleep

    def post(self, path: str, body: Mapping[str, Any], *, at_root: bool = False) -> dict[str, Any]:
        """Send a body and return the response's; try again where that may help.

        :param path: below the base URL, such as /embeddings.
        :param at_root: leave out the base URL's /v1, as for what is vLLM's own.
        :raises ModelRefused: if the server answers with another error.
        :raises ModelUnavailable: if the server can't be reached, stays busy or takes too long.
        :raises ModelError: if it sends what is no JSON object.
        :raises GivenUp: if nobody waits for it any more.
        """
        with self._response(self._url(path, at_root=at_root), body) as response:
            response.read()
        return self._checked(response)  # if it was given up, what was read isn't looked at

    async def apost(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do what `post` does, asynchronously."""
        async with self._aresponse(self._url(path), body) as response:
            await response.aread()
        return self._checked(response)

    def events(self, path: str, body: Mapping[str, Any]) -> Iterator[Reply]:
        """Send a body and yield the server-sent events of the response as they come.

        Once the response has begun, nothing is tried again. Errors are those of `post`.
        """
        reader = EventReader()
        with self._response(self._url(path), body) as response:
            if response.is_error:
                response.read()
                self._refuse(response)
            for data in response.iter_bytes():
                yield from reader.feed(data)
        yield from reader.end()

    async def aevents(self, path: str, body: Mapping[str, Any]) -> AsyncIterator[Reply]:
        """Do what `events` does, asynchronously."""
        reader = EventReader()
        async with self._aresponse(self._url(path), body) as response:
            if response.is_error:
                await response.aread()
                self._refuse(response)
            async for data in response.aiter_bytes():
                for event in reader.feed(data):
                    yield event
        for event in reader.end():
            yield event

    @contextmanager
    def _response(self, url: str, body: Mapping[str, Any]) -> Iterator[httpx.Response]:
        """Open a response that isn't busy; close it and its connection at the end."""
        waiting = cancellation.current()
        waiting.check()
        try:
            with (
                waiting.connections() as trace,
                httpx.Client(transport=self._transport, verify=_tls(), **self._client) as client,
            ):
                for attempt in range(self._n_tries):
                    try:
                        request = client.build_request("POST", url, json=dict(body))
                        request.extensions["trace"] = trace
                        response = client.send(request, stream=True)
                    except _LOST as exc:
                        wait = self._wait(attempt, exc)
                    else:
                        if response.status_code not in _BUSY:
                            break
                        response.close()
                        wait = self._wait(attempt, response)
                    self._sleep(wait)
                try:
                    yield response
                finally:
                    response.close()
            waiting.check()  # a stream that was shut down may look as if it had just ended
        except _FAILURES as exc:
            waiting.check()
            raise self._unavailable(exc) from exc

    @asynccontextmanager
    async def _aresponse(self, url: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        try:
            async with httpx.AsyncClient(
                transport=self._async_transport, verify=_tls(), **self._client
            ) as client:
                for attempt in range(self._n_tries):
                    try:
                        request = client.build_request("POST", url, json=dict(body))
                        response = await client.send(request, stream=True)
                    except _LOST as exc:
                        wait = self._wait(attempt, exc)
                    else:
                        if response.status_code not in _BUSY:
                            break
                        await response.aclose()
                        wait = self._wait(attempt, response)
                    await asyncio.sleep(wait)
                try:
                    yield response
                finally:
                    await response.aclose()
        except _FAILURES as exc:
            raise self._unavailable(exc) from exc

    def _url(self, path: str, *, at_root: bool = False) -> str:
        return (self._base_url.removesuffix("/v1") if at_root else self._base_url) + path

    def _wait(self, attempt: int, trouble: httpx.Response | Exception) -> float:
        """Return for how many seconds to wait before the next try.

        :raises ModelUnavailable: if the server is busy still and there is to be none.
        """
        last = attempt == self._n_tries - 1
        if isinstance(trouble, Exception):
            if last or not self._retry_lost:
                raise trouble
            asked = None
        else:
            if last:
                raise self._unavailable(f"is busy ({trouble.status_code})")
            asked = _asked_wait(trouble)
        usual = _FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.8, 1.2)
        return usual if asked is None else asked

    def _unavailable(self, what: str | Exception) -> ModelUnavailable:
        if isinstance(what, _LOST):
            what = f"can't be reached ({what})"
        elif isinstance(what, Exception):
            what = f"did not answer in time or at all ({type(what).__name__}: {what})"
        return ModelUnavailable(
            f"the server at {self._base_url} {what}; check {self._hints['setting']}_BASE_URL and "
            "that it runs and keeps up"
        )

    def _refuse(self, response: httpx.Response) -> NoReturn:
        hint = _HINTS.get(response.status_code, "see what it says")
        raise ModelRefused(
            f"the server at {self._base_url} answered {response.status_code}: "
            f"{response.text[:500]}; {hint.format(**self._hints)}",
            response.status_code,
        )

    def _checked(self, response: httpx.Response) -> dict[str, Any]:
        if response.is_error:
            self._refuse(response)
        try:
            data = response.json()
        except ValueError as exc:
            raise self._odd(response) from exc
        if not isinstance(data, dict):
            raise self._odd(response)
        return data

    def _odd(self, response: httpx.Response) -> ModelError:
        kind = response.headers.get("content-type", "of no type")
        return ModelError(  # that doesn't quote the response, because it may be thinking
            f"the server at {self._base_url} sent no JSON object but {len(response.text)} "
            f"characters, {kind}; check {self._hints['setting']}_BASE_URL"
        )


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the settings for https, which take 40 ms to make."""
    return httpx.create_ssl_context()


def _asked_wait(response: httpx.Response) -> float | None:
    """Return for how many seconds a busy server asks to be left alone."""
    try:
        seconds = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(seconds, _MAX_WAIT_SECONDS) if 0 <= seconds < math.inf else None
