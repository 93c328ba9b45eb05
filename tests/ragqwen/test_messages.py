"""What the service says, in the languages it is translated into."""

from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from ragqwen import messages
from ragqwen.languages import languages
from ragqwen.messages import translated

CATALOGUES = sorted((Path(messages.__file__).parent / "data" / "messages").glob("*.po"))
SOURCES = (
    messages.NO_MODEL,
    messages.NOT_FOUND,
    messages.NO_DOCUMENTS,
    messages.NOT_IN_DOCUMENTS,
    messages.NOT_CONFIRMED,
)
NAMES = (
    "RAGQWEN_LLM_BASE_URL",
    "RAGQWEN_LLM_MODEL",
    "RAGQWEN_EMBEDDER",
    "Qwen/Qwen3-Embedding-0.6B",
)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_every_message_and_no_other(path: Path) -> None:
    assert path.stem in languages()
    with path.open("rb") as lines:
        entries = {str(entry.id): str(entry.string) for entry in read_po(lines) if entry.id}
    assert set(entries) == set(SOURCES)
    for source, translation in entries.items():
        assert translation
        assert translation != source
        assert [name for name in NAMES if (name in source) != (name in translation)] == []


def test_a_message_comes_in_the_language_asked_for() -> None:
    german = translated(messages.NOT_FOUND, "deu_Latn")
    assert german != messages.NOT_FOUND
    assert translated(messages.NOT_FOUND, "mya_Mymr") not in (german, messages.NOT_FOUND)


@pytest.mark.parametrize("language", ["eng_Latn", "und", "xxx_Xxxx"])
def test_english_stands_where_there_is_no_translation(language: str) -> None:
    assert translated(messages.NOT_FOUND, language) == messages.NOT_FOUND


def test_a_message_without_a_translation_stays() -> None:
    assert translated("Not in any catalogue.", "deu_Latn") == "Not in any catalogue."
