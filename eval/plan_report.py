"""What the thinking plan is worth: difficulty against grades, and what it would spend."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, spearmanr
from tqdm import tqdm

from eval.graded import GradedQuestion
from eval.train_plan import TRAINED_ON, Examples, Material, is_learned_from
from ragqwen.difficulty import LEVELS, Weights, shipped_weights, softmax
from ragqwen.errors import InputError
from ragqwen.planning import THRESHOLD, next_budget, planned_tokens
from ragqwen.static_embedding import StaticEmbedder

Floats = npt.NDArray[np.float64]

_SECOND_SET = re.compile(r"-[a-z]{3}-1\d\d$")
"""Ids of our second set, in which neither length nor one word gives the grade away."""
_CEILING = 8192
_FIXED = 4096
_EASY_SHARE = 0.8
_MOST_SHARE = 0.2
_FOLDS = 10
_FROM_GRADE = 3  # comparisons and what is harder are to be thought about


def shipped_figures(
    hard: Sequence[GradedQuestion], easy: Sequence[GradedQuestion]
) -> dict[str, Any]:
    """Return the figures of the plan that ships, by the question alone.

    Hard and easy questions are told apart, and spent on, in the languages of which none was learned
    from.

    :raises InputError: if there are none in such languages.
    """
    embedder = StaticEmbedder()
    all_hard, all_easy = (Examples.of(some, embedder) for some in (hard, easy))
    test_hard, test_easy = (some.where(is_learned_from, yes=False) for some in (all_hard, all_easy))
    if not test_hard.questions or not test_easy.questions:
        raise InputError(
            f"hard and easy questions are both needed in other languages than {TRAINED_ON}"
        )
    hard_levels, easy_levels = _shipped(test_hard), _shipped(test_easy)
    return {
        "questions": {"hard": len(hard), "easy": len(easy)},
        "languages": len({q.language for q in (*test_hard.questions, *test_easy.questions)}),
        "auc": {"one threshold": _auc(hard_levels, easy_levels)}
        | _auc_by_language(test_hard, test_easy),
        "translations within a step": {
            "hard": _steadiness(hard, _shipped(all_hard)),
            "easy": _steadiness(easy, _shipped(all_easy)),
        },
        "thinks": {"hard": _thinking(hard_levels), "easy": _thinking(easy_levels)},
        "tokens of a fixed 4,096": _spending(easy_levels, hard_levels),
    }


def learned_figures(
    own: Sequence[GradedQuestion],
    hard: Sequence[GradedQuestion],
    easy: Sequence[GradedQuestion],
    lines: Sequence[GradedQuestion],
) -> dict[str, Any]:
    """Return the figures of plans that did not learn from what they are measured on.

    The project's own questions are measured with weights that learned nothing in their language,
    once with the cues of that language and once, as for a language that has none, without; and with
    weights that learned nothing of them and their translations. Hard and easy ones are measured
    with weights for which everything was in three languages alone.
    """
    material = Material.of(own, hard, easy, lines)
    by_language, without_cues, by_question = (np.zeros(len(own)) for _ in range(3))
    for code in tqdm(dict.fromkeys(question.language for question in own), desc="languages"):
        is_held = partial(_is_of, code)
        weights = material.where(is_held, yes=False).fit()
        held = np.array([*map(is_held, own)])
        by_language[held] = difficulties(material.own.where(is_held), weights)
        without_cues[held] = difficulties(material.unaided.where(is_held), weights)
    for fold in tqdm(_folds(own), desc="questions"):
        is_held = partial(_is_among, fold)
        weights = material.where(is_held, yes=False).fit()
        held = np.array([*map(is_held, own)])
        by_question[held] = difficulties(material.own.where(is_held), weights)
    grades = np.array([question.grade for question in own])
    often = Counter(question.question_id for question in own)
    everywhere = np.array([often[q.question_id] == max(often.values()) for q in own])
    second = np.array([_SECOND_SET.search(question.question_id) is not None for question in own])
    languages = np.array([question.language for question in own])
    parts = {"": second | ~second, ", first set": ~second, ", second set": second}
    of_languages = {
        code: _spearman(by_language[languages == code], grades[languages == code])
        for code in dict.fromkeys(languages.tolist())
    }
    return {
        "questions": len(own),
        "auc of three languages": _auc_of_three(material, hard, easy),
        "rank correlation": {
            "mean of languages": float(np.mean(list(of_languages.values()))),
            **{
                f"{name}{part}": _spearman(found[some], grades[some])
                for name, found in (
                    ("by language", by_language),
                    ("by language, without its cues", without_cues),
                    ("by question", by_question),
                )
                for part, some in parts.items()
                if some.any()
            },
            **of_languages,
        },
        "translations within a step": _steadiness(
            [question for question, kept in zip(own, everywhere, strict=True) if kept],
            by_language[everywhere],
        ),
        "thinks": {
            f"grade {grade}": _thinking(by_question[grades == grade]) for grade in range(1, 6)
        },
        "tokens of a fixed 4,096, grades 3 to 5 beside look-ups": _spending(
            by_question[grades == 1], by_question[grades >= _FROM_GRADE]
        ),
    }


def difficulties(examples: Examples, weights: Weights) -> Floats:
    """Return how hard questions look by some weights, (n_questions,)."""
    cued, uncued = (
        softmax(examples.features @ linear.matrix + linear.bias) @ np.array(LEVELS)
        for linear in (weights.cued, weights.uncued)
    )
    found: Floats = np.where(examples.cued, cued, uncued)
    return found


def _shipped(examples: Examples) -> Floats:
    return difficulties(examples, shipped_weights())


def _auc_of_three(
    material: Material, hard: Sequence[GradedQuestion], easy: Sequence[GradedQuestion]
) -> float:
    weights, embedder = material.where(is_learned_from).fit(), StaticEmbedder()
    tested = (
        Examples.of(some, embedder).where(is_learned_from, yes=False) for some in (hard, easy)
    )
    return _auc(*(difficulties(some, weights) for some in tested))


def _thinking(found: Floats) -> float:
    return float(np.mean(found >= THRESHOLD))


def _folds(questions: Sequence[GradedQuestion]) -> list[frozenset[str]]:
    """Deal the questions, each with its translations, into folds, and return their ids."""
    ids = sorted({question.question_id for question in questions})
    order = np.random.default_rng(1).permutation(len(ids))
    return [frozenset(ids[at] for at in order[fold::_FOLDS]) for fold in range(_FOLDS)]


def _is_of(language: str, question: GradedQuestion) -> bool:
    return question.language == language


def _is_among(ids: frozenset[str], question: GradedQuestion) -> bool:
    return question.question_id in ids


def _auc(hard: Floats, easy: Floats) -> float:
    """Return how often a hard question is above an easy one, the area under the ROC curve."""
    ranks = rankdata(np.concatenate([hard, easy]))[: len(hard)]
    return float((ranks.sum() - len(hard) * (len(hard) + 1) / 2) / (len(hard) * len(easy)))


def _auc_by_language(hard: Examples, easy: Examples) -> dict[str, float]:
    """Return the area for each language that has both."""
    return {
        code: _auc(*(_shipped(some.where(partial(_is_of, code))) for some in (hard, easy)))
        for code in sorted(
            {q.language for q in hard.questions} & {q.language for q in easy.questions}
        )
    }


def _spearman(difficulties: Floats, grades: npt.NDArray[np.int64]) -> float:
    return float(spearmanr(difficulties, grades).statistic)


def _steadiness(questions: Sequence[GradedQuestion], difficulties: Floats) -> dict[str, float]:
    """Return how steady a question's plan is across its translations.

    `all`: the share of questions whose difficulties, of all translations, lie within one step's
    width, those below the threshold counting as just below it; `pairs`: the share of pairs of
    translations for which that holds; `same budget`: the share of pairs with one budget.
    """
    n_steps = 4
    positions = np.maximum((difficulties - THRESHOLD) / (1 - THRESHOLD) * n_steps, 0.0)
    budgets = np.array([planned_tokens(each, _CEILING) for each in difficulties])
    rows: dict[str, list[int]] = {}
    for at, question in enumerate(questions):
        rows.setdefault(question.question_id, []).append(at)
    translated = [some for some in rows.values() if len(some) > 1]
    pairs = [pair for some in translated for pair in combinations(some, 2)]
    return {
        "all": float(np.mean([np.ptp(positions[some]) < 1 for some in translated])),
        "pairs": float(np.mean([abs(positions[a] - positions[b]) < 1 for a, b in pairs])),
        "same budget": float(np.mean([budgets[a] == budgets[b] for a, b in pairs])),
    }


def _spending(easy: Floats, hard: Floats) -> dict[str, float]:
    """Return what a mix of 80 % easy questions spends, over what a fixed budget would.

    How many answers fail verification and are written again is the model's doing and not known
    here: so there is what first attempts spend, what they and second ones would if every answer
    failed, and how many may fail, hard ones as often as easy ones, within a fifth of the fixed
    budget.
    """
    firsts = [[planned_tokens(each, _CEILING) for each in some] for some in (easy, hard)]
    first = _share(*firsts)
    second = _share(
        *([next_budget(each, _CEILING, _CEILING - each) for each in some] for some in firsts)
    )
    bearable = (_MOST_SHARE - first) / second if second else 1.0
    return {
        "first attempts": first,
        "if every answer failed and was written again": first + second,
        "failing answers within 20 %": min(max(0.0, bearable), 1.0),
    }


def _share(easy_tokens: Sequence[int], hard_tokens: Sequence[int]) -> float:
    easy, hard = float(np.mean(easy_tokens)), float(np.mean(hard_tokens))
    return (_EASY_SHARE * easy + (1 - _EASY_SHARE) * hard) / _FIXED
