"""What all pages are made with: templates, scripts and styles, and who is looking."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from urllib.parse import urlencode

import jinja2
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hilum.service.access import Caller
from hilum.service.api import service_of
from hilum.service.present import learnt_from
from hilum.service.problems import TITLES, Problem
from hilum.service.service import Service
from hilum.service.wording import class_word

files_router = APIRouter()

_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@cache
def _static() -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in files("hilum.service").joinpath("static").iterdir()}


@cache
def _assets() -> str:
    """A part of the address of what is static: another one for other contents, so that browsers may keep them."""
    return sha256(b"\0".join(name.encode() + content for name, content in sorted(_static().items()))).hexdigest()[:12]


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hilum.service"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["class_word"] = class_word
    return environment


def render(request: Request, name: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page.

    Args:
        request: whose page it is.
        name: of the template.
        status: of the reply.
        values: for the template; `page` names the entry of the menu that it belongs to.
    """
    service: Service | None = getattr(request.app.state, "service", None)
    caller: Caller | None = getattr(request.state, "caller", None)
    values |= {
        "nonce": request.state.nonce,
        "assets": _assets(),
        "learnt": learnt_from(service.detectors[0]) if service else "",
        "kept": service.settings.kept_sentence if service else "",
        "has_node": service is not None and service.has_node and caller is not None and caller.may_read_all,
        "user": caller.user if caller else "",
        "signed_in": caller is not None and caller.by == "session",
    }
    return HTMLResponse(_templates().get_template(name).render(values), status)


def problem_page(request: Request, status: int, detail: str) -> Response | None:
    """A problem for a person; None where a program asked."""
    accepts = request.headers.get("accept", "")
    if request.url.path.startswith("/v1/") or "text/html" not in accepts:
        return None
    if status == 401:
        return redirect(f"/sign-in?{urlencode({'back': request.url.path})}")
    title = TITLES.get(status, "An error")
    return render(request, "problem.html", status, page="", title=title, detail=detail[:1].upper() + detail[1:])


async def require_reader(request: Request, scope: str = "read") -> tuple[Service, Caller]:
    """The service, and who is looking.

    Raises:
        Problem: 401 where nobody is signed in, 403 where they may not.
    """
    service = service_of(request)
    request.state.caller = caller = await service.access.require(request, scope)
    return service, caller


def redirect(path: str) -> RedirectResponse:
    """Go on to another page of this site."""
    return RedirectResponse(path, 303)


@files_router.get("/static/{version}/{name}")
async def static(version: str, name: str) -> Response:
    """A script or a style; its address changes with its content."""
    content = _static().get(name)
    if content is None:
        raise Problem(404, "there is no such file")
    kept = "public, max-age=31536000, immutable" if version == _assets() else "no-cache"
    return Response(content, media_type=_KINDS[name.rpartition(".")[2]], headers={"Cache-Control": kept})
