"""Where films arrive, and the work-list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from hilum.records import NOT_JUDGED, NOT_SURE
from hilum.service.access import Caller
from hilum.service.page.mode import ReadFirst, switch
from hilum.service.page.render import redirect, render, require_reader
from hilum.service.service import Service
from hilum.service.wording import age_of, bar_of, class_word, in_words, share, verdict_words, wait_of, when
from hilum.store import Page, Search, StoredPrediction, Verdict

router = APIRouter()

_ROWS = 50
_ROWS_READ = 10  # of films with a verdict, below what is left to do


@dataclass(frozen=True, slots=True)
class _Lane:
    """A part of the work-list.

    Attributes:
        title: what the films have in common.
        note: in which order they are.
        page: the films.
        more: the address of a page with more of them; empty where there are none.
    """

    title: str
    note: str
    page: Page
    more: str


@router.get("/")
async def home(
    request: Request,
    answer: Annotated[str, Query(max_length=200)] = "",
    verdict: Annotated[str, Query(pattern="^(none|given|)$")] = "",
    order: Annotated[Literal["worklist", "newest", "oldest"], Query()] = "worklist",
    after: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Where films arrive, and the work-list."""
    service, caller = await require_reader(request)
    mode = ReadFirst.of(request)
    if mode.since is not None and answer != NOT_JUDGED:
        answer = ""  # a list of one answer would show it, and so would one in the order of suspicion
        order = "oldest" if order == "worklist" and verdict else order
    search = Search(
        answer=answer or None,
        has_verdict={"none": False, "given": True}.get(verdict),
        order="work-list" if order == "worklist" else order,
        limit=_ROWS,
        after=after,
    )
    if order == "worklist" and not answer and not verdict:
        lanes = await _worklist(service, caller, mode, after)
    else:
        page = await service.search(search, caller)
        more = _address(answer, verdict, order, page.next_page) if page.next_page else ""
        lanes = [_Lane("Films", "", page, more)]
    rows = [row for lane in lanes for row in lane.page.rows]
    verdicts = await service.verdicts(rows, caller)
    classes = dict.fromkeys(name for each in service.detectors for name in each.classes)
    return render(
        request,
        "home.html",
        page="home",
        lanes=[
            {
                "title": lane.title,
                "note": lane.note,
                "total": lane.page.total,
                "more": lane.more,
                "rows": [_row(row, verdicts.get(row.id), mode) for row in lane.page.rows],
            }
            for lane in lanes
            if lane.page.rows
        ],
        answers=[NOT_JUDGED] if mode.since else [NOT_JUDGED, NOT_SURE, *classes],
        chosen={"answer": answer, "verdict": verdict, "order": order},
        models=service.names,
        read_first=mode.since is not None,
    )


@router.post("/films")
async def send_films(request: Request, model: Annotated[str, Query(max_length=300)] = "") -> Response:
    """Answer films that a page without scripts sends."""
    service, caller = await require_reader(request, "predict")
    answered = await service.answer_request(request, caller, model, None)
    return redirect(f"/films/{answered[0].stored.id}" if len(answered) == 1 else "/")


@router.post("/mode")
async def mode(request: Request, read_first: Annotated[str, Form(pattern="^[01]$")]) -> Response:
    """Switch *read first, reveal after* on or off, for this browser."""
    service, _ = await require_reader(request)
    reply = redirect("/")
    switch(service, reply, on=read_first == "1")
    return reply


async def _worklist(service: Service, caller: Caller, mode: ReadFirst, after: str) -> list[_Lane]:
    """What was not judged, then the others by urgency, then what has a verdict.

    Where answers are to be hidden they do not order the list either.
    """
    waiting = Search(has_verdict=False, limit=_ROWS)
    hidden = mode.since is not None
    urgent = await service.search(
        replace(waiting, lane="answered", order="oldest" if hidden else "work-list", after=after), caller
    )
    note = (
        "the longest wait first" if hidden else "the most suspicious and least certain first, and what waits moves up"
    )
    more = _address("", "", "worklist", urgent.next_page) if urgent.next_page else ""
    answered = _Lane("To read" if hidden else "Answered", note, urgent, more)
    if after:
        return [answered]
    unjudged = await service.search(replace(waiting, lane="not judged", order="oldest"), caller)
    read = await service.search(Search(has_verdict=True, limit=_ROWS_READ), caller)
    return [
        _Lane(
            "Not judged",
            "the longest wait first",
            unjudged,
            _address(NOT_JUDGED, "none", "oldest", unjudged.next_page) if unjudged.next_page else "",
        ),
        answered,
        _Lane(
            "With a verdict",
            "the newest first",
            read,
            _address("", "given", "newest", read.next_page) if read.next_page else "",
        ),
    ]


def _address(answer: str, verdict: str, order: str, after: str) -> str:
    return "/?" + urlencode({"answer": answer, "verdict": verdict, "order": order, "after": after})


def _row(stored: StoredPrediction, verdict: Verdict | None, mode: ReadFirst) -> dict[str, object]:
    bar = bar_of(stored)
    known = [each for each in (stored.row.film.view, age_of(stored.row.film.age)) if each]
    return {
        "id": stored.id,
        "name": f"Film {stored.id[:6]}",
        "known": ", ".join(known),
        "word": class_word(stored.row.answer),
        "probability": share(stored.row.probs[-1]) if bar else "",
        "why": in_words(stored.row.why, stored.classes),
        "verdict": verdict_words(verdict),
        "created": when(stored.created),
        "created_iso": stored.created.isoformat(),
        "waits": "" if verdict else wait_of(datetime.now(UTC) - stored.created),
        "hidden": mode.hides(stored, is_read=verdict is not None),
    }
