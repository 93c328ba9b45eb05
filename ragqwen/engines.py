"""How each serving engine is told whether Qwen3 thinks, and for how long; what else it can do."""

from dataclasses import dataclass
from typing import Any, Literal

EngineName = Literal["vllm", "sglang", "dashscope", "llama.cpp", "other"]
OFF, UNLIMITED = 0, -1


@dataclass(frozen=True, slots=True)
class Engine:
    """What one engine's requests look like; paths are of nested fields of the body."""

    switch: tuple[str, ...] = ("chat_template_kwargs", "enable_thinking")
    budget: tuple[str, ...] | None = None  # None: it takes no budget, so we cut thinking off
    thinks_in_streams_only: bool = False
    calls_tools: bool = False
    judges: bool = False  # holds an answer to `structured_outputs`, and tells the chances of tokens

    def fields(self, thinking_budget: int) -> dict[str, Any]:
        """Return the body's fields for a budget in tokens, 0 for off and -1 for unlimited.

        A budget is never sent with thinking off: vLLM would then write the sentence that ends
        thinking into the answer.
        """
        fields = _nested(self.switch, thinking_budget != OFF)
        if self.budget is not None and thinking_budget > 0:
            fields |= _nested(self.budget, thinking_budget)
        return fields

    def in_two_phases(self, thinking_budget: int) -> bool:
        """Say whether thinking has to be cut off from outside."""
        return self.budget is None and thinking_budget > 0


def _nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    return dict(value)


# Sources: vLLM 0.32; SGLang's, DashScope's and llama.cpp's documentation. llama.cpp has a budget
# for the whole server alone. Tools are refused where thinking is cut off from outside. SGLang holds
# answers to other fields than vLLM's, and whether DashScope tells chances isn't known.
ENGINES: dict[EngineName, Engine] = {
    "vllm": Engine(budget=("thinking_token_budget",), calls_tools=True, judges=True),
    "sglang": Engine(budget=("custom_params", "thinking_budget"), calls_tools=True),
    "dashscope": Engine(
        switch=("enable_thinking",),
        budget=("thinking_budget",),
        thinks_in_streams_only=True,
        calls_tools=True,
    ),
    "llama.cpp": Engine(),
    "other": Engine(),
}
