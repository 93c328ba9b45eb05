"""The chat model of vLLM's own engine, as far as no engine is needed."""

import importlib.util
from typing import Any

import pytest
from langchain_tests.unit_tests import ChatModelUnitTests

from api.wiring import make_writer
from ragqwen.errors import InputError, ModelError
from ragqwen.settings import load_settings
from ragqwen.vllm_engine import VllmChat

without_vllm = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is not None, reason="vLLM is installed here"
)


class TestVllmChat(ChatModelUnitTests):
    """LangChain's standard tests that need no model."""

    @property
    def chat_model_class(self) -> type[VllmChat]:
        """Return the class that is tested."""
        return VllmChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """Return what it is made with."""
        return {"model": "Qwen/Qwen3-8B"}


@without_vllm
def test_the_extra_is_named_where_there_is_no_vllm() -> None:
    with pytest.raises(ModelError, match=r"\.\[vllm\]"):
        VllmChat(model="Qwen/Qwen3-8B").batch(["A?"])


def test_as_many_budgets_as_inputs_are_asked_for() -> None:
    with pytest.raises(InputError, match="3 budgets for 1 inputs"):
        VllmChat(model="Qwen/Qwen3-8B").batch(["A?"], thinking_budget=[0, 1, 2])


def test_nothing_is_asked_of_an_empty_batch() -> None:
    assert VllmChat(model="Qwen/Qwen3-8B").batch([]) == []


def test_the_settings_may_name_the_engine() -> None:
    settings = load_settings(
        llm_engine="vllm-in-process",
        llm_model="Qwen/Qwen3-8B",
        llm_context_tokens=9000,
        llm_max_answer_tokens=99,
    )
    writer = make_writer(settings)
    assert writer
    assert isinstance(writer.chat, VllmChat)
    assert (writer.name, writer.chat.max_tokens) == ("Qwen/Qwen3-8B", 99)
    assert writer.chat.engine_options == {"max_model_len": 9000}
