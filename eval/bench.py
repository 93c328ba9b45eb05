"""Benchmarks of speed: whole processes and stages, as ratios within one run.

Texts are made of seeded random syllables, so that a run needs no data and can be repeated.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from api.wiring import Service
from ingest.pipeline import Cutter
from ingest.sources import find_sources
from ragqwen.settings import Settings
from ragqwen.tokens import count_tokens

_SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qi", "zan")
_WORDS_PER_TEXT = 120
_QUERIES = 50


def run(settings: Settings, *, n_chunks: int, n_runs: int = 5) -> dict[str, Any]:
    """Measure ingest, search and a cold `ragqwen ask` over an index of so many chunks.

    Times are seconds or milliseconds of this machine at this moment; the ratios are what holds.

    :param n_runs: how often each process is started; the median counts.
    """
    texts = list(made_texts(n_chunks, _WORDS_PER_TEXT))
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        corpus.write_text(
            "\n".join(json.dumps({"_id": str(i), "text": text}) for i, text in enumerate(texts))
        )
        here = settings.model_copy(update={"data_dir": Path(folder) / "data"})
        tokenizing = _seconds(lambda: [count_tokens(text) for text in texts])
        with Service(here) as service:
            pipeline = service.pipeline(here.collection)
            ingest = _seconds(lambda: list(pipeline.ingest(find_sources([str(corpus)]))))
            indexing = _seconds(service.index(here.collection).save)
            retriever = service.retriever(here.collection)
            queries = [" ".join(text.split()[:8]) for text in texts[:_QUERIES]]
            first_search, search = (
                median([_seconds(lambda q=q: retriever.retrieve(q)) for q in queries])
                for _ in ("new chunks", "the same ones again")
            )
            embedding = _seconds(lambda: service.embedder.embed_documents(texts[:1000])) / 1000
            cutter: Cutter = service.cutter()
        ask = [sys.executable, "-m", "api.cli", "--data-dir", str(here.data_dir), "ask", queries[0]]
        python = [sys.executable, "-c", ""]
        cold = median(_seconds(lambda: _process(ask)) for _ in range(n_runs))
        bare = median(_seconds(lambda: _process(python)) for _ in range(n_runs))
    return {
        "chunks": n_chunks,
        "recipe": cutter.recipe,
        "embedder": service.embedder.fingerprint,
        "ingest_chunks_per_s": n_chunks / (ingest + indexing),
        "ingest_to_tokenizing": (ingest + indexing) / tokenizing,
        "indexing_share": indexing / (ingest + indexing),
        "embedding_passages_per_s": 1 / embedding,
        "first_search_ms": 1000 * first_search,
        "search_ms": 1000 * search,
        "cold_ask_s": cold,
        "cold_ask_to_bare_python": cold / bare,
    }


def made_texts(count: int, n_words: int) -> Iterator[str]:
    """Yield texts of so many words of 20,000, in sentences of 15; the same ones every time."""
    rng = random.Random(7)
    words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]  # Zipf's law
    for _ in range(count):
        chosen = rng.choices(words, weights, k=n_words)
        ends = range(0, n_words, 15)
        yield " ".join(" ".join(chosen[at : at + 15]).capitalize() + "." for at in ends)


def _seconds(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _process(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
