"""Learn what the thinking plan goes by: `python -m eval.train_plan --hard DIR --easy DIR`.

The weights are a softmax regression from the features of `ragqwen.difficulty` to the five kinds of
questions. It learns from the project's own questions in all their languages, those about single
facts (`eval/facts`) as look-ups, and of the hard word problems (as aggregations) and the easy
questions (as look-ups) from three languages alone, so that the others show what it is worth
(`python -m eval plan`). What a question's translations differ by in difficulty costs too, so that
features which work in few languages count less. There is no chance in it: the same data give the
same weights, in some seconds on one core.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import minimize

from eval.graded import (
    GradedQuestion,
    easy_questions,
    hard_and_easy,
    hard_questions,
    own_look_ups,
    own_questions,
)
from ragqwen.difficulty import (
    FEATURES,
    KINDS,
    LEVELS,
    DifficultyModel,
    Weights,
    cue_words,
    softmax,
)
from ragqwen.static_embedding import StaticEmbedder

Floats = npt.NDArray[np.float64]

TRAINED_ON = ("eng_Latn", "rus_Cyrl", "zho_Hans")
"""The languages of which hard and easy questions are learned from."""
_EASY_WEIGHT, _HARD_WEIGHT = 0.7, 1.2  # beside 1 for the project's own graded set
_PENALTY = 6e-4
_UNSTEADY = 50.0  # of the variance of difficulty across translations, beside 1 for the surprise


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@hard_and_easy
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/plan.json"))
def main(hard: Path, easy: Path, out: Path) -> None:
    """Learn the weights of the thinking plan."""
    embedder = StaticEmbedder()
    model = DifficultyModel(embedder, untrained())
    graded = own_questions()
    own, look_ups, hard_ones, easy_ones = (
        Examples.of(some, model)
        for some in (
            graded,
            own_look_ups(),
            learned_from(hard_questions(hard)),
            learned_from(easy_questions(easy)),
        )
    )
    own = own.joined(without_cue_words(graded, embedder))
    weights = fit(own, hard_ones, easy_ones.joined(look_ups))
    write_weights(out, weights)
    click.echo(f"{out}: the weights of {len(FEATURES)} features, from {len(graded)} of ours")


@dataclass(frozen=True, slots=True)
class Examples:
    """Questions with their features, (n_questions, n_features)."""

    questions: Sequence[GradedQuestion]
    features: Floats

    @classmethod
    def of(cls, questions: Sequence[GradedQuestion], model: DifficultyModel) -> "Examples":
        """Make the features of questions."""
        asked = [(question.text, question.language) for question in questions]
        return cls(questions, model.features(asked))

    def only(self, keep: npt.NDArray[np.bool_]) -> "Examples":
        """Return the questions to keep."""
        some = [question for question, kept in zip(self.questions, keep, strict=True) if kept]
        return Examples(some, self.features[keep])

    def outside(self, language: str) -> "Examples":
        """Return those in other languages."""
        return self.only(np.array([q.language != language for q in self.questions], dtype=bool))

    def joined(self, others: "Examples") -> "Examples":
        """Return these and others."""
        features = np.concatenate([self.features, others.features])
        return Examples([*self.questions, *others.questions], features)

    def learned_from(self, yes: bool = True) -> "Examples":
        """Return those in a language of which hard and easy questions are learned from, or not."""
        of = np.array([question.language in TRAINED_ON for question in self.questions], dtype=bool)
        return self.only(of if yes else ~of)


def without_cue_words(questions: Sequence[GradedQuestion], embedder: StaticEmbedder) -> Examples:
    """Make the features of questions, each as if its language had no cue words of its own.

    They are learned from too, as translations of those with, so that the weights serve the
    languages that have none.
    """
    features = np.zeros((len(questions), len(FEATURES)))
    for code in {question.language for question in questions}:
        others = {language: words for language, words in cue_words().items() if language != code}
        model = DifficultyModel(embedder, untrained(), others)
        rows = [at for at, question in enumerate(questions) if question.language == code]
        features[rows] = model.features([(questions[at].text, code) for at in rows])
    return Examples(questions, features)


def learned_from(questions: Sequence[GradedQuestion]) -> list[GradedQuestion]:
    """Return the hard or easy questions that are learned from."""
    return [question for question in questions if question.language in TRAINED_ON]


def fit(own: Examples, hard: Examples, easy: Examples) -> Weights:
    """Fit the softmax regression.

    A question with n translations counts as the root of n, so that what there are many of does not
    drown what there is one of.
    """
    parts = [(own, 1.0), (hard, _HARD_WEIGHT), (easy, _EASY_WEIGHT)]
    parts = [(some, weight) for some, weight in parts if some.questions]
    every = [question for some, _ in parts for question in some.questions]
    features = np.concatenate([some.features for some, _ in parts])
    shares = np.concatenate([weight * _shares(some.questions) for some, weight in parts])
    kinds = np.eye(len(KINDS))[[question.grade - 1 for question in every]]
    matrix, bias = _regress(features, kinds, shares, _translations(every))
    return Weights(matrix, bias, own.features.mean(axis=0))


def _shares(questions: Sequence[GradedQuestion]) -> Floats:
    """Return each question's part of 1."""
    often = Counter(question.question_id for question in questions)
    parts = np.array([often[question.question_id] ** -0.5 for question in questions])
    shares: Floats = parts / parts.sum()
    return shares


def _translations(questions: Sequence[GradedQuestion]) -> sparse.csr_matrix:
    """Return the matrix that takes from each question's number the mean over its translations."""
    rows: dict[str, int] = {}
    owner = [rows.setdefault(question.question_id, len(rows)) for question in questions]
    n = len(questions)
    belongs = sparse.csr_matrix((np.ones(n), (np.arange(n), owner)), shape=(n, len(rows)))
    means = sparse.diags(1 / np.asarray(belongs.sum(axis=0)).ravel()) @ belongs.T
    return sparse.csr_matrix(sparse.identity(n) - belongs @ means)


def _regress(
    features: Floats, kinds: Floats, shares: Floats, centre: sparse.csr_matrix
) -> tuple[Floats, Floats]:
    """Minimise the weighted cross entropy, unsteadiness and a penalty on squares.

    :param features: (n, n_features).
    :param kinds: (n, n_kinds), 1 for the right one.
    :param shares: (n,), what each question counts.
    :param centre: (n, n), see `_translations`.
    :return: the weights, (n_features, n_kinds), and the bias, (n_kinds,), which costs nothing.
    """
    n_features, n_kinds = features.shape[1], kinds.shape[1]
    levels = np.array(LEVELS)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(n_features + 1, n_kinds)
        chances = softmax(features @ weights[:-1] + weights[-1])
        difficulties = chances @ levels
        off = centre @ difficulties
        surprise = -shares @ np.log(np.maximum((chances * kinds).sum(axis=1), 1e-300))
        cost = surprise + _UNSTEADY * shares @ off**2 + _PENALTY * (weights[:-1] ** 2).sum()
        by_level = centre.T @ (2 * _UNSTEADY * shares * off)
        slope = (chances - kinds) * shares[:, None]
        slope += by_level[:, None] * chances * (levels - difficulties[:, None])
        down = np.vstack([features.T @ slope + 2 * _PENALTY * weights[:-1], slope.sum(axis=0)])
        return float(cost), down.ravel()

    start = np.zeros((n_features + 1) * n_kinds)
    options = {"maxiter": 500, "ftol": 1e-7}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    weights = found.reshape(n_features + 1, n_kinds)
    return weights[:-1], weights[-1]


def untrained() -> Weights:
    """Return weights of zero, for a model that only makes features."""
    n = len(FEATURES)
    return Weights(np.zeros((n, len(KINDS))), np.zeros(len(KINDS)), np.zeros(n))


def write_weights(path: Path, weights: Weights) -> None:
    """Write weights as JSON, to five digits."""

    def rounded(row: Floats) -> list[float]:
        return [float(f"{value:.5g}") for value in row]

    about = {
        "kinds": list(KINDS),
        "weights": dict(zip(FEATURES, map(rounded, weights.matrix), strict=True)),
        "bias": rounded(weights.bias),
        "mean": dict(zip(FEATURES, rounded(weights.mean), strict=True)),
    }
    path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
