"""What adapting is worth, by simulation: a group of films that were taken alike is another hospital.

    python -m benchmarks.adapting groups --data ../shared/data/chest_xray --out groups
    hilum train hilum --data groups/group-2.csv --out runs/base-2 --set training.epochs=4
    python -m benchmarks.adapting run --base runs/base-2 --hospital groups/group-2-held.csv --rows adapting.csv
    python -m benchmarks.adapting run --base runs/base-2 --hospital groups/group-2-held.csv --shift film_screen …
    python -m benchmarks.adapting run --base runs/base-2 --hospital groups/group-2-same.csv --nothing-new …
    python -m benchmarks.adapting table adapting.csv --plot docs/images/adapting.svg

`groups` cuts the films of training and validation by `auditing.acquisition_groups`, patients kept whole. For each of
the largest groups it writes three manifests: `group-N.csv` for the base detector, which sees none of the group;
`group-N-held.csv`, the group; and `group-N-same.csv`, 15% of the other training patients, kept aside as films of
the kind that the base detector knows.

`run` asserts on the base's manifest that it has seen none of the hospital's films or patients. A draw shuffles the
patients; the first give up to 400 films, of which the first 25, 50, … are what is adapted on, and the patients after
them are the test. `--shift` shows all these films as one of the simulated shifts makes them, written as PNGs.
`--nothing-new` adapts on films of the known kind: the old detector should be kept. Rows that the table of rows has
already are not computed again.
"""

from __future__ import annotations

import argparse
import csv
import logging
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

import hilum
from hilum import films, metrics
from hilum.auditing.acquisition import acquisition_groups
from hilum.films.contents import fingerprint
from hilum.inference import Detector
from hilum.pixels import decode
from hilum.records import Film, Manifest, Predictions, read_manifest, write_manifest
from hilum.shifts import ACQUISITION, ELSEWHERE, FAMILIAR
from hilum.workflows.adapt import Adapted

SIZES = (25, 50, 100, 200, 400)
GROUPS, LARGEST, ASIDE = 5, 3, 0.15
FEWEST = 5  # patients of the rarest class among the films that are adapted on
FIGURES = ("brier", "auroc", "accuracy", "sensitivity", "specificity", "answered")
COLUMNS = (
    "base", "hospital", "shift", "kind", "draw", "films", "patients", "rung", "gain", "gain_low", "gain_high", "test",
    *(f"before_{name}" for name in FIGURES), *(f"after_{name}" for name in FIGURES), "seconds",
)  # fmt: skip
SHIFTS = {name: shift for battery in (ACQUISITION, ELSEWHERE, FAMILIAR) for name, shift in battery.shifts.items()}
DECIDES = ("brier", "auroc", "accuracy", "sensitivity", "specificity")

Figures = dict[str, float]


def main() -> None:
    """Cut groups, run the simulation, or print its table."""
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    cut = verbs.add_parser("groups")
    cut.add_argument("--data", type=Path, default=Path("../shared/data/chest_xray"))
    cut.add_argument("--out", type=Path, required=True)
    run = verbs.add_parser("run")
    run.add_argument("--base", type=Path, required=True, help="a run, with its manifest and its bundle")
    run.add_argument("--hospital", type=Path, required=True, help="a manifest of films that it has not seen")
    run.add_argument("--rows", type=Path, default=Path("adapting.csv"))
    run.add_argument("--shift", choices=sorted(SHIFTS), default="")
    run.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    run.add_argument("--draws", type=int, default=5)
    run.add_argument("--up-to", default="whole network")
    run.add_argument("--nothing-new", action="store_true", help="20 draws of 100 films of the kind that it knows")
    table = verbs.add_parser("table")
    table.add_argument("rows", type=Path)
    table.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    if arguments.verb == "groups":
        write_groups(arguments.data, arguments.out)
    elif arguments.verb == "run":
        if arguments.nothing_new:
            arguments.sizes, arguments.draws = [100], 20
        simulate(arguments)
    else:
        found = read_rows(arguments.rows)
        print(tables(found))
        if arguments.plot:
            draw(found, arguments.plot)


def write_groups(data: Path, out: Path) -> None:
    """Write three manifests for each of the largest groups."""
    known = [film for film in films.as_manifest(data) if film.split in ("train", "val") and film.label]
    groups = acquisition_groups(known, GROUPS)
    for number, words in enumerate(groups.descriptions[:LARGEST]):
        inside = [film for film in known if groups.group_of[film.path] == number]
        base, same = apart([film for film in known if groups.group_of[film.path] != number], number)
        parts = {"": base, "-held": unsplit(inside), "-same": unsplit(same)}
        for name, part in parts.items():
            write_manifest(Manifest(tuple(part)), out / f"group-{number + 1}{name}.csv")
        print(f"group {number + 1}: {len(inside)} films, {words}; base {len(base)}, kept aside {len(same)}")


def apart(others: Sequence[Film], seed: int) -> tuple[list[Film], list[Film]]:
    """The films of the base detector, and those of some training patients that are kept aside."""
    steering = {film.patient for film in others if film.split == "val"}
    patients = sorted({film.patient for film in others if film.split == "train" and film.patient} - steering)
    order = np.random.default_rng(seed).permutation(len(patients))
    aside = {patients[place] for place in order[: round(ASIDE * len(patients))]}
    return (
        [film for film in others if film.patient not in aside],
        [film for film in others if film.patient in aside],
    )


def unsplit(some: Sequence[Film]) -> list[Film]:
    """The films of a hospital, which nobody has split."""
    return [replace(film, split="") for film in some]


def simulate(arguments: argparse.Namespace) -> None:
    """Adapt to each draw of each size, and add a row for each to the table of rows."""
    logging.getLogger("hilum").setLevel(logging.ERROR)
    hospital = read_manifest(arguments.hospital)
    refuse_seen(read_manifest(arguments.base / "manifest.csv"), hospital)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.shift:
            hospital = shifted(hospital, arguments.shift, Path(folder) / "films")
        bundle = arguments.base / "bundle"
        before = Detector(bundle).predict(hospital)
        for number in range(arguments.draws):
            order = shuffled(hospital, number)
            for size in arguments.sizes:
                key = {
                    "base": arguments.base.name,
                    "hospital": arguments.hospital.stem,
                    "shift": arguments.shift,
                    "kind": "nothing new" if arguments.nothing_new else "another hospital",
                    "draw": str(number),
                    "films": str(size),
                }
                if is_done(arguments.rows, key):
                    continue
                chosen, test = cut_films(order, size, size if arguments.nothing_new else max(SIZES))
                started = time.perf_counter()
                out = Path(folder) / f"{number}-{size}"
                try:
                    adapted = hilum.adapt(bundle, Manifest(tuple(chosen)), out, up_to=arguments.up_to)
                except hilum.RequestError as error:
                    print(f"{key}: {error}", flush=True)
                    continue
                seconds = time.perf_counter() - started
                add_row(arguments.rows, {**key, **row_of(adapted, before, test), "seconds": f"{seconds:.0f}"})
                print(f"{key}: {adapted.sentence} {seconds:.0f} s", flush=True)


def refuse_seen(base: Manifest, hospital: Manifest) -> None:
    """Stop where the base detector has seen a film or a patient of the hospital."""
    hashes, patients = ({getattr(film, key) for film in base} - {""} for key in ("sha256", "patient"))
    seen = [film for film in hospital if film.sha256 in hashes or film.patient in patients]
    if seen:
        raise SystemExit(f"the base detector has seen {len(seen)} of these films or their patients: {seen[0].path}")


def shifted(hospital: Manifest, name: str, folder: Path) -> Manifest:
    """The films as one of the simulated shifts makes them, as files of their own."""
    folder.mkdir()
    moved = []
    for number, film in enumerate(hospital):
        path = folder / f"{number:05}.png"
        cv2.imwrite(str(path), np.rint(SHIFTS[name](decode(film.path)) * 255).astype(np.uint8))
        moved.append(replace(film, path=str(path), sha256=""))
    return Manifest(tuple(fingerprint(moved)))


def shuffled(hospital: Manifest, seed: int) -> list[Film]:
    """The films in an order in which patients are drawn; of the rarest class, the first few patients come first."""
    draws = np.random.default_rng(seed)
    by_patient: dict[str, list[Film]] = {}
    for film in hospital:
        by_patient.setdefault(film.patient or film.path, []).append(film)
    names = sorted(by_patient)
    order = [by_patient[names[place]] for place in draws.permutation(len(names))]
    rarest = min(hospital.labels, key=lambda label: sum(each[0].label == label for each in order))
    places = [place for place, each in enumerate(order) if each[0].label == rarest and len(each) <= 2][:FEWEST]
    first = [order[place] for place in places]
    return [film for each in (*first, *(order[p] for p in range(len(order)) if p not in places)) for film in each]


def cut_films(order: Sequence[Film], size: int, largest: int) -> tuple[list[Film], list[Film]]:
    """The films to adapt on, and the test: films of patients who are in no draw of any size."""
    chosen = list(order[:size])
    known = {film.patient or film.path for film in order[:largest]}
    return chosen, [film for film in order if (film.patient or film.path) not in known]


def row_of(adapted: Adapted, before: Predictions, test: Sequence[Film]) -> dict[str, str]:
    """What came of one draw, as cells of the table of rows."""
    paths = {film.path for film in test}
    old = replace(before, rows=tuple(row for row in before if row.film.path in paths))
    new = Detector(adapted.bundle).predict(Manifest(tuple(test))) if adapted.rung else old
    measured = {
        f"{when}_{name}": f"{value:.5f}"
        for when, given in (("before", old), ("after", new))
        for name, value in figures_of(given).items()
    }
    gain = adapted.gain
    return {
        "patients": str(adapted.patients),
        "rung": adapted.rung or "kept",
        "gain": f"{float(gain):.5f}",
        "gain_low": "" if gain.low is None else f"{gain.low:.5f}",
        "gain_high": "" if gain.high is None else f"{gain.high:.5f}",
        "test": str(len(test)),
        **measured,
    }


def figures_of(given: Predictions) -> Figures:
    """The figures of a detector on the test's films, and the share of them that got an answer."""
    rows = [row for row in given if row.probs]
    labels = np.array([row.film.label == given.classes[-1] for row in rows])
    probs = np.array([row.probs[-1] for row in rows])
    assert given.threshold is not None
    figures = metrics.binary_metrics(labels, probs, given.threshold, resamples=0)
    answered = sum(row.answered for row in given) / len(given)
    return {**{name: float(figures[name]) for name in DECIDES}, "answered": answered}


def is_done(path: Path, key: dict[str, str]) -> bool:
    """Whether the table of rows has this one."""
    return path.exists() and any(all(row[name] == key[name] for name in key) for row in read_rows(path))


def read_rows(path: Path) -> list[dict[str, str]]:
    """The table of rows."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def add_row(path: Path, row: dict[str, str]) -> None:
    """Add one to the table of rows, which is made where there is none."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


class Mean(NamedTuple):
    """A mean over draws with the lowest and the highest; NaN ends of a single draw."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{self.value:.3f}" if math.isnan(self.low) else f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"
        )


def mean_of(values: Sequence[float]) -> Mean:
    """The mean over draws of the films that are adapted on, with the lowest and the highest of them."""
    alone = len(values) < 2
    return Mean(float(np.mean(values)), math.nan if alone else min(values), math.nan if alone else max(values))


def tables(rows: Sequence[dict[str, str]]) -> str:
    """For each hospital the figures on its other films by films adapted on, and how often it was replaced."""
    lines: list[str] = []
    for (hospital, shift, kind), inside in grouped(rows, ("hospital", "shift", "kind")).items():
        if kind == "nothing new":
            kept = sum(row["rung"] == "kept" for row in inside)
            lines += [
                "",
                f"**{hospital}, nothing new**: kept in {kept} of {len(inside)} draws of {inside[0]['films']} films.",
            ]
            continue
        lines += ["", f"**{hospital}{f', as {shift}' if shift else ''}** ({inside[0]['test']} other films)", ""]
        lines += [f"| films | adapted in | by | {' | '.join(FIGURES)} | seconds |", "|---" * (4 + len(FIGURES)) + "|"]
        cells = [str(mean_of([float(row[f"before_{name}"]) for row in inside])) for name in FIGURES]
        lines.append(f"| none | | | {' | '.join(cells)} | |")
        for (size,), draws in sorted(grouped(inside, ("films",)).items(), key=lambda each: int(each[0][0])):
            replaced = [row["rung"] for row in draws if row["rung"] != "kept"]
            by = ", ".join(f"{rung} {replaced.count(rung)}" for rung in dict.fromkeys(sorted(replaced)))
            cells = [str(mean_of([float(row[f"after_{name}"]) for row in draws])) for name in FIGURES]
            seconds = np.median([float(row["seconds"]) for row in draws])
            lines.append(f"| {size} | {len(replaced)} of {len(draws)} | {by} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines[1:])


def grouped(rows: Sequence[dict[str, str]], keys: tuple[str, ...]) -> dict[tuple[str, ...], list[dict[str, str]]]:
    """Rows by some of their cells, in the order in which they come."""
    found: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return found


def draw(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Draw accuracy, Brier score and the class that fares worse, of the other films, by films adapted on."""
    import matplotlib
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    shown = [row for row in rows if row["kind"] != "nothing new"]
    ticks = ["none", *sorted({row["films"] for row in shown}, key=int)]
    titles = {"accuracy": "accuracy", "brier": "Brier score", "worst": "the lower of sensitivity and specificity"}
    for place, (name, title) in enumerate(titles.items(), start=1):
        axes = figure.add_subplot(1, 3, place)
        for (hospital, shift), inside in grouped(shown, ("hospital", "shift")).items():
            sizes = sorted(grouped(inside, ("films",)).items(), key=lambda each: int(each[0][0]))
            means = [mean_of([drawn_figure(row, "before", name) for row in inside])]
            means += [mean_of([drawn_figure(row, "after", name) for row in draws]) for _, draws in sizes]
            lows, highs = ([each.value - each.low for each in means], [each.high - each.value for each in means])
            places = [0, *(ticks.index(size) for (size,), _ in sizes)]
            label = hospital.removesuffix("-held") + (f", {shift}" if shift else "")
            ends = np.nan_to_num([lows, highs]).clip(min=0)
            axes.errorbar(places, [each.value for each in means], ends, marker=".", capsize=3, label=label)
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set_xlabel("films adapted on")
        axes.set_ylabel(title)
        axes.legend(fontsize="small")
    with matplotlib.rc_context({"svg.hashsalt": "hilum"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def drawn_figure(row: dict[str, str], when: str, name: str) -> float:
    """A figure of a row before or after adapting; `worst` is the lower of sensitivity and specificity."""
    if name == "worst":
        return min(float(row[f"{when}_sensitivity"]), float(row[f"{when}_specificity"]))
    return float(row[f"{when}_{name}"])


if __name__ == "__main__":
    main()
