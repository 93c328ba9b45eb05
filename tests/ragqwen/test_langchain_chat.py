"""QwenChat passes LangChain's standard tests of a chat model that need no server."""

from typing import Any

from langchain_tests.unit_tests import ChatModelUnitTests

from ragqwen.generation import QwenChat


class TestQwenChat(ChatModelUnitTests):
    """The standard tests, by what QwenChat can do."""

    @property
    def chat_model_class(self) -> type[QwenChat]:
        """Return the class that is tested."""
        return QwenChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """Return what it is made with."""
        return {"base_url": "http://127.0.0.1:9/v1", "model": "Qwen/Qwen3-8B"}
