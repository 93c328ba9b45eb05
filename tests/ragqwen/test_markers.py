"""Markers are told from other brackets, however the text is cut into pieces."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqwen.markers import (
    Marker,
    MarkerStream,
    false_marker_end,
    parse_markers,
    without_footnotes,
)


def numbers(text: str) -> list[tuple[int, ...]]:
    return [part.numbers for part in parse_markers(text) if isinstance(part, Marker)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[1]", [(1,)]),
        ("[1, 3]", [(1, 3)]),
        ("[1;3]", [(1, 3)]),
        ("[1、3]", [(1, 3)]),
        ("[1][2]", [(1,), (2,)]),
        ("[1-3]", [(1, 2, 3)]),
        ("[2–3, 5]", [(2, 3, 5)]),
        ("【1】", [(1,)]),
        ("［12］", [(12,)]),
        ("［１２］", [(12,)]),
        ("[^1]", [(1,)]),
        ("[^1,2]", [(1, 2)]),
        ("[^1, ^2]", [(1, 2)]),
        ("[१]", [(1,)]),
        ("[١،٢]", [(1, 2)]),
        ("[۳]", [(3,)]),
        ("[\u200e1\u200e]", [(1,)]),
        ("free[1].", [(1,)]),
        ("自由[1]。", [(1,)]),
        ("[[1]]", [(1,)]),
        ("[3-1]", [(3, 1)]),
        ("[1-900]", [(1, 900)]),
        ("[0]", [(0,)]),
    ],
)
def test_a_marker_names_passages(text: str, found: list[tuple[int, ...]]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "[2024]",
        "[]",
        "[a]",
        "[1",
        "1]",
        "[1】",
        "[1.5]",
        "[-1]",
        "[1,]",
        "[ ]",
        "[1\n]",
        "items[0]",
        "use `row[1]` here",
        "```\nx[1] = y[2]\n```",
        "``a ` b[1]``",
        "[x](1)",
        "[" * 50,
    ],
)
def test_other_brackets_are_text(text: str) -> None:
    assert parse_markers(text) == [text]


def test_a_marker_after_code_counts() -> None:
    assert numbers("`a[1]` is so [2]\n```\nb[3]\n```\n[4]") == [(2,), (4,)]


def test_a_lone_backtick_hides_no_marker_on_later_lines() -> None:
    assert numbers("it is 5` long [1]\nand wide [2]") == [(2,)]


PIECES = [
    "[",
    "]",
    "1",
    "٣",
    "12",
    "2024",
    ",",
    " ",
    "-",
    "^",
    "【",
    "】",
    "`",
    "```",
    "\n",
    "a",
    "[0]",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.data())
def test_how_a_stream_is_cut_changes_nothing(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    stream = MarkerStream()
    parts = [
        part
        for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)
        for part in stream.feed(text[start:end])
    ]
    parts += stream.close()
    assert joined(parts) == joined(parse_markers(text))
    assert "".join(p if isinstance(p, str) else p.text for p in parts) == text


def joined(parts: list[str | Marker]) -> list[str | Marker]:
    """Return the parts with text beside text made one."""
    found: list[str | Marker] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


def test_text_is_given_out_as_soon_as_it_is_sure() -> None:
    stream = MarkerStream()
    assert list(stream.feed("free [1")) == ["free "]
    assert list(stream.feed("] and [see")) == [Marker("[1]", (1,)), " and [see"]


@pytest.mark.parametrize("unit", ["[", "[1", "[1]", "[1,", "`", "`[", "[1, 2, 3, 4 ", "\u202e[1]"])
def test_a_million_characters_of_brackets_are_read(unit: str) -> None:
    start = time.process_time()
    parse_markers(unit * (1_000_000 // len(unit)))
    assert time.process_time() - start < 10


def test_markers_after_a_fence_that_never_closes_are_markers() -> None:
    parts = parse_markers("So [1].\n```\nrun [2]\nIt `x[3]` runs [2].")
    assert [part.numbers for part in parts if isinstance(part, Marker)] == [(1,), (2,), (2,)]
    assert "".join(p if isinstance(p, str) else p.text for p in parts).endswith("runs [2].")


def test_what_would_join_into_a_marker_is_found() -> None:
    assert false_marker_end("a [", "1] b") == 2
    assert false_marker_end("a [1]", " b") is None
    assert false_marker_end("a", "[1] b") is None


def test_footnotes_at_the_end_are_left_out() -> None:
    assert without_footnotes("Said [^1].\n\n[^1]: Page 3\n [^2]: Page 4\n") == "Said [^1]."
    assert without_footnotes("[^1]: is all there is") == "[^1]: is all there is"
