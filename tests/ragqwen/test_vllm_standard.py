"""QwenChat passes LangChain's standard integration tests on a real vLLM server.

The tiny model writes the same 40 words whatever is asked, so what needs sense is not asked of it.
"""

from typing import Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from ragqwen.generation import QwenChat
from tests.vllm_server import CHAT_MODEL, needs_vllm

pytestmark = needs_vllm


class TestQwenChatOnVllm(ChatModelIntegrationTests):
    """The standard tests, by what QwenChat can do."""

    @property
    def chat_model_class(self) -> type[QwenChat]:
        """Return the class that is tested."""
        return QwenChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """Return what it is made with, but for the server."""
        return {"model": CHAT_MODEL}

    @property
    def model_override_value(self) -> str:
        """Return another name of a model to ask for; the server has but one."""
        return CHAT_MODEL

    @pytest.fixture
    def model(self, request: pytest.FixtureRequest, chat_url: str) -> QwenChat:
        """Return the model on the server."""
        given = getattr(request, "param", None) or {}
        return QwenChat(base_url=chat_url, **self.chat_model_params, **given)
