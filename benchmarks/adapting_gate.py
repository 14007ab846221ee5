"""What a gate gains that learns from another hospital's films, by simulation.

    python -m benchmarks.adapting groups --data ../shared/data/chest_xray --out groups
    python -m benchmarks.adapting_gate groups/group-2.csv groups/group-2-held.csv --shift round_collimator

A gate is fitted on the training films of the first manifest, as `hilum train` does for a detector of children's films
that is shown the lungs. The second manifest is the hospital; `--shift` shows its films as one of the simulated shifts
makes them. Each draw shuffles the patients as `benchmarks.adapting` does; the first films are adapted on by what
`hilum adapt` calls. The table gives the share that passes, before and after, of the hospital's films that are in no
draw's first films, of pictures made of them that are to be stopped, and of the first manifest's validation films.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.adapting import SHIFTS, SIZES, cut_films, refuse_seen, shuffled
from hilum import gate
from hilum.adaptation import LabelledFilms
from hilum.adaptation.gates import cross_validate_gate, extended
from hilum.gate.descriptor import Image8
from hilum.gate.extend import GateFilms
from hilum.pixels import decode, preprocess
from hilum.recipe import Pixels, parse_recipe
from hilum.records import Film, Manifest, read_manifest

WHOLE = Pixels(size=128)
RECIPE = parse_recipe({"name": "gate"}, "here")


def main() -> None:
    """Print the table of one hospital."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base", type=Path, help="a manifest, whose training films the gate knows")
    parser.add_argument("hospital", type=Path, help="a manifest of films that it does not know")
    parser.add_argument("--shift", choices=sorted(SHIFTS), default="")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--test", type=int, default=400, help="films, at most, that each share is of")
    arguments = parser.parse_args()
    base, hospital = read_manifest(arguments.base), read_manifest(arguments.hospital)
    refuse_seen(base, hospital)
    train, val = base.split("train"), base.split("val").films[: arguments.test]
    fitted = gate.fit_gate(
        squares(train), [film.patient for film in train], 1, of_whole=True, adults=gate.shipped_adults()
    )
    known = np.mean(gate.check_films(fitted, squares(val)).passed)
    print(f"{arguments.hospital.stem}{arguments.shift and f', as {arguments.shift}'}: known films pass {known:.3f}")
    print("| films | replaced in | pass before | pass after | pictures before | after | known films after |")
    print("|---" * 7 + "|")
    rows = [row for number in range(arguments.draws) for row in drawn(fitted, hospital, number, arguments.shift, val)]
    for size in SIZES:
        found = [row for row in rows if row[0] == size]
        if found:
            means = [f"{mean:.4f}" for mean in np.mean([row[2:] for row in found], axis=0)]
            print(f"| {size} | {sum(row[1] for row in found):.0f} of {len(found)} | {' | '.join(means)} |")


def drawn(
    fitted: gate.Gate, hospital: Manifest, number: int, shift: str, known: Sequence[Film]
) -> Iterator[tuple[float, ...]]:
    """For each number of films: it, whether the gate was replaced, and shares that pass before and after."""
    order, draws = shuffled(hospital, number), np.random.default_rng(number)
    _, test = cut_films(order, max(SIZES), max(SIZES))
    test = [test[place] for place in draws.permutation(len(test))[: len(known)]]
    others, every = GateFilms.of(fitted, squares(test, shift), seed=1), np.arange(len(test))
    shown = squares(known)
    for size in SIZES:
        films = LabelledFilms(
            np.array([hospital.labels.index(film.label) for film in order[:size]]),
            tuple(film.patient for film in order[:size]),
            tuple(hospital.labels),
            RECIPE,
        )
        seen = GateFilms.of(fitted, squares(order[:size], shift))
        better = cross_validate_gate(fitted, seen, films).is_better
        after = extended(fitted, seen, films, np.arange(size)) if better else fitted
        passed = [others.passed(each, every) for each in (fitted, after)]
        of_known = np.mean(gate.check_films(after, shown).passed)
        films_pass, pictures_pass = (
            [each[:, kinds].mean() for each in passed] for kinds in (slice(1), slice(1, None))
        )
        yield (size, float(better), *map(float, (*films_pass, *pictures_pass, of_known)))


_decoded: dict[str, Image8] = {}


def squares(films: Sequence[Film] | Manifest, shift: str = "") -> list[Image8]:
    """Whole films, as a gate is shown them."""
    for film in films:
        if (key := f"{shift} {film.path}") not in _decoded:
            grey = decode(film.path)
            _decoded[key] = preprocess(SHIFTS[shift](grey) if shift else grey, WHOLE)
    return [_decoded[f"{shift} {film.path}"] for film in films]


if __name__ == "__main__":
    main()
