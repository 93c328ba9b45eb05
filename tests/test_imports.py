"""What is heavy is loaded where it is used, and not before."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from indexes.store import Store
from ragqwen.static_embedding import StaticEmbedder
from tests.fakes import put_texts

ROOT = Path(__file__).parents[1]
LIGHT = [
    "ragqwen",
    "ragqwen.records",
    "ragqwen.errors",
    "ragqwen.text",
    "ragqwen.languages",
    "ragqwen.segmentation",
    "ragqwen.analysis",
    "ragqwen.embedding",
    "ragqwen.retrieval",
    "ragqwen.reranking",
    "ragqwen.model_server",
    "ragqwen.served_embedder",
    "ragqwen.reader",
    "ragqwen.answer",
    "ragqwen.settings",
]
HEAVY = {"torch", "faiss", "vllm", "unstructured", "sentence_transformers", "langchain_core"}
NOT_FOR_ASKING = {
    *("torch", "unstructured", "sentence_transformers", "langchain_core", "fastapi", "scipy"),
}
REPORT = "import json, sys; sys.stderr.write(json.dumps(sorted(sys.modules)))"


def modules_after(code: str, *arguments: str) -> tuple[set[str], str]:
    """Run code in a fresh interpreter; return the modules it loaded and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(json.loads(done.stderr.splitlines()[-1])), done.stdout


@pytest.fixture(scope="module")
def after_light_imports() -> set[str]:
    return modules_after(f"import {', '.join(LIGHT)}")[0]


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_was_loaded(module: str, after_light_imports: set[str]) -> None:
    assert module in after_light_imports


@pytest.mark.parametrize("heavy", sorted(HEAVY))
def test_light_modules_do_not_load(heavy: str, after_light_imports: set[str]) -> None:
    assert heavy not in after_light_imports


def test_the_built_in_embedder_takes_a_question_without_scipy_or_torch() -> None:
    code = "from ragqwen.static_embedding import StaticEmbedder as Static"
    loaded, printed = modules_after(f"{code}; print(Static().embed_query('river').shape)")
    assert printed == "(256,)\n"
    assert {"numpy", "tokenizers"} <= loaded
    assert loaded & {"scipy", *HEAVY} == set()


def test_asking_loads_only_what_it_needs(tmp_path: Path) -> None:
    embedder = StaticEmbedder()
    with Store(tmp_path, embedder) as store:
        index = store.collection("default", create=True)
        put_texts(index, embedder, ferry="The ferry to Gavdos leaves at six on Monday.")
        index.save()
    code = "import sys; from api.cli import main; main(sys.argv[1:], standalone_mode=False)"
    loaded, printed = modules_after(
        code, "--data-dir", str(tmp_path), "ask", "When does the ferry to Gavdos leave?"
    )
    assert "leaves at six" in printed
    assert loaded & NOT_FOR_ASKING == set()
