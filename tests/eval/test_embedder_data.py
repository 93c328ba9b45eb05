"""What the embedder is trained on: pairs, neighbours, questions, spellings and folded letters."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers

from eval.embedder_data import Bags, Batch, ParallelPairs, thinned
from eval.embedder_questions import PairPool, add_neighbours, add_questions, is_kept_out
from eval.folding import compile_folds, folded_characters
from eval.parallel import Line, read_parallel
from eval.spelling import romanize, spelling_features

LANGUAGES = ("eng_Latn", "deu_Latn", "fra_Latn")


def lines(n: int = 30) -> list[Line]:
    return [
        Line(code, "ntrex_open", f"n{key:04}", f"{code} {key}")
        for code in LANGUAGES
        for key in range(n)
    ]


def test_pairs_say_the_same_in_two_languages() -> None:
    some = lines()
    pairs = ParallelPairs(some, np.full(len(some), 5))
    batch = pairs.draw(200, np.random.default_rng(1))
    assert len(batch.left) > 190
    for one, other in zip(batch.left, batch.right, strict=True):
        assert some[one].key == some[other].key
        assert some[one].language != some[other].language


def test_english_is_the_other_half_of_the_time_and_more() -> None:
    some = lines()
    pairs = ParallelPairs(some, np.full(len(some), 5))
    batch = pairs.draw(600, np.random.default_rng(1))
    others = [some[i].language for i, j in zip(batch.right, batch.left, strict=True)
              if some[j].language != "eng_Latn"]  # fmt: skip
    assert 0.6 < np.mean([code == "eng_Latn" for code in others]) < 0.9


def test_a_line_of_one_language_alone_is_never_drawn() -> None:
    some = [*lines(3), Line("eng_Latn", "ntrex_open", "lonely", "lonely")]
    pairs = ParallelPairs(some, np.full(len(some), 5))
    batch = pairs.draw(300, np.random.default_rng(1))
    assert len(some) - 1 not in {*batch.left.tolist(), *batch.right.tolist()}


def test_short_lines_of_the_same_two_languages_are_taken_together() -> None:
    some = lines()
    n_pieces = np.array([3 if int(line.key[1:]) < 20 else 30 for line in some])
    batch = ParallelPairs(some, n_pieces).draw(600, np.random.default_rng(1))
    sizes = np.bincount(batch.items)
    assert (len(sizes), sizes.min()) == (len(batch.groups), 1)
    assert 2 < sizes[sizes > 1].mean() < 6
    for item in range(len(sizes)):
        parts = np.flatnonzero(batch.items == item)
        for side in (batch.left[parts], batch.right[parts]):
            assert len({some[i].language for i in side}) == 1
        assert len(parts) == 1 or n_pieces[batch.left[parts]].max() == 3


def test_a_batch_takes_further_pairs_as_items_of_their_own() -> None:
    batch = Batch(np.array([0, 1]), np.array([2, 3]), np.array([0, 0]), np.array([7]))
    batch = batch.joined(np.array([4, 5]), np.array([6, 7]), np.array([8, 9]))
    assert batch.items.tolist() == [0, 0, 1, 2]
    assert batch.groups.tolist() == [7, 8, 9]


def test_a_thinned_tokenizer_cuts_finer_and_numbers_pieces_alike() -> None:
    words = [(f"word{n}", -1.0) for n in range(40)]
    letters = [(letter, -5.0) for letter in "word0123456789"]
    whole = Tokenizer(models.Unigram([("<unk>", -9.0), *letters, *words], 0, byte_fallback=False))
    fine = thinned(whole, 1)
    texts = [word for word, _ in words]
    n_pieces = [np.diff(Bags.of(texts, each).starts) for each in (whole, fine)]
    assert set(n_pieces[0]) == {1}
    assert 10 < (n_pieces[1] == 1).sum() < 30
    assert fine.get_vocab() == whole.get_vocab()


def test_burmese_comes_in_unicode(tmp_path: Path) -> None:
    zawgyi = "ေဝလအမ်ိဳးသား ညီလာခံ ကိုယ္စားလွယ္မ်ားသည္ စိုးရိမ္ခဲ့ၾကပါသည္။"
    unicode = "ဝေလအမျိုးသား ညီလာခံ ကိုယ်စားလှယ်များသည် စိုးရိမ်ခဲ့ကြပါသည်။"
    rows = "".join(f"toy\t{n}\t{(zawgyi, unicode)[n % 2]}\n" for n in range(30))
    (tmp_path / "mya_Mymr.tsv.gz").write_bytes(gzip.compress(rows.encode()))
    texts = [line.text for line in read_parallel(tmp_path, kept_out=False)]
    assert (len(texts) > 20, set(texts)) == (True, {unicode})


def test_neighbours_are_a_line_and_the_two_that_follow() -> None:
    pool = PairPool()
    add_neighbours(pool, lines(), 1.0)
    left, right, groups = pool.draw(50, np.random.default_rng(1))
    for one, other, group in zip(left, right, groups, strict=True):
        key = int(pool.texts[one].split()[1])
        code, first, _, second = pool.texts[other].split()
        assert (code in LANGUAGES, int(first), int(second)) == (True, key + 1, key + 2)
        assert group >= 0


def test_questions_of_paragraphs_kept_out_are_not_learned(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    ids = [f"p{i}" for i in range(40)]
    texts = [{"_id": i, "text": f"Tea of {i} is green. It costs {i} euros."} for i in ids]
    asked = [{"_id": f"q-{i}", "text": f"Cost of {i}?", "answers": [f"{i} euros"]} for i in ids]
    for name, rows in (("corpus", texts), ("queries", asked)):
        (folder / f"{name}.eng_Latn.jsonl").write_text("\n".join(map(json.dumps, rows)))
    judged = "\n".join(f"q-{i}\t{i}\t1" for i in ids)
    (folder / "qrels.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}\n")
    pool = PairPool()
    add_questions(pool, folder, 1.0)
    kept = [i for i in ids if not is_kept_out("toy", i)]
    assert 0 < len(kept) < len(ids)
    assert {text for text in pool.texts if text.startswith("Cost")} == {
        f"Cost of {i}?" for i in kept
    }
    assert f"It costs {kept[0]} euros." in pool.texts  # the sentence that has the answer


def test_pieces_that_sound_alike_share_features() -> None:
    pieces = ["▁президент", "prezident", "ab", "!"]
    letters = romanize(pieces)
    assert letters == ["prezident", "prezident", "ab", ""]
    features = spelling_features(pieces, letters)
    assert set(features[0].indices) & set(features[1].indices)
    assert features[2].nnz == features[3].nnz == 0
    assert features[0].power(2).sum() == pytest.approx(1, abs=1e-5)


def test_yiddish_is_spelled_as_it_sounds() -> None:
    pieces = ["▁בעסער", "▁besser"]
    features = spelling_features(pieces, romanize(pieces))
    assert set(features[0].indices) & set(features[1].indices)


def test_letters_of_kin_scripts_are_taken_for_one() -> None:
    fold = normalizers.Precompiled(compile_folds(folded_characters()))
    indic = ["ભારત", "ভারত", "ଭାରତ", "ഭാരത", "భారత", "ಭಾರತ", "ਭਾਰਤ"]
    assert {fold.normalize_str(word) for word in indic} == {"भारत"}
    assert fold.normalize_str("國語") == "国语"
    assert fold.normalize_str("ລາດ") == "ลาด"
    assert fold.normalize_str("أحمد ـ یک") == "احمد  يك"
    assert fold.normalize_str("২০১৩ ٢٠١٣ ၂၀၁၃") == "2013 2013 2013"
    assert fold.normalize_str("oʻzbek o‘zbek oʼzbek") == "o'zbek o'zbek o'zbek"
    assert fold.normalize_str("װאָס") == "וואס"
    assert fold.normalize_str("Łódź, 12 €") == "Łódź, 12 €"
