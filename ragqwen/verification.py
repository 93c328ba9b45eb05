"""Whether a passage bears a claim out, and which place in it does.

Each word of the claim is looked for in one sentence of the passage, or in two in a row: as it is,
by its letters, and by its vector, which works across languages. A small model of what is met, and
of what is not, says how likely the place supports the claim. Above that stand three rules: a figure
of the claim must be in the place; a name (in one language) and an identifier in the passage; and
what a claim denies must be in a place that denies something, what it doesn't in none that does.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import regex

from ragqwen.agreement import Figures, agree
from ragqwen.alignment import Aligner
from ragqwen.analysis import normal_form, terms
from ragqwen.languages import group_of
from ragqwen.matching import word_likeness
from ragqwen.negation import clauses, is_negated, without_denials
from ragqwen.records import Passage
from ragqwen.segmentation import sentences, words
from ragqwen.static_embedding import unit
from ragqwen.weights import read_weights

FEATURES = ("found", "met", "cosine", "margin", "missing", "context", "pair", "level")
Floats = npt.NDArray[np.float64]
_MAX_BROKEN = 0.45  # the score of what breaks a rule, however like it is; 0.5 is support
_SUPPORT = 0.5
_IS_MET = 0.7  # the share of a denying clause from which on a claim says what is denied
_IS_MET_ACROSS = 0.6  # the same across languages, where words come less near each other
_IS_LACKING = 0.75  # how much of the most telling word it may lack for that
_NOUNS_CAPITAL = frozenset({"deu_Latn", "ltz_Latn"})  # a capital makes no name there
_NAME = regex.compile(r"(?<=[^\s.!?:…\"“„«(]\s+)\p{Lu}[\p{L}\p{M}]+")
_IDENTIFIER = regex.compile(
    r"(?<![\p{L}\p{N}])(?:[A-Z][A-Z0-9]*(?:[-_./][A-Z0-9]+)*+|[A-Za-z]{2,}[0-9]+)(?![\p{L}\p{N}])"
)
_PARTS = regex.compile(r"[a-z]+|[0-9]+")
_DIGITS = regex.compile(r"(?<![\p{L}\p{M}\p{N}])\p{Nd}[\p{Nd}.,٫٬'’]*+(?![\p{L}\p{M}])")
_MIN_NAME_LIKENESS = 0.5


@dataclass(frozen=True, slots=True)
class Support:
    """The place of a passage that supports a claim best, as a span of the document.

    `score` in [0, 1] is how likely it does; 0.5 and above is support.
    """

    start: int
    end: int
    score: float

    @property
    def holds(self) -> bool:
        """Tell whether the claim is supported."""
        return self.score >= _SUPPORT


@dataclass(frozen=True, slots=True)
class _Place:
    """A sentence of a passage, or two in a row: its span in the passage, and the sentences'.

    `affirms` is that it is known to deny nothing.
    """

    start: int
    end: int
    columns: tuple[int, ...]
    figures: Figures
    affirms: bool


class PassageVerifier:
    """Holds claims against one passage."""

    def __init__(
        self, passage: Passage, aligner: Aligner, levels: Mapping[str, float] | None = None
    ) -> None:
        """:param levels: how near each language comes to its translations, if not as stored."""
        self._passage = passage
        self._levels = _model().levels if levels is None else levels
        self._aligner = aligner
        text = passage.text
        spans = list(sentences(text, passage.language)) or [(0, len(text))]
        heading = " ".join(dict.fromkeys((passage.title, *passage.headings)))
        parts = [*(text[start:end] for start, end in spans), heading]
        self._words = [[part[a:b] for a, b in words(part)] or [""] for part in parts]
        self._terms = [frozenset(terms(part)) for part in parts]
        self._all_terms = frozenset().union(*self._terms)
        self._plain = normal_form("\n".join(parts))
        *said, self._titled = (Figures.of(part, passage.language) for part in parts)
        affirms = [is_negated(part, passage.language) is False for part in parts]
        self._places = [
            _Place(start, end, (i,), said[i], affirms[i]) for i, (start, end) in enumerate(spans)
        ] + [
            _Place(
                spans[i][0],
                spans[i + 1][1],
                (i, i + 1),
                said[i] | said[i + 1],
                affirms[i] and affirms[i + 1],
            )
            for i in range(len(spans) - 1)
        ]

    def support(self, claim: str, language: str) -> Support:
        """Return the place that supports a claim best.

        :param language: the claim's.
        """
        same = self._is_same(language)
        weights, bias = _model().same if same else _model().cross
        odds = 1 / (1 + np.exp(-(self.features(claim, language) @ weights + bias)))
        kept = self.keeps_rules(claim, language) & ~self._contradicts(claim, language, odds)
        scores = np.where(kept, odds, np.minimum(odds, _MAX_BROKEN))
        n_sentences = sum(len(place.columns) == 1 for place in self._places)
        best = int(scores[:n_sentences].argmax())
        if scores[best] < _SUPPORT and scores.max() >= _SUPPORT:
            best = int(scores.argmax())  # it takes two sentences
        place = self._places[best]
        start = self._passage.start
        return Support(start + place.start, start + place.end, round(float(scores[best]), 3))

    def unchecked(self) -> Support:
        """Return the passage's first sentence as what supports nothing."""
        place, start = self._places[0], self._passage.start
        return Support(start + place.start, start + place.end, 0.0)

    def features(self, claim: str, language: str) -> Floats:
        """Return what the model goes by.

        :param language: the claim's.
        :return: (n_places, len(FEATURES)): the share of the claim, by weight, that the place's
            words are (`found`) or are near to (`met`); the cosine of both, and how far it is above
            the middle of the passage's sentences; how telling the most telling word is that it
            lacks; the mean of `met` and of what the whole passage has; whether it is two sentences;
            how near a translation comes in these two languages (`level`), for where it isn't near a
            low cosine says little. It is 0 in one language.
        """
        level = 0.0 if self._is_same(language) else self._level(language)
        lettered = _DIGITS.sub(" ", claim)  # figures are for the rule: 2 500 is 2,500
        matches = self._aligner.match_words(lettered if lettered.strip() else claim, self._words)
        if not matches.words or not matches.weights.any():
            return np.zeros((len(self._places), len(FEATURES)))
        forms = [normal_form(word) for word in matches.words]
        found = np.array(
            [[word_likeness(form, some) for some in self._terms] for form in forms],
            dtype=np.float64,
        )
        near = np.maximum(found, matches.nearest)
        share = matches.weights / matches.weights.sum()
        heavy = matches.weights / matches.weights.max()
        context = max(float(share @ near.max(axis=1)), 0.0)
        cosines = unit(matches.vectors[:-1]) @ unit(matches.vector[None])[0]
        middle = float(np.median(cosines))
        rows = []
        for place in self._places:
            columns = list(place.columns)
            met = near[:, columns].max(axis=1)
            vectors = np.stack([matches.vector, matches.vectors[columns].sum(axis=0)])
            first, second = unit(vectors)
            rows.append(
                [
                    share @ found[:, columns].max(axis=1),
                    share @ met,
                    first @ second,
                    max(first @ second - middle, 0.0),
                    (heavy * (1 - met)).max(),
                    np.sqrt(context * max(share @ met, 0.0)),
                    float(len(columns) > 1),
                    level,
                ]
            )
        return np.array(rows, dtype=np.float64)

    def keeps_rules(self, claim: str, language: str) -> npt.NDArray[np.bool_]:
        """Return whether each place has the claim's figures, and the passage its names."""
        named = self._has_names(claim, language)
        claimed, same = Figures.of(claim, language), self._is_same(language)
        return np.array(
            [
                named and agree(claimed, place.figures, self._titled, same=same)
                for place in self._places
            ]
        )

    def _contradicts(self, claim: str, language: str, odds: Floats) -> npt.NDArray[np.bool_]:
        """Return which places say what a claim denies, or deny what it says is so."""
        negated = is_negated(claim, language)
        if negated is None:
            return np.zeros(len(self._places), dtype=bool)
        return self._affirms(odds) if negated else self._denies(claim, language, odds)

    def _affirms(self, odds: Floats) -> npt.NDArray[np.bool_]:
        """Return which places deny nothing, or have a sentence that does not and says it all.

        The sentence beside that one denies something else.
        """
        told = [place.affirms and odds[i] >= _SUPPORT for i, place in enumerate(self._places)]
        return np.array(
            [place.affirms or any(told[i] for i in place.columns) for place in self._places]
        )

    def _denies(self, claim: str, language: str, odds: Floats) -> npt.NDArray[np.bool_]:
        """Return which places have a clause that denies something, all of which is in a claim.

        Only likely places are looked at.
        """
        same = self._is_same(language)
        least = _IS_MET if same else _IS_MET_ACROSS
        said = [claim[a:b] for a, b in words(claim)]
        claimed, nothing = Figures.of(claim, language), Figures.of("", language)
        own = self._passage.language

        def denies(sentence: _Place) -> bool:
            return not sentence.affirms and any(
                is_negated(clause, own)
                and agree(Figures.of(clause, own), claimed, nothing, same=same)
                and self._is_met(without_denials(clause, own), said, least)
                for clause in clauses(self._passage.text[sentence.start : sentence.end])
            )

        likely = [odds[at] >= _SUPPORT for at in range(len(self._places))]
        columns = {i for at, place in enumerate(self._places) if likely[at] for i in place.columns}
        denying = {i for i in columns if said and denies(self._places[i])}
        return np.array(
            [
                likely[at] and not denying.isdisjoint(place.columns)
                for at, place in enumerate(self._places)
            ]
        )

    def _is_met(self, clause: str, said: Sequence[str], least: float) -> bool:
        """Tell whether all that a clause says is in a claim: "not by Bob but by Ann" is in none.

        Nor is a clause that says nothing, as what is left of "No,".
        """
        matches = self._aligner.match_words(clause, [said])
        if not matches.words:
            return False
        weights, nearest = matches.weights, matches.nearest[:, 0]
        lacking = (weights * (1 - nearest)).max()
        return bool(
            weights @ nearest >= least * weights.sum() and lacking < _IS_LACKING * weights.max()
        )

    def _has_names(self, claim: str, language: str) -> bool:
        for match in _IDENTIFIER.finditer(claim):
            if regex.search(r"\d", match[0]) and not self._has_identifier(match[0]):
                return False
        if not self._is_same(language) or language in _NOUNS_CAPITAL:
            return True
        return all(
            word_likeness(normal_form(match[0]), self._all_terms) >= _MIN_NAME_LIKENESS
            for match in _NAME.finditer(claim)
        )

    def _has_identifier(self, identifier: str) -> bool:
        """Tell whether an identifier is there, be it that COVID-19 is written COVID 19."""
        written = r"[-_./\s]?".join(_PARTS.findall(normal_form(identifier)))
        return bool(regex.search(rf"(?<![\p{{Latin}}\p{{N}}]){written}(?!\p{{N}})", self._plain))

    def _level(self, language: str) -> float:
        usual = float(np.mean([*self._levels.values()]))
        return self._levels.get(language, usual) * self._levels.get(self._passage.language, usual)

    def _is_same(self, language: str) -> bool:
        return group_of(language) == group_of(self._passage.language)


@dataclass(frozen=True, slots=True)
class _Model:
    """Weights and bias in one language and across languages, and the languages' levels."""

    same: tuple[Floats, float]
    cross: tuple[Floats, float]
    levels: Mapping[str, float]


@functools.cache
def _model() -> _Model:
    with read_weights("verifier.json", "eval.train_verifier") as about:
        same, cross = (
            (np.array(about[kind]["weights"]).reshape(len(FEATURES)), float(about[kind]["bias"]))
            for kind in ("same", "cross")
        )
        return _Model(same, cross, about["levels"])
