"""The page that looks over time at the detectors of the service."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from hilum.monitoring import Expected, body_of, over_time
from hilum.service.api import service_of
from hilum.service.page import render
from hilum.service.service import Service
from hilum.store import observations

router = APIRouter(include_in_schema=False)

_FRESH_SECONDS = 60.0  # that a page is given again for: what it shows takes a second of a core for many films
_MOST_KEPT = 100


class OverTime:
    """Makes the page's content, one at a time, and keeps it for a minute."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._made: dict[str | None, tuple[float, Markup]] = {}
        self._making = asyncio.Lock()

    async def body(self, user: str | None) -> Markup:
        """The sections of every detector.

        Args:
            user: only of films that this user has sent in; None for all.
        """
        async with self._making:
            made, body = self._made.get(user, (0.0, Markup()))
            if not made or time.monotonic() - made > _FRESH_SECONDS:
                body = await asyncio.to_thread(self._make, user)
                self._made.pop(user, None)
                self._made[user] = (time.monotonic(), body)
                while len(self._made) > _MOST_KEPT:
                    self._made.pop(next(iter(self._made)))
            return body

    def _make(self, user: str | None) -> Markup:
        expected = {
            each.spec.seal: Expected(each.spec.scores, None if each.gate is None else 1 - each.gate.let_through)
            for each in self._service.detectors
        }
        return body_of(over_time(observations(self._service.store.database, user=user), expected))


@router.get("/monitor")
async def monitor_page(request: Request) -> Response:
    """How the detectors do over time: of one's own films, or of all where one may see them."""
    service = service_of(request)
    request.state.caller = caller = await service.access.require(request, "read")
    pages: OverTime | None = getattr(request.app.state, "over_time", None)
    if pages is None or pages._service is not service:
        pages = request.app.state.over_time = OverTime(service)
    body = await pages.body(None if caller.may_read_all else caller.user)
    return render(request, "over_time.html", page="monitor", body=body, everybody=caller.may_read_all)
