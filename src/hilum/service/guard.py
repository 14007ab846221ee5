"""What every request passes: Host and Origin are checked, requests of one address are counted, headers are set."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hilum.service.bodies import small_body
from hilum.service.metrics import Metrics
from hilum.service.problems import Problem, problem_response
from hilum.service.settings import ServiceSettings
from hilum.service.uploads import ADDRESSES

_SAFE = ("GET", "HEAD", "OPTIONS")
_LONGEST_TARGET = 4096  # bytes of path and query
_MOST_ADDRESSES = 10_000


class Guard:
    """Wraps an application.

    Against DNS rebinding it answers only to names that it knows; against requests that another site has a browser
    send, it takes those that change something only from its own pages (Origin, Fetch Metadata) or without any origin,
    which no browser sends across sites.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._rates = Rates(settings.requests_a_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce
        began, status = time.perf_counter(), 500

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._set_headers(scope, MutableHeaders(scope=message), nonce)
            await send(message)

        refused = self._refuse(scope, Headers(scope=scope))
        try:
            if refused is not None:
                raise Problem(*refused)
            if scope["method"] not in _SAFE and scope["path"] not in ADDRESSES:
                receive = await small_body(receive)
        except Problem as problem:
            await problem_response(problem.status, problem.detail, problem.headers)(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)
        route = getattr(scope.get("route"), "path", "none")  # the pattern, never the path that was asked for
        self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
        if status >= 400:
            self._metrics.refused.labels(str(status)).inc()

    def _refuse(self, scope: Scope, headers: Headers) -> tuple[int, str, dict[str, str]] | None:
        host = headers.get("host", "")
        if not _is_allowed(_without_port(host), self._settings.hosts):
            return 421, "the service does not answer to that name; whoever runs it can allow it: --host-name", {}
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"") > _LONGEST_TARGET:
            return 400, f"the address is longer than {_LONGEST_TARGET} bytes", {}
        client = scope.get("client") or ("", 0)
        if wait := self._rates.wait(str(client[0])):
            return 429, f"more requests than a minute has room for; go on in {wait} s", {"Retry-After": str(wait)}
        if scope["method"] in _SAFE:
            return None
        if headers.get("authorization"):
            return None  # no browser adds it by itself
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        own = origin is None or origin.partition("://")[2] == host or origin in self._settings.origins
        if not own or site in ("cross-site", "same-site"):
            return 403, "the request comes from another site's page", {}
        return None

    def _set_headers(self, scope: Scope, headers: MutableHeaders, nonce: str) -> None:
        headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' blob:; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
            "require-trusted-types-for 'script'"
        )
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if "cache-control" not in headers:
            headers["Cache-Control"] = "no-store"
        if self._settings.secure:
            headers["Strict-Transport-Security"] = "max-age=31536000"


class Rates:
    """How many requests each address may still send: a bucket that fills again by the minute."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = float(a_minute), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, who: str) -> int:
        """Take one; gives 0, or the seconds until there is another."""
        now = self._clock()
        left, since = self._left.pop(who, (self._most, now))
        left = min(self._most, left + (now - since) * self._most / 60)
        self._left[who] = (max(left - 1, 0.0) if left >= 1 else left, now)
        while len(self._left) > _MOST_ADDRESSES:
            self._left.popitem(last=False)
        return 0 if left >= 1 else max(1, round((1 - left) * 60 / self._most))


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    plain = host.lower().rstrip(".")
    return any(
        plain == each.lower() or (each.startswith("*.") and plain.endswith(each[1:].lower())) for each in allowed
    )
