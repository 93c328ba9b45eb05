"""What a model's server says, whole or event by event, checked once where it arrives."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, InstanceOf, ValidationError

from ragqwen.errors import ModelError

# Not `str`, which refuses half of a character outside the BMP; the other may be in the next event
_Text = InstanceOf[str]


class CalledFunction(BaseModel):
    """What a piece of a tool call says of its function."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None  # some servers send an object


class Call(BaseModel):
    """A piece of a tool call."""

    id: str | None = None
    index: int | None = None
    function: CalledFunction | None = None


class Message(BaseModel):
    """A message, or what an event adds to it."""

    content: _Text | None = None
    reasoning: _Text | None = None
    reasoning_content: _Text | None = None  # as older servers name it
    tool_calls: list[Call] | None = None


class Choice(BaseModel):
    """One answer: `delta` in a stream, `message` in a whole reply, `text` without a template."""

    delta: Message | None = None
    message: Message | None = None
    text: _Text | None = None
    finish_reason: str | None = None
    logprobs: Any = None


class PromptDetails(BaseModel):
    """What the prompt's tokens were."""

    cached_tokens: int | None = None


class CompletionDetails(BaseModel):
    """What the tokens written were."""

    reasoning_tokens: int | None = None


class Usage(BaseModel):
    """Tokens, as the server counted them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class Reply(BaseModel):
    """A whole reply, or an event of one."""

    choices: list[Choice] | None = None
    usage: Usage | None = None

    @property
    def choice(self) -> Choice:
        """Return the only choice, an empty one where there is none, as beside the usage."""
        return self.choices[0] if self.choices else Choice()


def read_reply(data: Mapping[str, Any]) -> Reply:
    """Return what a server's JSON object says.

    :raises ModelError: if it isn't as OpenAI's; it doesn't quote the reply, which may be thinking.
    """
    try:
        return Reply.model_validate(data)
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_input=False)[0]
        at = ".".join(map(str, fault["loc"]))
        raise ModelError(
            f"the language model's server sent an odd reply ({at}: {fault['msg']}); check that "
            "it is compatible with OpenAI's"
        ) from exc
