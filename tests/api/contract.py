"""Checks responses against the service's own OpenAPI description."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
_CHECKED = {"$ref", "anyOf", "type", "enum", "const", "required", "properties", "items"}
_CHECKED |= {"additionalProperties", "minimum", "maximum", "minLength", "maxLength", "pattern"}
_TOLD = {"title", "description", "default"}
_NO_DESCRIPTION = ("/docs", "/openapi.json")

Event = tuple[str, Any]


def sse_events(text: str) -> list[Event]:
    """Return the (name, data) of a stream's events."""
    events: list[Event] = []
    for block in text.split("\n\n"):
        fields = [line.partition(": ")[::2] for line in block.splitlines() if line[:1] != ":"]
        if fields:
            data = "\n".join(value for name, value in fields if name == "data")
            events.append((dict(fields).get("event", "message"), json.loads(data)))
    return events


class Contract:
    """An OpenAPI description, against which responses are held; `seen` is what came by."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.description = description
        self.seen: set[tuple[str, str, int]] = set()
        paths = sorted(description["paths"], key=lambda path: (path.count("{"), -len(path)))
        self._patterns = [
            (
                re.compile(re.sub(r"\{document_id\}", ".*", path).replace("{collection}", "[^/]+")),
                path,
            )
            for path in paths
        ]

    def check(self, response: Any) -> None:
        """Assert that a response is one that the description gives for its operation."""
        response.read()
        method, path = response.request.method.lower(), response.request.url.path
        if path in _NO_DESCRIPTION or response.status_code == 307:
            return
        operation = self._operation(method, path)
        if operation is None:
            assert response.status_code in (404, 405), f"{method} {path} is not described"
            self._assert_fits(response.json(), {"$ref": "#/components/schemas/ProblemOut"})
            return
        responses = operation["responses"]
        described = responses.get(str(response.status_code), responses["default"])
        self.seen.add((method, operation["operationId"], response.status_code))
        if "content" not in described:
            assert response.content == b""
            return
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type in described["content"], f"{media_type} from {method} {path}"
        content = described["content"][media_type]
        if media_type == "text/event-stream":
            data = content["itemSchema"]["properties"]["data"]
            for _, item in sse_events(response.text):
                self._assert_fits(item, data["contentSchema"])
        else:
            self._assert_fits(response.json(), content["schema"])

    def mismatches(self, value: Any, schema: Mapping[str, Any], at: str = "$") -> Iterator[str]:
        """Yield where a value differs from a schema; a keyword that isn't known is an error."""
        unknown = set(schema) - _CHECKED - _TOLD
        assert not unknown, f"the checker doesn't know {unknown}"
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            yield from self.mismatches(value, self.description["components"]["schemas"][name], at)
        if "anyOf" in schema and all(any(self.mismatches(value, s)) for s in schema["anyOf"]):
            yield f"{at}: none of the alternatives fits {value!r:.100}"
        if "type" in schema and not _is_of(value, schema["type"]):
            yield f"{at}: {value!r:.100} is no {schema['type']}"
            return
        if value not in schema.get("enum", [value]) or value != schema.get("const", value):
            yield f"{at}: {value!r:.100} is not allowed"
        if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
            yield f"{at}: {value!r:.100} does not match"
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from self.mismatches(item, schema.get("items", {}), f"{at}[{number}]")
        if isinstance(value, dict):
            yield from self._members(value, schema, at)

    def _members(self, value: dict[str, Any], schema: Mapping[str, Any], at: str) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at}: {name!r} is missing"
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name, member in value.items():
            if name in known:
                yield from self.mismatches(member, known[name], f"{at}.{name}")
            elif more is False:
                yield f"{at}: {name!r} is not described"
            elif isinstance(more, dict):
                yield from self.mismatches(member, more, f"{at}.{name}")

    def _operation(self, method: str, path: str) -> Any:
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method in self.description["paths"][template]:
                return self.description["paths"][template][method]
        return None

    def _assert_fits(self, value: Any, schema: Mapping[str, Any]) -> None:
        assert list(self.mismatches(value, schema)) == []


def _is_of(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, _TYPES[name])
