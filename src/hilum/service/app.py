"""The ASGI application: the API, the page and what guards both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.requests import Request
from fastapi.responses import Response

from hilum import __version__
from hilum.errors import StoreError
from hilum.service.api import router as api
from hilum.service.guard import Guard
from hilum.service.health import router as health
from hilum.service.metrics import Metrics
from hilum.service.node import router as node
from hilum.service.over_time import router as over_time
from hilum.service.page import problem_page
from hilum.service.page import router as page
from hilum.service.problems import ProblemDetails, handle_problems, problem_response
from hilum.service.service import Service
from hilum.service.settings import ServiceSettings

logger = logging.getLogger("hilum")


def create_app(settings: ServiceSettings) -> FastAPI:
    """The application; its bundles and its store are opened when a server starts it.

    Args:
        settings: how it is set up.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = await asyncio.to_thread(Service, settings, metrics)
        app.state.service = service
        expiring = asyncio.create_task(service.expire())
        try:
            yield
        finally:
            expiring.cancel()
            with suppress(asyncio.CancelledError):
                await expiring
            app.state.service = None
            await asyncio.to_thread(service.close)

    app = FastAPI(
        title="Hilum",
        version=__version__,
        summary="Is there pneumonia on a chest film? Research only, not a medical device.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    handle_problems(app, problem_page)

    @app.exception_handler(StoreError)
    async def store_failed(request: Request, error: StoreError) -> Response:
        logger.error(f"{error}")
        if "disk is full" in str(error):
            return problem_response(507, "the service's disk is full; what it has acknowledged is safe")
        return problem_response(503, "the service's database does not answer; send it again", {"Retry-After": "5"})

    app.include_router(api)
    app.include_router(health)
    app.include_router(page)
    app.include_router(over_time)
    app.include_router(node)
    _describe(app)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Guard, settings=settings, metrics=metrics)
    return app


def _describe(app: FastAPI) -> None:
    """Add to the OpenAPI description what FastAPI does not: problems, tokens; and leave its own error out."""
    plain = app.openapi

    def described():  # type: ignore[no-untyped-def]
        if app.openapi_schema is None:
            schema = plain()
            components = schema.setdefault("components", {})
            schemas = components.setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
            components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{}, {"token": []}]
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
