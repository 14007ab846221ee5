"""An audit on disk: everything as JSON, and a page that shows the films to look at."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from hilum import pages
from hilum.auditing.composition import count_films
from hilum.auditing.finding import HEADINGS, SEVERITIES, sentences
from hilum.auditing.result import Audit
from hilum.auditing.shortcut import Probe
from hilum.auditing.similarity import SimilarPair
from hilum.files import write_text
from hilum.films.wording import say
from hilum.locks import one_writer

_THUMBNAIL = 176  # the longer side, in pixels
_PAIRS, _FILMS = 24, 24  # shown of each kind
_PROBES = {
    "file": "the file alone",
    "before": "file, borders, letters and grey levels",
    "after": "what preprocessing leaves of these",
    "rim": "the outer 6% of the film",
}
_ODD = {"turned", "inverted", "no_chest", "body_part"}


def audit_json(found: Audit) -> str:
    """The text of `audit.json`."""
    record = found.record()
    return json.dumps(msgspec.to_builtins(record) | ({} if record.files else {"files": {}}), indent=1)


@one_writer("folder")
def write_audit(found: Audit, folder: Path) -> None:
    """Write `audit.json` and `audit.html`; the same films give the same bytes."""
    write_text(folder / "audit.json", audit_json(found) + "\n")
    write_text(folder / "audit.html", render(found))


def render(found: Audit) -> str:
    """The page as HTML."""
    films = found.seen.films
    number_of = {film.path: number for number, film in enumerate(films)}
    odd = [
        (finding.kind.replace("_", " "), number_of[path])
        for finding in found.findings
        if finding.kind in _ODD
        for path in finding.films
        if path in number_of
    ]
    same = [pair for pair in found.pairs if pair.same]
    two_names = [
        pair for pair in found.pairs if not pair.same and films[pair.one].patient != films[pair.other].patient
    ]
    return pages.render(
        Path(__file__).parent / "audit.html",
        {"say": say, "number": _number},
        found=found,
        headline=found.headline,
        groups=[
            (HEADINGS[severity], lines) for severity in SEVERITIES if (lines := sentences(found.findings, severity))
        ],
        galleries=[
            (heading, [_shown_pair(found, pair) for pair in pairs[:_PAIRS]], len(pairs))
            for heading, pairs in (
                ("One exposure, not byte for byte", same),
                ("One patient under two names?", two_names),
            )
            if pairs
        ],
        odd=[(what, _shown(found, number)) for what, number in odd[:_FILMS]],
        n_odd=len(odd),
        suspects=[(each, _shown(found, each.film)) for each in found.suspects[:_FILMS]],
        n_suspects=len(found.suspects),
        probes=[(_PROBES[name], probe) for name, probe in found.probes.items() if probe is not None],
        carriers=_carriers(found.probes.get("before")),
        counts=count_films(found.manifest.films),
        n_films=len(found.manifest),
        n_read=len(found.seen),
    )


def _shown(found: Audit, number: int) -> dict[str, Any]:
    """A film as the page shows it: its picture in its own proportions, its path, label and patient."""
    header, film = found.seen.headers[number], found.seen.films[number]
    scale = _THUMBNAIL / max(header.width, header.height)
    size = max(1, round(header.width * scale)), max(1, round(header.height * scale))
    small = cv2.resize(found.seen.squares[number], size, interpolation=cv2.INTER_LINEAR)
    _, encoded = cv2.imencode(".jpg", np.asarray(small), [cv2.IMWRITE_JPEG_QUALITY, 80])
    image = "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
    return {"film": film, "path": say(found.short(film.path)), "image": image}


def _shown_pair(found: Audit, pair: SimilarPair) -> dict[str, Any]:
    return {"pair": pair, "films": [_shown(found, pair.one), _shown(found, pair.other)]}


def _carriers(probe: Probe | None) -> list[tuple[str, float, float, list[tuple[str, dict[str, Any]]]]]:
    if probe is None:
        return []
    return [
        (each.name, each.alone, each.drop, [(fact.replace("_", " "), dict(of)) for fact, of in each.typical.items()])
        for each in probe.carriers
    ]


def _number(value: float | str | None) -> str:
    if isinstance(value, int | float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return "–" if value is None else value or "none"
