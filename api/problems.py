"""Errors as problem responses (RFC 9457): the one place where the error tree meets HTTP."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ragqwen.errors import (
    FingerprintMismatch,
    GivenUp,
    InputError,
    ModelError,
    ModelUnavailable,
    NotFound,
    RagqwenError,
    StoreBusy,
)

MEDIA_TYPE = "application/problem+json"
CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
"""What OpenAPI says of an error; the event stream's types put `ProblemOut` among its schemas."""
_log = logging.getLogger(__name__)

# The first that fits counts, so a class stands before its parents
_STATUS: tuple[tuple[type[RagqwenError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (FingerprintMismatch, HTTPStatus.CONFLICT),
    (StoreBusy, HTTPStatus.SERVICE_UNAVAILABLE),
    (ModelUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (ModelError, HTTPStatus.BAD_GATEWAY),
    (GivenUp, HTTPStatus.REQUEST_TIMEOUT),  # which nobody receives
    (RagqwenError, HTTPStatus.INTERNAL_SERVER_ERROR),
)


def problem(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """Return a problem's body; `more` are members of our own."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}


def problem_of(error: RagqwenError) -> dict[str, Any]:
    """Return the body for one of the project's errors."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    return problem(status, str(error), error=type(error).__name__)


def respond(body: Mapping[str, Any]) -> JSONResponse:
    """Return a problem as a response."""
    return JSONResponse(dict(body), status_code=body["status"], media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem response."""

    @app.exception_handler(RagqwenError)
    def _ours(_: Request, error: RagqwenError) -> JSONResponse:
        body = problem_of(error)
        if body["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("%s", error)
        return respond(body)

    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [
            {"where": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
            for item in error.errors()
        ]
        detail = "; ".join(f"{item['where']}: {item['message']}" for item in errors)
        return respond(problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors))

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        detail = f"{request.method} {request.url.path}: {error.detail}"
        response = respond(problem(error.status_code, detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    def _unforeseen(_: Request, error: Exception) -> JSONResponse:
        # Starlette logs the trace and raises it further for the server's log
        detail = f"an error of ours ({type(error).__name__}); it is in the service's log"
        return respond(problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail))
