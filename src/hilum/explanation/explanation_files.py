"""Explanations on disk: a picture for each film, `explain.json` with every figure, and a page to read."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import msgspec
from PIL import Image

from hilum import pages
from hilum.explanation.explanations import ExplainedFilm, Explanations
from hilum.files import replacing, write_text

_PAGE = Path(__file__).parent / "page.html"


def write_picture(film: ExplainedFilm, folder: Path) -> None:
    """Write a film's PNG under the name `film.picture`."""
    with replacing(folder / film.picture) as temporary:
        temporary.write_bytes(film.png())


def explanation_json(found: Explanations) -> str:
    """The text of `explain.json`."""
    return json.dumps(msgspec.to_builtins(found.record()), indent=1)


def write_explanations(found: Explanations, folder: Path) -> None:
    """Write `explain.json` and `index.html` next to the pictures, which `write_picture` wrote before.

    Args:
        found: the explanations.
        folder: the folder with the pictures.
    """
    write_text(folder / "explain.json", explanation_json(found))
    record = found.record()
    page = pages.render(
        _PAGE,
        {"percent": lambda value: "–" if value is None else f"{value:.0%}", "figure": _figure},
        record=record,
        total=record.summary,
        pictures=[(film, film.explanation, _embedded(folder / film.picture)) for film in found.explained],
        n_flagged=sum(bool(film.flag) for film in found.explained),
        failed=found.failed,
    )
    write_text(folder / "index.html", page)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _embedded(path: Path) -> str:
    """A picture as a `data:` address: the page loads nothing from elsewhere, and can be sent alone."""
    file = io.BytesIO()
    Image.open(path).convert("RGB").save(file, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
