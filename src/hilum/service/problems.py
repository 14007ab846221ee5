"""Errors over HTTP as problem details (RFC 9457): one title a kind, one sentence on what, where and how to fix it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from hilum.errors import HilumError
from hilum.records.text import one_line

logger = logging.getLogger("hilum")

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "The request cannot be understood",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "No such method here",
    406: "Not given in this form",
    408: "The request came too slowly",
    409: "It conflicts with what is there",
    410: "No longer kept",
    411: "Its length is missing",
    413: "Too large",
    415: "A kind of content that is not taken",
    421: "Another host was asked for",
    422: "It cannot be processed",
    429: "Too many requests",
    500: "An error in the service",
    503: "Busy",
    504: "It took too long",
    507: "The disk is full",
}


class ProblemDetails(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field("about:blank", description="Always about:blank: the status says which kind of problem it is.")
    title: str = Field(description="The kind of problem, the same for every problem of this status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong, where, and how to fix it, in one sentence.")


class Problem(Exception):
    """A request that is refused.

    Attributes:
        status: of the reply.
        detail: one sentence.
        headers: of the reply.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
        super().__init__(detail)


def problem_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """A reply that says what is wrong."""
    content = ProblemDetails(
        type="about:blank", title=TITLES.get(status, "An error"), status=status, detail=one_line(detail)
    )
    return JSONResponse(content.model_dump(), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, object]]:
    """For OpenAPI: which problems an operation may reply with."""
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {
        status: {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }


PageOf = Callable[[Request, int, str], Response | None]


def handle_problems(app: FastAPI, page_of: PageOf = lambda request, status, detail: None) -> None:
    """Have every error of an application become problem details.

    Args:
        app: the application.
        page_of: gives a page for a person instead; None where a program asked.
    """

    @app.exception_handler(Problem)
    async def refused(request: Request, error: Problem) -> Response:
        page = page_of(request, error.status, error.detail)
        return page or problem_response(error.status, error.detail, error.headers)

    @app.exception_handler(HilumError)
    async def impossible(request: Request, error: HilumError) -> Response:
        logger.error(f"the service cannot do what it is there for: {error}")
        return problem_response(500, "the service cannot do this at present; its log says why")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        detail = "; ".join(_said_of(each) for each in error.errors()[:3])
        return page_of(request, 422, detail) or problem_response(422, detail)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        detail = "the body cannot be read; send it as its content type says" if error.status_code == 400 else ""
        return problem_response(error.status_code, detail or str(error.detail), error.headers)

    for status, detail in (
        (404, "nothing is at this address; /docs lists what there is"),
        (405, "this address does not take that method; /docs lists what it takes"),
    ):
        app.add_exception_handler(status, _fixed(status, detail, page_of))
    app.add_exception_handler(Exception, _unforeseen)


def _fixed(status: int, detail: str, page_of: PageOf) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, error: Exception) -> Response:
        page = page_of(request, status, detail)
        return page or problem_response(status, detail, getattr(error, "headers", None))

    return handler


async def _unforeseen(request: Request, error: Exception) -> Response:
    """A mistake of ours: which kind goes to the log, and nothing that the request brought with it."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_globals.get('__name__', '?')}:{place.tb_lineno}" if place else "?"
    logger.error(f"an error in the service: {type(error).__name__} at {where}")
    return problem_response(500, "an error in the service, which its log names; send the request again later")


def _said_of(error: Mapping[str, object]) -> str:
    """One mistake in a request, without the value that was sent."""
    place = error.get("loc")
    parts = [str(part) for part in place[1:]] if isinstance(place, tuple) else []
    return f"{'.'.join(parts) or 'the request'}: {str(error.get('msg', 'wrong')).lower()}"
