"""Learn what the thinking plan goes by: `python -m eval.train_plan --hard … --easy … --parallel …`.

The weights are a softmax regression from the features of `ragqwen.difficulty` to the five kinds of
questions, one for languages that have cues of their own and one for those that have none. It learns
from the project's own questions in all their languages, with their language's cues and, for the
other languages, as if it had none; from those about single facts (`eval/facts`) as look-ups; and of
the hard word problems (as aggregations) and the easy questions (as look-ups) from three languages
alone, so that the others show what it is worth (`python -m eval plan`). What a question's
translations differ by in difficulty costs too, and so does what translated lines that have no grade
differ by: there are some in all languages. There is no chance in it: the same data give the same
weights, in a minute and a half on two cores.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import minimize

from eval.graded import (
    GradedQuestion,
    easy_questions,
    hard_questions,
    own_look_ups,
    own_questions,
    plan_material,
    translated_lines,
)
from ragqwen.cues import shipped_cues
from ragqwen.difficulty import (
    FEATURES,
    KINDS,
    LEVELS,
    MEANING,
    DifficultyModel,
    Linear,
    Weights,
    softmax,
)
from ragqwen.static_embedding import StaticEmbedder

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

TRAINED_ON = ("eng_Latn", "rus_Cyrl", "zho_Hans")
"""The languages of which hard and easy questions are learned from."""
_OWN_WEIGHT, _EASY_WEIGHT, _HARD_WEIGHT, _LINES_WEIGHT = 1.0, 0.4, 1.2, 2.0
_PENALTY = 6e-4
_UNSTEADY = 20.0  # of the variance of difficulty across translations, beside 1 for the surprise
_STEPS = 150


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@plan_material
@click.option("--out", type=click.Path(path_type=Path), default=Path("ragqwen/data/plan.json"))
def main(hard: Path, easy: Path, parallel: Path, out: Path) -> None:
    """Learn the weights of the thinking plan, and cut the words of its cues."""
    graded = own_questions()
    material = Material.of(
        graded, hard_questions(hard), easy_questions(easy), translated_lines(parallel)
    )
    write_weights(out, material.fit())
    write_cue_pieces(out.with_name("cue_pieces.json"), StaticEmbedder())
    click.echo(f"{out}: the weights of {len(FEATURES)} features, from {len(graded)} of ours")


@dataclass(frozen=True, slots=True)
class Examples:
    """Questions with their features, (n_questions, n_features), and whether their cues are known.

    `cued` is (n_questions,).
    """

    questions: Sequence[GradedQuestion]
    features: Singles
    cued: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, questions: Sequence[GradedQuestion], embedder: StaticEmbedder) -> "Examples":
        """Make the features of questions."""
        model = DifficultyModel(embedder)
        features = model.features([(question.text, question.language) for question in questions])
        cued = [question.language in shipped_cues() for question in questions]
        return cls(questions, features.astype(np.float32), np.array(cued, dtype=bool))

    @classmethod
    def without_cues(
        cls, questions: Sequence[GradedQuestion], embedder: StaticEmbedder
    ) -> "Examples":
        """Make the features of questions, each as if its language had no cues of its own."""
        parts = []
        for code in dict.fromkeys(question.language for question in questions):
            others = {name: cues for name, cues in shipped_cues().items() if name != code}
            model = DifficultyModel(embedder, cues=others)
            some = [question for question in questions if question.language == code]
            features = model.features([(question.text, code) for question in some])
            parts.append(cls(some, features.astype(np.float32), np.zeros(len(some), dtype=bool)))
        return cls.joined(parts)

    @classmethod
    def joined(cls, parts: "Sequence[Examples]") -> "Examples":
        """Return the examples of all parts."""
        return cls(
            [question for part in parts for question in part.questions],
            np.concatenate([part.features for part in parts]),
            np.concatenate([part.cued for part in parts]),
        )

    def where(self, holds: Callable[[GradedQuestion], bool], *, yes: bool = True) -> "Examples":
        """Return those of which something holds, or does not."""
        keep = np.array([holds(question) == yes for question in self.questions], dtype=bool)
        some = [question for question, kept in zip(self.questions, keep, strict=True) if kept]
        return Examples(some, self.features[keep], self.cued[keep])


@dataclass(frozen=True, slots=True)
class Material:
    """All that is learned from.

    `own` are the project's own questions, `unaided` the same without the cues of their language,
    and `lines` translated lines without a grade.
    """

    own: Examples
    unaided: Examples
    hard: Examples
    easy: Examples
    lines: Examples

    @classmethod
    def of(
        cls,
        own: Sequence[GradedQuestion],
        hard: Sequence[GradedQuestion],
        easy: Sequence[GradedQuestion],
        lines: Sequence[GradedQuestion],
    ) -> "Material":
        """Choose what is learned from, and make its features."""
        embedder = StaticEmbedder()
        return cls(
            Examples.of(own, embedder),
            Examples.without_cues(own, embedder),
            Examples.of(list(filter(is_learned_from, hard)), embedder),
            Examples.of([*filter(is_learned_from, easy), *own_look_ups()], embedder),
            Examples.of(lines, embedder),
        )

    def where(self, holds: Callable[[GradedQuestion], bool], *, yes: bool = True) -> "Material":
        """Return that part of it of which something holds, or does not."""
        return Material(*(part.where(holds, yes=yes) for part in self._parts()))

    def fit(self) -> Weights:
        """Fit the softmax regression.

        A question with n translations counts as the root of n, so that what there are many of does
        not drown what there is one of.
        """
        parts = self._parts()
        every = Examples.joined(parts)
        worth = (_OWN_WEIGHT, _OWN_WEIGHT, _HARD_WEIGHT, _EASY_WEIGHT, _LINES_WEIGHT)
        shares = np.concatenate(
            [weight * _shares(part.questions) for weight, part in zip(worth, parts, strict=True)]
        )
        cued, uncued = _regress(every, shares)
        return Weights(_linear(cued, self.own.features), _linear(uncued, self.unaided.features))

    def _parts(self) -> list[Examples]:
        return [self.own, self.unaided, self.hard, self.easy, self.lines]


def is_learned_from(question: GradedQuestion) -> bool:
    """Tell whether a hard or easy question is in a language that is learned from."""
    return question.language in TRAINED_ON


def _shares(questions: Sequence[GradedQuestion]) -> Floats:
    """Return each question's part of 1."""
    often = Counter(question.question_id for question in questions)
    parts = np.array([often[question.question_id] ** -0.5 for question in questions])
    shares: Floats = parts / parts.sum()
    return shares


def _linear(matrix: Floats, features: Singles) -> Linear:
    """Make a model of its matrix with the bias as last row, and the features of our questions."""
    mean = features.mean(axis=0) if len(features) else np.zeros(len(matrix) - 1)
    return Linear(matrix[:-1], matrix[-1], np.asarray(mean, dtype=np.float64))


def _translations(questions: Sequence[GradedQuestion]) -> sparse.csr_matrix:
    """Return the matrix that takes from each question's number the mean over its translations."""
    rows: dict[str, int] = {}
    owner = [rows.setdefault(question.question_id, len(rows)) for question in questions]
    n = len(questions)
    belongs = sparse.csr_matrix((np.ones(n), (np.arange(n), owner)), shape=(n, len(rows)))
    means = sparse.diags(1 / np.asarray(belongs.sum(axis=0)).ravel()) @ belongs.T
    return sparse.csr_matrix(sparse.identity(n) - belongs @ means)


def _regress(examples: Examples, shares: Floats) -> Floats:
    """Minimise the weighted cross entropy, unsteadiness and a penalty on squares.

    :param shares: (n,), what each question counts.
    :return: the weights of languages with cues and of those without, (2, n_features + 1, n_kinds);
        the last of each are the bias, which costs nothing.
    """
    grades = np.array([question.grade for question in examples.questions])
    kinds = np.eye(len(KINDS) + 1)[grades][:, 1:]  # none for what has no grade
    centre = _translations(examples.questions)
    by_mean = sparse.csr_matrix(centre.T)
    inputs = np.hstack([examples.features, np.ones((len(grades), 1), dtype=np.float32)])
    groups = [np.flatnonzero(examples.cued), np.flatnonzero(~examples.cued)]
    rows = [inputs[group] for group in groups]
    shape = (2, inputs.shape[1], len(KINDS))
    penalty = np.append(np.full(inputs.shape[1] - 1, _PENALTY), 0.0)[:, None]
    levels, is_graded = np.array(LEVELS), grades > 0

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        logits = np.empty((len(grades), len(KINDS)))
        for group, some, matrix in zip(groups, rows, weights, strict=True):
            logits[group] = some @ matrix.astype(np.float32)
        chances = softmax(logits)
        difficulties = chances @ levels
        off = centre @ difficulties
        right = np.where(is_graded, (chances * kinds).sum(axis=1), 1.0)
        surprise = -shares @ np.log(np.maximum(right, 1e-300))
        cost = surprise + _UNSTEADY * shares @ off**2 + (penalty * weights**2).sum()
        by_level = by_mean @ (2 * _UNSTEADY * shares * off)
        slope = (chances - kinds) * (shares * is_graded)[:, None]
        slope += by_level[:, None] * chances * (levels - difficulties[:, None])
        down = [
            some.T @ slope[group].astype(np.float32)
            for group, some in zip(groups, rows, strict=True)
        ]
        return float(cost), (np.stack(down) + 2 * penalty * weights).ravel()

    options = {"maxiter": _STEPS, "ftol": 1e-7}
    found = minimize(loss, np.zeros(np.prod(shape)), jac=True, method="L-BFGS-B", options=options)
    weights: Floats = found.x.reshape(shape)
    return weights


def write_weights(path: Path, weights: Weights) -> None:
    """Write weights as JSON, to five digits."""

    def rounded(row: Floats) -> list[float]:
        return [float(f"{value:.5g}") for value in row]

    def written(linear: Linear) -> dict[str, object]:
        rows, means, n = [*map(rounded, linear.matrix)], rounded(linear.mean), len(FEATURES)
        return {
            "weights": {**dict(zip(FEATURES, rows, strict=False)), MEANING: rows[n:]},
            "bias": rounded(linear.bias),
            "mean": {**dict(zip(FEATURES, means, strict=False)), MEANING: means[n:]},
        }

    groups = {"cued": written(weights.cued), "uncued": written(weights.uncued)}
    about = {"kinds": list(KINDS), **groups}
    path.write_text(json.dumps(about) + "\n", encoding="utf-8")


def write_cue_pieces(path: Path, embedder: StaticEmbedder) -> None:
    """Write the pieces of each cue's words, and whose they are, as JSON."""
    every = (cue.words for cues in shipped_cues().values() for cue in cues.values())
    words = sorted(set(chain.from_iterable(every)))
    pieces = dict(zip(words, embedder.cut_words(words), strict=True))
    about = {"embedder": embedder.fingerprint, "pieces": pieces}
    path.write_text(json.dumps(about, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
