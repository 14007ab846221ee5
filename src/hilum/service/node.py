"""The page that shows how the nodes on the store do: films and reports on their way, destinations, what went wrong.

It shows no identifier but those of the reading room and, of a film, the digits that a node's log has: no station, no
AE title, no UID, and of a destination's words the status alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hilum.service.api import service_of
from hilum.service.page import render
from hilum.service.page.mode import ReadFirst
from hilum.service.problems import Problem
from hilum.service.wording import class_word, wait_of, when
from hilum.store import FILM_STATES, WORKFLOW_DIGITS, FilmReason, FilmState, NodeDestination, NodeFilm, Store

router = APIRouter(include_in_schema=False)

_LATEST = 20
_RESULTS: tuple[FilmState, ...] = ("answered", "reported", "sent", "refused", "shadow", "failed", "quarantined")
_REASONS = 20
_SILENT = timedelta(minutes=2)  # since its last heartbeat, that a node is said to be gone
_STATUS = re.compile(r"\b0x[0-9A-Fa-f]{4}\b|\b[45]\d\d\b")  # of DIMSE (PS3.7, C) and of HTTP
STATES: dict[FilmState, tuple[str, str]] = {
    "received": ("Waiting", "received, and waiting for an answer"),
    "answered": ("Answered", "the report is being made"),
    "reported": ("Reported", "the report waits to be sent"),
    "sent": ("Sent", "every destination has accepted the report"),
    "refused": ("Refused", "a destination has refused the report for good"),
    "shadow": ("Shadow", "the report was made, and not sent"),
    "left alone": ("Left alone", "no film that the node answers"),
    "ignored": ("Ignored", "a result that came back"),
    "quarantined": ("Set apart", "another film had the same UID"),
    "failed": ("Failed", "no report could be made"),
    "erased": ("Erased", "its files go next"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A film's row.

    Attributes:
        id: of its prediction; empty where it has none.
        name: that the reading room gives it.
        event: that the log gives it.
        state: in one word.
        word: the answer; empty where there is none.
        hidden: whether the reader has to say first what they see.
        took: from the film to the answer.
        changed: when it came to its state.
        changed_iso: likewise, for programs.
    """

    id: str
    name: str
    event: str
    state: str
    word: str
    hidden: bool
    took: str
    changed: str
    changed_iso: str


@router.get("/node")
async def node_page(request: Request) -> Response:
    """How the nodes on the store do, for whoever may read all films."""
    service = service_of(request)
    request.state.caller = caller = await service.access.require(request, "read")
    if not caller.may_read_all:
        raise Problem(403, "this page is about everybody's films; it needs the scope 'all'")
    shown = await service.archive.call(_shown, service.store, ReadFirst.of(request), caller.user)
    service.has_node |= bool(shown["nodes"])  # one may have begun after the service
    return render(request, "node.html", page="node", node=shown)


def _shown(store: Store, mode: ReadFirst, user: str) -> dict[str, object]:
    now = datetime.now(UTC)
    counts, backlog, waiting = store.node_films.counts(), store.node_films.backlog(), store.node_sendings.counts()
    beats = store.node_state.heartbeats()
    silent = [each for each in beats if now - each.changed > _SILENT]
    return {
        "now": when(now),
        "states": [(*STATES[state], counts[state]) for state in FILM_STATES if counts.get(state)],
        "backlog": f"{backlog.films:,}",
        "oldest": wait_of(now - backlog.oldest) if backlog.oldest else "",
        "alarms": [f"{each.node}: {each.alarm}" for each in beats if each.alarm]
        + [f"{each.node}: not heard of for {wait_of(now - each.changed)}" for each in silent],
        "destinations": [
            _destination(each, waiting.get((each.name, "waiting"), 0)) for each in store.node_sendings.destinations()
        ],
        "rows": [_row(store, mode, user, each) for each in store.node_films.latest(_LATEST, _RESULTS)],
        "reasons": [_reason(each) for each in store.node_films.reasons(_REASONS)]
        + [("No picture", why, f"{films:,}") for why, films in store.node_films.undrawn(_REASONS).items()],
        "nodes": [(each.node, when(each.started), wait_of(now - each.changed)) for each in beats],
    }


def _destination(each: NodeDestination, waiting: int) -> dict[str, str]:
    refusal = _STATUS.search(each.refusal)
    return {
        "name": each.name,
        "down": f"down since {when(each.down_since)}" if each.down_since else "",
        "waiting": f"{waiting:,}",
        "accepted": when(each.last_accepted) or "never",
        "refused": f"{when(each.last_refused)}{f', {refusal[0]}' if refusal else ''}"
        if each.last_refused
        else "never",
    }


def _reason(each: FilmReason) -> tuple[str, str, str]:
    # What a destination said may name a patient.
    why = "a destination's answer" if each.state == "refused" else each.why or "nothing was said"
    return STATES[each.state][0], why, f"{each.films:,}"


def _row(store: Store, mode: ReadFirst, user: str, film: NodeFilm) -> _Row:
    stored = store.predictions.get(film.prediction) if film.prediction else None
    hidden = False
    if stored is not None and mode.since is not None:
        given = store.verdicts.of([stored.id], withdrawn=True).get(stored.id, ())
        hidden = mode.hides(stored, is_read=any(each.user == user for each in given))
    took = (film.answered - film.received).total_seconds() if film.answered else None
    return _Row(
        id=stored.id if stored else "",
        name=f"Film {stored.id[:6]}" if stored else "Film",
        event=film.workflow_id[:WORKFLOW_DIGITS],
        state=STATES[film.state][0],
        word=class_word(stored.row.answer) if stored else "",
        hidden=hidden,
        took="" if took is None else f"{max(took, 0.0):,.1f} s",
        changed=when(film.changed),
        changed_iso=film.changed.isoformat(),
    )
