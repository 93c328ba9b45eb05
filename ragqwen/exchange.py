"""What goes to a server and what comes back for one answer, without the sending itself."""

import codecs
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from ragqwen.errors import ModelError
from ragqwen.reasoning import EARLY_STOP, THOUGHT, ReasoningSplitter, Split
from ragqwen.replies import Call, CalledFunction, Reply, read_reply
from ragqwen.tokens import count_tokens

CHAT, COMPLETIONS = "/chat/completions", "/completions"
# What is for the answer alone: thinking must not be held to a grammar or stopped by a word
_OF_THE_ANSWER = ("structured_outputs", "response_format", "stop")
_WHOLE = ("stop", "tool_calls")  # reasons to finish; after any other the text may be cut off


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a path below the base URL, and a body."""

    path: str
    body: dict[str, Any]


class Exchange:
    """One request and its response, read event by event."""

    def __init__(self, body: dict[str, Any], *, expects_thinking: bool) -> None:
        """:param body: of the chat request.
        :param expects_thinking: whether the model may think with no opening mark in sight.
        """
        self._body = body
        self._splitter = ReasoningSplitter(expects_thinking=expects_thinking)
        self._thoughts, self._contents = _Joiner(), _Joiner()
        self._reasoning = ""
        self._usage: dict[str, int] = {}
        self._ending: dict[str, Any] = {"model_name": body["model"]}

    def requests(self) -> Iterator[Request]:
        """Yield what to send, each once the response to the one before has been fed."""
        yield Request(CHAT, self._body)

    def feed(self, event: Reply) -> ChatGenerationChunk | None:
        """Take an event of a stream and return what it adds, None if that is nothing."""
        self._note(event)
        message = event.choice.delta or event.choice.message
        if message is None:
            return None
        reasoning = self._thoughts.join(message.reasoning or message.reasoning_content)
        if reasoning:
            self._splitter.separated()
        split = self._splitter.feed(self._contents.join(message.content))
        if reasoning:
            split = replace(split, reasoning=reasoning + split.reasoning)
        calls = enumerate(message.tool_calls or ())
        return self._chunk(split, tuple(_tool_call(call, number) for number, call in calls))

    def whole(self, response: Mapping[str, Any]) -> ChatResult:
        """Take a response that isn't a stream, and return what came of it.

        :raises ModelError: if there is no message in it.
        """
        reply = read_reply(response)
        if reply.choice.message is None:
            raise ModelError(
                "the language model's server sent no message, only "
                f"{', '.join(response) or 'an empty object'}; check its URL, RAGQWEN_LLM_BASE_URL "
                "or RAGQWEN_LLM_HARD_BASE_URL"
            )
        chunk = self.feed(reply)
        return generate_from_stream(iter([chunk, self.end()] if chunk else [self.end()]))

    def end(self) -> ChatGenerationChunk:
        """Return the last chunk: what was held back, why the model stopped, and the usage."""
        split = self._splitter.end(cut=self._ending.get("finish_reason") not in _WHOLE)
        self._reasoning += split.reasoning
        message = _message(split, ())
        message.response_metadata = self._ending
        message.usage_metadata = self._counted()
        message.chunk_position = "last"
        return ChatGenerationChunk(message=message)

    def _note(self, event: Reply) -> None:
        """Note what is for the end."""
        usage = event.usage
        if usage and usage.model_fields_set:
            self._usage = {
                "input": usage.prompt_tokens or 0,
                "output": usage.completion_tokens or 0,
            }
            details, of_prompt = usage.completion_tokens_details, usage.prompt_tokens_details
            known = {
                "reasoning": details.reasoning_tokens if details else None,
                "cached": of_prompt.cached_tokens if of_prompt else None,
            }
            self._usage |= {name: count for name, count in known.items() if count is not None}
        if event.choice.finish_reason:
            self._ending["finish_reason"] = event.choice.finish_reason
        if event.choice.logprobs:
            self._ending["logprobs"] = event.choice.logprobs

    def _chunk(
        self, split: Split, tool_calls: tuple[ToolCallChunk, ...] = ()
    ) -> ChatGenerationChunk | None:
        self._reasoning += split.reasoning
        if not (split.reasoning or split.content or split.restarts or tool_calls):
            return None
        return ChatGenerationChunk(message=_message(split, tool_calls))

    def _counted(self) -> UsageMetadata | None:
        if not self._usage:
            return None
        reasoning = self._usage.get("reasoning")
        if reasoning is None:
            reasoning = min(count_tokens(self._reasoning), self._usage["output"])
        counted = UsageMetadata(
            input_tokens=self._usage["input"],
            output_tokens=self._usage["output"],
            total_tokens=self._usage["input"] + self._usage["output"],
            output_token_details={"reasoning": reasoning},
        )
        if "cached" in self._usage:
            counted["input_token_details"] = {"cache_read": self._usage["cached"]}
        return counted


class TwoPhaseExchange(Exchange):
    """Thinking up to a budget, then the answer, for engines that take no budget themselves.

    Source: Qwen3's documentation, "Thinking budget".
    """

    def __init__(self, body: dict[str, Any], prompt: str, *, budget: int, max_tokens: int) -> None:
        """:param prompt: what the model goes on from by thinking.
        :param budget: of thinking, in tokens.
        :param max_tokens: of the answer.
        """
        super().__init__(body, expects_thinking=False)
        self._prompt, self._budget, self._max_tokens = prompt, budget, max_tokens
        self._in_thought = True
        self._closed_itself = False
        self._thought_usage: dict[str, int] = {}

    def requests(self) -> Iterator[Request]:
        """Yield the request for thinking, then the one for the answer."""
        given = {k: v for k, v in self._body.items() if k not in ("messages", *_OF_THE_ANSWER)}
        thinking = {"prompt": self._prompt, "max_tokens": self._budget, "stop": [THOUGHT]}
        yield Request(COMPLETIONS, given | thinking)
        cut = self._ending.pop("finish_reason", None) == "length"
        self._in_thought, self._closed_itself = False, not cut
        self._thought_usage, self._usage = self._usage, {}
        prompt = self._prompt + self._reasoning + (EARLY_STOP if cut else f"{THOUGHT}\n\n")
        of_answer = {name: self._body[name] for name in _OF_THE_ANSWER if name in self._body}
        answer = {"prompt": prompt, "max_tokens": self._max_tokens, **of_answer}
        yield Request(COMPLETIONS, given | answer)

    def feed(self, event: Reply) -> ChatGenerationChunk | None:
        """Take an event of either stream and return what it adds, None if that is nothing."""
        self._note(event)
        text = event.choice.text
        if self._in_thought:
            return self._chunk(Split(reasoning=self._thoughts.join(text)))
        return self._chunk(self._splitter.feed(self._contents.join(text)))

    def _counted(self) -> UsageMetadata | None:
        """Count the prompt once, and the sentence that ended thinking not at all."""
        if not (self._usage and self._thought_usage):
            return None
        thought = self._thought_usage["output"]
        self._usage = {
            **self._thought_usage,
            "output": thought + self._usage["output"],
            "reasoning": thought - self._closed_itself,  # the closing mark is no thinking
        }
        return super()._counted()


def _message(split: Split, tool_calls: tuple[ToolCallChunk, ...]) -> AIMessageChunk:
    """Return a chunk; a closing mark at its beginning says that all content before was thinking."""
    more: dict[str, Any] = {}  # most pieces are text alone, and what isn't given costs nothing
    if split.reasoning:
        more["additional_kwargs"] = {"reasoning_content": split.reasoning}
    if tool_calls:
        more["tool_call_chunks"] = list(tool_calls)
    content = THOUGHT + split.content if split.restarts else split.content
    return AIMessageChunk(content=content, **more)


def _tool_call(call: Call, number: int) -> ToolCallChunk:
    function = call.function or CalledFunction()
    args = function.arguments
    if isinstance(args, dict):
        args = json.dumps(args, ensure_ascii=False)
    index = number if call.index is None else call.index
    return tool_call_chunk(name=function.name, args=args, id=call.id, index=index)


class _Joiner:
    """Joins characters that come in halves.

    JSON writes a character outside the BMP as two escapes, and a server that cuts text between them
    sends each in an event of its own. A half without its other can't be encoded: it is replaced, or
    left out at the end.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16-le")("replace")

    def join(self, text: str | None) -> str:
        """Return the text with the half that came before it, without the one it ends in."""
        if not text:
            return ""
        return self._decoder.decode(text.encode("utf-16-le", "surrogatepass"))
