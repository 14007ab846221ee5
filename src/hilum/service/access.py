"""Who asks, and what they may do: by a token, a session's cookie or a reverse proxy's header, or as this machine."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from fastapi import Request

from hilum.service.credentials import ALL, SCOPES, digest_of, standing_token, token_of
from hilum.service.problems import Problem
from hilum.service.settings import ServiceSettings
from hilum.store import Store

COOKIE = "hilum_session"
LOCAL = "local"  # the one user of a service that asks nobody to sign in; they see what nodes were sent, too
_REMEMBERED_SECONDS = 600.0  # that argon2 is not asked again about a token; whether it stands is asked every time
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        user: their name.
        scopes: what they may do.
        by: `token`, `session`, `proxy` or `nothing`.
    """

    user: str
    scopes: tuple[str, ...]
    by: str

    @property
    def may_read_all(self) -> bool:
        """Whether they see what others have sent in."""
        return ALL in self.scopes


class Access:
    """Says who asks."""

    def __init__(self, store: Store, settings: ServiceSettings) -> None:
        self._store, self._settings = store, settings
        self._right: OrderedDict[str, tuple[float, str]] = OrderedDict()  # ids of tokens whose secret was right
        self._hashing = asyncio.Semaphore(2)  # argon2 takes 64 MiB and a core each time

    async def caller(self, request: Request) -> Caller | None:
        """Who asks; None where nobody is signed in.

        Raises:
            Problem: 401 for a token that is not taken.
        """
        authorization = request.headers.get("authorization", "")
        if authorization:
            return await self._by_token(authorization)
        if not self._settings.sign_in:
            return Caller(LOCAL, (*SCOPES, ALL), "nothing")
        header = self._settings.user_header
        if header and (name := request.headers.get(header, "")):
            account = await asyncio.to_thread(self._store.accounts.user, name)
            if account is None or account.withdrawn is not None:
                raise Problem(403, "whoever the proxy names is not known here; hilum user add adds people")
            return Caller(account.name, account.scopes, "proxy")
        if cookie := request.cookies.get(COOKIE, ""):
            account = await asyncio.to_thread(self._store.accounts.session, digest_of(cookie))
            if account is not None:
                return Caller(account.name, account.scopes, "session")
        return None

    async def require(self, request: Request, scope: str) -> Caller:
        """Who asks, if they may do something.

        Raises:
            Problem: 401 where nobody is signed in, 403 where they may not.
        """
        caller = await self.caller(request)
        if caller is None:
            raise _unknown("sign in, or send a token: Authorization: Bearer hilum_…")
        if scope not in caller.scopes:
            raise Problem(403, f"this needs the scope '{scope}', which the account or token does not have")
        return caller

    async def _by_token(self, authorization: str) -> Caller:
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _unknown("only tokens are taken: Authorization: Bearer hilum_…")
        digest, now = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), time.monotonic()
        until, id_ = self._right.get(digest, (0.0, ""))
        if now < until:
            token = await asyncio.to_thread(standing_token, self._store, id_)
        else:
            async with self._hashing:
                token = await asyncio.to_thread(token_of, self._store, text.strip())
        if token is None:
            self._right.pop(digest, None)
            raise _unknown("the token is unknown, over or withdrawn; hilum token add makes one")
        if now >= until:
            self._right[digest] = (now + _REMEMBERED_SECONDS, token.id)
        while len(self._right) > _MOST_REMEMBERED:
            self._right.popitem(last=False)
        return Caller(token.user, token.scopes, "token")


def _unknown(detail: str) -> Problem:
    return Problem(401, detail, {"WWW-Authenticate": 'Bearer realm="hilum"'})
