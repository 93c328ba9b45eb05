"""Server-sent events of a model's server, put together from whatever pieces arrive."""

import codecs
import io
import json
import logging

from ragqwen.errors import ModelError
from ragqwen.replies import Reply, read_reply

_log = logging.getLogger(__name__)
_DECODER = codecs.getincrementaldecoder("utf-8-sig")


class EventReader:
    """Takes bytes and gives the replies that are whole by then.

    Source: the HTML standard, section 9.2.6, "Interpreting an event stream".
    """

    def __init__(self) -> None:
        # httpx's own lines end at U+2028 too, which JSON holds as it is
        self._decoder = io.IncrementalNewlineDecoder(_DECODER("replace"), translate=True)
        self._rest = ""
        self._begun = self._ended = False

    def feed(self, data: bytes) -> list[Reply]:
        """Return the events that end in these bytes.

        :raises ModelError: if one is broken or tells of an error.
        """
        *blocks, self._rest = (self._rest + self._decoder.decode(data)).split("\n\n")
        return [event for block in blocks for event in self._events(block)]

    def end(self) -> list[Reply]:
        """Return the last event, where no empty line ends it.

        :raises ModelError: if there was none in the whole stream, or none that says it is whole:
            what came may be half an answer, or thinking whose closing mark is missing.
        """
        events = self._events(self._rest + self._decoder.decode(b"", final=True))
        if not self._begun:
            raise ModelError("the model's server sent no events")
        if not self._ended:
            raise ModelError(
                "the model's server broke off: its stream ended without a finish_reason or [DONE]; "
                "ask again, and check what stands between it and here if that happens often"
            )
        return events

    def _events(self, block: str) -> list[Reply]:
        """Return the event of a block of lines, none where its lines are comments alone."""
        lines = [line[len("data:") :] for line in block.split("\n") if line.startswith("data:")]
        data = "\n".join(lines).strip()
        if not data:
            return []
        if data == "[DONE]":
            self._ended = True
            return []
        event = _event(data)
        self._begun = True
        self._ended = self._ended or bool(event.choice.finish_reason)
        return [event]


def _event(data: str) -> Reply:
    try:
        event = json.loads(data)
    except ValueError as exc:
        raise _odd("broken JSON", data) from exc
    if not isinstance(event, dict):
        raise _odd("no JSON object", data)
    if event.get("error"):
        raise ModelError(f"the model's server broke off: {event['error']!r:.300}")
    return read_reply(event)


def _odd(what: str, data: str) -> ModelError:
    """Return an error that doesn't quote the event, because that may be thinking."""
    _log.debug("event: %s", data)
    return ModelError(
        f"the model's server sent an event of {len(data)} characters that is {what}; "
        "logging at level DEBUG shows it"
    )
