"""A bound on request bodies that is answered with a problem response."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems


class BodyLimit:
    """Refuses a request with too large a body, before it is read where its length is declared.

    FastAPI's own `max_body_size` would answer in plain text.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its bytes counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        detail = f"{scope['path']}: the body has more than the {self._max_bytes:,} bytes allowed"
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            body = problems.problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
            await problems.respond(body)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
            return message

        await self._app(scope, counted, send)
