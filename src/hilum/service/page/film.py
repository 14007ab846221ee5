"""The room to read one film in, and what its reader says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response

from hilum.errors import RequestError
from hilum.records import NOT_JUDGED
from hilum.service.access import Caller
from hilum.service.page.example import example_note
from hilum.service.page.mode import ReadFirst
from hilum.service.page.render import redirect, render, require_reader
from hilum.service.present import learnt_from
from hilum.service.problems import Problem
from hilum.service.service import Service
from hilum.service.wording import bar_of, class_word, facts_of, in_words, kept_facts_of, verdict_line, when
from hilum.store import Search, StoredPrediction, Verdict

router = APIRouter()

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
_MOST_EARLIER = 10


@router.get("/films/{id}")
async def film(request: Request, id: Id) -> Response:
    """The room to read one film in."""
    service, caller = await require_reader(request)
    stored = await service.prediction(id, caller)
    given = await _given(service, stored, caller)
    verdict = next((each for each in given if each.withdrawn is None), None)
    mode, row = ReadFirst.of(request), stored.row
    hidden = mode.hides(stored, is_read=bool(given))
    shown = {
        "id": id,
        "short": id[:6],
        "hidden": hidden,
        "unaided": mode.is_unaided(stored, is_read=bool(given)),
        "model": stored.model,
        "seal": stored.key.seal,
        "sha256": stored.key.film_sha256,
        "created": when(stored.created),
        "classes": stored.classes,
        "word": class_word(row.answer),
        "meaning": _meaning(stored),
        "why": in_words(row.why, stored.classes),
        "notes": row.notes,
        "bar": bar_of(stored),
        "is_judged": row.answer != NOT_JUDGED,
        "example": await example_note(stored),
        "facts": facts_of(stored, _learnt(service, stored)),
        "kept_facts": kept_facts_of(stored),
        "pixels_url": _pixels_url(stored),
        "heatmap_url": f"/v1/predictions/{id}/heatmap" if stored.has_film and _has_heat(service, stored) else "",
        "gone": row.why if row.error else "The film is kept no longer: its hash and the answer are what remains.",
        "verdict": verdict_line(verdict, row.answer),
        "not_kept": "" if service.settings.keep_films else service.settings.kept_sentence,
        "earlier": await _earlier(service, stored, caller),
    }
    return render(request, "film.html", page="", film=shown)


@router.post("/films/{id}/verdict")
async def give_verdict(
    request: Request,
    id: Id,
    verdict: Annotated[Literal["accept", "modify", "reject"], Form()],
    label: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Say what one thinks of an answer."""
    service, caller = await require_reader(request, "verdict")
    await service.prediction(id, caller)
    named = label if verdict == "modify" else ""
    try:
        await service.archive.call(service.store.verdicts.add, id, caller.user, verdict, label=named)
    except RequestError as error:
        raise Problem(422, str(error)) from None
    return redirect(f"/films/{id}")


@router.post("/films/{id}/read")
async def read_first(request: Request, id: Id, label: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Take what a reader sees before the answer is shown."""
    service, caller = await require_reader(request, "verdict")
    stored = await service.prediction(id, caller)
    if label and label not in stored.classes:
        raise Problem(422, "there is no such class")
    given = await _given(service, stored, caller)
    decision: Literal["accept", "modify", "reject"] = "reject"
    if label:
        decision = "accept" if label == stored.row.answer else "modify"
    await service.archive.call(
        service.store.verdicts.add,
        id,
        caller.user,
        decision,
        label=label,
        comment="" if label else "the reader cannot tell",
        unaided=ReadFirst.of(request).is_unaided(stored, is_read=bool(given)),
    )
    return redirect(f"/films/{id}")


@router.post("/films/{id}/verdict/withdraw")
async def withdraw(request: Request, id: Id) -> Response:
    """Take one's verdict back."""
    service, caller = await require_reader(request, "verdict")
    stored = await service.prediction(id, caller)
    for verdict in await _given(service, stored, caller):
        if verdict.withdrawn is None:
            await service.archive.call(service.store.verdicts.withdraw, verdict.id, caller.user)
    return redirect(f"/films/{id}")


async def _given(service: Service, stored: StoredPrediction, caller: Caller) -> Sequence[Verdict]:
    """The caller's own verdicts on a film, also those that were taken back."""
    found = await service.archive.call(service.store.verdicts.of, [stored.id], withdrawn=True)
    return [each for each in found.get(stored.id, ()) if each.user == caller.user]


async def _earlier(service: Service, stored: StoredPrediction, caller: Caller) -> list[dict[str, str]]:
    """Earlier films of the same patient, the newest first."""
    if not stored.patient:
        return []
    search = Search(patient=stored.patient, until=stored.created, limit=_MOST_EARLIER)
    page = await service.search(search, caller)
    return [
        {
            "id": each.id,
            "created": when(each.created),
            "word": class_word(each.row.answer),
            "pixels_url": _pixels_url(each),
        }
        for each in page.rows
        if each.key.film_sha256 != stored.key.film_sha256
    ]


def _pixels_url(stored: StoredPrediction) -> str:
    return f"/v1/predictions/{stored.id}/film" if stored.has_film and not stored.row.error else ""


def _learnt(service: Service, stored: StoredPrediction) -> str:
    detector = next((each for each in service.detectors if each.spec.seal == stored.key.seal), None)
    return learnt_from(detector) if detector else ""


def _has_heat(service: Service, stored: StoredPrediction) -> bool:
    """A film that is not judged has no answer to be explained."""
    served = any(each.spec.seal == stored.key.seal for each in service.detectors)
    return served and stored.row.answer != NOT_JUDGED


def _meaning(stored: StoredPrediction) -> str:
    """The part of the page of explanations that an answer is explained in."""
    number = stored.classes.index(stored.row.answer) if stored.row.answer in stored.classes else -1
    if number < 0:
        return stored.row.answer.replace(" ", "-")
    return "positive" if number == len(stored.classes) - 1 else "negative"
