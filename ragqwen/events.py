"""Server-sent events of a model's server, put together from whatever pieces arrive."""

import json
import logging
from typing import Any

from ragqwen.errors import ModelError

_log = logging.getLogger(__name__)


class EventReader:
    """Takes bytes and gives the JSON objects that are whole by then."""

    def __init__(self) -> None:
        self._rest = b""
        self.n_events = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the events that end in these bytes.

        Lines end at line feeds alone: httpx's own also end at U+2028, which JSON holds as it is.

        :raises ModelError: if one is broken or tells of an error.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = [event for line in lines if (event := _event(line)) is not None]
        self.n_events += len(events)
        return events

    def end(self) -> list[dict[str, Any]]:
        """Return the event of a last line that has no end.

        :raises ModelError: if there was none in the whole stream.
        """
        events = self.feed(b"\n")
        if not self.n_events:
            raise ModelError("the model's server sent no events")
        return events


def _event(raw: bytes) -> dict[str, Any] | None:
    line = raw.decode("utf-8", "replace").rstrip("\r")
    data = line.removeprefix("data:").strip()
    if not line.startswith("data:") or data == "[DONE]":
        return None
    try:
        event = json.loads(data)
    except ValueError as exc:
        raise _odd("broken JSON", data) from exc
    if not isinstance(event, dict):
        raise _odd("no JSON object", data)
    if event.get("error"):
        raise ModelError(f"the model's server broke off: {event['error']!r:.300}")
    return event


def _odd(what: str, data: str) -> ModelError:
    """Return an error that doesn't quote the event, because that may be thinking."""
    _log.debug("event: %s", data)
    return ModelError(
        f"the model's server sent an event of {len(data)} characters that is {what}; "
        "logging at level DEBUG shows it"
    )
