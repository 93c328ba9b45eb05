"""Weights of another version are refused with the remedy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragqwen import cues, difficulty, ranking, reader, verification, weights
from ragqwen.errors import ModelError

SHIPPED = Path(weights.__file__).parent / "data"
READERS: dict[str, Callable[[], object]] = {
    "ranker": ranking._model.__wrapped__,
    "reader": reader._models.__wrapped__,
    "verifier": verification._model.__wrapped__,
    "plan": difficulty.shipped_weights.__wrapped__,
}
ALL = {**READERS, "cue_pieces": cues.shipped_pieces.__wrapped__}


def without_last(content: Any) -> Any:
    """Return JSON in which every list of numbers has one less."""
    if isinstance(content, dict):
        return {key: without_last(value) for key, value in content.items()}
    return content[:-1] if isinstance(content, list) else content


@pytest.mark.parametrize("name", READERS)
def test_weights_of_fewer_features_are_refused_with_the_remedy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads((SHIPPED / f"{name}.json").read_text("utf-8"))
    (tmp_path / f"{name}.json").write_text(json.dumps(without_last(content)), "utf-8")
    monkeypatch.setattr(weights, "_FOLDER", tmp_path)
    with pytest.raises(ModelError, match=rf"{name}\.json .* python -m eval\.train_{name}"):
        READERS[name]()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"same": 1}', "{"])
def test_a_file_that_holds_no_weights_is_refused_with_the_remedy(
    name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{name}.json").write_text(content, "utf-8")
    monkeypatch.setattr(weights, "_FOLDER", tmp_path)
    with pytest.raises(ModelError, match="install ragqwen anew"):
        ALL[name]()


@pytest.mark.parametrize("name", ALL)
def test_missing_weights_are_refused_with_the_remedy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_FOLDER", tmp_path)
    with pytest.raises(ModelError, match="install ragqwen anew"):
        ALL[name]()
