"""A model's server over HTTP: JSON there and back, patient with one that is busy or starting."""

import functools
import random
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from ragqwen.errors import ModelError, ModelRefused, ModelUnavailable

_TRIES = 5
_FIRST_WAIT_SECONDS = 0.5  # doubled each time: 7.5 seconds in all
_MAX_WAIT_SECONDS = 30.0  # where the server says how long
_CONNECT_SECONDS = 10.0
_BUSY = {429, 502, 503}
_LOST = (httpx.NetworkError, httpx.RemoteProtocolError)
_HINTS = {
    401: "set {setting}_API_KEY",
    403: "set {setting}_API_KEY",
    404: "check that {setting} is the name by which it is served, and {setting}_BASE_URL",
}


class ModelServer:
    """Posts to a server of embeddings or scores, such as vLLM's; threads may share one."""

    def __init__(
        self,
        base_url: str,
        *,
        setting: str,
        api_key: str | None = None,
        timeout_seconds: float = 120,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Note where a server is; nothing is sent yet.

        :param base_url: such as http://localhost:8001/v1.
        :param setting: the setting that names its model, for what an error says is to be done.
        :param timeout_seconds: longest wait for one response.
        """
        self._base_url = base_url.rstrip("/")
        self._setting = setting
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout = httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS)
        self._transport = transport
        self._sleep = sleep

    def post(self, path: str, body: Mapping[str, Any], *, at_root: bool = False) -> dict[str, Any]:
        """Send a body and return the response's; try again where that may help.

        :param path: below the base URL, such as /embeddings.
        :param at_root: leave out the base URL's /v1, as for what is vLLM's own.
        :raises ModelRefused: if the server answers with another error.
        :raises ModelUnavailable: if the server can't be reached, stays busy or takes too long.
        :raises ModelError: if it sends what is no JSON object.
        """
        base = self._base_url.removesuffix("/v1") if at_root else self._base_url
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            wait = _FIRST_WAIT_SECONDS * 2**attempt * random.uniform(0.8, 1.2)
            try:
                response = self._send(base + path, body)
            except _LOST as exc:
                if last:
                    raise self._unavailable(f"can't be reached ({exc})") from exc
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                raise self._unavailable(
                    f"did not answer in time or at all ({type(exc).__name__}: {exc})"
                ) from exc
            else:
                if response.status_code not in _BUSY:
                    return self._checked(response)
                if last:
                    raise self._unavailable(f"is busy ({response.status_code})")
                wait = _asked_wait(response) or wait
            self._sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _send(self, url: str, body: Mapping[str, Any]) -> httpx.Response:
        with httpx.Client(
            timeout=self._timeout,
            headers=self._headers,
            transport=self._transport,
            verify=_tls(),
        ) as client:
            return client.post(url, json=dict(body))

    def _unavailable(self, what: str) -> ModelUnavailable:
        return ModelUnavailable(
            f"the server at {self._base_url} {what}; check {self._setting}_BASE_URL and that it "
            "runs and keeps up"
        )

    def _checked(self, response: httpx.Response) -> dict[str, Any]:
        if response.is_error:
            hint = _HINTS.get(response.status_code, "see what it says")
            raise ModelRefused(
                f"the server at {self._base_url} answered {response.status_code}: "
                f"{response.text[:500]}; {hint.format(setting=self._setting)}",
                response.status_code,
            )
        try:
            data = response.json()
        except ValueError as exc:
            raise self._odd(response) from exc
        if not isinstance(data, dict):
            raise self._odd(response)
        return data

    def _odd(self, response: httpx.Response) -> ModelError:
        return ModelError(
            f"the server at {self._base_url} sent no JSON object: {response.text[:200]!r}; "
            f"check {self._setting}_BASE_URL"
        )


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the settings for https, which take 40 ms to make."""
    return httpx.create_ssl_context()


def _asked_wait(response: httpx.Response) -> float | None:
    """Return for how many seconds a busy server asks to be left alone."""
    try:
        return min(float(response.headers["retry-after"]), _MAX_WAIT_SECONDS)
    except (KeyError, ValueError):
        return None
