"""How many films are said to be blurred, over- or underexposed: as they are, under shifts, and made so on purpose.

    python -m benchmarks.quality shipped --data ../shared/data/chest_xray --every 4

Films are blurred and scaled down in steps, and exposed more or less: a film's grey goes with the logarithm of the
exposure, so that a factor on the exposure is a sum here, cut off at black and white. A row for each: the share that
is said to be each, the share in which no lungs are found (it is not judged before), and how often the class at the
threshold is right, of films that are said to be too poor and of the others.

Target: at most 1% of validation films as they are.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage import INTACT
from hilum.films import as_manifest
from hilum.gate import Fault, fault_of
from hilum.inference import Detector
from hilum.pixels import decode
from hilum.progress import track
from hilum.records import Film
from hilum.shifts import BATTERIES, graded
from hilum.shifts.grey import Grey, Shift, as_grey
from hilum.workers import map_in_order

NO_LUNGS = "no lungs"
COLUMNS = (
    "films",
    *(kind.name.lower() for kind in Fault),
    "no lungs found",
    "right, of these",
    "right, of the others",
)
BLUR, RESOLUTION = (2, 3, 4, 5, 6, 8), (40, 28, 20)
EXPOSURE = (-0.6, -0.5, -0.4, -0.3, -0.2, 0.2, 0.3, 0.4, 0.5, 0.6)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth film")
    parser.add_argument("--batteries", action="store_true", help="the shifts of the batteries, too")
    arguments = parser.parse_args()
    detector = Detector(arguments.bundle)
    smoothed = detector.spec.recipe.pixels.denoise != "none"
    films = [film for film in as_manifest(arguments.data).split(arguments.split) if film.label][:: arguments.every]
    shifts = made_poor()
    if arguments.batteries:
        shifts |= {name: shift for battery in BATTERIES.values() for name, shift in battery.shifts.items()}

    def rows_of(film: Film) -> list[tuple[str, bool]]:
        grey = decode(film.path, detector.spec.recipe.pixels.window, film.sha256)
        squares = [
            detector.read_square(film.path, view) for view in (grey, *(shift(grey) for shift in shifts.values()))
        ]
        rows = detector.predict_squares([film] * len(squares), squares)
        found = []
        for square, row in zip(squares, rows, strict=True):
            fault = fault_of(square.levels, square.lungs, smoothed=smoothed) if square.lungs is not None else None
            found.append((NO_LUNGS if square.doubt else str(fault or ""), row.prediction == film.label))
        return found

    rows = list(track(map_in_order(rows_of, films), "looking at films", len(films)))
    print(f"{len(films)} films\n\n| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    for place, name in enumerate((INTACT, *shifts)):
        said, right = np.array([row[place][0] for row in rows]), np.array([row[place][1] for row in rows])
        shares = " | ".join(f"{(said == kind).mean():.3f}" for kind in (*map(str, Fault), NO_LUNGS))
        poor = np.isin(said, list(map(str, Fault)))
        print(f"| {name} | {shares} | {accuracy(right[poor])} | {accuracy(right[said == ''])} |")


def made_poor() -> dict[str, Shift]:
    """Films that are made poor on purpose, in steps."""
    shifts: dict[str, Shift] = {
        f"blurred by {level} pixels of 224": partial(graded.blur, level=level) for level in BLUR
    }
    shifts |= {f"{level} pixels a side are left": partial(graded.resolution, level=level) for level in RESOLUTION}
    for by in EXPOSURE:
        shifts[f"exposed {'more' if by < 0 else 'less'}, by {abs(by)}"] = partial(exposed, by=by)
    return shifts


def exposed(grey: Grey, by: float) -> Grey:
    """A film that was exposed less, whiter by this share of the grey scale; exposed more, if negative."""
    return as_grey(grey + np.float32(by))


def accuracy(right: NDArray[np.bool_]) -> str:
    """The share that is right; a dash without a film."""
    return f"{right.mean():.3f} ({len(right)})" if len(right) else "–"


if __name__ == "__main__":
    main()
