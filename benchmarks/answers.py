"""How many films are answered under each shift, gate, prediction sets and threshold taken together, and how well.

    python -m benchmarks.answers BUNDLE --data ../shared/data/chest_xray --every 4

Films of the split are shifted at their own resolution and answered as `hilum predict` answers them. A row for each
battery (all its films together) and for each shift: the share that is answered, with a 95% interval over patients,
the share of the normal and of the positive films, the share that the gate or the lungs stop, and how many of the
answers are right.

Target: 85% answered as they are, and under `shifts-1` and `familiar-1`: a detector is not made safe by silence.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.coverage import INTACT, in_words, share
from hilum.films import as_manifest
from hilum.inference import Detector
from hilum.pixels import decode
from hilum.progress import track
from hilum.records import Film, Prediction
from hilum.shifts import BATTERIES
from hilum.workers import map_in_order


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every Nth film")
    arguments = parser.parse_args()
    detector = Detector(arguments.bundle)
    films = [film for film in as_manifest(arguments.data).split(arguments.split) if film.label][:: arguments.every]
    shifts = {name: shift for battery in BATTERIES.values() for name, shift in battery.shifts.items()}

    def rows_of(film: Film) -> list[Prediction]:
        grey = decode(film.path, detector.spec.recipe.pixels.window, film.sha256)
        shown = [grey, *(shift(grey) for shift in shifts.values())]
        return detector.predict_squares(
            [film] * len(shown), [detector.read_square(film.path, view) for view in shown]
        )

    answered = list(track(map_in_order(rows_of, films), "answering films", len(films)))
    by_shift = {name: [rows[place] for rows in answered] for place, name in enumerate((INTACT, *shifts))}
    print(f"{len(films)} films of {len({film.patient for film in films} - {''})} patients\n")
    names = " | ".join(f"of {name}" for name in detector.classes)
    print(f"| films | answered | {names} | not judged | of the answers right |")
    print("|---" * (4 + len(detector.classes)) + "|")
    for battery, given in {INTACT: None, **BATTERIES}.items():
        inside = [INTACT] if given is None else list(given.shifts)
        print(row(battery, [by_shift[name] for name in inside], detector.classes))
        for name in inside if given else ():
            print(row(f"· {name}", [by_shift[name]], detector.classes))


def row(name: str, shifted: Sequence[Sequence[Prediction]], classes: Sequence[str]) -> str:
    """A line of the table, of the same films under some shifts."""
    films = [prediction.film for prediction in shifted[0]]
    patients = [film.patient for film in films]
    given = np.array([[prediction.answered for prediction in rows] for rows in shifted])
    right = np.array([[prediction.answer == prediction.film.label for prediction in rows] for rows in shifted])
    stopped = np.array([[prediction.answer == "not judged" for prediction in rows] for rows in shifted])
    everyone = np.ones(len(films), dtype=bool)
    cells = [in_words(share(patients, given, everyone))]
    for label in classes:
        cells.append(in_words(share(patients, given, np.array([film.label == label for film in films]))))
    cells += [f"{stopped.mean():.3f}", f"{right[given].mean():.3f}"]
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
