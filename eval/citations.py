"""How well verification tells supported claims from others, language by language, on made pairs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from eval.claims import Pair, by_passage, make_pairs
from eval.datasets import Dataset
from eval.records import Stopwatch, run_record
from ragqwen.alignment import Aligner
from ragqwen.languages import group_of
from ragqwen.settings import Settings
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.verification import PassageVerifier

_Progress = Callable[[Iterable[tuple[str, str]], str], Iterable[tuple[str, str]]]
_FALSE = ("wrong", "without", "number", "name")
Counts = Counter[tuple[str, bool]]
"""How many pairs of a kind were taken for supported, and how many not."""


def evaluate_citations(
    dataset: Dataset,
    settings: Settings,
    *,
    query_language: str,
    corpus_language: str,
    questions: int,
    cross_questions: int,
    seed: int,
    progress: _Progress,
) -> dict[str, Any]:
    """Return precision and recall, and which wrong pairs were caught, by pair of languages.

    :param questions: how many to make pairs from in each language; across languages
        `cross_questions`.
    """
    watch, aligner = Stopwatch(), Aligner(StaticEmbedder())
    counts: dict[tuple[str, str], Counts] = {}
    forms: dict[str, Counts] = defaultdict(Counter)
    for claimed, cited in progress(dataset.pairs(query_language, corpus_language), "citations"):
        same = group_of(claimed) == group_of(cited)
        pairs = list(
            make_pairs(dataset, claimed, cited, questions if same else cross_questions, seed)
        )
        with watch.stage("verification"):
            judged = judge(pairs, aligner)
        counts[claimed, cited] = Counter((pair.kind, held) for pair, held in judged)
        for pair, held in judged:
            forms[f"{pair.form}, {'mono' if same else 'cross'}"][pair.kind, held] += 1
    rows = [
        {"query_language": claimed, "corpus_language": cited, **figures(found)}
        for (claimed, cited), found in counts.items()
    ]
    mono, cross = _summed(counts, own=True), _summed(counts, own=False)
    return {
        "run": run_record(
            "citations",
            dataset,
            settings,
            watch,
            query_language=query_language,
            corpus_language=corpus_language,
            questions=questions,
            cross_questions=cross_questions,
            seed=seed,
        ),
        "pairs": [row for row in rows if row["query_language"] == row["corpus_language"]],
        "languages": [
            {"language": language, **figures(found)} for language, found in cross.items()
        ],
        "forms": {form: figures(found) for form, found in sorted(forms.items())},
        **_averages("mono", mono),
        **_averages("cross", cross),
        "all_pairs": rows,
    }


def judge(pairs: Sequence[Pair], aligner: Aligner) -> list[tuple[Pair, bool]]:
    """Return each pair with whether verification takes its claim for supported."""
    judged = []
    for passage, some in by_passage(pairs):
        verifier = PassageVerifier(passage, aligner)
        judged += [(pair, verifier.support(pair.claim, pair.language).holds) for pair in some]
    return judged


def figures(counts: Mapping[tuple[str, bool], int]) -> dict[str, Any]:
    """Return the figures of one language.

    `precision` is of all that was taken for supported, right pairs and wrong ones of every kind
    weighing as much as they are many; `caught_...` is the share of a wrong kind that was told.
    """
    n_right = counts.get(("right", True), 0)
    n_taken = sum(n for (_, held), n in counts.items() if held)
    n_all_right = n_right + counts.get(("right", False), 0)
    found: dict[str, Any] = {"precision": _share(n_right, n_taken)}
    found["recall"] = _share(n_right, n_all_right)
    for kind in _FALSE:
        missed, caught = counts.get((kind, True), 0), counts.get((kind, False), 0)
        found[f"caught_{kind}"] = _share(caught, missed + caught)
    return {**found, "n_pairs": sum(counts.values())}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _summed(counts: Mapping[tuple[str, str], Counts], *, own: bool) -> dict[str, Counts]:
    """Sum up by the claim's language: over passages in its own, or in the others."""
    found: dict[str, Counts] = defaultdict(Counter)
    for (claimed, cited), some in counts.items():
        if (claimed == cited) == own:
            found[claimed].update(some)
    return found


def _averages(name: str, by_language: Mapping[str, Counts]) -> dict[str, Any]:
    if not by_language:
        return {}
    every: Counts = Counter()
    for some in by_language.values():
        every.update(some)
    return {name: figures(every)}
