"""Qwen3 behind an OpenAI-compatible server, as a langchain-core chat model."""

import functools
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field

from ragqwen.errors import ModelError, ModelUnavailable

_ROLES = {"human": "user", "ai": "assistant", "system": "system"}
# Source: Qwen3's model card; sampling without thinking. The server's own defaults are unknown.
_SAMPLING = {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}


class QwenChat(BaseChatModel):
    """Qwen3 without thinking, over `/chat/completions`; vLLM is what it is written for.

    What the server still marks as reasoning goes to `additional_kwargs["reasoning_content"]` and
    never into the content.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base_url: str
    model: str
    api_key: str | None = Field(None, repr=False)
    timeout_seconds: float = 120
    max_tokens: int = 1024
    transport: httpx.BaseTransport | None = Field(None, exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return "ragqwen-qwen"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"base_url": self.base_url, "model": self.model, "max_tokens": self.max_tokens}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        body = self._body(messages, stop, stream=False, **kwargs)
        with self._http() as client:
            try:
                response = client.post(self._url, json=body)
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                raise self._unavailable(exc) from exc
        return self._result(_checked(response, response.text))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        body = self._body(messages, stop, stream=True, **kwargs)
        try:
            with self._http() as client, client.stream("POST", self._url, json=body) as response:
                if response.is_error:
                    _checked(response, response.read().decode("utf-8", "replace"))
                started = False
                for line in _lines(response):
                    chunk = _chunk_of(line)
                    if chunk is None:
                        continue
                    started = True
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
                if not started:
                    raise ModelError(f"the model's server at {self.base_url} sent no events")
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise self._unavailable(exc) from exc

    @property
    def _url(self) -> str:
        return self.base_url.rstrip("/") + "/chat/completions"

    def _body(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, **more: Any
    ) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": _ROLES.get(message.type, message.type), "content": message.text}
                for message in messages
            ],
            "max_tokens": self.max_tokens,
            "chat_template_kwargs": {"enable_thinking": False},
            **_SAMPLING,
            **more,
        }
        if stop:
            body["stop"] = stop
        if body.get("stream"):
            body["stream_options"] = {"include_usage": True}
        return body

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}

    def _http(self) -> httpx.Client:
        return httpx.Client(
            timeout=self.timeout_seconds,
            headers=self._headers(),
            transport=self.transport,
            verify=_tls(),
        )

    def _unavailable(self, exc: Exception) -> ModelUnavailable:
        return ModelUnavailable(
            f"the language model's server at {self.base_url} did not answer "
            f"({type(exc).__name__}: {exc}); check RAGQWEN_LLM_BASE_URL and that it runs"
        )

    def _result(self, data: Mapping[str, Any]) -> ChatResult:
        try:
            choice = data["choices"][0]
            message = dict(choice["message"])
        except (KeyError, IndexError, TypeError) as exc:
            raise ModelError(f"the language model's server sent no choice: {data!r:.200}") from exc
        reasoning = message.get("reasoning") or message.get("reasoning_content")
        answer = AIMessage(
            content=message.get("content") or "",
            additional_kwargs={"reasoning_content": reasoning} if reasoning else {},
            response_metadata={"finish_reason": choice.get("finish_reason"), "model": self.model},
            usage_metadata=_usage(data.get("usage")),
        )
        return ChatResult(generations=[ChatGeneration(message=answer)])


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the settings for https, which take 40 ms to make."""
    return httpx.create_ssl_context()


def _checked(response: httpx.Response, text: str) -> dict[str, Any]:
    """Return the body of a good response.

    :raises ModelError: if it is none, with what the server said.
    """
    if response.is_error:
        raise ModelError(
            f"the language model's server answered {response.status_code}: {text[:500]}"
        )
    try:
        data = json.loads(text)
    except ValueError as exc:
        raise ModelError(f"the language model's server sent no JSON: {text[:200]!r}") from exc
    if not isinstance(data, dict):
        raise ModelError(f"the language model's server sent no JSON object: {text[:200]!r}")
    return data


def _lines(response: httpx.Response) -> Iterator[str]:
    """Yield the lines of a stream; httpx's own also end at U+2028, which JSON holds as it is."""
    rest = b""
    for data in response.iter_bytes():
        *lines, rest = (rest + data).split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in lines)
    yield rest.decode("utf-8", "replace")


def _chunk_of(line: str) -> ChatGenerationChunk | None:
    """Return the chunk in a line of a server-sent stream, None for what carries none."""
    data = line.removeprefix("data:").strip()
    if not line.startswith("data:") or data == "[DONE]":
        return None
    try:
        event = json.loads(data)
    except ValueError as exc:
        raise ModelError(
            f"the language model's server sent a broken event: {data[:200]!r}"
        ) from exc
    if not isinstance(event, dict):
        raise ModelError(f"the language model's server sent an odd event: {data[:200]!r}")
    if "error" in event:
        raise ModelError(f"the language model's server broke off: {event['error']!r:.300}")
    choices = event.get("choices") or [{}]
    delta = choices[0].get("delta") or {}
    reasoning = delta.get("reasoning") or delta.get("reasoning_content")
    finish_reason = choices[0].get("finish_reason")
    return ChatGenerationChunk(
        message=AIMessageChunk(
            content=delta.get("content") or "",
            additional_kwargs={"reasoning_content": reasoning} if reasoning else {},
            response_metadata={"finish_reason": finish_reason} if finish_reason else {},
            usage_metadata=_usage(event.get("usage")),
        )
    )


def _usage(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    if not usage:
        return None
    details = usage.get("completion_tokens_details") or {}
    return UsageMetadata(
        input_tokens=usage.get("prompt_tokens", 0),
        output_tokens=usage.get("completion_tokens", 0),
        total_tokens=usage.get("total_tokens", 0),
        output_token_details={"reasoning": details.get("reasoning_tokens") or 0},
    )
