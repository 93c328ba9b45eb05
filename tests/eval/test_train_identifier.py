"""Training the language identifier."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from eval.train_identifier import jumble, main, read_rows, split_rows
from ragqwen.identification import N_BUCKETS, hash_features, unpack
from ragqwen.languages import languages

LINES = {
    "spa_Latn": "el barco sale del puerto por la mañana con los niños",
    "fin_Latn": "laiva lähtee satamasta aamulla lasten kanssa ja palaa illalla",
}


def test_a_line_that_is_kept_out_is_nowhere_in_training() -> None:
    rows = [("tatoeba", str(i), f"oración número {i % 50}") for i in range(400)]
    train, kept_out = split_rows(rows, frozenset(), "spa_Latn")
    assert kept_out
    assert not set(train) & set(kept_out)
    assert len(train) == len(set(train))
    assert len(kept_out) == len(set(kept_out))


def test_every_line_of_a_key_counts(tmp_path: Path) -> None:
    keys = [f"{i:08}-n" for i in range(100)]
    path = tmp_path / "spa_Latn.tsv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"omw\t{key}\t{word} {key}\n" for key in keys for word in ("uno", "otro"))
    train, kept_out = split_rows(read_rows(path), frozenset(), "spa_Latn")
    assert len(train) + len(kept_out) == 200
    assert len(kept_out) == 2 * len({text.split()[1] for text in kept_out})


def test_a_copy_of_the_english_line_is_left_out_except_in_english() -> None:
    rows = [("cldr", str(i), f"this Monday {i}") for i in range(40)]
    assert split_rows(rows, frozenset(rows), "sun_Latn")[0] == []
    assert split_rows(rows, frozenset(rows), "eng_Latn")[0]


def test_jumbled_text_keeps_its_shape_and_letters_and_loses_its_words() -> None:
    text = "the ferry leaves the harbour at six in the morning"
    jumbled = jumble(text, np.random.default_rng(3))
    assert [len(word) for word in jumbled.split()] == [len(word) for word in text.split()]
    assert set(jumbled) == set(text)
    assert not set(jumbled.split()) & {"ferry", "leaves", "harbour", "morning"}


@pytest.fixture
def parallel(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for code in languages():
        with gzip.open(tmp_path / f"{code}.tsv.gz", "wt", encoding="utf-8") as file:
            for i in range(600 if code in LINES else 0):
                file.write(f"tatoeba\t{i}\t{' '.join(rng.permutation(LINES[code].split()))}\n")
    return tmp_path


def test_a_model_of_the_languages_with_text_is_written(parallel: Path, tmp_path: Path) -> None:
    args = [str(parallel), "--out", str(tmp_path), "--samples", "500", "--passes", "1"]
    result = CliRunner().invoke(main, args, catch_exceptions=False)
    assert result.exit_code == 0
    about = json.loads((tmp_path / "identifier.json").read_text("utf-8"))
    assert set(about["codes"]) == set(LINES)
    table = np.load(tmp_path / "identifier.npy")
    assert len(table) == N_BUCKETS // 2
    assert np.shape(about["weights"]) == (table.shape[1], len(LINES) + 1)
    assert table.any()


def test_text_like_that_of_other_languages_is_none_of_the_119(
    parallel: Path, tmp_path: Path
) -> None:
    like_spanish = "lo barco sale dal puerto por lo matin con lo niños"
    (tmp_path / "others").mkdir()
    with gzip.open(tmp_path / "others" / "new.tsv.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"story\t{i}\t{like_spanish}\n" for i in range(3))
    likeliest = []
    for options in ([], ["--others", str(tmp_path / "others")]):
        args = [str(parallel), "--out", str(tmp_path), "--samples", "3000", "--passes", "2"]
        CliRunner().invoke(main, args + options, catch_exceptions=False)
        about = json.loads((tmp_path / "identifier.json").read_text("utf-8"))
        table = unpack(np.load(tmp_path / "identifier.npy"))
        mean = table[hash_features([like_spanish]).buckets].mean(axis=0)
        odds = mean @ np.array(about["weights"]) + about["bias"]
        likeliest.append([*about["codes"], "none"][odds.argmax()])
    assert likeliest == ["spa_Latn", "none"]
