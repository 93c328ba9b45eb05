"""How hard a question is, before anything is generated, and by what one can tell.

A question is one of five kinds, each with a level of difficulty: look-up 0, list 0.2, comparison
0.45, aggregation 0.6, multi-hop 1. The chance of each kind is a softmax over linear functions of

- `words`: log(1 + words / `words_to_english` of its language) / 3;
- `weight`: log(1 + the sum of the lengths of its words' vectors in the built-in embedder) / 3. A
  word that tells more has a longer one, so that this is about the same in all languages;
- `numbers`: log(1 + numbers in digits of any script); `quantities`: the same without four digits in
  a row, which mostly are years;
- `sentences`: log(sentences); `breaks`: log(1 + commas, colons and the like);
- `cue_*`: for each cue of `CUES`, max(0, c - 0.2) * 3, where c is the largest cosine of any word
  of the question with the cue's direction: the mean over languages of the mean of its words in
  each. The embedder's vectors meet across languages, though not all do, and so
- `word_*`: max(0, c - 0.7) * 2.5, where c is the largest cosine of any word of the question with
  any of the cue's words, in any language, and 1 where the question has one of the cue's phrases in
  its own language (`ragqwen.cues`);
- `meaning`: the question's vector in the built-in embedder.

Questions in languages that have cues of their own and in those that have none go by weights of
their own.

A question that writes out a calculation, such as 3+4*5 or 12 € × 3, is an aggregation, unless it is
harder by that: no word tells.

The question's difficulty q is the mean of the levels by these chances. Where Qwen3 was asked too
(`ragqwen.judgement`), its own mean j of the levels counts as much: the mean of both is then q. The
evidence can only add:
with its strain s in [0, 1] (`evidence_features`), the difficulty is q + (1 - q) * 0.3 * s, where

    s = 0.4 foreign + 0.2 spread + 0.2 documents + 0.2 pieces

The weights of the kinds are learned (`python -m eval.train_plan`); those of the strain were chosen,
for want of data that tells: at their most they make a look-up think its first step. So was that of
Qwen3's judgement, at 1/2.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import regex

from ragqwen.analysis import terms
from ragqwen.cues import CUES, Cue, Cues, has_phrase, shipped_cues, shipped_pieces
from ragqwen.embedding import Vectors
from ragqwen.languages import UNKNOWN, group_of, languages
from ragqwen.records import Passage
from ragqwen.segmentation import count_words, sentences, words
from ragqwen.static_embedding import StaticEmbedder, unit
from ragqwen.text import normalise_text, unicode_form
from ragqwen.weights import read_weights

KINDS = ("look-up", "list", "comparison", "aggregation", "multi-hop")
LEVELS = (0.0, 0.2, 0.45, 0.6, 1.0)
_AGGREGATION = KINDS.index("aggregation")
SURFACE = ("words", "weight", "numbers", "quantities", "sentences", "breaks")
FEATURES = (
    *SURFACE,
    *(f"cue_{name}" for name in CUES),
    *(f"word_{name}" for name in CUES),
)
MEANING = "meaning"
"""The question's vector, as one of the things a plan goes by."""
CALCULATION = "calculation"
"""A calculation written out in signs, which makes a question an aggregation."""

Floats = npt.NDArray[np.float64]

_MAX_CHARS = 8000  # of a question; what follows does not make it any harder
_NUMBER = regex.compile(r"\p{Nd}+(?:[.,٫٬]\p{Nd}+)*")
_YEAR = regex.compile(r"\p{Nd}{4}")
_BREAK = regex.compile(r"[,،、，;；·၊؛:：](?!\s*$)")  # at the end ";" asks, in Greek
_AMOUNT = r"(?:\p{Sc}\s*+)?+\p{Nd}++(?:[.,٫٬]\p{Nd}++)*+(?:\s*+[\p{Sc}%٪])?+"
_SIGN = r"[-*/×÷−]|(?<!\s)\+|\+(?!\p{Nd})"  # " +49" is of a telephone number
_CALCULATION = regex.compile(  # not from within a time
    rf"(?<!\p{{Nd}}|\p{{Nd}}[:.,]){_AMOUNT}(?:[\s)]*+({_SIGN})[\s(]*+{_AMOUNT})+"
)
_RECKONED = regex.compile(r"[\p{Sc}%٪]")
_CALCULATES = frozenset("+*÷×")  # the others stand in dates and telephone numbers too
_LEAST_DIGITS = 4  # of numbers that are only added: Omega 3+6+9 is a name
_LEAST_TO_CUE, _CUE_SCALE = 0.2, 3.0
_LEAST_TO_WORD, _WORD_SCALE = 0.7, 2.5

_JUDGED_SHARE = 0.5
_STRAIN = {"foreign": 0.4, "spread": 0.2, "documents": 0.2, "pieces": 0.2}
_STRAIN_SHARE = 0.3
_PASSAGES = 10
_PASSAGE_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Estimate:
    """How hard a question looks: in [0, 1], the chance of each kind, and what speaks for the kind.

    `for_kind` names features, those that say most for the likeliest kind first.
    """

    difficulty: float
    kinds: Mapping[str, float]
    features: Mapping[str, float]
    for_kind: tuple[str, ...]

    @property
    def kind(self) -> str:
        """Return the likeliest kind."""
        return max(self.kinds, key=lambda name: self.kinds[name])


class DifficultyModel:
    """Estimates how hard questions are, in every language that the built-in embedder knows."""

    def __init__(
        self,
        embedder: StaticEmbedder,
        weights: "Weights | None" = None,
        cues: Cues | None = None,
    ) -> None:
        """:param weights: those that ship with the project by default.
        :param cues: so too.
        """
        self._embedder = embedder
        self._weights = weights
        self._cues = shipped_cues() if cues is None else cues
        by_language = [_cue_vectors(embedder, cues) for cues in self._cues.values()]
        of_cues = [[vectors[name] for vectors in by_language] for name in CUES]
        means = [unit(np.stack([some.mean(axis=0) for some in each])) for each in of_cues]
        self._directions = unit(np.stack([each.mean(axis=0) for each in means]))
        self._words = [np.concatenate(each) for each in of_cues]

    def estimate(self, question: str, language: str = UNKNOWN) -> Estimate:
        """Estimate one question; what comes after 8,000 characters does not count."""
        row = self.features([(question, language)])[0]
        weights = (self._weights or shipped_weights()).of(language in self._cues)
        kinds = softmax(row @ weights.matrix + weights.bias)
        calculates = _calculates(question[:_MAX_CHARS]) and kinds @ LEVELS < LEVELS[_AGGREGATION]
        if calculates:
            kinds = np.eye(len(KINDS))[_AGGREGATION]
        best = int(kinds.argmax())
        rest = np.delete(weights.matrix, best, axis=1).mean(axis=1)
        more = row - weights.mean
        each = (weights.matrix[:, best] - rest) * more
        says = np.append(each[: len(FEATURES)], each[len(FEATURES) :].sum())
        told = np.append(more[: len(FEATURES)] > 0, True)  # no cue tells by its absence
        told[: len(SURFACE)] = True
        names = (*FEATURES, MEANING)
        return Estimate(
            difficulty=float(kinds @ np.array(LEVELS)),
            kinds=dict(zip(KINDS, kinds.tolist(), strict=True)),
            features=dict(zip(FEATURES, row.tolist(), strict=False)),
            for_kind=(
                *([CALCULATION] if calculates else []),
                *(names[at] for at in np.argsort(-says) if says[at] > 0 and told[at]),
            ),
        )

    def features(self, questions: Sequence[tuple[str, str]]) -> Floats:
        """Return what the model goes by, for questions and their languages.

        :return: (n_questions, len(FEATURES) + dimension), the question's vector last.
        """
        rows = [self._features(text[:_MAX_CHARS], language) for text, language in questions]
        n_features = len(FEATURES) + self._embedder.dimension
        return np.array(rows, dtype=np.float64).reshape(len(rows), n_features)

    def _features(self, question: str, language: str) -> Floats:
        lower = normalise_text(question).lower()
        counts = Counter(lower[start:end] for start, end in words(lower)) or Counter([""])
        vectors = self._embedder.embed_words(list(counts))
        weight = np.linalg.norm(vectors, axis=1) @ np.array(list(counts.values()))
        n_words, *others = _surface(question, language)
        surface = [n_words, float(np.log1p(weight)) / 3, *others]
        met = self._met(unit(vectors), self._said(lower, language))
        return np.concatenate([surface, met, self._embedder.embed_query(question)])

    def _said(self, question: str, language: str) -> npt.NDArray[np.bool_]:
        """Return of which cues a question, in lower case, has a phrase, (n_cues,)."""
        cues = self._cues.get(language)
        if cues is None:
            return np.zeros(len(CUES), dtype=np.bool_)
        return np.array([has_phrase(question, cues[name], language) for name in CUES])

    def _met(self, vectors: Vectors, said: npt.NDArray[np.bool_]) -> Floats:
        """Return how near some words, (n_words, dimension), are to each cue and to its words."""
        to_cue = (vectors @ self._directions.T).max(axis=0)
        to_word = np.array([(vectors @ some.T).max() for some in self._words])
        near = np.maximum(to_cue - _LEAST_TO_CUE, 0) * _CUE_SCALE
        same = np.maximum(np.where(said, 1.0, to_word) - _LEAST_TO_WORD, 0) * _WORD_SCALE
        return np.concatenate([near, same])


def _cue_vectors(embedder: StaticEmbedder, cues: Mapping[str, Cue]) -> dict[str, Vectors]:
    """Return the unit vectors of each cue's words, (n_words, dimension), in one language.

    All are embedded at once, which is much faster than one cue after another, and cut only where
    the pieces that ship are not theirs: of another embedder, or of other words.
    """
    ends = np.cumsum([len(cues[name].words) for name in CUES])
    every = [word for name in CUES for word in cues[name].words]
    fingerprint, pieces = shipped_pieces()
    if fingerprint == embedder.fingerprint and pieces.keys() >= set(every):
        vectors = embedder.embed_pieces([pieces[word] for word in every])
    else:
        vectors = embedder.embed_words(every)
    parts = np.split(unit(vectors), ends[:-1])
    return dict(zip(CUES, parts, strict=True))


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model of the kinds.

    `matrix` is (n_features, n_kinds), `bias` (n_kinds,), and `mean` are the features of the
    middling question, (n_features,), by which a plan is explained. Features are those of
    `DifficultyModel.features`.
    """

    matrix: Floats
    bias: Floats
    mean: Floats


@dataclass(frozen=True, slots=True)
class Weights:
    """The models of languages that have cues of their own, and of those that have none."""

    cued: Linear
    uncued: Linear

    def of(self, is_cued: bool) -> Linear:
        """Return one of them."""
        return self.cued if is_cued else self.uncued


@functools.cache
def shipped_weights() -> Weights:
    """Read the weights that `python -m eval.train_plan` learned."""
    with read_weights("plan.json", "eval.train_plan") as about:
        cued, uncued = (_linear(about[group]) for group in ("cued", "uncued"))
        return Weights(cued, uncued)


def _linear(about: Mapping[str, Any]) -> Linear:
    matrix, mean = (
        np.array([*(about[what][name] for name in FEATURES), *about[what][MEANING]])
        for what in ("weights", "mean")
    )
    return Linear(matrix, np.array(about["bias"]), mean)


def softmax(logits: Floats) -> Floats:
    """Turn logits into chances; (..., n_kinds) both."""
    odds: Floats = np.exp(logits - logits.max(axis=-1, keepdims=True))
    chances: Floats = odds / odds.sum(axis=-1, keepdims=True)
    return chances


def evidence_features(
    language: str, question_terms: Sequence[str], passages: Sequence[Passage]
) -> dict[str, float]:
    """Return what the best ten passages say of how hard it is to answer from them.

    Each is in [0, 1]: `foreign` is the share of the scores that passages in another language have,
    `spread` the scores' entropy over its maximum (0 where one passage has all of it), `margin` how
    far the first is ahead of the second, `documents` tells of the documents among passages with
    half of the best score or more (0 for one, 1 for five), and `pieces` of the passages that are
    needed to meet all terms of the question that any meets (0 for one, 1 for five).
    """
    best = passages[:_PASSAGES]
    if not best:
        return {}
    scores = np.nan_to_num([max(passage.score, 0.0) for passage in best], nan=0.0, posinf=1.0)
    shares = scores / scores.sum() if scores.sum() > 0 else np.full(len(best), 1 / len(best))
    near = [
        passage for passage, share in zip(best, shares, strict=True) if share >= shares.max() / 2
    ]
    entropy = -sum(share * np.log(share) for share in shares if share > 0)
    ahead = sorted(shares, reverse=True)
    known = language != UNKNOWN
    foreign = [
        share
        for passage, share in zip(best, shares, strict=True)
        if known and passage.language not in (UNKNOWN, language)
        if group_of(passage.language) != group_of(language)
    ]
    return {
        "foreign": float(sum(foreign)),
        "spread": float(entropy / np.log(len(best))) if len(best) > 1 else 0.0,
        "margin": float(1 - ahead[1] / ahead[0]) if len(best) > 1 else 1.0,
        "documents": _of_five(len({passage.document_id for passage in near})),
        "pieces": _of_five(_needed(set(question_terms), best)),
    }


def judged(difficulty: float, judgement: float | None) -> float:
    """Return the difficulty of a question of which Qwen3 may have been asked; all in [0, 1]."""
    if judgement is None:
        return difficulty
    return (1 - _JUDGED_SHARE) * difficulty + _JUDGED_SHARE * judgement


def strained(difficulty: float, evidence: Mapping[str, float]) -> float:
    """Return the difficulty of a question with its evidence, never less than without."""
    strain = sum(weight * evidence.get(name, 0.0) for name, weight in _STRAIN.items())
    return difficulty + (1 - difficulty) * _STRAIN_SHARE * min(1.0, strain)


def _calculates(question: str) -> bool:
    """Say whether a calculation is written out that takes more than a glance.

    Amounts of money and percentages are calculated with. Of mere numbers, 10×20×5 and 1920*1080
    are measures, and Omega 3+6+9 is a name.
    """
    return any(
        _is_calculation(found[0], found.captures(1))
        for found in _CALCULATION.finditer(unicode_form("NFKC", question))
    )


def _is_calculation(text: str, signs: Sequence[str]) -> bool:
    kinds = set(signs)
    if _RECKONED.search(text):
        return not kinds <= set("-/−")
    if not kinds & _CALCULATES or kinds == {"×"} or signs == ["*"]:
        return False
    return len(kinds) > 1 or sum(map(str.isdecimal, text)) >= _LEAST_DIGITS


def _surface(question: str, language: str) -> list[float]:
    """Return the features of `SURFACE` that need no vectors, in their order."""
    known = languages().get(language)
    n_words = count_words(question) / (known.words_to_english if known else 1.0)
    numbers = _NUMBER.findall(question)
    quantities = [number for number in numbers if not _YEAR.fullmatch(number)]
    n_sentences = sum(1 for _ in sentences(question, language))
    return [
        float(np.log1p(n_words)) / 3,
        float(np.log1p(len(numbers))),
        float(np.log1p(len(quantities))),
        float(np.log(max(1, n_sentences))),
        float(np.log1p(sum(1 for _ in _BREAK.finditer(question)))),
    ]


def _needed(asked: set[str], passages: Sequence[Passage]) -> int:
    """Return how many passages, the most telling first, meet all terms that any of them meets."""
    met = [asked & set(terms(passage.text[:_PASSAGE_CHARS])) for passage in passages]
    left = set(itertools.chain.from_iterable(met))
    needed = 0
    while left:
        left -= max(met, key=lambda some: len(some & left))
        needed += 1
    return max(1, needed)


def _of_five(count: int) -> float:
    return min(1.0, (count - 1) / 4)
