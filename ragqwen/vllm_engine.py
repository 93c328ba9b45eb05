"""Qwen3 in this process, by vLLM's own engine: whole batches, with no server in between."""

import functools
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list, run_in_executor
from pydantic import Field, PrivateAttr

from ragqwen.errors import InputError, ModelError, RagqwenError
from ragqwen.exchange import Exchange
from ragqwen.generation import ThinkingChat
from ragqwen.reasoning import THINK, THOUGHT
from ragqwen.tokens import qwen_encoding

# vLLM sends statistics to its makers, and prints where answers are printed, unless told not to
_ENVIRONMENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
}
_NOT_SAMPLING = ("model", "messages", "chat_template_kwargs", "max_tokens", "structured_outputs")


@dataclass(eq=False, slots=True)
class Job:
    """One prompt, how to go on from it, and the engine's output once there is one."""

    prompt: list[int]
    params: Any
    output: Future[Any] = field(default_factory=Future)


class VllmEngine:
    """One model in vLLM's engine, loaded at first use; threads may share it.

    Who asks while a batch runs waits, and all who wait go into the next batch.
    """

    def __init__(self, model: str, options: Mapping[str, Any]) -> None:
        """:param options: of `vllm.LLM`, such as tensor_parallel_size and max_model_len."""
        self._model, self._options = model, options
        self._preparing, self._turn = threading.Lock(), threading.Lock()
        self._waiting: deque[Job] = deque()

    def job(self, body: Mapping[str, Any]) -> Job:
        """Return what the engine is to do for the body of a chat request.

        :raises InputError: if it is too long, or has what the engine doesn't take.
        :raises ModelError: if the model can't be loaded.
        """
        with self._preparing:  # that loads the model once, and a tokenizer is for one thread
            prompt = self._tokens(body["messages"], body["chat_template_kwargs"])
        max_tokens, context = body.get("max_tokens"), self._llm.model_config.max_model_len
        if len(prompt) + (max_tokens or 1) > context:
            raise InputError(
                f"{len(prompt)} tokens of prompt and {max_tokens or 1} to write are more than "
                f"the context of {context}; send less, or raise max_model_len"
            )
        from vllm import SamplingParams
        from vllm.exceptions import VLLMClientError
        from vllm.sampling_params import StructuredOutputsParams

        given = {name: value for name, value in body.items() if name not in _NOT_SAMPLING}
        try:
            if grammar := body.get("structured_outputs"):
                given["structured_outputs"] = StructuredOutputsParams(**grammar)
            # as a server does: it takes logit_bias by JSON's keys, which are text
            return Job(prompt, SamplingParams.from_optional(max_tokens=max_tokens, **given))
        except (TypeError, ValueError, VLLMClientError) as exc:
            raise InputError(f"vLLM's engine can't take the request: {exc}; leave it out") from exc

    def run(self, jobs: Sequence[Job]) -> None:
        """Have jobs done, at once with those of all who wait."""
        self._waiting.extend(jobs)
        with self._turn:
            if not all(job.output.done() for job in jobs):
                self._run([self._waiting.popleft() for _ in range(len(self._waiting))])

    def _run(self, jobs: Sequence[Job]) -> None:
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError

        # by the name that an output has; the engine's own is longer by some random characters
        running: dict[str, tuple[str, Job]] = {}
        failure = "vLLM's engine was interrupted; ask again"
        try:
            for job in jobs:
                try:
                    (name,) = self._llm.enqueue(
                        [{"prompt_token_ids": job.prompt}], [job.params], use_tqdm=False
                    )
                    running[name.partition("-")[0]] = name, job
                except (ValueError, VLLMClientError) as exc:  # no reason to fail the others
                    error = InputError(f"vLLM's engine refused a request: {exc}")
                    job.output.set_exception(error)
            for output in self._llm.wait_for_completion(use_tqdm=False):
                _, done = running.pop(output.request_id)
                done.output.set_result(output)
        except EngineDeadError as exc:
            failure = f"vLLM's engine ended ({exc}); what it printed says why"
        finally:  # what is left must not turn up in the next batch
            if running:
                names = [name for name, _ in running.values()]
                self._llm.llm_engine.abort_request(names, internal=True)
            for job in jobs:
                if not job.output.done():
                    job.output.set_exception(ModelError(failure))

    def _tokens(self, messages: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> list[int]:
        tokenizer = self._llm.get_tokenizer()
        rendered = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **given
        )
        return list(tokenizer.encode(rendered, add_special_tokens=False))

    @functools.cached_property
    def _llm(self) -> Any:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            from vllm import LLM
        except ImportError as exc:
            raise ModelError(
                "there is no vLLM in this environment: install the extra, `pip install -e "
                "'.[vllm]'`, or serve the model and use QwenChat"
            ) from exc
        try:
            return LLM(self._model, reasoning_parser="qwen3", **self._options)
        except (OSError, RuntimeError, TypeError, ValueError) as exc:
            raise ModelError(
                f"vLLM can't load {self._model!r}: {exc}; `ragqwen models` says what fits here"
            ) from exc


class VllmChat(ThinkingChat):
    """Qwen3 by vLLM's engine in this process, for batches: no server, no streams, no tools.

    `batch` gives all of its prompts to the engine at once; its `thinking_budget` may be a list, one
    for each. All else is as in `QwenChat`: what a budget means, what can be given with a request,
    and where thinking goes.
    """

    engine: Literal["vllm"] = "vllm"
    engine_options: dict[str, Any] = Field(default_factory=dict)
    """What `vllm.LLM` is to be made with, such as tensor_parallel_size."""

    _runner: VllmEngine = PrivateAttr()
    _ready: tuple[Exchange, Job] | RagqwenError | None = PrivateAttr(None)

    def model_post_init(self, context: Any, /) -> None:
        """Make the engine, which loads the model at first use."""
        super().model_post_init(context)
        self._runner = VllmEngine(self.model, self.engine_options)

    @property
    def _llm_type(self) -> str:
        return "ragqwen-vllm"

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        thinking_budget: int | Sequence[int] | None = None,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answer all inputs in one batch of the engine.

        :param return_exceptions: give an input's error in its place instead of raising it.
        :param thinking_budget: in tokens, one for all or one for each.
        :raises InputError: if there are not as many budgets, or an input can't be asked.
        """
        n = len(inputs)
        each = thinking_budget if isinstance(thinking_budget, Sequence) else [thinking_budget] * n
        if len(each) != n:
            raise InputError(
                f"{len(each)} budgets for {n} inputs; give one for each or one for all"
            )
        asked: list[tuple[Exchange, Job] | RagqwenError] = []
        for given, budget in zip(inputs, each, strict=True):
            try:
                messages = self._convert_input(given).to_messages()
                asked.append(self._asked(messages, stop, thinking_budget=budget, **kwargs))
            except InputError as error:
                if not return_exceptions:
                    raise
                asked.append(error)
        self._runner.run([found[1] for found in asked if not isinstance(found, RagqwenError)])
        answers: list[Any] = []
        for given, one, found in zip(inputs, get_config_list(config, n), asked, strict=True):
            ready = self.model_copy()  # so that each has callbacks and a trace of its own
            ready._ready = found
            try:
                answers.append(ready.invoke(given, one, stop=stop, **kwargs))
            except RagqwenError as error:
                if not return_exceptions:
                    raise
                answers.append(error)
        return answers

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Do what `batch` does, in a thread."""
        return await run_in_executor(
            None, self.batch, inputs, config, return_exceptions=return_exceptions, **kwargs
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        found = self._ready
        if found is None:
            found = self._asked(messages, stop, **kwargs)
            self._runner.run([found[1]])
        if isinstance(found, RagqwenError):
            raise found
        exchange, job = found
        return exchange.whole(_response(job.output.result()))

    def _asked(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, **kwargs: Any
    ) -> tuple[Exchange, Job]:
        exchange = self._exchange(messages, stop, stream=False, **kwargs)
        (request,) = exchange.requests()
        return exchange, self._runner.job(request.body)


def _response(output: Any) -> dict[str, Any]:
    """Return an output of the engine in the form in which a server would send it."""
    (written,) = output.outputs
    usage: dict[str, Any] = {
        "prompt_tokens": len(output.prompt_token_ids),
        "completion_tokens": len(written.token_ids),
        "prompt_tokens_details": {"cached_tokens": output.num_cached_tokens},
    }
    thought = _thought_tokens(written.token_ids)
    if thought is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    message = {"content": written.text}
    return {
        "choices": [{"message": message, "finish_reason": written.finish_reason}],
        "usage": usage,
    }


def _thought_tokens(tokens: Sequence[int]) -> int | None:
    """Count the tokens between the marks, None if no mark opens thinking."""
    start, end = (qwen_encoding().encode_single_token(mark) for mark in (THINK, THOUGHT))
    if start not in tokens:
        return None
    count, thinking = 0, False
    for token in tokens:
        if token in (start, end):
            thinking = token == start
        else:
            count += thinking
    return count
