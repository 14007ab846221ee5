"""The report: one HTML file that needs no network, to be read on a screen, on a phone or on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from hilum import pages
from hilum.bundle.spec import Spec
from hilum.evaluation import figures, wording
from hilum.evaluation.acquisition_report import acquisition_section
from hilum.evaluation.answers_report import answers_section
from hilum.evaluation.binary_report import BinarySection, binary_section
from hilum.evaluation.mistakes import HeatOf, Pictures
from hilum.evaluation.multiclass_report import MulticlassSection, multiclass_section
from hilum.evaluation.origin import origin_of_bundle, origin_of_table
from hilum.evaluation.reliability_report import reliability_section
from hilum.evaluation.result_parts import BatteryResult, ShiftFigures, Subgroup
from hilum.evaluation.results import Evaluation
from hilum.evaluation.robustness import KINDS
from hilum.evaluation.shift_figures import severity_figures, shifts_figure
from hilum.files import write_text
from hilum.records import Figure, Predictions
from hilum.shifts import ACQUISITION, CONTROLS, ELSEWHERE, FAMILIAR, Shift

FAILED_SHOWN = 200  # films that could not be read; predictions.csv names every one

Line = tuple[str, str, list[Figure]]


@dataclass(frozen=True, slots=True)
class BatterySection:
    """A battery of shifts: its figures, their drawing, and a line for each shift; the same of prediction sets."""

    title: str
    figures: BatteryResult
    drawing: Markup | None
    lines: Sequence[Line]
    set_columns: Sequence[str] = ()
    set_lines: Sequence[Line] = ()


def write_report(
    path: Path,
    evaluation: Evaluation,
    predictions: Predictions,
    spec: Spec | None = None,
    heat_of: HeatOf | None = None,
    *,
    pictures: bool = True,
) -> None:
    """Write what a detector did on some films as one HTML file.

    The same arguments and films give the same bytes. No path is written but those that the predictions carry.

    Args:
        path: the file to write; its folder is made.
        evaluation: of the predictions.
        predictions: the same that were evaluated; the worst errors among them are decoded once more.
        spec: of the bundle that predicted; None for probabilities from a table.
        heat_of: draws what speaks for a class on a film; without it the worst errors are shown as they are.
        pictures: whether the worst errors are shown, or only named: a report to be shared is no place for patients'
            films.

    Raises:
        RequestError: a label that is none of the classes.
    """
    write_text(path, render_report(evaluation, predictions, spec, heat_of, pictures=pictures))


def render_report(
    evaluation: Evaluation,
    predictions: Predictions,
    spec: Spec | None = None,
    heat_of: HeatOf | None = None,
    *,
    pictures: bool = True,
) -> str:
    """The report as HTML text; the arguments are those of `write_report`."""
    shown = Pictures(spec.recipe.pixels.window if spec else None, pictures, heat_of)
    section: BinarySection | MulticlassSection
    if len(predictions.classes) == 2:
        template = "binary_report.html"
        section = binary_section(evaluation, predictions, spec.calibration if spec else None, shown)
    else:
        template, section = "multiclass_report.html", multiclass_section(evaluation, predictions, shown)
    origin = origin_of_bundle(spec, evaluation) if spec else origin_of_table(evaluation)
    return pages.render(
        Path(__file__).parent / template,
        {"number": wording.number, "interval": wording.interval, "films": wording.films},
        evaluation=evaluation,
        section=section,
        origin=origin,
        history=figures.history_figures(origin.history),
        batteries=[_battery(title, result) for title, result in _batteries(evaluation)],
        in_brief=_in_brief(evaluation),
        heated=heat_of is not None,
        reliability=reliability_section(evaluation),
        severity=severity_figures(evaluation.severity) if evaluation.severity else [],
        controls=_controls(evaluation.controls) if evaluation.controls else [],
        answers=answers_section(evaluation),
        acquisition=acquisition_section(evaluation),
        subgroups=[
            (kind, _subgroup_lines(groups, predictions.classes if kind == "cause" else ()))
            for kind, groups in evaluation.subgroups.items()
        ],
        coverage_known=all(group.answered for groups in evaluation.subgroups.values() for group in groups.values()),
        failed=predictions.failed[:FAILED_SHOWN],
        n_failed=len(predictions.failed),
        splits=", ".join(sorted({row.film.split for row in predictions if row.film.split})),
    )


def _four(group: ShiftFigures | Subgroup) -> list[Figure]:
    return [getattr(group, kind) for kind in KINDS]


def _batteries(evaluation: Evaluation) -> list[tuple[str, BatteryResult]]:
    """The batteries that were measured, each with its title."""
    titled = (
        ("New to training", evaluation.shifted),
        ("As in other hospitals", evaluation.elsewhere),
        ("Of kinds that strong augmentation draws", evaluation.familiar),
    )
    return [(title, result) for title, result in titled if result]


def _in_brief(evaluation: Evaluation) -> list[Line]:
    """A line for each battery: the AUROC of its films as they are, its mean and its lowest."""
    lines: list[Line] = []
    for title, result in _batteries(evaluation):
        worst = result.auroc_worst
        which = f"Worst: {wording.plain(worst.shift)}." if worst.shift else ""
        lines.append((title, which, [result.unshifted.auroc, result.auroc_mean, worst.figure]))
    return lines


def _battery(title: str, result: BatteryResult) -> BatterySection:
    shifts = {**ACQUISITION.shifts, **ELSEWHERE.shifts, **FAMILIAR.shifts}
    lines = [("unchanged", "", _four(result.unshifted))]
    for name, group in result.per_shift.items():
        meaning = _first_line(shifts.get(name))
        if name in result.drawn_in_training:
            meaning += " Not new to this detector: its training drew such films."
        lines.append((wording.plain(name), meaning, _four(group)))
    lines.append(("mean of the shifts", "", _four(result.mean)))
    sets = {name: group.sets for name, group in (("unchanged", result.unshifted), *result.per_shift.items())}
    known = {wording.plain(name): of_shift for name, of_shift in sets.items() if of_shift}
    columns = [f"Of {name}" for name in next(iter(known.values())).per_class] if known else []
    set_lines = [
        (name, "", [*of_shift.per_class.values(), of_shift.size, of_shift.single, of_shift.single_accuracy])
        for name, of_shift in known.items()
    ]
    return BatterySection(title, result, shifts_figure(result), lines, columns, set_lines)


def _controls(result: BatteryResult) -> list[Line]:
    """A line for each film without the lungs: what it is, and its AUROC."""
    return [
        (wording.plain(name), _first_line(CONTROLS.shifts.get(name)), [group.auroc])
        for name, group in result.per_shift.items()
    ]


def _subgroup_lines(groups: dict[str, Subgroup], against: tuple[str, ...] = ()) -> list[Line]:
    """A line for each group: how many films, its figures, and the share that is answered, where that is known.

    A cause has its own films and all of the other class.
    """
    lines = []
    for name, group in groups.items():
        held = wording.films(group.n)
        if against:
            negative, positive = against
            held = f"{wording.films(group.n_of[positive])} against {group.n_of[negative]:,} {negative}"
        coverage = [group.answered.coverage] if group.answered else []
        lines.append((name, held, [*_four(group), *coverage]))
    return lines


def _first_line(shift: Shift | None) -> str:
    """What a shift stands for, as its docstring says first."""
    return ((shift.__doc__ if shift else "") or "").partition("\n")[0]
