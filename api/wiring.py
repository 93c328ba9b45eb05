"""Puts the rooms together, from settings; whatever is heavy is imported where it is needed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from indexes.store import CollectionIndex, Store
from ragqwen import messages
from ragqwen.alignment import Aligner
from ragqwen.answer import Answerer
from ragqwen.drafting import Writer
from ragqwen.embedding import Embedder
from ragqwen.engines import ENGINES, EngineName
from ragqwen.pace import Pace
from ragqwen.planning import LEAST_TOKENS, Judge, Planner
from ragqwen.ranking import LightRanker
from ragqwen.reader import ExtractiveReader
from ragqwen.reranking import Reranker
from ragqwen.retrieval import Retriever
from ragqwen.settings import IN_PROCESS, PROMPT_TOKENS, Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from api.schemas import CollectionOut
    from ingest.pipeline import Cutter, Pipeline
    from ingest.sandbox import ParserPool
    from ragqwen.generation import QwenChat
    from ragqwen.static_embedding import StaticEmbedder

_log = logging.getLogger(__name__)
BUILTIN = "builtin"
LIGHT = "light"
_BUILTIN_DENSE_WEIGHT = 0.4  # the light reranker has the say where it is on (LOG.md)
_MODEL_DENSE_WEIGHT = 1.0
_JUDGE_SECONDS = 5.0  # for a token, while the answer waits


class Service:
    """One data folder and one embedder, and what is made of them; close it when done."""

    def __init__(self, settings: Settings, *, chat: BaseChatModel | None = None) -> None:
        """:param chat: answers instead of the language models that the settings name."""
        self.settings = settings
        self.embedder = make_embedder(settings)
        self.store = Store(settings.data_dir, self.embedder)
        name, room = settings.llm_model or "given", _room(settings)
        given = Writer(chat, name, room_tokens=room) if chat else None
        self._writer = given or make_writer(settings)
        self._hard_writer = given or make_hard_writer(settings)
        self._parser: ParserPool | None = None

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the file readers and write the indexes."""
        if self._parser is not None:
            self._parser.close()
        self.store.close()

    @functools.cached_property
    def _static_embedder(self) -> StaticEmbedder:
        from ragqwen.static_embedding import StaticEmbedder

        ours = self.embedder
        return ours if isinstance(ours, StaticEmbedder) else StaticEmbedder()

    @functools.cached_property
    def aligner(self) -> Aligner:
        """Return what compares a question with sentences, by the built-in embedder's words."""
        return Aligner(self._static_embedder)

    @functools.cached_property
    def planner(self) -> Planner:
        """Return what plans how much is thought of a question."""
        return Planner(
            self._static_embedder,
            make_judge(self.settings),
            thinks_in_language=self.settings.llm_thinks_in_question_language,
        )

    @functools.cached_property
    def ranker(self) -> LightRanker | None:
        """Return what orders what was found by the built-in embedder, unless reranking is off.

        It goes by that embedder's vectors of words, which would only overrule a better one's.
        """
        ours = self.settings.embedder == BUILTIN and self.settings.reranker != "off"
        return LightRanker(self.aligner) if ours else None

    @functools.cached_property
    def reranker(self) -> Reranker | None:
        """Return what reranks, which is loaded at first use: to ingest there is no need of it."""
        return make_reranker(self.settings)

    @functools.cached_property
    def thinking_ceiling_tokens(self) -> int:
        """Return the most that is ever thought of a question; warn if that is hardly anything."""
        thinking = hard_settings(self.settings) or self.settings
        ceiling = thinking_ceiling(thinking)
        if self._writer and ceiling < LEAST_TOKENS:
            _log.warning("%s", _shortage(thinking, ceiling))
        return ceiling

    def retriever(self, collection: str) -> Retriever:
        """Return what searches a collection.

        :raises NotFound: if there is none of that name.
        """
        weight = self.settings.dense_weight
        if weight is None:
            builtin = self.settings.embedder == BUILTIN
            weight = _BUILTIN_DENSE_WEIGHT if builtin else _MODEL_DENSE_WEIGHT
        return Retriever(
            self.store.collection(collection),
            self.embedder,
            dense_weight=weight,
            ranker=self.ranker,
            reranker=self.reranker,
        )

    def answerer(self, collection: str) -> Answerer:
        """Return what answers questions about a collection.

        :raises NotFound: if there is none of that name.
        """
        notices: tuple[str, ...] = () if self._writer else (messages.NO_MODEL,)
        return Answerer(
            self.retriever(collection),
            ExtractiveReader(self.aligner),
            self.aligner,
            self.planner,
            writer=self._writer,
            hard_writer=self._hard_writer,
            context_tokens=self.settings.context_tokens,
            thinking_ceiling_tokens=self.thinking_ceiling_tokens,
            max_searches=self.settings.llm_searches,
            notices=notices,
        )

    def pipeline(self, collection: str, *, create: bool = True) -> Pipeline:
        """Return what ingests documents into a collection, which is made if it isn't there."""
        from ingest.pipeline import Pipeline

        index = self.store.collection(collection, create=create)
        return Pipeline(index, self.parser(), self.cutter())

    def cutter(self) -> Cutter:
        """Return what cuts and embeds documents."""
        from ingest.pipeline import Cutter

        return Cutter(
            self.embedder,
            chunk_words=self.settings.chunk_words,
            chunk_tokens=self.settings.chunk_tokens,
        )

    def reindex(self, collection: str) -> Iterator[str]:
        """Cut and embed a collection anew; see `Store.reindex`."""
        cutter = self.cutter()
        return self.store.reindex(collection, cutter.recipe, cutter.cut_and_embed)

    def parser(self) -> ParserPool:
        """Return the file readers, which start with the first file."""
        from ingest.sandbox import ParserPool

        if self._parser is None:
            self._parser = ParserPool(
                self.settings.parse_workers,
                self.settings.parse_seconds,
                self.settings.parse_memory_mb * 2**20,
            )
        return self._parser

    def collections(self) -> list[CollectionOut]:
        """Return all collections, those embedded by another embedder too."""
        from api.schemas import CollectionOut

        return [
            CollectionOut(
                name=found.name,
                n_documents=self.store.count_documents(found),
                embedder=found.fingerprint,
                dimension=found.dimension,
                revision=found.revision,
            )
            for found in self.store.collections()
        ]

    def index(self, collection: str) -> CollectionIndex:
        """Return a collection's index.

        :raises NotFound: if there is none of that name.
        """
        return self.store.collection(collection)


def make_embedder(settings: Settings) -> Embedder:
    """Return the embedder that the settings name.

    :raises ModelError: if it can't be loaded.
    """
    if settings.embedder == BUILTIN:
        from ragqwen.static_embedding import StaticEmbedder

        return StaticEmbedder()
    if settings.embedder_base_url is not None:
        from ragqwen.model_server import ModelServer
        from ragqwen.served_embedder import ServedEmbedder

        server = ModelServer(
            settings.embedder_base_url,
            setting="RAGQWEN_EMBEDDER",
            api_key=settings.embedder_api_key,
            timeout_seconds=settings.llm_timeout_seconds,
        )
        return ServedEmbedder(settings.embedder, server, dimension=settings.embedder_dimension)
    from ragqwen.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(settings.embedder, dimension=settings.embedder_dimension)


def make_reranker(settings: Settings) -> Reranker | None:
    """Return the reranking model that the settings name, None if they name none.

    :raises ModelError: if it can't be loaded.
    """
    if settings.reranker in ("off", LIGHT):
        return None
    if settings.reranker_base_url is not None:
        from ragqwen.model_server import ModelServer
        from ragqwen.served_reranker import ServedReranker

        server = ModelServer(
            settings.reranker_base_url,
            setting="RAGQWEN_RERANKER",
            api_key=settings.reranker_api_key,
            timeout_seconds=settings.llm_timeout_seconds,
        )
        return ServedReranker(settings.reranker, server)
    from ragqwen.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(settings.reranker)


def thinking_ceiling(settings: Settings) -> int:
    """Return the most that a model may think: what is set, or what its context has room for."""
    taken = settings.context_tokens + settings.llm_max_answer_tokens + PROMPT_TOKENS
    room = settings.llm_context_tokens - taken
    return max(0, min(settings.thinking_ceiling_tokens, room))


def _shortage(settings: Settings, ceiling: int) -> str:
    """Return what keeps a model from thinking, and what to do about it."""
    answer = settings.llm_max_answer_tokens
    hard = settings.llm_hard_context_tokens is not None
    setting = f"RAGQWEN_LLM_{'HARD_' if hard else ''}CONTEXT_TOKENS"
    setting += "" if hard else " (--vllm-context)"
    needed = settings.context_tokens + PROMPT_TOKENS + answer + LEAST_TOKENS
    return (
        f"{f'at most {ceiling:,} tokens' if ceiling else 'nothing'} will be thought of any "
        f"question: the model's context of {settings.llm_context_tokens:,} tokens is to hold "
        f"{settings.context_tokens:,} of passages, {PROMPT_TOKENS:,} of the rest of a prompt and "
        f"{answer:,} of an answer. Raise {setting} to {needed:,} or more, or lower "
        "RAGQWEN_CONTEXT_TOKENS or RAGQWEN_LLM_MAX_ANSWER_TOKENS"
    )


def make_writer(settings: Settings) -> Writer | None:
    """Return the language model that the settings name, None if they name none."""
    model = settings.llm_model
    if model is None:
        return None
    if settings.llm_engine == IN_PROCESS:
        from ragqwen.vllm_engine import VllmChat

        options = {"max_model_len": settings.llm_context_tokens}
        tokens = settings.llm_max_answer_tokens
        chat = VllmChat(model=model, max_tokens=tokens, engine_options=options)
        pace, room = Pace(settings.llm_tokens_per_second), _room(settings)
        return Writer(chat, model, pace=pace, room_tokens=room)
    if settings.llm_base_url is None:
        return None
    return _writer(settings, settings.llm_base_url, model)


def make_hard_writer(settings: Settings) -> Writer | None:
    """Return the model for questions that are to be thought about, None if there is no other."""
    hard = hard_settings(settings)
    if hard is None or hard.llm_base_url is None or hard.llm_model is None:
        return None
    return _writer(hard, hard.llm_base_url, hard.llm_model, "RAGQWEN_LLM_HARD")


def hard_settings(settings: Settings) -> Settings | None:
    """Return the settings with the model for hard questions as the one there is, None without it.

    A key is for one host: the first server's goes to no other, nor in the clear where it did not.
    """
    if settings.llm_hard_base_url is None:
        return None
    host = _host(settings.llm_hard_base_url)
    own = host is not None and host == _host(settings.llm_base_url or "")
    return settings.model_copy(
        update={
            "llm_base_url": settings.llm_hard_base_url,
            "llm_model": settings.llm_hard_model,
            "llm_engine": settings.llm_hard_engine or _engine(settings),
            "llm_api_key": settings.llm_hard_api_key or (settings.llm_api_key if own else None),
            "llm_context_tokens": settings.llm_hard_context_tokens or settings.llm_context_tokens,
        }
    )


def make_judge(settings: Settings) -> Judge | None:
    """Return what asks the language model how hard a question is, None if nothing is to."""
    if not (settings.llm_judges_difficulty and ENGINES[_engine(settings)].judges):
        return None
    if settings.llm_base_url is None or settings.llm_model is None:
        return None
    from ragqwen.judgement import QwenJudge

    chat = _chat(settings, settings.llm_base_url, settings.llm_model)
    seconds = min(_JUDGE_SECONDS, settings.llm_timeout_seconds)
    return QwenJudge(chat.model_copy(update={"timeout_seconds": seconds, "n_tries": 1}))


def _engine(settings: Settings) -> EngineName:
    """Return what the servers that the settings name are: with an engine in this process, vLLM."""
    return "vllm" if settings.llm_engine == IN_PROCESS else settings.llm_engine


def _host(url: str) -> tuple[str, str | None] | None:
    """Return a URL's scheme and host, None of what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname) if parts.hostname else None


def _room(settings: Settings) -> int:
    """Return what a prompt and the thinking may take together in the model's context."""
    return settings.llm_context_tokens - settings.llm_max_answer_tokens


def _writer(settings: Settings, base_url: str, model: str, setting: str = "RAGQWEN_LLM") -> Writer:
    own = setting if settings.llm_hard_context_tokens else "RAGQWEN_LLM"
    return Writer(
        _chat(settings, base_url, model, setting),
        model,
        calls_tools=ENGINES[_engine(settings)].calls_tools,
        pace=Pace(settings.llm_tokens_per_second),
        room_tokens=_room(settings),
        context_setting=f"{own}_CONTEXT_TOKENS",
    )


def _chat(settings: Settings, base_url: str, model: str, setting: str = "RAGQWEN_LLM") -> QwenChat:
    from ragqwen.generation import QwenChat

    return QwenChat(
        base_url=base_url,
        model=model,
        engine=_engine(settings),
        api_key=settings.llm_api_key,
        setting=setting,
        timeout_seconds=settings.llm_timeout_seconds,
        max_tokens=settings.llm_max_answer_tokens,
    )
