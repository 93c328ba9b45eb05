"""The HTTP service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

import ragqwen
from api import problems
from api.answering import Answering
from api.limits import BodyLimit
from api.routes import UploadRefused, health, refused_response, router
from api.wiring import Service

_MULTIPART_OVERHEAD_BYTES = 2**20
_DESCRIPTION = """\
Documents in any of Qwen3's 119 languages go in, cited answers come out.

Positions (`start`, `end`) count code points of a document's text, as `GET` on the document gives
it; a quote is always exactly that span. Errors are problem responses (RFC 9457).
"""


def create_app(service: Service, answering: Answering | None = None) -> FastAPI:
    """Return the app over an open service, which it closes when it shuts down.

    :param answering: bounds how many answers are made at once.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    error: dict[str, Any] = {"description": "Any error.", "content": problems.CONTENT}
    app = FastAPI(
        title="ragqwen",
        version=ragqwen.__version__,
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        responses={"default": error},
    )
    app.add_middleware(
        BodyLimit, max_bytes=service.settings.max_upload_mb * 2**20 + _MULTIPART_OVERHEAD_BYTES
    )
    app.state.service = service
    app.state.answering = answering or Answering()
    app.include_router(health)
    app.include_router(router)
    problems.install(app)
    app.add_exception_handler(UploadRefused, refused_response)
    return app
