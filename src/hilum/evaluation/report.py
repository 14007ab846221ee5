"""The report: one HTML file that needs no network, to be read on a screen, on a phone or on paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hilum import pages
from hilum.bundle.spec import Spec
from hilum.evaluation import binary_report, figures, multiclass_report, reliability_report, wording
from hilum.evaluation.mistakes import HeatOf
from hilum.evaluation.robustness import KINDS
from hilum.files import write_text
from hilum.recipe import Pixels, write_recipe
from hilum.records import Predictions
from hilum.shifts import ACQUISITION, CONTROLS, FAMILIAR, Shift

FAILED_SHOWN = 200  # films that could not be read; predictions.csv names every one
BATTERY_TITLES = {"shifted": "New to training", "familiar": "Of kinds that strong augmentation draws"}


def write_report(
    path: Path,
    spec: Spec,
    metrics: dict[str, Any],
    predictions: Predictions,
    heat_of: HeatOf | None = None,
    *,
    pictures: bool = True,
) -> None:
    """Write what a detector did on some films as one HTML file.

    The same arguments and films give the same bytes. No path is written but those that the predictions carry.

    Args:
        path: the file to write; its folder is made.
        spec: of the bundle that predicted.
        metrics: what `evaluate` gave, with what `shifted` gave under `shifted` and `familiar` where that was
            asked for.
        predictions: the same that were evaluated; the films that it got most wrong are decoded once more.
        heat_of: draws what speaks for a class on a film; without it the worst errors stand there alone.
        pictures: whether the films that it got most wrong are shown, or only named: a report to be shared is no
            place for patients' films.

    Raises:
        RequestError: a label that the bundle does not know.
    """
    write_text(path, render_report(spec, metrics, predictions, heat_of, pictures=pictures))


def render_report(
    spec: Spec,
    metrics: dict[str, Any],
    predictions: Predictions,
    heat_of: HeatOf | None = None,
    *,
    pictures: bool = True,
) -> str:
    """The report as HTML text; see `write_report`."""
    two = len(predictions.classes) == 2
    kind, template = (binary_report, "binary_report.html") if two else (multiclass_report, "multiclass_report.html")
    return pages.render(
        Path(__file__).parent / template,
        {"number": wording.number, "interval": wording.interval, "films": wording.films},
        spec=spec,
        metrics=metrics,
        history=figures.history_figures(spec.history),
        tried=_tried(spec.history),
        nested=next((row["nested_auroc"] for row in spec.history if "nested_auroc" in row), None),
        batteries=[_battery(title, metrics[key]) for key, title in BATTERY_TITLES.items() if metrics.get(key)],
        heated=heat_of is not None,
        reliability=reliability_report.context(metrics),
        severity=figures.severity_figures(metrics["severity"]) if metrics.get("severity") else [],
        controls=_controls(metrics["controls"]) if metrics.get("controls") else [],
        subgroups=[
            (kind, _subgroup_lines(groups, predictions.classes if kind == "cause" else ()))
            for kind, groups in metrics["subgroups"].items()
        ],
        failed=predictions.failed[:FAILED_SHOWN],
        n_failed=len(predictions.failed),
        splits=", ".join(sorted({row.film.split for row in predictions if row.film.split})),
        provenance=_provenance(spec, metrics),
        training_films=[_split_row(name, card.films, card.patients) for name, card in spec.data.items()],
        recipe=write_recipe(spec.recipe),
        **kind.context(spec, metrics, predictions, heat_of, pictures),
    )


def _battery(title: str, battery: dict[str, Any]) -> dict[str, Any]:
    """A battery of shifts: its drawing, and a line for each shift, with what it stands for and its four figures."""
    shifts = {**ACQUISITION.shifts, **FAMILIAR.shifts}
    lines = [("as they are", "", [battery["unshifted"][kind] for kind in KINDS])]
    for name, group in battery["per_shift"].items():
        meaning = _first_line(shifts.get(name))
        if name in battery.get("drawn_in_training", ()):
            meaning += " Not new to this detector: its training drew such films."
        lines.append((wording.plain(name), meaning, [group[kind] for kind in KINDS]))
    lines.append(("mean of the shifts", "", [battery[f"{kind}_mean"] for kind in KINDS]))
    return {"title": title, "figures": battery, "drawing": figures.shifts_figure(battery), "lines": lines}


def _controls(battery: dict[str, Any]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """A line for each film without the lung: what it is, and its AUROC."""
    return [
        (wording.plain(name), _first_line(CONTROLS.shifts.get(name)), [group["auroc"]])
        for name, group in battery["per_shift"].items()
    ]


def _subgroup_lines(
    groups: dict[str, Any], against: tuple[str, ...] = ()
) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """A line for each group: how many films, and its figures; a cause has its own and all of the other class."""
    lines = []
    for name, group in groups.items():
        held = wording.films(group["n"])
        if against:
            negative, positive = against
            held = f"{wording.films(group['n_of'][positive])} against {group['n_of'][negative]:,} {negative}"
        lines.append((name, held, [group[kind] for kind in KINDS]))
    return lines


def _first_line(shift: Shift | None) -> str:
    """What a shift stands for, as its docstring says first."""
    return ((shift.__doc__ if shift else "") or "").partition("\n")[0]


def _provenance(spec: Spec, metrics: dict[str, Any]) -> list[tuple[str, str]]:
    point, calibration = spec.operating_point, spec.calibration
    corrected = "none: the detector's own probabilities" if calibration.method == "none" else calibration.method
    decision = (
        ("Decision", "the most probable class, without a threshold")
        if point.threshold is None
        else ("Threshold", f"{point.threshold:.4g}, rule '{point.rule}', chosen on {point.chosen_on}")
    )
    return [
        ("Recipe", f"{spec.recipe.name} (seed {spec.recipe.seed})"),
        _system(spec),
        ("Preprocessing", _preprocessing(spec.recipe.pixels)),
        decision,
        ("Calibration", corrected + (f", chosen on {calibration.chosen_on}" if calibration.chosen_on else "")),
        ("Intervals", f"95%, {metrics['resamples']:,} resamples of the patients, seed {metrics['seed']}"),
        ("Bundle", f"made {spec.created} by Hilum {spec.hilum}, schema {spec.schema}"),
        ("Bundle's seal", spec.seal or "not sealed"),
        ("Data fingerprint", spec.data_fingerprint),
        ("Code fingerprint", spec.code_fingerprint),
    ]


def _tried(history: Sequence[dict[str, float]]) -> list[tuple[str, str, str, str]]:
    """What cross-validation tried: a line for each choice, with what it kept, its strength and its AUROC."""
    taken = next((row["choice"] for row in history if "nested_auroc" in row), None)
    return [
        (
            f"{row['choice']:.0f}{', taken' if row['choice'] == taken else ''}",
            f"{row['selected']:.0f}" if "selected" in row else "all",
            f"{row['strength']:g}",
            f"{row['folds_auroc']:.4f}",
        )
        for row in history
        if "folds_auroc" in row
    ]


def _system(spec: Spec) -> tuple[str, str]:
    if spec.recipe.classical:
        steps = ", ".join(spec.recipe.classical.steps) or "nothing"
        return "System", f"{spec.recipe.system}; prepared by {steps}"
    return "Network", f"{spec.recipe.model.name}, input normalised by {spec.recipe.model.normalise}"


def _preprocessing(pixels: Pixels) -> str:
    steps = [f"{pixels.size} × {pixels.size} pixels", pixels.resize]
    steps += [f"{pixels.crop:.0%} cut off each border"] if pixels.crop else []
    steps += [pixels.denoise] if pixels.denoise != "none" else []
    steps += [pixels.equalise] if pixels.equalise != "none" else []
    return ", ".join(steps)


def _split_row(name: str, counts: dict[str, int], patients: int) -> tuple[str, str, str, str]:
    total = Counter(counts).total()
    held = ", ".join(f"{label} {count:,}" for label, count in counts.items())
    return name, f"{total:,}", f"{patients:,}" if patients else "unknown", held
