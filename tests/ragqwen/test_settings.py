"""Settings come from the environment; a bad one is named."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ragqwen.errors import SettingsError
from ragqwen.settings import Settings, load_settings


def test_everything_has_a_default() -> None:
    settings = load_settings()
    assert (settings.collection, settings.embedder, settings.llm_model) == (
        "default",
        "builtin",
        None,
    )


def test_the_environment_is_read_by_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQWEN_COLLECTION", "laws")
    monkeypatch.setenv("RAGQWEN_DATA_DIR", "/tmp/x")
    monkeypatch.setenv("RAGQWEN_CHUNK_WORDS", "200")
    monkeypatch.setenv("EMBEDDER", "other")
    settings = load_settings()
    assert (settings.collection, settings.data_dir) == ("laws", Path("/tmp/x"))
    assert (settings.chunk_words, settings.embedder) == (200, "builtin")


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQWEN_COLLECTION", "laws")
    assert load_settings(collection="mine").collection == "mine"
    assert load_settings(collection=None).collection == "laws"


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQWEN_LLM_BASE_URL", "")
    monkeypatch.setenv("RAGQWEN_CHUNK_WORDS", "")
    assert load_settings().llm_base_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHUNK_WORDS", "many"),
        ("CHUNK_WORDS", "3"),
        ("CHUNK_TOKENS", "1"),
        ("DENSE_WEIGHT", "-1"),
        ("EMBEDDER_DIMENSION", "8"),
        ("LLM_BASE_URL", "localhost:8000"),
        ("LLM_TIMEOUT_SECONDS", "0"),
        ("CONTEXT_TOKENS", "x"),
        ("THINKING_CEILING_TOKENS", "1000"),
        ("PARSE_WORKERS", "0"),
        ("MAX_UPLOAD_MB", "1.5"),
    ],
)
def test_a_bad_value_is_told_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RAGQWEN_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"RAGQWEN_{name}: " in str(caught.value)
    assert f"not {value!r}" in str(caught.value)


def test_all_bad_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQWEN_CHUNK_WORDS", "x")
    monkeypatch.setenv("RAGQWEN_PARSE_SECONDS", "y")
    with pytest.raises(SettingsError, match=r"(?s)CHUNK_WORDS.*PARSE_SECONDS"):
        load_settings()


@pytest.mark.parametrize("name", ["LLM_BASE_URL", "LLM_MODEL"])
def test_a_server_and_its_model_go_together(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"RAGQWEN_{name}", "http://x")
    with pytest.raises(SettingsError, match="RAGQWEN_LLM_BASE_URL and RAGQWEN_LLM_MODEL go"):
        load_settings()


@pytest.mark.parametrize("name", ["EMBEDDER", "RERANKER"])
def test_a_server_of_no_model_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"RAGQWEN_{name}_BASE_URL", "http://x")
    with pytest.raises(SettingsError, match=f"RAGQWEN_{name}_BASE_URL is set, but RAGQWEN_{name}"):
        load_settings()


def test_a_dimension_of_the_built_in_embedder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQWEN_EMBEDDER_DIMENSION", "128")
    with pytest.raises(SettingsError, match=r"DIMENSION is 128, .*'builtin'.*unset it"):
        load_settings()
    assert load_settings(embedder="Qwen/Qwen3-Embedding-0.6B").embedder_dimension == 128


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("EMBEDDER", "Builtin", "builtin"),
        ("RERANKER", "Light", "light"),
        ("RERANKER", "OFF", "off"),
        ("RERANKER", " off ", "off"),
        ("RERANKER", "BAAI/bge-reranker-v2-m3", "BAAI/bge-reranker-v2-m3"),
        ("EMBEDDER", "Qwen/Qwen3-Embedding-0.6B\n", "Qwen/Qwen3-Embedding-0.6B"),
    ],
)
def test_our_own_words_may_be_written_in_any_case_and_between_spaces(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, meant: str
) -> None:
    monkeypatch.setenv(f"RAGQWEN_{name}", value)
    assert getattr(load_settings(), name.lower()) == meant


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("RERANKER", "none", "give 'light', 'off' or a model's name"),
        ("RERANKER", "No", "give 'light', 'off' or a model's name"),
        ("RERANKER", "builtin", "give 'light', 'off' or a model's name"),
        ("RERANKER", "null", "give 'light', 'off' or a model's name"),
        ("RERANKER", "0", "give 'light', 'off' or a model's name"),
        ("RERANKER", " Disabled ", "give 'light', 'off' or a model's name"),
        ("EMBEDDER", "off", "give 'builtin' or a model's name"),
        ("EMBEDDER", "null", "give 'builtin' or a model's name"),
    ],
)
def test_a_word_that_names_no_model_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(f"RAGQWEN_{name}", value)
    with pytest.raises(SettingsError, match=f"RAGQWEN_{name}: .*{remedy}, not '{value}'"):
        load_settings()


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_an_embedder_or_a_reranker_of_nothing_is_as_if_unset(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    for name in ("EMBEDDER", "RERANKER"):
        monkeypatch.setenv(f"RAGQWEN_{name}", value)
    settings = load_settings()
    assert (settings.embedder, settings.reranker) == ("builtin", "light")


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().collection = "x"  # type: ignore[misc]


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQWEN_LLM_API_KEY", "secret")
    settings = load_settings()
    assert settings.llm_api_key == "secret"
    assert "secret" not in repr(settings) + str(settings)


def test_every_setting_is_described() -> None:
    bare = [name for name, field in Settings.model_fields.items() if not field.description]
    assert bare == []


def test_an_engine_in_this_process_needs_a_model_and_no_server() -> None:
    settings = load_settings(llm_engine="vllm-in-process", llm_model="Qwen/Qwen3-8B")
    assert settings.llm_base_url is None
    with pytest.raises(SettingsError, match="RAGQWEN_LLM_MODEL"):
        load_settings(llm_engine="vllm-in-process")
    with pytest.raises(SettingsError, match="no RAGQWEN_LLM_BASE_URL"):
        load_settings(llm_engine="vllm-in-process", llm_model="m", llm_base_url="http://a/v1")


def test_a_context_without_room_for_a_prompt_is_refused() -> None:
    more = {"llm_base_url": "http://a/v1", "llm_model": "m", "llm_context_tokens": 4096}
    assert load_settings(**more, llm_max_answer_tokens=3072)
    with pytest.raises(SettingsError, match="lower RAGQWEN_LLM_MAX_ANSWER_TOKENS"):
        load_settings(**more, llm_max_answer_tokens=3073)
