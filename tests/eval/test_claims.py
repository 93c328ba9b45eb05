"""Made pairs of claims and passages, and the figures that come of judging them."""

import json
from collections import Counter

import numpy as np
import pytest

from eval.citations import evaluate_citations, figures
from eval.claims import Pair, make_pairs
from eval.datasets import Dataset
from eval.train_verifier import fit, language_levels
from ragqwen.segmentation import sentences
from ragqwen.settings import Settings
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.verification import FEATURES

TEXTS = {
    "eng_Latn": [
        "The mill was built by Anna Frei in 1874, after a fire. It grinds rye, oats and wheat. "
        "Two people work there every day.",
        "The ferry was built by Peter Gross in 1921, in a storm. It carries forty cars. "
        "Dogs stay on the upper deck, by the rail.",
    ],
    "deu_Latn": [
        "Die Mühle wurde 1874 von Anna Frei gebaut, nach einem Brand. Sie mahlt Roggen und Hafer. "
        "Zwei Leute arbeiten dort jeden Tag.",
        "Die Fähre wurde 1921 von Peter Gross gebaut, im Sturm. Sie trägt vierzig Autos. "
        "Hunde bleiben auf dem oberen Deck.",
    ],
}
ASKED = {
    "eng_Latn": [("Who built the mill?", "Anna Frei"), ("Who built the ferry?", "Peter Gross")],
    "deu_Latn": [("Wer baute die Mühle?", "Anna Frei"), ("Wer baute die Fähre?", "Peter Gross")],
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("made")
    for code, texts in TEXTS.items():
        documents = [{"_id": f"d{i}", "title": "Lenk", "text": t} for i, t in enumerate(texts)]
        queries = [
            {"_id": f"q{i}", "text": text, "answers": [answer]}
            for i, (text, answer) in enumerate(ASKED[code])
        ]
        for stem, rows in (("corpus", documents), ("queries", queries)):
            (folder / f"{stem}.{code}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    rows = ["query-id\tcorpus-id\tscore", "q0\td0\t1", "q1\td1\t1"]
    (folder / "qrels.tsv").write_text("\n".join(rows))
    return Dataset.load(folder)


def pairs(dataset: Dataset, language: str = "eng_Latn", of: str = "eng_Latn") -> list[Pair]:
    return list(make_pairs(dataset, language, of, 10, 1))


def test_pairs_of_every_kind_are_made(dataset: Dataset) -> None:
    assert {pair.kind for pair in pairs(dataset)} == {"right", "wrong", "without", "number", "name"}
    assert {pair.form for pair in pairs(dataset)} == {"clause", "question"}


def test_a_right_claim_is_no_sentence_of_the_passage(dataset: Dataset) -> None:
    right = [pair for pair in pairs(dataset) if pair.kind == "right"]
    assert right
    for pair in right:
        text = pair.passage.text
        assert pair.claim not in [text[start:end] for start, end in sentences(text, "eng_Latn")]


def test_a_passage_without_the_sentence_has_the_others(dataset: Dataset) -> None:
    for pair in pairs(dataset, "eng_Latn", "deu_Latn"):
        if pair.kind == "without":
            assert "gebaut" not in pair.passage.text
            assert pair.passage.text.count(".") == 2


def test_a_changed_figure_and_a_changed_name_are_not_in_the_passage(dataset: Dataset) -> None:
    for pair in pairs(dataset, "deu_Latn"):
        if pair.kind == "number":
            assert not {"1874", "1921"} & set(pair.claim.replace(",", " ").split())
        if pair.kind == "name":
            assert not ("Anna Frei" in pair.claim and "Anna Frei" in pair.passage.text)


def test_the_same_seed_makes_the_same_pairs(dataset: Dataset) -> None:
    assert pairs(dataset) == pairs(dataset)


def test_precision_and_recall_are_counted() -> None:
    counts = Counter({("right", True): 8, ("right", False): 2, ("number", False): 3})
    counts["wrong", True] = 2
    found = figures(counts)
    assert (found["precision"], found["recall"]) == (0.8, 0.8)
    assert (found["caught_wrong"], found["caught_number"], found["caught_name"]) == (0, 1, None)


def test_a_run_has_a_row_for_each_pair_of_languages(dataset: Dataset) -> None:
    result = evaluate_citations(
        dataset,
        Settings(),
        query_language="all",
        corpus_language="all",
        questions=2,
        cross_questions=2,
        seed=1,
        progress=lambda items, _: items,
    )
    assert len(result["all_pairs"]) == 4
    assert result["mono"]["caught_number"] == result["cross"]["caught_number"] == 1
    assert result["mono"]["recall"] > 0.5


def test_the_fit_finds_what_tells_support_and_the_place_of_it() -> None:
    rng = np.random.default_rng(1)
    examples = []
    for supported in (True, False) * 100:
        features = rng.uniform(0, 0.4, (3, len(FEATURES)))
        features[1, :3] += 0.5 * supported
        examples.append((features, supported))
    weights = fit(examples)
    right = [
        ((features @ weights[:-1]).max() + weights[-1] > 0) == supported
        for features, supported in examples
    ]
    assert np.mean(right) > 0.9


def test_a_language_s_level_is_how_near_it_comes_to_its_translations(dataset: Dataset) -> None:
    levels = language_levels(dataset, StaticEmbedder())
    assert set(levels) == {"eng_Latn", "deu_Latn"}
    assert all(0.5 < level < 1 for level in levels.values())
