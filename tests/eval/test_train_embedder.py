"""Training the built-in embedder from end to end, on made text of three languages."""

import gzip
import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

from eval.parallel import is_kept_out
from eval.train_embedder import main
from ragqwen.static_embedding import StaticEmbedder

SYLLABLES = {
    "eng_Latn": ("ba", "de", "fi", "go", "lu", "ma"),
    "fin_Latn": ("kä", "pö", "ty", "ni", "su", "ra"),
    "rus_Cyrl": ("ша", "че", "жи", "во", "зу", "ля"),
}
N_WORDS, N_LINES, WORDS_OF_LINE = 40, 200, 16
ARGUMENTS = ("--pieces", "200", "--dimension", "16", "--steps", "6", "--question-steps", "2")


def word(language: str, number: int) -> str:
    """Return a language's word for a thing."""
    syllables = SYLLABLES[language]
    return "".join(syllables[number // 6**place % 6] for place in range(3))


def run(parallel: Path, work: Path, out: Path, *options: str) -> Result:
    """Train with the small model's arguments."""
    args = [str(parallel), "--work", str(work), "--out", str(out), *ARGUMENTS, *options]
    return CliRunner().invoke(main, args, catch_exceptions=False)


def vectors_of(model: Path) -> np.ndarray:
    """Return a model's table, (n_pieces, dim) int8."""
    table: np.ndarray = load_file(model / "model.safetensors")["embeddings"]
    return table


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of lines that name the same things in each language."""
    folder = tmp_path_factory.mktemp("parallel")
    things = np.random.default_rng(1).integers(N_WORDS, size=(N_LINES, WORDS_OF_LINE))
    for language in SYLLABLES:
        with gzip.open(folder / f"{language}.tsv.gz", "wt", encoding="utf-8") as file:
            for key, line in enumerate(things):
                file.write(f"udhr\t{key}\t{' '.join(word(language, n) for n in line)}\n")
    return folder


@pytest.fixture(scope="module")
def trained(parallel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what one run made: `work` and `model`."""
    folder = tmp_path_factory.mktemp("trained")
    result = run(parallel, folder / "work", folder / "model", "--seed", "1")
    assert result.exit_code == 0, result.output
    return folder


def test_the_lines_of_each_language_are_counted_without_those_kept_out(trained: Path) -> None:
    n_kept_out = sum(is_kept_out("udhr", str(key)) for key in range(N_LINES))
    about = json.loads((trained / "model" / "training.json").read_text("utf-8"))
    assert n_kept_out > 0
    assert about["lines"] == dict.fromkeys(SYLLABLES, N_LINES - n_kept_out)


def test_work_of_other_arguments_is_refused(parallel: Path, trained: Path, tmp_path: Path) -> None:
    result = run(parallel, trained / "work", tmp_path, "--seed", "7", "--pieces", "100")
    assert result.exit_code == 2
    assert "--pieces was 200 and is 100; --seed was 1 and is 7" in result.output
    assert "another --work" in result.output
    assert not list(tmp_path.iterdir())


def test_work_of_other_lines_is_refused(parallel: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(parallel, tmp_path / "parallel")
    with gzip.open(parallel / "eng_Latn.tsv.gz", "rt", encoding="utf-8") as file:
        text = file.read()
    with gzip.open(tmp_path / "parallel" / "eng_Latn.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(text.replace("ba", "bo"))
    shutil.copytree(trained / "work", tmp_path / "work")
    arguments = tmp_path / "work" / "arguments.json"
    noted = json.loads(arguments.read_text("utf-8"))
    arguments.write_text(json.dumps(noted | {"PARALLEL_DIR": str(tmp_path / "parallel")}), "utf-8")
    result = run(tmp_path / "parallel", tmp_path / "work", tmp_path / "model", "--seed", "1")
    assert result.exit_code == 2
    assert "the digest of PARALLEL_DIR's lines was" in result.output


def test_other_arguments_are_refused_though_the_tokenizer_is_gone(
    parallel: Path, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained / "work", tmp_path / "work")
    (tmp_path / "work" / "tokenizer.json").unlink()
    result = run(parallel, tmp_path / "work", tmp_path / "model", "--seed", "7")
    assert result.exit_code == 2
    assert "--seed was 1 and is 7" in result.output


def test_work_whose_arguments_were_not_noted_is_refused(
    parallel: Path, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained / "work", tmp_path / "work")
    (tmp_path / "work" / "arguments.json").unlink()
    result = run(parallel, tmp_path / "work", tmp_path / "model", "--seed", "1")
    assert result.exit_code == 2
    assert "--seed was not noted and is 1" in result.output


class Killed(BaseException):
    """What no code catches, as a kill."""


def make_killed(*args: object, **options: object) -> None:
    """Write the beginning of a file, and be killed."""
    Path(str(args[0])).write_bytes(b"PK")
    raise Killed


def test_a_run_that_is_killed_as_it_writes_goes_on(
    parallel: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained / "work", tmp_path / "work")
    (tmp_path / "work" / "bags-1.npz").unlink()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(np, "savez", make_killed)
        run(parallel, tmp_path / "work", tmp_path / "model", "--seed", "1")
    assert run(parallel, tmp_path / "work", tmp_path / "model", "--seed", "1").exit_code == 0
    assert vectors_of(tmp_path / "model").tolist() == vectors_of(trained / "model").tolist()


def test_a_run_that_was_cut_off_goes_on_to_the_same_model(
    parallel: Path, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained / "work", tmp_path / "work")
    (tmp_path / "work" / "questions.npz").unlink()
    result = run(parallel, tmp_path / "work", tmp_path / "model", "--seed", "1")
    assert "parallel: 100%" in result.output
    assert vectors_of(tmp_path / "model").tolist() == vectors_of(trained / "model").tolist()


def test_the_model_may_be_read_as_other_files(trained: Path) -> None:
    files = list((trained / "model").iterdir())
    assert len({stat.S_IMODE(path.stat().st_mode) for path in files}) == 1


def test_both_loaders_give_a_text_the_same_vector(trained: Path) -> None:
    texts = [" ".join(word(language, n) for n in (3, 1, 4)) for language in SYLLABLES]
    theirs = SentenceTransformer(str(trained / "model"), device="cpu").encode(texts)
    ours = StaticEmbedder(trained / "model").embed_documents(texts)
    assert ours.shape == (len(SYLLABLES), 16)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("names", [[], ["eng_Latn.tsv.gz"], ["en.tsv.gz", "fi.tsv.gz"]])
def test_a_folder_without_parallel_text_is_refused(
    names: list[str], parallel: Path, tmp_path: Path
) -> None:
    (tmp_path / "wrong").mkdir()
    for name in names:
        shutil.copy(parallel / "eng_Latn.tsv.gz", tmp_path / "wrong" / name)
    result = run(tmp_path / "wrong", tmp_path / "work", tmp_path / "model")
    assert result.exit_code == 2
    assert "<FLORES code>.tsv.gz" in result.output
    assert not (tmp_path / "work" / "tokenizer.json").exists()


def test_a_device_that_is_not_there_is_refused(parallel: Path, tmp_path: Path) -> None:
    refused = run(parallel, tmp_path / "work", tmp_path / "model", "--device", "gpu")
    assert refused.exit_code == 2
    assert "'gpu' is no device that torch sees here" in refused.output
    assert not (tmp_path / "work").exists()
