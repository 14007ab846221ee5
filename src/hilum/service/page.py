"""The page: films arrive, a work-list, and a room to read each in. Rendered here; scripts only add to it."""

from __future__ import annotations

import asyncio
import io
import secrets
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated
from urllib.parse import quote, urlencode

import jinja2
from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from hilum.errors import RequestError
from hilum.records import NOT_JUDGED, NOT_SURE
from hilum.service.access import COOKIE, Caller
from hilum.service.api import service_of
from hilum.service.credentials import SESSION, begin_session, digest_of, user_of_password
from hilum.service.present import learnt_from, model_out
from hilum.service.problems import TITLES, Problem
from hilum.service.service import Service
from hilum.service.uploads import Upload
from hilum.service.wording import bar_of, class_word, facts_of, share, verdict_line, when
from hilum.store import Page, Search, StoredPrediction, Verdict

router = APIRouter(include_in_schema=False)

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
_READ_FIRST = "hilum_read_first"
_KINDS = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_ROWS = 50
_EXAMPLE_SEED = 4


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
        loader=jinja2.PackageLoader("hilum.service"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["class_word"] = class_word
    return environment


def render(request: Request, name: str, status: int = 200, **values: object) -> HTMLResponse:
    """A page."""
    service: Service | None = getattr(request.app.state, "service", None)
    caller: Caller | None = getattr(request.state, "caller", None)
    values |= {
        "nonce": request.state.nonce,
        "assets": _assets(),
        "learnt": learnt_from(service.detectors[0]) if service else "",
        "kept": service.settings.kept_sentence if service else "",
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
        return _redirect(f"/sign-in?{urlencode({'back': request.url.path})}")
    title = TITLES.get(status, "An error")
    return render(request, "problem.html", status, page="", title=title, detail=detail[:1].upper() + detail[1:])


async def _reader(request: Request, scope: str = "read") -> tuple[Service, Caller]:
    service = service_of(request)
    request.state.caller = caller = await service.access.require(request, scope)
    return service, caller


@router.get("/")
async def home(
    request: Request,
    answer: Annotated[str, Query(max_length=200)] = "",
    verdict: Annotated[str, Query(pattern="^(none|given|)$")] = "",
    order: Annotated[str, Query(pattern="^(worklist|newest|oldest)$")] = "worklist",
    after: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Where films arrive, and the work-list."""
    service, caller = await _reader(request)
    read_first = request.cookies.get(_READ_FIRST) == "1"
    has_verdict = {"none": False, "given": True}.get(verdict)
    search = Search(
        answer=answer or None,
        has_verdict=has_verdict,
        order="work-list" if order == "worklist" else "oldest" if order == "oldest" else "newest",
        limit=_ROWS,
        after=after,
    )
    pages: list[tuple[str, Page]] = []
    if order == "worklist" and not answer:
        if not after:
            unjudged = await service.search(_of_lane(search, answered=False), caller)
            pages.append(("Not judged", unjudged))
        pages.append(
            ("Answered, the most urgent first", await service.search(_of_lane(search, answered=True), caller))
        )
    else:
        pages.append(("Films", await service.search(search, caller)))
    rows = [row for _, page in pages for row in page.rows]
    verdicts = await service.verdicts(rows, caller)
    lanes = [
        {"title": title, "rows": [_row(row, verdicts.get(row.id), read_first) for row in page.rows]}
        for title, page in pages
        if page.rows
    ]
    following = pages[-1][1].next_page
    more = "/?" + urlencode({"answer": answer, "verdict": verdict, "order": order, "after": following})
    classes = dict.fromkeys(name for each in service.detectors for name in each.classes)
    return render(
        request,
        "home.html",
        page="home",
        lanes=lanes,
        more=more if following else "",
        answers=[NOT_JUDGED, NOT_SURE, *classes],
        chosen={"answer": answer, "verdict": verdict, "order": order},
        models=[{"name": name} for name in service.names],
        read_first=read_first,
    )


@router.get("/films/{id}")
async def film(request: Request, id: Id) -> Response:
    """The room to read one film in."""
    service, caller = await _reader(request)
    stored = await service.prediction(id, caller)
    verdict = (await service.verdicts([stored], caller)).get(id)
    hidden = request.cookies.get(_READ_FIRST) == "1" and verdict is None and stored.row.answer != NOT_JUDGED
    row = stored.row
    learnt = _learnt(service, stored)
    shown = {
        "id": id,
        "short": id[:6],
        "hidden": hidden,
        "model": stored.model,
        "seal": stored.key.seal,
        "sha256": stored.key.film_sha256,
        "created": when(stored.created),
        "classes": stored.classes,
        "word": class_word(row.answer),
        "why": row.why,
        "notes": row.notes,
        "bar": bar_of(stored),
        "no_bar": "No probability is shown: of such a film it would mean nothing."
        if row.answer == NOT_JUDGED
        else "",
        "facts": facts_of(stored, learnt),
        "pixels_url": f"/v1/predictions/{id}/film" if stored.has_film and not row.error else "",
        "heatmap_url": f"/v1/predictions/{id}/heatmap" if stored.has_film and _has_heat(service, stored) else "",
        "spacing": "",
        "gone": row.why if row.error else "The film is kept no longer: its hash and the answer are what remains.",
        "verdict": verdict_line(verdict)[:1].upper() + verdict_line(verdict)[1:] + "." if verdict else "",
        "not_kept": "" if service.settings.keep_films else service.settings.kept_sentence,
        "earlier": await _earlier(service, stored, caller),
    }
    return render(request, "film.html", page="", film=shown)


@router.post("/films")
async def send_films(request: Request, model: Annotated[str, Query(max_length=300)] = "") -> Response:
    """Answer films that a page without scripts sends."""
    service, caller = await _reader(request, "predict")
    answered = await service.answer_request(request, caller, model, None)
    return _redirect(f"/films/{answered[0].stored.id}" if len(answered) == 1 else "/")


@router.post("/example")
async def example(request: Request) -> Response:
    """Answer a generated picture that looks like a chest film."""
    service, caller = await _reader(request, "predict")
    content = await asyncio.to_thread(_example_film)
    path = service.spool / secrets.token_hex(16)
    await asyncio.to_thread(path.write_bytes, content)
    upload = Upload(path, sha256(content).hexdigest(), len(content))
    async with service.pipeline.admitted():
        answered = await service.answer_uploads([upload], caller, 0, None)
    return _redirect(f"/films/{answered[0].stored.id}")


@router.post("/films/{id}/verdict")
async def give_verdict(
    request: Request,
    id: Id,
    verdict: Annotated[str, Form(pattern="^(accept|modify|reject)$")],
    label: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Say what one thinks of an answer."""
    service, caller = await _reader(request, "verdict")
    await service.prediction(id, caller)
    named = label if verdict == "modify" else ""
    try:
        await service.archive.call(service.store.verdicts.add, id, caller.user, verdict, label=named)  # type: ignore[arg-type]
    except RequestError as error:
        raise Problem(422, str(error)) from None
    return _redirect(f"/films/{id}")


@router.post("/films/{id}/read")
async def read_first(request: Request, id: Id, label: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Take what a reader sees before the answer is shown."""
    service, caller = await _reader(request, "verdict")
    stored = await service.prediction(id, caller)
    if label and label not in stored.classes:
        raise Problem(422, "there is no such class")
    decision = "accept" if label == stored.row.answer else "modify" if label else "reject"
    comment = "" if label else "the reader cannot tell"
    add = service.store.verdicts.add
    await service.archive.call(add, id, caller.user, decision, label=label, comment=comment, unaided=True)  # type: ignore[arg-type]
    return _redirect(f"/films/{id}")


@router.post("/films/{id}/verdict/withdraw")
async def withdraw(request: Request, id: Id) -> Response:
    """Take one's verdict back."""
    service, caller = await _reader(request, "verdict")
    stored = await service.prediction(id, caller)
    verdict = (await service.verdicts([stored], caller)).get(id)
    if verdict is not None:
        await service.archive.call(service.store.verdicts.withdraw, verdict.id, caller.user)
    return _redirect(f"/films/{id}")


@router.post("/mode")
async def mode(request: Request, read_first: Annotated[str, Form(pattern="^[01]$")]) -> Response:
    """Switch `read first, reveal after` on or off, for this browser."""
    service, _ = await _reader(request)
    reply = _redirect("/")
    reply.set_cookie(
        _READ_FIRST, read_first, httponly=True, samesite="strict", secure=service.settings.secure, max_age=31_536_000
    )
    return reply


@router.get("/about")
async def about(request: Request) -> Response:
    """What the answers mean, and what the detectors learnt from."""
    service, _ = await _reader(request)
    models = [model_out(name, each) for name, each in zip(service.names, service.detectors, strict=True)]
    classes = [class_word(name) for name in service.detectors[0].classes]
    return render(
        request, "about.html", page="about", models=models, positive=classes[-1], negative=" or ".join(classes[:-1])
    )


@router.get("/docs")
async def docs(request: Request) -> Response:
    """What the API has, for a person."""
    await _reader(request)
    schema = request.app.openapi()
    operations = [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "docs.html", page="docs", operations=operations)


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
    reply = _redirect(_own_path(back))
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
    reply = _redirect("/")
    reply.delete_cookie(COOKIE)
    return reply


@router.get("/static/{version}/{name}")
async def static(version: str, name: str) -> Response:
    """A script or a style; its address changes with its content."""
    content = _static().get(name)
    if content is None:
        raise Problem(404, "there is no such file")
    kept = "public, max-age=31536000, immutable" if version == _assets() else "no-cache"
    return Response(content, media_type=_KINDS[name.rpartition(".")[2]], headers={"Cache-Control": kept})


def _of_lane(search: Search, *, answered: bool) -> Search:
    return replace(search, lane="answered" if answered else "not judged", after=search.after if answered else "")


def _row(stored: StoredPrediction, verdict: Verdict | None, read_first: bool) -> dict[str, object]:
    bar = bar_of(stored)
    film = stored.row.film
    parts = [each for each in (film.view, facts_of(stored, "")[0][1] if film.age else "") if each]
    return {
        "id": stored.id,
        "name": f"Film {stored.id[:6]}" + (f" ({', '.join(parts)})" if parts else ""),
        "word": class_word(stored.row.answer),
        "probability": share(stored.row.probs[-1]) if bar else "",
        "why": stored.row.why,
        "verdict": verdict_line(verdict),
        "created": when(stored.created),
        "created_iso": stored.created.isoformat(),
        "hidden": read_first and verdict is None and stored.row.answer != NOT_JUDGED,
    }


async def _earlier(service: Service, stored: StoredPrediction, caller: Caller) -> list[dict[str, str]]:
    """Earlier films of the same patient."""
    if not stored.patient:
        return []
    page = await service.search(Search(patient=stored.patient, until=stored.created, limit=10), caller)
    return [{"id": each.id, "created": when(each.created), "word": class_word(each.row.answer)} for each in page.rows]


def _learnt(service: Service, stored: StoredPrediction) -> str:
    detector = next((each for each in service.detectors if each.spec.seal == stored.key.seal), None)
    return learnt_from(detector) if detector else ""


def _has_heat(service: Service, stored: StoredPrediction) -> bool:
    """A film that is not judged has no answer to be explained."""
    served = any(each.spec.seal == stored.key.seal for each in service.detectors)
    return served and stored.row.answer != NOT_JUDGED


def _example_film() -> bytes:
    """A generated picture of 12 bits, as a PNG of 16."""
    import numpy as np
    from PIL import Image

    from hilum.pixels import chest_phantom

    file = io.BytesIO()
    grey = chest_phantom(_EXAMPLE_SEED, (768, 768), 0.8)
    Image.fromarray(np.rint(grey * 4095).astype(np.uint16)).save(file, format="PNG")
    return file.getvalue()


def _own_path(back: str) -> str:
    """Where to go on, on this site only."""
    return quote(back, safe="/") if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"


def _redirect(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303)
