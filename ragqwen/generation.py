"""Qwen3 behind an OpenAI-compatible server, as a langchain-core chat model."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from ragqwen.chatml import openai_messages, thinking_prompt
from ragqwen.engines import ENGINES, OFF, UNLIMITED, Engine, EngineName
from ragqwen.errors import InputError
from ragqwen.exchange import Exchange, TwoPhaseExchange
from ragqwen.model_server import ModelServer
from ragqwen.reasoning import THOUGHT

# Source: Qwen3's model card. The server's own defaults are unknown, so these are always sent.
_PLAIN_SAMPLING = {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0}
_THINKING_SAMPLING = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0}
_MARK_TOKENS = 3  # <think>, </think> and the blank line after it are in neither count
_ALWAYS_THINKS = "thinking"  # in the name of a model whose thinking can't be switched off


class ThinkingChat(BaseChatModel):
    """What is asked of Qwen3 and how its answer is read, wherever it runs."""

    model: str
    engine: EngineName = "vllm"
    max_tokens: int = 1024
    thinking_budget: int = Field(OFF, ge=UNLIMITED)
    stop: list[str] | None = None
    """What ends an answer, unless a request says it."""

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {
            "model": self.model,
            "engine": self.engine,
            "max_tokens": self.max_tokens,
            "thinking_budget": self.thinking_budget,
            "stop": self.stop,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"], params["ls_model_name"] = "ragqwen", kwargs.get("model", self.model)
        return params

    @property
    def _engine(self) -> Engine:
        return ENGINES[self.engine]

    def _budget(self, asked: int | None) -> int:
        return self.thinking_budget if asked is None else asked

    def _exchange(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        *,
        stream: bool,
        thinking_budget: int | None = None,
        max_tokens: int | None = None,
        **more: Any,
    ) -> Exchange:
        """Return what is to be sent for an answer.

        :raises InputError: if the budget is none, or the engine can't keep it.
        """
        budget = self._budget(thinking_budget)
        if budget < UNLIMITED:
            raise InputError(
                f"thinking_budget is {budget}; give tokens, 0 for no thinking or -1 for no limit"
            )
        answer_tokens = max_tokens or self.max_tokens
        body: dict[str, Any] = {
            "model": self.model,
            **(_PLAIN_SAMPLING if budget == OFF else _THINKING_SAMPLING),
            **more,
        }
        if ending := stop or self.stop:
            body["stop"] = ending
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if self._engine.in_two_phases(budget):
            if more.get("tools"):
                raise InputError(
                    f"the engine {self.engine!r} can't call tools with a thinking budget of "
                    f"{budget}; make it 0 or -1, or serve the model with vLLM"
                )
            prompt = thinking_prompt(messages)
            return TwoPhaseExchange(body, prompt, budget=budget, max_tokens=answer_tokens)
        body |= {"messages": openai_messages(messages), **self._engine.fields(budget)}
        if budget != UNLIMITED:
            body["max_tokens"] = answer_tokens + (budget + _MARK_TOKENS if budget else 0)
        thinks = budget != OFF or _ALWAYS_THINKS in body["model"].lower()
        return Exchange(body, expects_thinking=thinks)


class QwenChat(ThinkingChat):
    """Qwen3 over an OpenAI-compatible server, thinking for as long as each request allows.

    `thinking_budget` is in tokens: 0 is without thinking, -1 without a limit. It can be given for
    one request too, as in `chat.invoke(messages, thinking_budget=1024)`; so can `max_tokens`, which
    is of the answer alone, and whatever else the server takes (`structured_outputs`, `logprobs`).

    Thinking goes to `additional_kwargs["reasoning_content"]`, of which langchain-core makes a
    reasoning block, and never into the content; none is sent back in a history. A stream alone
    can't take back what it gave: where a closing mark without an opening one tells late that it was
    thinking, the mark comes as content, and what follows it is the answer (`without_thinking`).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base_url: str
    api_key: str | None = Field(None, repr=False)
    setting: str = "RAGQWEN_LLM"  # how its settings begin, for what an error says is to be done
    timeout_seconds: float = 120
    n_tries: int = Field(5, ge=1)
    transport: httpx.BaseTransport | None = Field(None, exclude=True, repr=False)
    async_transport: httpx.AsyncBaseTransport | None = Field(None, exclude=True, repr=False)

    @property
    def _llm_type(self) -> str:
        return "ragqwen-qwen"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"base_url": self.base_url, **super()._identifying_params}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return the model with tools that it may call.

        :param tool_choice: "auto", "none", "required" (or "any", or True), or a tool's name.
        :param strict: whether arguments are to be held to the tool's schema.
        """
        choice: Any = tool_choice
        if tool_choice in ("any", True):
            choice = "required"
        elif isinstance(tool_choice, str) and tool_choice not in ("auto", "none", "required"):
            choice = {"type": "function", "function": {"name": tool_choice}}
        given = {"tool_choice": choice} if choice else {}
        sent = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        return self.bind(tools=sent, **given, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self._only_streams(kwargs):
            chunks = self._stream(messages, stop, run_manager, **kwargs)
            return _settled(generate_from_stream(chunks))
        exchange = self._exchange(messages, stop, stream=False, **kwargs)
        (request,) = exchange.requests()
        return exchange.whole(self._server.post(request.path, request.body))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if self._only_streams(kwargs):
            chunks = self._astream(messages, stop, run_manager, **kwargs)
            return _settled(await agenerate_from_stream(chunks))
        exchange = self._exchange(messages, stop, stream=False, **kwargs)
        (request,) = exchange.requests()
        return exchange.whole(await self._server.apost(request.path, request.body))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        exchange = self._exchange(messages, stop, stream=True, **kwargs)
        for request in exchange.requests():
            for event in self._server.events(request.path, request.body):
                if chunk := exchange.feed(event):
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        yield exchange.end()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        exchange = self._exchange(messages, stop, stream=True, **kwargs)
        for request in exchange.requests():
            async for event in self._server.aevents(request.path, request.body):
                if chunk := exchange.feed(event):
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        yield exchange.end()

    @property
    def _server(self) -> ModelServer:
        return ModelServer(
            self.base_url,
            setting=self.setting,
            name_setting=f"{self.setting}_MODEL",
            api_key=self.api_key,
            timeout_seconds=self.timeout_seconds,
            retry_lost=False,  # someone waits for the answer
            n_tries=self.n_tries,
            transport=self.transport,
            async_transport=self.async_transport,
        )

    def _only_streams(self, given: Mapping[str, Any]) -> bool:
        """Say whether a request has to be streamed though nobody asked for that."""
        budget = self._budget(given.get("thinking_budget"))
        streams_only = budget != OFF and self._engine.thinks_in_streams_only
        return streams_only or self._engine.in_two_phases(budget)


def _settled(result: ChatResult) -> ChatResult:
    """Return what a stream came to, without what it took back."""
    (generation,) = result.generations
    kept = generation.message.text.rpartition(THOUGHT)[2]
    message = generation.message.model_copy(update={"content": kept})
    return ChatResult(generations=[ChatGeneration(message=message)])
