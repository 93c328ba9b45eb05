"""The characters that the built-in embedder takes for others."""

from importlib.resources import files

import pytest
from tokenizers import Tokenizer, normalizers

from eval.folding import compile_folds, folded_characters

KIN = [
    ("ଭାରତ", "ভারত", "भारत"),  # Odia, Bengali, Hindi
    ("ਦਿਨ", "દિન", "दिन"),  # Punjabi, Gujarati
    ("ලංකා", "ലംകാ", "लंका"),  # Sinhala, Malayalam
    ("ೇ", "े"),  # Kannada tells a long e, Hindi doesn't
    ("ທາງ", "ทาง"),  # Lao, Thai
    ("學校", "学校"),
    ("١٢", "১২", "๑๒", "12"),
    ("یک", "يك"),  # Persian's letters, Arabic's
    ("oʻn", "o‘n", "o'n"),
    ("ייִדיש", "ײִדיש"),
]
APART = ["अ", "ก", "ა", "б", "e", "é", "ñ", "中", "가"]


@pytest.fixture(scope="module")
def folds() -> normalizers.Precompiled:
    return normalizers.Precompiled(compile_folds(folded_characters()))


@pytest.mark.parametrize("words", KIN)
def test_a_word_in_the_letters_of_kin_languages_is_one(
    folds: normalizers.Precompiled, words: tuple[str, ...]
) -> None:
    *others, plain = words
    assert {folds.normalize_str(word) for word in others} == {folds.normalize_str(plain)}


@pytest.mark.parametrize("char", APART)
def test_what_has_no_twin_stays(folds: normalizers.Precompiled, char: str) -> None:
    assert folds.normalize_str(char) == char


@pytest.mark.parametrize("char", ["\u0640", "\u064e", "\u05b8", "\u093c", "\u200c", "\u00ad"])
def test_points_and_joiners_are_left_out(folds: normalizers.Precompiled, char: str) -> None:
    assert folds.normalize_str(f"a{char}b") == "ab"


def test_the_compiled_map_does_to_each_character_what_the_folds_say(
    folds: normalizers.Precompiled,
) -> None:
    wanted = folded_characters()
    assert len(wanted) > 5000
    assert {char: folds.normalize_str(char) for char in wanted} == wanted


@pytest.mark.parametrize("words", KIN)
def test_the_built_in_embedder_was_made_with_these_folds(words: tuple[str, ...]) -> None:
    path = files("ragqwen").joinpath("data/embedder/tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    assert len({tuple(tokenizer.encode(word).ids) for word in words}) == 1
