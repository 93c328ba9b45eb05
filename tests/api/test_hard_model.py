"""A second model for hard questions: its own key, engine and context, else the first's."""

from pathlib import Path

import pytest

from api.wiring import Service, hard_settings, make_hard_writer, make_writer
from ragqwen.drafting import Writer
from ragqwen.errors import SettingsError
from ragqwen.generation import QwenChat
from ragqwen.settings import Settings, load_settings

FIRST = {"llm_base_url": "https://models.example/v1", "llm_model": "Qwen/Qwen3-8B"}
HARD = {"llm_hard_base_url": "https://models.example/hard/v1", "llm_hard_model": "Qwen/Qwen3-32B"}


def settings(**more: object) -> Settings:
    return load_settings(**{**FIRST, **HARD, **more})


def chat_of(writer: Writer | None) -> QwenChat:
    assert writer is not None
    assert isinstance(writer.chat, QwenChat)
    return writer.chat


def test_it_has_a_key_an_engine_and_a_context_of_its_own() -> None:
    given = settings(
        llm_api_key="first",
        llm_hard_api_key="second",
        llm_hard_engine="dashscope",
        llm_hard_context_tokens=131_072,
        llm_hard_base_url="https://elsewhere.example/v1",
    )
    easy, hard = make_writer(given), make_hard_writer(given)
    assert (chat_of(easy).api_key, chat_of(easy).engine) == ("first", "vllm")
    assert (chat_of(hard).api_key, chat_of(hard).engine) == ("second", "dashscope")
    assert easy and hard
    assert (easy.room_tokens, hard.room_tokens) == (32_768 - 1024, 131_072 - 1024)


def test_it_has_the_first_one_s_where_nothing_is_said() -> None:
    given = settings(llm_api_key="first", llm_engine="sglang", llm_context_tokens=16_384)
    hard = make_hard_writer(given)
    assert (chat_of(hard).api_key, chat_of(hard).engine) == ("first", "sglang")
    assert hard and hard.room_tokens == 16_384 - 1024


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://models.example:8443/v1", "first"),
        ("https://MODELS.example/v1", "first"),
        ("https://other.example/v1", None),
        ("https://models.example.other/v1", None),
        ("https://models.example@other.example/v1", None),
        ("http://models.example/v1", None),
        ("https://[models.example/v1", None),
    ],
)
def test_the_first_one_s_key_goes_to_its_own_host_alone(url: str, key: str | None) -> None:
    hard = hard_settings(settings(llm_api_key="first", llm_hard_base_url=url))
    assert hard and hard.llm_api_key == key


def test_a_key_for_no_server_goes_to_none() -> None:
    given = load_settings(
        **HARD, llm_engine="vllm-in-process", llm_model="Qwen/Qwen3-8B", llm_api_key="first"
    )
    hard = hard_settings(given)
    assert hard and (hard.llm_api_key, hard.llm_engine) == (None, "vllm")


def test_what_it_may_think_has_room_in_its_own_context(tmp_path: Path) -> None:
    given = settings(data_dir=tmp_path, llm_context_tokens=9000, llm_hard_context_tokens=32_768)
    with Service(given) as service:
        assert service.thinking_ceiling_tokens == given.thinking_ceiling_tokens


@pytest.mark.parametrize(
    "more",
    [{"llm_hard_engine": "vllm"}, {"llm_hard_api_key": "k"}, {"llm_hard_context_tokens": 1 << 14}],
)
def test_what_is_set_for_no_hard_model_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="RAGQWEN_LLM_HARD_MODEL"):
        load_settings(**FIRST, **more)


def test_its_key_is_not_shown() -> None:
    assert "secret" not in repr(settings(llm_hard_api_key="secret"))


def test_an_error_of_its_server_names_its_own_settings() -> None:
    assert chat_of(make_hard_writer(settings())).setting == "RAGQWEN_LLM_HARD"


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({}, "RAGQWEN_LLM_CONTEXT_TOKENS"),
        ({"llm_hard_context_tokens": 16_384}, "RAGQWEN_LLM_HARD_CONTEXT_TOKENS"),
    ],
)
def test_a_question_too_long_for_its_context_names_what_that_is_set_by(
    more: dict[str, object], named: str
) -> None:
    easy, hard = make_writer(settings(**more)), make_hard_writer(settings(**more))
    assert easy and hard
    assert (easy.context_setting, hard.context_setting) == ("RAGQWEN_LLM_CONTEXT_TOKENS", named)
