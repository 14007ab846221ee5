"""Explanations on disk: a picture a film, `explain.json` with every figure, and a page to read."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hilum import pages
from hilum.explanation.explanation import Explanation
from hilum.explanation.overlay import plate
from hilum.explanation.randomisation import RandomisedPart
from hilum.files import replacing, write_text

PAGE = Path(__file__).parent / "page.html"


@dataclass(frozen=True, slots=True)
class Row:
    """What one film came to.

    Attributes:
        path: the film as the user named it.
        explained: the class that is explained; empty where `error` is set.
        prob: its probability.
        prediction: the class that the film is called.
        figures: what was measured of the map, ready for JSON.
        picture: the name of its PNG.
        flag: why the film is not one that the detector was made for, in words; empty where it is.
        error: why the film could not be read; empty where it could.
    """

    path: str
    explained: str = ""
    prob: float | None = None
    prediction: str = ""
    figures: dict[str, Any] | None = None
    picture: str = ""
    flag: str = ""
    error: str = ""

    def record(self) -> dict[str, Any]:
        """As it stands in `explain.json`."""
        if self.error:
            return {"path": self.path, "error": self.error}
        return {
            "path": self.path,
            "class": self.explained,
            "prob": self.prob,
            "prediction": self.prediction,
            "picture": self.picture,
            "flag": self.flag,
            **(self.figures or {}),
            "error": "",
        }


def figures_of(found: Explanation) -> dict[str, Any]:
    """An explanation's figures, ready for JSON."""
    lungs = found.lungs
    curves = {"deletion": found.deletion, "insertion": found.insertion}
    return {
        "lungs": {
            "inside": found.inside,
            "chance": None if lungs.mask is None else float(lungs.mask.mean()),
            "quality": lungs.quality,
            "from_prior": lungs.from_prior,
            "reason": lungs.reason,
        },
        **{
            name: {"area": curve.area, "chance": curve.chance, "probs": list(curve.probs)}
            for name, curve in curves.items()
        },
    }


def draw(found: Explanation, row: Row, path: Path) -> None:
    """Write a film's picture: the film with the lungs' outline, and beside it the heat map."""
    name = row.path if len(row.path) <= 70 else f"…{row.path[-69:]}"
    caption = f"{_printable(name)}\n{row.explained} {row.prob:.3f}"
    with replacing(path) as temporary:
        legend = f"speaks for {row.explained}"
        temporary.write_bytes(plate(found.film, found.heat, caption, legend, found.lungs.mask))


def write_explanations(
    folder: Path, bundle: str, method: str, rows: Sequence[Row], randomised: Sequence[RandomisedPart] = ()
) -> dict[str, Any]:
    """Write `explain.json` and `index.html` beside the pictures, which are there already.

    Args:
        folder: for both; it exists.
        bundle: what the detector is called.
        method: one of METHODS.
        rows: one a film.
        randomised: what `randomise` gave, where that was asked for.

    Returns:
        What `explain.json` holds.
    """
    record = {
        "bundle": bundle,
        "method": method,
        "summary": summary(rows),
        "randomised": [
            {"part": each.part, "correlation": _mean(each.correlations), "films": list(each.correlations)}
            for each in randomised
        ],
        "films": [row.record() for row in rows],
    }
    write_text(folder / "explain.json", json.dumps(record, indent=1))
    explained = [row for row in rows if not row.error]
    page = pages.render(
        PAGE,
        {"percent": lambda value: "–" if value is None else f"{value:.0%}", "figure": _figure},
        record=record,
        pictures=[(row, _embedded(folder / row.picture)) for row in explained],
        failed=[row for row in rows if row.error],
    )
    write_text(folder / "index.html", page)
    return record


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Means over the films; None where no film has the figure."""
    figures = [row.figures for row in rows if row.figures]
    inside = [each["lungs"] for each in figures if each["lungs"]["inside"] is not None]
    curves: dict[str, Any] = {}
    for name, sign in (("deletion", -1), ("insertion", 1)):
        gains = [sign * (each[name]["area"] - each[name]["chance"]) for each in figures]
        curves[name] = {
            "area": _mean([each[name]["area"] for each in figures]),
            "chance": _mean([each[name]["chance"] for each in figures]),
            "better_than_chance": sum(gain > 0 for gain in gains),
        }
    return {
        "n": len(figures),
        "n_failed": sum(bool(row.error) for row in rows),
        "lungs": {
            "n": len(inside),
            "inside": _mean([each["inside"] for each in inside]),
            "chance": _mean([each["chance"] for each in inside]),
        },
        **curves,
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _printable(name: str) -> str:
    """A file name as one line that can be drawn, whatever it holds."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _embedded(path: Path) -> str:
    """A picture as a `data:` address: the page lets nothing else in, and can be sent alone."""
    file = io.BytesIO()
    Image.open(path).convert("RGB").save(file, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
