"""Messages as a server takes them: OpenAI's form, and the prompt that Qwen3's template makes."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from ragqwen.reasoning import THINK, without_thinking

_ROLES = {"human": "user", "ai": "assistant"}


def openai_messages(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return messages in OpenAI's form; of the model's own ones, final answers alone."""
    return [_openai_message(message) for message in messages]


def thinking_prompt(messages: Sequence[BaseMessage]) -> str:
    """Return the prompt of Qwen3's template after which the model goes on thinking.

    It ends in the opening mark without a line break, which the model writes itself, so that its
    tokens count as they do in an engine that takes a budget.
    """
    turns = [_turn(message) for message in openai_messages(messages)]
    rendered = ""
    for role, group in groupby(turns, key=lambda turn: turn[0]):
        contents = [content for _, content in group]
        if role == "tool":  # the answers of several tools are one turn
            role, contents = "user", ["\n".join(contents)]
        rendered += "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for content in contents)
    return f"{rendered}<|im_start|>assistant\n{THINK}"


def _openai_message(message: BaseMessage) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "role": _ROLES.get(message.type, message.type),
        "content": str(message.text),
    }
    if isinstance(message, ToolMessage):
        sent["tool_call_id"] = message.tool_call_id
    if isinstance(message, AIMessage):
        sent["content"] = without_thinking(sent["content"])
        if message.tool_calls:
            sent["tool_calls"] = [
                {
                    "id": call["id"],
                    "type": "function",
                    "function": {
                        "name": call["name"],
                        "arguments": json.dumps(call["args"], ensure_ascii=False),
                    },
                }
                for call in message.tool_calls
            ]
    return sent


def _turn(sent: dict[str, Any]) -> tuple[str, str]:
    """Return the role and the text of a message as the template writes them."""
    content = sent["content"]
    if sent["role"] == "tool":
        return "tool", f"<tool_response>\n{content}\n</tool_response>"
    calls = [
        f'<tool_call>\n{{"name": {json.dumps(call["function"]["name"])}, '
        f'"arguments": {call["function"]["arguments"]}}}\n</tool_call>'
        for call in sent.get("tool_calls", ())
    ]
    return sent["role"], "\n".join([*([content] if content else []), *calls] or [""])
