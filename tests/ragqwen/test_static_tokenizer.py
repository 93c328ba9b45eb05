"""The embedder's tokenizer: few words are cut as the whole tokenizer cuts them."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from ragqwen import static_tokenizer
from ragqwen.static_tokenizer import StaticTokenizer

ROOT = Path(__file__).parents[2]
FILE = ROOT / "ragqwen" / "data" / "embedder" / "tokenizer.json"
WHOLE = Tokenizer.from_file(str(FILE))
SHIPPED = StaticTokenizer(FILE)
PIECES = ["".join(chars) for n in (1, 2, 3) for chars in product("▁ab", repeat=n)]


def pieces_of(words: list[str], tokenizer: Tokenizer = WHOLE) -> list[list[int]]:
    return [each.ids for each in tokenizer.encode_batch_fast(words, add_special_tokens=False)]


@pytest.fixture(autouse=True)
def _however_many_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SHIPPED, "_few_chars", 10**9)


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_words_are_cut_as_by_the_whole_tokenizer(words: list[str]) -> None:
    assert SHIPPED.encode(words) == pieces_of(words)


@pytest.mark.parametrize("path", sorted((ROOT / "eval" / "facts").glob("*.toml")), ids=str)
def test_words_of_a_language_are_cut_as_by_the_whole_tokenizer(path: Path) -> None:
    words = sorted(set(path.read_text("utf-8").split()))
    assert SHIPPED.encode(words) == pieces_of(words)
    assert len(words) > 50


def test_the_longest_pieces_are_found() -> None:
    words = [piece.strip("▁") for piece in WHOLE.get_vocab() if len(piece) > 14]
    assert SHIPPED.encode(words) == pieces_of(words)
    assert len(words) > 500


@pytest.mark.parametrize(
    "word",
    [
        *("", "▁", "▁▁a", "<unk>", "a<unk>b", "a<unk>\u0338", "<unk", "123abc٣4", "don't,", "\x00"),
        *(
            "\ue000\ue001",
            "a\ue000\ue001b\ue000",
            "👩\u200d👧",
            "İıẞ",
            "ﷺ",
            "x" * 2000,
            "語" * 2000,
        ),
        *("\ue000" * 2000, "\u0301" * 2000, "aб१ก" * 500, "ሀ" * 17 + "\ue000"),
    ],
    ids=lambda word: ascii(word[:8]),
)
def test_a_peculiar_word_is_cut_as_by_the_whole_tokenizer(word: str) -> None:
    assert SHIPPED.encode([word]) == pieces_of([word])


@given(
    st.dictionaries(st.sampled_from(PIECES), st.integers(-40, -1), min_size=1),
    st.lists(st.text("abc<", max_size=12), max_size=4),
)
@example(  # the rarest piece is not in the word, and yet tells how it is cut
    scores={"▁": -4, "ab": -40, "cd": -40, "ef": -40, "bcdef": -4, "z": -100}, words=["abcdef"]
)
def test_equal_scores_and_letters_that_are_no_piece_make_no_difference(
    tmp_path_factory: pytest.TempPathFactory, scores: dict[str, int], words: list[str]
) -> None:
    pieces = [("<unk>", 0.0), *((piece, score / 4) for piece, score in scores.items())]
    whole = Tokenizer(models.Unigram(pieces, 0, False))
    whole.pre_tokenizer = pre_tokenizers.Metaspace()
    whole.add_special_tokens(["<unk>"])
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    whole.save(str(path))
    assert StaticTokenizer(path).encode(words) == pieces_of(words, whole)


def test_many_words_are_cut_by_the_whole_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_tokenizer, "_FEW_CHARS", 12)
    tokenizer = StaticTokenizer(FILE)
    for words in (["river", "bread"], ["volcano", "a<unk>b"], ["\ue000", "река"], ["river"]):
        assert tokenizer.encode(words) == pieces_of(words)
