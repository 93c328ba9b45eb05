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
        self._ended = False
        self.n_events = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the events that end in these bytes.

        Lines end at line feeds alone: httpx's own also end at U+2028, which JSON holds as it is.

        :raises ModelError: if one is broken or tells of an error.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = []
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip("\r")
            if not text.startswith("data:"):
                continue
            text = text.removeprefix("data:").strip()
            if text == "[DONE]":
                self._ended = True
                continue
            event, choice = _event(text)
            self._ended = self._ended or bool(choice.get("finish_reason"))
            events.append(event)
        self.n_events += len(events)
        return events

    def end(self) -> list[dict[str, Any]]:
        """Return the event of a last line that has no end.

        :raises ModelError: if there was none in the whole stream, or none that says it is whole:
            what came may be half an answer, or thinking whose closing mark is missing.
        """
        events = self.feed(b"\n")
        if not self.n_events:
            raise ModelError("the model's server sent no events")
        if not self._ended:
            raise ModelError(
                "the model's server broke off: its stream ended without a finish_reason or [DONE]; "
                "ask again, and check what stands between it and here if that happens often"
            )
        return events


def _event(data: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an event and its choice, which may be empty."""
    try:
        event = json.loads(data)
    except ValueError as exc:
        raise _odd("broken JSON", data) from exc
    if not isinstance(event, dict):
        raise _odd("no JSON object", data)
    if event.get("error"):
        raise ModelError(f"the model's server broke off: {event['error']!r:.300}")
    choices = event.get("choices") or [{}]
    if not (isinstance(choices, list) and isinstance(choices[0], dict)):
        raise _odd("no choice of a model", data)
    return event, choices[0]


def _odd(what: str, data: str) -> ModelError:
    """Return an error that doesn't quote the event, because that may be thinking."""
    _log.debug("event: %s", data)
    return ModelError(
        f"the model's server sent an event of {len(data)} characters that is {what}; "
        "logging at level DEBUG shows it"
    )
