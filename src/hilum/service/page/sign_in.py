"""Sessions of people: a name, a password and a cookie."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from hilum.service.access import COOKIE
from hilum.service.api import service_of
from hilum.service.credentials import SESSION, begin_session, digest_of, user_of_password
from hilum.service.page.render import redirect, render

router = APIRouter()


@router.get("/sign-in")
async def sign_in_page(request: Request, back: Annotated[str, Query(max_length=300)] = "/") -> Response:
    """Ask for name and password."""
    service_of(request)
    return render(request, "sign_in.html", page="", back=_own_path(back), refused="")


@router.post("/sign-in")
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1000)],
    back: Annotated[str, Form(max_length=300)] = "/",
) -> Response:
    """Begin a session."""
    service = service_of(request)
    async with service.signing_in(request.client.host if request.client else ""):
        account = await asyncio.to_thread(user_of_password, service.store, name, password)
    if account is None:
        refused = "That name and password do not belong together."
        return render(request, "sign_in.html", 403, page="", back=_own_path(back), refused=refused)
    cookie = await asyncio.to_thread(begin_session, service.store, account.name)
    reply = redirect(_own_path(back))
    reply.set_cookie(
        COOKIE,
        cookie,
        httponly=True,
        samesite="strict",
        secure=service.settings.secure,
        max_age=int(SESSION.total_seconds()),
    )
    return reply


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    service = service_of(request)
    if cookie := request.cookies.get(COOKIE):
        await asyncio.to_thread(service.store.accounts.end_session, digest_of(cookie))
    reply = redirect("/")
    reply.delete_cookie(COOKIE)
    return reply


def _own_path(back: str) -> str:
    """Where to go on, on this site only."""
    return quote(back, safe="/") if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
