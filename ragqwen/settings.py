"""All settings, read once from the environment where the program starts."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ragqwen.engines import EngineName
from ragqwen.errors import SettingsError
from ragqwen.pace import TOKENS_PER_SECOND

IN_PROCESS: Final = "vllm-in-process"
"""The engine that needs no server: vLLM's own, in the process itself."""
_OWN_WORDS: Final = {"embedder": ("builtin",), "reranker": ("light", "off")}  # defaults first
_NO_MODELS: Final = ("builtin", "light", "off", "no", "none", "null", "0", "false", "disabled")

PROMPT_TOKENS: Final = 1024
"""What a prompt takes beside its passages: the rules, the question and the passages' titles."""


class Settings(BaseSettings):
    """The settings; each is an environment variable with the prefix `RAGQWEN_`."""

    model_config = SettingsConfigDict(env_prefix="RAGQWEN_", frozen=True, env_ignore_empty=True)

    data_dir: Path = Field(
        default_factory=lambda: Path.home() / ".ragqwen",
        description="folder of the catalogue and the indexes",
    )
    collection: str = Field("default", description="collection used when none is named")
    embedder: str = Field(
        "builtin",
        description="'builtin', or a sentence-transformers model such as Qwen/Qwen3-Embedding-0.6B",
    )
    embedder_base_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="a server of the embedder, such as http://localhost:8001/v1 (vLLM)",
    )
    embedder_api_key: str | None = Field(None, description="sent as a bearer token", repr=False)
    embedder_dimension: int | None = Field(
        None,
        ge=32,
        description="shorten a Matryoshka model's vectors to this length; not the built-in one's",
    )
    dense_weight: float | None = Field(
        None, ge=0, description="the vectors' part beside 1 for BM25, without a reranker"
    )
    reranker: str = Field(
        "light",
        description="'light' (built-in embedder only), 'off', or a cross-encoder: "
        "Qwen/Qwen3-Reranker-0.6B",
    )
    reranker_base_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="a server of the reranker, such as http://localhost:8002/v1 (vLLM)",
    )
    reranker_api_key: str | None = Field(None, description="sent as a bearer token", repr=False)
    llm_base_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="an OpenAI-compatible server, such as http://localhost:8000/v1 (vLLM)",
    )
    llm_model: str | None = Field(None, description="the model's name there: Qwen/Qwen3-8B")
    llm_engine: EngineName | Literal["vllm-in-process"] = Field(
        "vllm",
        description="what serves it, which decides how thinking is limited; 'vllm-in-process' "
        "needs no server",
    )
    llm_api_key: str | None = Field(None, description="sent as a bearer token", repr=False)
    llm_context_tokens: int = Field(
        32_768, ge=2048, description="the model's context; vLLM's --max-model-len"
    )
    llm_hard_base_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="a second server, for questions that are to be thought about",
    )
    llm_hard_model: str | None = Field(None, description="the model's name there: Qwen/Qwen3-32B")
    llm_hard_engine: EngineName | None = Field(
        None, description="what serves it; if unset, what serves the first"
    )
    llm_hard_api_key: str | None = Field(
        None,
        repr=False,
        description="sent there as a bearer token; if unset, RAGQWEN_LLM_API_KEY is, but only to "
        "the first server's own host by the same scheme",
    )
    llm_hard_context_tokens: int | None = Field(
        None, ge=2048, description="that model's context; if unset, as much as the first's"
    )
    llm_timeout_seconds: float = Field(120, gt=0, description="longest wait for a model's server")
    llm_max_answer_tokens: int = Field(1024, ge=16, description="longest answer, in tokens")
    llm_tokens_per_second: float = Field(
        TOKENS_PER_SECOND,
        gt=0,
        description="what the model writes, to plan what there is time for; a service learns it "
        "from its answers",
    )
    thinking_ceiling_tokens: int = Field(
        8192, ge=1024, description="most tokens that may be thought of a question"
    )
    llm_judges_difficulty: bool = Field(
        False, description="ask the model for one token that grades each question (vLLM only)"
    )
    llm_thinks_in_question_language: bool = Field(
        False,
        description="the model thinks in the question's language, as some tuned ones do, and not "
        "in English: budgets grow with the language's tokens",
    )
    llm_searches: int = Field(
        3, ge=0, le=10, description="most further searches that the model may make for a question"
    )
    vllm_command: str = Field("vllm", description="the executable that `serve --vllm` starts")
    context_tokens: int = Field(
        6000, ge=256, description="Qwen tokens of passages that go into a prompt"
    )
    chunk_words: int = Field(
        160, ge=20, description="English words in a chunk; others hold about the same content"
    )
    chunk_tokens: int = Field(2048, ge=64, description="Qwen tokens that a chunk may never exceed")
    parse_seconds: float = Field(60, gt=0, description="longest time to read one file")
    parse_memory_mb: int = Field(4096, ge=512, description="memory a file reader may take")
    parse_workers: int = Field(2, ge=1, description="file readers that run side by side")
    max_upload_mb: int = Field(200, ge=1, description="largest file that is taken")

    @field_validator("embedder", "reranker")
    @classmethod
    def _take_own_words(cls, value: str, info: ValidationInfo) -> str:
        """Know our own words in any case; what can't be a model is not looked up on the Hub.

        Spaces around it don't count, and nothing else is as if unset.
        """
        words = _OWN_WORDS[str(info.field_name)]
        value = value.strip() or words[0]
        word = value.casefold()
        if word in _NO_MODELS and word not in words:
            raise ValueError(f"give {', '.join(map(repr, words))} or a model's name")
        return word if word in words else value


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; an override that is None leaves it to that.

    :raises SettingsError: if one has a value it can't have.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as exc:
        problems = "; ".join(
            f"RAGQWEN_{'_'.join(str(part) for part in error['loc']).upper()}: {error['msg']}, "
            f"not {error['input']!r}"
            for error in exc.errors()
        )
        raise SettingsError(f"bad setting: {problems}") from exc
    if settings.llm_engine == IN_PROCESS:
        if settings.llm_base_url or not settings.llm_model:
            raise SettingsError(
                f"RAGQWEN_LLM_ENGINE is {IN_PROCESS!r}: set RAGQWEN_LLM_MODEL to what it is to "
                "load, and no RAGQWEN_LLM_BASE_URL"
            )
    elif (settings.llm_base_url is None) != (settings.llm_model is None):
        raise SettingsError(
            "RAGQWEN_LLM_BASE_URL and RAGQWEN_LLM_MODEL go together: set both or neither"
        )
    taken = settings.llm_max_answer_tokens + PROMPT_TOKENS
    context = min(
        settings.llm_context_tokens, settings.llm_hard_context_tokens or settings.llm_context_tokens
    )
    if settings.llm_model and taken > context:
        raise SettingsError(
            f"an answer of {settings.llm_max_answer_tokens:,} tokens and {PROMPT_TOKENS:,} of a "
            f"prompt are more than the model's context of {context:,}: lower "
            "RAGQWEN_LLM_MAX_ANSWER_TOKENS, or raise RAGQWEN_LLM_CONTEXT_TOKENS (--vllm-context) "
            "or RAGQWEN_LLM_HARD_CONTEXT_TOKENS"
        )
    if (settings.llm_hard_base_url is None) != (settings.llm_hard_model is None):
        raise SettingsError(
            "RAGQWEN_LLM_HARD_BASE_URL and RAGQWEN_LLM_HARD_MODEL go together: set both or neither"
        )
    for name in ("llm_hard_engine", "llm_hard_api_key", "llm_hard_context_tokens"):
        if getattr(settings, name) is not None and not settings.llm_hard_model:
            raise SettingsError(
                f"RAGQWEN_{name.upper()} is set, but RAGQWEN_LLM_HARD_MODEL is not: set it to the "
                "model that is served there"
            )
    if settings.llm_hard_model and not settings.llm_model:
        raise SettingsError(
            "RAGQWEN_LLM_HARD_MODEL is set, but RAGQWEN_LLM_MODEL is not: set it to the model for "
            "easy questions"
        )
    if settings.embedder_base_url and settings.embedder == "builtin":
        raise SettingsError(
            "RAGQWEN_EMBEDDER_BASE_URL is set, but RAGQWEN_EMBEDDER is 'builtin': set it to the "
            "model that is served there"
        )
    if settings.embedder_dimension and settings.embedder == "builtin":
        raise SettingsError(
            f"RAGQWEN_EMBEDDER_DIMENSION is {settings.embedder_dimension}, but RAGQWEN_EMBEDDER is "
            "'builtin', whose vectors can't be shortened: unset it, or set RAGQWEN_EMBEDDER to a "
            "Matryoshka model"
        )
    if settings.reranker_base_url and settings.reranker in ("off", "light"):
        raise SettingsError(
            f"RAGQWEN_RERANKER_BASE_URL is set, but RAGQWEN_RERANKER is {settings.reranker!r}: set "
            "it to the model that is served there"
        )
    return settings
