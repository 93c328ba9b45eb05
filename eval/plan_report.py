"""What the thinking plan is worth: difficulty against grades, and what it would spend."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, spearmanr

from eval.graded import GradedQuestion, own_look_ups
from eval.train_plan import TRAINED_ON, Examples, fit, untrained, without_cue_words
from ragqwen.difficulty import LEVELS, DifficultyModel, Weights, shipped_weights, softmax
from ragqwen.errors import InputError
from ragqwen.planning import THRESHOLD, planned_tokens
from ragqwen.static_embedding import StaticEmbedder

Floats = npt.NDArray[np.float64]

_CEILING = 8192
_FIXED = 4096
_EASY_SHARE = 0.8
_FOLDS = 10
_FROM_GRADE = 3  # comparisons and what is harder are to be thought about


def plan_figures(
    own: Sequence[GradedQuestion],
    hard: Sequence[GradedQuestion],
    easy: Sequence[GradedQuestion],
) -> dict[str, Any]:
    """Return the figures of the plan that ships, by the question alone.

    Hard and easy questions are measured in the languages of which none was learned from: with the
    weights that ship, for which our own questions were learned from in all languages, and with
    weights for which everything was in three languages alone. The project's own questions are
    measured with weights that learned nothing in their language, once with the cue words of that
    language and once, as for a language that has none, without; and again without them and their
    translations.
    """
    embedder = StaticEmbedder()
    model = DifficultyModel(embedder, untrained())
    ours, all_hard, all_easy, look_ups = (
        Examples.of(some, model) for some in (own, hard, easy, own_look_ups())
    )
    test_hard, test_easy = all_hard.learned_from(False), all_easy.learned_from(False)
    if not test_hard.questions or not test_easy.questions:
        raise InputError(
            f"hard and easy questions are both needed in other languages than {TRAINED_ON}"
        )
    learned_hard, learned_easy = all_hard.learned_from(), all_easy.learned_from().joined(look_ups)
    unaided = without_cue_words(own, embedder)
    learned = ours.joined(unaided)
    by_language, without_cues = np.zeros(len(own)), np.zeros(len(own))
    for code in dict.fromkeys(question.language for question in own):
        parts = (some.outside(code) for some in (learned, learned_hard, learned_easy))
        weights = fit(*parts)
        held = _is_in(ours, code)
        by_language[held] = _difficulties(ours.features[held], weights)
        without_cues[held] = _difficulties(unaided.features[held], weights)
    by_question = np.zeros(len(own))
    folds = _folds(own)
    for fold in range(_FOLDS):
        held = folds == fold
        weights = fit(learned.only(np.tile(~held, 2)), learned_hard, learned_easy)
        by_question[held] = _difficulties(ours.features[held], weights)
    of_three = fit(*(some.learned_from() for some in (learned, learned_hard, learned_easy)))
    hard_levels, easy_levels = _shipped(test_hard), _shipped(test_easy)
    grades = np.array([question.grade for question in own])
    ours_hard = grades >= _FROM_GRADE
    often = Counter(question.question_id for question in own)
    translated = np.array([often[question.question_id] > 1 for question in own])
    everywhere = np.array([often[q.question_id] == max(often.values()) for q in own])
    of_languages = {
        code: _spearman(by_language[_is_in(ours, code)], grades[_is_in(ours, code)])
        for code in dict.fromkeys(question.language for question in own)
    }
    return {
        "questions": {"own": len(own), "hard": len(hard), "easy": len(easy)},
        "languages": {"own": _n_languages(ours), "tested": _n_languages(test_hard, test_easy)},
        "auc": {
            "one threshold": _auc(hard_levels, easy_levels),
            "all learned from three languages": _auc(
                *(_difficulties(some.features, of_three) for some in (test_hard, test_easy))
            ),
            **_auc_by_language(test_hard, test_easy),
        },
        "rank correlation": {
            "mean of languages": float(np.mean(list(of_languages.values()))),
            "by language, all at once": _spearman(by_language, grades),
            "by language, translated": _spearman(by_language[translated], grades[translated]),
            "by language, without its cue words": _spearman(without_cues, grades),
            "by language, translated, without its cue words": _spearman(
                without_cues[translated], grades[translated]
            ),
            "by question, all at once": _spearman(by_question, grades),
            "by question, translated": _spearman(by_question[translated], grades[translated]),
            **of_languages,
        },
        "translations within a step": {
            name: _steadiness(some, difficulties)
            for name, some, difficulties in (
                ("own", ours.only(everywhere).questions, by_language[everywhere]),
                ("hard", hard, _shipped(all_hard)),
                ("easy", easy, _shipped(all_easy)),
            )
        },
        "thinks": {
            "easy": float(np.mean(easy_levels >= THRESHOLD)),
            "hard": float(np.mean(hard_levels >= THRESHOLD)),
            **{
                f"grade {grade}": float(np.mean(by_question[grades == grade] >= THRESHOLD))
                for grade in range(1, 6)
            },
        },
        "tokens of a fixed 4,096": {
            "hard are word problems": _share(easy_levels, hard_levels),
            "hard are our grades 3 to 5": _share(easy_levels, by_question[ours_hard]),
        },
    }


def _shipped(examples: Examples) -> Floats:
    return _difficulties(examples.features, shipped_weights())


def _difficulties(features: Floats, weights: Weights) -> Floats:
    found: Floats = softmax(features @ weights.matrix + weights.bias) @ np.array(LEVELS)
    return found


def _folds(questions: Sequence[GradedQuestion]) -> npt.NDArray[np.int64]:
    """Deal the questions, each with its translations, into folds, and return those."""
    ids = sorted({question.question_id for question in questions})
    order = np.random.default_rng(1).permutation(len(ids))
    fold_of = {ids[at]: number % _FOLDS for number, at in enumerate(order)}
    return np.array([fold_of[question.question_id] for question in questions])


def _auc(hard: Floats, easy: Floats) -> float:
    """Return how often a hard question is above an easy one, the area under the ROC curve."""
    ranks = rankdata(np.concatenate([hard, easy]))[: len(hard)]
    return float((ranks.sum() - len(hard) * (len(hard) + 1) / 2) / (len(hard) * len(easy)))


def _auc_by_language(hard: Examples, easy: Examples) -> dict[str, float]:
    """Return the area for each language that has both."""
    return {
        code: _auc(*(_shipped(some.only(_is_in(some, code))) for some in (hard, easy)))
        for code in sorted(
            {q.language for q in hard.questions} & {q.language for q in easy.questions}
        )
    }


def _is_in(examples: Examples, code: str) -> npt.NDArray[np.bool_]:
    return np.array([question.language == code for question in examples.questions], dtype=bool)


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


def _share(easy: Floats, hard: Floats) -> float:
    """Return what a mix of 80 % easy questions spends, over what a fixed budget would."""
    easy_tokens, hard_tokens = (
        float(np.mean([planned_tokens(each, _CEILING) for each in some])) for some in (easy, hard)
    )
    return (_EASY_SHARE * easy_tokens + (1 - _EASY_SHARE) * hard_tokens) / _FIXED


def _n_languages(*parts: Examples) -> int:
    return len({question.language for part in parts for question in part.questions})
