"""Learn what the thinking plan goes by: `python -m eval.train_plan --hard DIR --easy DIR`.

The weights are a softmax regression from the features of `ragqwen.difficulty` to the five kinds of
questions. It learns from the project's own set in all its languages, and of the hard word problems
(as aggregations) and the easy questions (as look-ups) from three languages alone, so that the
others show what it is worth (`python -m eval plan`). There is no chance in it: the same data give
the same weights, in a few seconds on one core.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from eval.graded import GradedQuestion, easy_questions, hard_questions, own_questions
from ragqwen.difficulty import FEATURES, KINDS, DifficultyModel, Weights, softmax
from ragqwen.static_embedding import StaticEmbedder

Floats = npt.NDArray[np.float64]

TRAINED_ON = ("eng_Latn", "rus_Cyrl", "zho_Hans")
"""The languages of which hard and easy questions are learned from."""
_EASY_WEIGHT, _HARD_WEIGHT = 0.8, 0.8  # beside 1 for the project's own set
_PENALTY = 2e-4


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--hard",
    required=True,
    metavar="DIR",
    type=click.Path(exists=True, path_type=Path),
    help='Word problems: CODE.jsonl with "id" and "question" a line, such as MGSM\'s.',
)
@click.option(
    "--easy",
    required=True,
    metavar="DIR",
    type=click.Path(exists=True, path_type=Path),
    help="Look-ups: a data set in BEIR's layout, such as XQuAD's.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/plan.json"))
def main(hard: Path, easy: Path, out: Path) -> None:
    """Learn the weights of the thinking plan."""
    model = DifficultyModel(StaticEmbedder(), untrained())
    own = Examples.of(own_questions(), model)
    all_hard = Examples.of(hard_questions(hard), model)
    all_easy = Examples.of(easy_questions(easy), model)
    weights = fit(own, all_hard.learned_from(), all_easy.learned_from())
    write_weights(out, weights)
    click.echo(f"{out}: the weights of {len(FEATURES)} features, from {len(own.questions)} of ours")


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

    def learned_from(self, yes: bool = True) -> "Examples":
        """Return those in a language of which hard and easy questions are learned from, or not."""
        of = np.array([question.language in TRAINED_ON for question in self.questions], dtype=bool)
        return self.only(of if yes else ~of)


def fit(own: Examples, hard: Examples, easy: Examples) -> Weights:
    """Fit the softmax regression.

    Of our own set a question with n translations counts as the root of n, so that what there are
    many of does not drown what there is one of.
    """
    often = Counter(question.question_id for question in own.questions)
    ours = np.array([often[question.question_id] ** -0.5 for question in own.questions])
    parts = [
        ours / ours.sum(),
        np.full(len(hard.questions), _HARD_WEIGHT / max(1, len(hard.questions))),
        np.full(len(easy.questions), _EASY_WEIGHT / max(1, len(easy.questions))),
    ]
    features = np.concatenate([own.features, hard.features, easy.features])
    every = (*own.questions, *hard.questions, *easy.questions)
    kinds = np.eye(len(KINDS))[[question.grade - 1 for question in every]]
    matrix, bias = _regress(features, kinds, np.concatenate(parts))
    return Weights(matrix, bias, own.features.mean(axis=0))


def _regress(features: Floats, kinds: Floats, parts: Floats) -> tuple[Floats, Floats]:
    """Minimise the weighted cross entropy with a penalty on squares; the bias is free."""
    n_features, n_kinds = features.shape[1], kinds.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(n_features + 1, n_kinds)
        chances = softmax(features @ weights[:-1] + weights[-1])
        off = (chances - kinds) * parts[:, None]
        surprise = -parts @ np.log(np.maximum((chances * kinds).sum(axis=1), 1e-300))
        penalty = _PENALTY * (weights[:-1] ** 2).sum()
        slope = np.vstack([features.T @ off + 2 * _PENALTY * weights[:-1], off.sum(axis=0)])
        return float(surprise + penalty), slope.ravel()

    start = np.zeros((n_features + 1) * n_kinds)
    options = {"maxiter": 1000}
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
