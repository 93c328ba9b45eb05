"""Words and phrases by which kinds of questions are told."""

import pytest

from ragqwen.cues import CUES, Cue, has_phrase, shipped_cues
from ragqwen.languages import languages
from ragqwen.text import normalise_text


def test_a_language_with_cues_has_words_for_each_as_questions_are_read() -> None:
    assert len(shipped_cues()) >= 20
    assert set(shipped_cues()) <= set(languages())
    for cues in shipped_cues().values():
        assert tuple(cues) == CUES
        for cue in cues.values():
            assert len(set(cue.words)) == len(cue.words) > 0
            assert all(word == normalise_text(word.lower()) for word in cue.words)


def test_each_phrase_is_found_where_it_stands() -> None:
    for code, cues in shipped_cues().items():
        for cue in cues.values():
            for phrase in cue.phrases:
                assert phrase == normalise_text(phrase.lower())
                text = phrase.replace("~", "x")
                assert has_phrase(normalise_text(text), Cue((), (phrase,)), code), phrase


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("in all", "in all cases", True),
        ("in all", "within all cases", False),
        ("in all", "in  all", True),
        ("~lar", "kayıklar nerede", True),
        ("~lar", "kayıkları nerede", False),
        ("pinaka~", "ang pinakamura", True),
        ("pinaka~", "angpinakamura", False),
        ("~의 딸~", "왕의 딸은", True),
    ],
)
def test_a_phrase_ends_where_words_do_unless_it_goes_on(
    phrase: str, text: str, found: bool
) -> None:
    assert has_phrase(text, Cue((), (phrase,)), "eng_Latn") is found


def test_without_spaces_a_phrase_is_met_anywhere() -> None:
    assert has_phrase("両方を合わせると何人", Cue((), ("合わせると",)), "jpn_Jpan")


def test_no_phrase_is_met_by_none() -> None:
    assert not has_phrase("in all", Cue(("all",), ()), "eng_Latn")
