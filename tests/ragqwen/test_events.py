"""Server-sent events, however a server ends its lines and wherever they are cut."""

import pytest

from ragqwen.errors import ModelError
from ragqwen.events import EventReader

STREAM = (
    ": a comment\n\n"
    'event: message\ndata: {"choices":\ndata: [{"delta": {"content": "tea\u2028🚀"}}]}\n\n'
    'data:{"choices": [{"delta": {"content": "!"}, "finish_reason": "stop"}]}\n\n'
    "data: [DONE]\n\n"
)


def contents(data: bytes, step: int) -> list[str | None]:
    reader = EventReader()
    found = []
    for start in range(0, len(data), step):
        found += reader.feed(data[start : start + step])
    return [event.choice.delta.content for event in [*found, *reader.end()] if event.choice.delta]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("step", [1, 2, 7, 999])
def test_every_legal_form_of_a_stream_is_read(end: str, bom: str, step: int) -> None:
    data = (bom + STREAM.replace("\n", end)).encode()
    assert contents(data, step) == ["tea\u2028🚀", "!"]


def test_an_event_comes_as_soon_as_it_is_whole() -> None:
    reader = EventReader()
    assert not reader.feed(b'data: {"choices": []}\n')
    assert len(reader.feed(b"\n")) == 1


def test_the_last_event_needs_no_empty_line() -> None:
    assert contents(b'data: {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}', 9)


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    data = b'data: {"choices": [{"delta": {"content": "\xed\xa0\xbd"}, "finish_reason": "stop"}]}'
    assert contents(data, 99) == ["\N{REPLACEMENT CHARACTER}" * 3]


def test_an_event_that_is_no_reply_is_refused_without_a_quote() -> None:
    with pytest.raises(ModelError) as caught:
        EventReader().feed(b'data: {"choices": [{"delta": "secret"}]}\n\n')
    assert "secret" not in str(caught.value)
