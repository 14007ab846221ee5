"""Do prediction sets keep their promise on films and shifts that they were not fitted on?

    python -m benchmarks.coverage BUNDLE --data ../shared/data/chest_xray

The films of the split are scored as they are and under each shift of `shifts-1`, `familiar-1` and `shifts-2`; those
taken alike make groups (`hilum.auditing.acquisition`). Prediction sets are fitted twice: on the films as they are
(split conformal, "before"), and by the worst case over the conditions (`confidence.fit_worst_case`, "after"). Every
row is of films that the fit did not see: patients are in five folds, of which one is held out, and the row's battery,
or its group, is left out of the fit as well.

Printed for each battery (its films together), for each shift, and for each group: the share of each class's films
whose set has their class, with a 95% interval over patients, the mean number of classes in a set, the share of films
with one class in their set (they are answered unless the gate stops them), and how many of these are right.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum import confidence, shifts
from hilum.confidence import Conformal
from hilum.films import as_manifest
from hilum.inference import Detector
from hilum.metrics import clusters_of, intervals
from hilum.records import Figure, Film
from hilum.workflows.acquisition_groups import DescribedFilms

FOLDS, SEED = 5, 1
INTACT = "as they are"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """Films of one bundle's validation, scored under every shift.

    Attributes:
        classes: the positive one last.
        coverage: what the bundle's sets promise.
        labels: (n,) int.
        patients: whose film each is; of an unknown patient a name of the film's own, which begins with a zero byte.
        groups: (n,) int, of acquisition.
        probs: by battery, then by shift: (n, classes); `INTACT` has one shift of that name.
    """

    classes: tuple[str, ...]
    coverage: float
    labels: NDArray[np.intp]
    patients: tuple[str, ...]
    groups: NDArray[np.intp]
    probs: dict[str, dict[str, Floats]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: of the battery, the shift or the group.
        before: coverage of each class by split conformal prediction.
        after: coverage of each class by the worst case.
        size: the mean number of classes in a set, after.
        single: the share of films with one class, after.
        right: the share of these that have the film's class.
    """

    name: str
    before: tuple[Figure, ...]
    after: tuple[Figure, ...]
    size: float
    single: Figure
    right: float


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--data", required=True)
    parser.add_argument("--split", default="val")
    parser.add_argument("--shifts", action="store_true", help="a row for each shift too")
    arguments = parser.parse_args()
    detector = Detector(arguments.bundle)
    films = as_manifest(arguments.data).split(arguments.split).labelled_by(detector.spec.recipe.labels)
    scored = score(detector, [film for film in films if film.label])
    known = sum(not patient.startswith("\0") for patient in set(scored.patients))
    print(f"{len(scored.labels)} films of {known} patients; promised: {scored.coverage:.2f} of each class\n")
    names = " | ".join(f"{name}, before | after" for name in scored.classes)
    print(f"| films | {names} | classes in a set | one class | of these right |")
    print("|---" * (2 * len(scored.classes) + 4) + "|")
    for row in rows(scored, arguments.shifts):
        shares = " | ".join(
            f"{in_words(old)} | {in_words(new)}" for old, new in zip(row.before, row.after, strict=True)
        )
        print(f"| {row.name} | {shares} | {row.size:.2f} | {in_words(row.single)} | {row.right:.3f} |")


def score(detector: Detector, films: Sequence[Film]) -> Scored:
    """Score films under every shift of the three batteries."""
    every = {name: shift for battery in shifts.BATTERIES.values() for name, shift in battery.shifts.items()}
    spec = detector.spec
    described = DescribedFilms()
    read, probs = shifts.probs_under_shifts(
        detector.probs, films, spec.recipe.pixels, detector.lungs, every, look_at=described.look_at
    )
    by_shift = dict(zip(every, probs[1:], strict=True))
    return Scored(
        classes=spec.classes,
        coverage=spec.conformal.coverage if spec.conformal else 0.9,
        labels=np.array([spec.classes.index(film.label) for film in read], dtype=np.intp),
        patients=tuple(film.patient or f"\0{number}" for number, film in enumerate(read)),
        groups=described.group_of(read, SEED),
        probs={INTACT: {INTACT: probs[0]}}
        | {name: {shift: by_shift[shift] for shift in battery.shifts} for name, battery in shifts.BATTERIES.items()},
    )


def rows(scored: Scored, each_shift: bool = False) -> Iterator[Row]:
    """The lines of the table."""
    for battery, by_shift in scored.probs.items():
        old, new = (held_out_sets(scored, battery, None, worst) for worst in (False, True))
        yield row_of(battery, scored, old, new, np.ones(len(scored.labels), dtype=bool))
        if each_shift and battery != INTACT:
            for number, shift in enumerate(by_shift):
                one = slice(number, number + 1)
                yield row_of(f"· {shift}", scored, old[one], new[one], np.ones(len(scored.labels), dtype=bool))
    for group in np.unique(scored.groups):
        old, new = (held_out_sets(scored, INTACT, int(group), worst) for worst in (False, True))
        yield row_of(f"group {group + 1}, as they are", scored, old, new, scored.groups == group)


def held_out_sets(scored: Scored, battery: str, group: int | None, worst: bool) -> NDArray[np.bool_]:
    """Sets of a battery's films, (shifts, n, classes), by fits without their patients, the battery and the group."""
    from sklearn.model_selection import StratifiedGroupKFold

    tested = np.stack(list(scored.probs[battery].values()))
    inside = np.zeros(tested.shape, dtype=bool)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
    for others, held in folds.split(scored.labels, scored.labels, scored.patients):
        kept = others if group is None else others[scored.groups[others] != group]
        fitted = fit(scored, kept, battery, worst)
        for number, probs in enumerate(tested):
            inside[number, held] = confidence.prediction_sets(fitted, probs[held])
    return inside


def fit(scored: Scored, kept: NDArray[np.intp], left_out: str, worst: bool) -> Conformal:
    """Fit sets on some of the films, without one battery."""
    labels, patients = scored.labels[kept], [scored.patients[each] for each in kept]
    intact = scored.probs[INTACT][INTACT][kept]
    if not worst:
        return confidence.fit_conformal(labels, intact, patients, scored.coverage)
    batteries = [
        np.stack([probs[kept] for probs in by_shift.values()])
        for battery, by_shift in scored.probs.items()
        if battery not in (INTACT, left_out)
    ]
    conditions = confidence.conditions_under_shifts(labels, intact, patients, batteries, scored.groups[kept])
    return confidence.fit_worst_case(conditions, scored.coverage)


def row_of(
    name: str, scored: Scored, old: NDArray[np.bool_], new: NDArray[np.bool_], among: NDArray[np.bool_]
) -> Row:
    """The figures of some films' sets, (shifts, n, classes)."""
    of_class = [among & (scored.labels == number) for number in range(len(scored.classes))]
    single = new.sum(axis=2) == 1
    kept = np.take_along_axis(new, np.broadcast_to(scored.labels[None, :, None], (len(new), len(among), 1)), axis=2)
    right = kept[..., 0] & single
    return Row(
        name,
        tuple(share(scored.patients, old[..., number], films) for number, films in enumerate(of_class)),
        tuple(share(scored.patients, new[..., number], films) for number, films in enumerate(of_class)),
        float(new.sum(axis=2)[:, among].mean()),
        share(scored.patients, single, among),
        float(right[:, among].sum() / max(1, single[:, among].sum())),
    )


def share(patients: Sequence[str], true: NDArray[np.bool_], among: NDArray[np.bool_]) -> Figure:
    """The share of some films for which something is true, (shifts, n), with an interval over patients."""
    values = true.mean(axis=0)[among]
    of_these = [patient for patient, kept in zip(patients, among, strict=True) if kept]

    def statistics(weights: Floats) -> dict[str, Floats]:
        return {"share": weights @ values / weights.sum(axis=-1)}

    return intervals(statistics, clusters_of(np.zeros(len(values), dtype=np.intp), of_these))["share"]


def in_words(figure: Figure) -> str:
    """A share with its interval."""
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3f}"
    return f"{figure.value:.3f} ({figure.low:.3f}–{figure.high:.3f})"


if __name__ == "__main__":
    main()
