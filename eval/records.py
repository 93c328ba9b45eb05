"""The record of a run: what it ran with, so that two runs can be told apart and compared."""

import json
import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ragqwen
from api.wiring import BUILTIN, make_embedder
from eval.datasets import Dataset
from ingest.chunks import CHUNKING_VERSION
from ingest.pipeline import READING_VERSION
from ragqwen.analysis import ANALYSIS_VERSION
from ragqwen.errors import InputError
from ragqwen.settings import Settings

_PACKAGES = (
    "dashscope",
    "faiss-cpu",
    "icu4py",
    "ir-measures",
    "langchain-core",
    "matplotlib",
    "numpy",
    "regex",
    "sentence-transformers",
    "sentencex",
    "sqlalchemy",
    "tantivy",
    "tiktoken",
    "torch",
    "transformers",
)
_OF_THIS_MACHINE = ("_dir", "_file", "_path", "_url", "_host")
_SECRET = ("_key", "_keys", "_secret", "_password")


class Stopwatch:
    """Sums up the seconds of the `stages` of a run, and knows when it began."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._begin = time.perf_counter()
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        begin = time.perf_counter()
        yield
        self.add({name: time.perf_counter() - begin})

    def add(self, seconds: Mapping[str, float]) -> None:
        """Add times measured elsewhere, such as in another process."""
        for name, value in seconds.items():
            self.stages[name] = self.stages.get(name, 0.0) + value

    @property
    def seconds(self) -> dict[str, float]:
        """Return the seconds of each stage so far, and of the whole run on the clock."""
        whole = {"whole": time.perf_counter() - self._begin}
        return {name: round(value, 1) for name, value in (self.stages | whole).items()}


def run_record(
    kind: str, dataset: Dataset, settings: Settings, stopwatch: Stopwatch, **options: Any
) -> dict[str, Any]:
    """Return what a run ran with; nothing in it names this machine, its folders or a secret.

    :param kind: which of the commands; only results of one kind can be compared.
    :param options: what the command was asked for.
    """
    return {
        "kind": kind,
        "options": options,
        "versions": versions(settings),
        "settings": shown_settings(settings),
        "dataset": {"name": dataset.name, "digest": dataset.digest()},
        "started": stopwatch.started.isoformat(timespec="seconds"),
        "seconds": stopwatch.seconds,
    }


def versions(settings: Settings) -> dict[str, str]:
    """Return the versions of all that figures depend on; a package that is missing is left out."""
    embedder = shown_value(settings.embedder)
    if settings.embedder == BUILTIN:
        embedder = make_embedder(settings).fingerprint
    return {
        "ragqwen": ragqwen.__version__,
        "analysis": ANALYSIS_VERSION,
        "reading": READING_VERSION,
        "chunking": CHUNKING_VERSION,
        "embedder": str(embedder),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{name: found for name in _PACKAGES if (found := _version(name))},
    }


def shown_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings, without secrets and without what belongs to this machine alone."""
    shown = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        hidden = isinstance(value, Path) or not field.repr
        if not hidden and not name.endswith(_OF_THIS_MACHINE + _SECRET):
            shown[name] = shown_value(value)
    return shown


def shown_value(value: Any) -> Any:
    """Return a setting as it may be shown: of a folder or an address only what comes last."""
    if isinstance(value, str) and "/" in value:
        is_local = value.startswith(("/", ".", "~")) or "://" in value or Path(value).is_dir()
        return value.rstrip("/").rpartition("/")[2] if is_local else value
    return value if isinstance(value, str | int | float | None) else str(value)


def read_result(path: Path) -> dict[str, Any]:
    """Read a result that `--out` wrote.

    :raises InputError: if the file is none.
    """
    try:
        result = json.loads(path.read_text("utf-8"))
        result["run"]["kind"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InputError(
            f"{path} is no result of `python -m eval` ({type(exc).__name__}: {exc}): give a file "
            "that `--out` wrote"
        ) from exc
    assert isinstance(result, dict)
    return result


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result as JSON, with a line to each value so that two files can be compared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
