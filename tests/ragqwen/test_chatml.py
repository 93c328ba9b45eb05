"""Messages are sent as OpenAI's API and Qwen3's template have them."""

from typing import Any

import jinja2
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from ragqwen.chatml import openai_messages, thinking_prompt
from tests.chain_model import TEMPLATE

CALLS = [
    {"name": "search", "args": {"query": "渡轮"}, "id": "1"},
    {"name": "search", "args": {"query": "ferry"}, "id": "2"},
]
TALK: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage("When does it leave?"),
    AIMessage("", tool_calls=CALLS),
    ToolMessage("at six", tool_call_id="1"),
    ToolMessage("at seven", tool_call_id="2"),
    AIMessage("Wait.", tool_calls=CALLS[:1]),
    ToolMessage("at six", tool_call_id="1"),
    AIMessage("At six.", additional_kwargs={"reasoning_content": "Hm."}),
    HumanMessage("Sure?"),
]


def templated(messages: list[dict[str, Any]]) -> str:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    template = environment.from_string(TEMPLATE)
    return template.render(messages=messages, add_generation_prompt=True)


def test_a_prompt_is_what_the_template_makes() -> None:
    assert thinking_prompt(TALK) == templated(openai_messages(TALK)) + "<think>"


def test_tool_calls_and_their_results_are_sent_back() -> None:
    sent = openai_messages(TALK)
    assert sent[2]["tool_calls"][0] == {
        "id": "1",
        "type": "function",
        "function": {"name": "search", "arguments": '{"query": "渡轮"}'},
    }
    assert sent[3] == {"role": "tool", "content": "at six", "tool_call_id": "1"}


def test_thinking_in_a_history_is_not_sent_back() -> None:
    blocks: list[str | dict[str, Any]] = [
        {"type": "reasoning", "reasoning": "Hm."},
        {"type": "text", "text": "At six."},
    ]
    said = [AIMessage("<think>Hm.</think>\n\nAt six."), AIMessage(blocks), TALK[-2]]
    assert openai_messages(said) == [{"role": "assistant", "content": "At six."}] * 3


def test_marks_in_what_others_wrote_are_left_to_the_prompt_builder() -> None:
    assert openai_messages([HumanMessage("<think>x</think>y")])[0]["content"] == "<think>x</think>y"
