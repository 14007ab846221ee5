"""The report: one HTML file that needs no network, to be read on a screen, on a phone or on paper."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from hilum import __version__
from hilum.bundle.spec import Spec
from hilum.evaluation import figures, wording
from hilum.evaluation.familiar import FAMILIAR
from hilum.evaluation.mistakes import worst_mistakes
from hilum.evaluation.shifts import SHIFTS
from hilum.evaluation.truth import Judged, judged
from hilum.files import write_text
from hilum.recipe import Pixels, write_recipe
from hilum.records import Predictions

FAILED_SHOWN = 200  # films that could not be read; predictions.csv names every one
BATTERY_TITLES = {"shifted": "New to training", "familiar": "Of kinds that strong augmentation draws"}


def write_report(path: Path, spec: Spec, metrics: dict[str, Any], predictions: Predictions) -> None:
    """Write what a detector did on some films as one HTML file.

    The same arguments and films give the same bytes. No path is written but those that the predictions carry.

    Args:
        path: the file to write; its folder is made.
        spec: of the bundle that predicted.
        metrics: what `evaluate` gave, with what `shifted` gave under `shifted` and `familiar` where that was
            asked for.
        predictions: the same that were evaluated; the films that it got most wrong are decoded once more.

    Raises:
        RequestError: a label that the bundle does not know, or more than two classes.
    """
    write_text(path, render_report(spec, metrics, predictions))


def render_report(spec: Spec, metrics: dict[str, Any], predictions: Predictions) -> str:
    """The report as HTML text; see `write_report`."""
    films = judged(predictions)
    threshold = predictions.threshold
    read = [row for row in predictions if not row.error]
    probs = np.array([row.probs[-1] for row in read], dtype=np.float64)
    missed, alarms = worst_mistakes(films, threshold, spec.recipe.pixels.window)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # file names and labels are other people's text
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=wording.number, interval=wording.interval, films=wording.films)
    return environment.get_template("report.html").render(
        spec=spec,
        metrics=metrics,
        negative=predictions.classes[0],
        positive=predictions.classes[-1],
        verdict=wording.verdict(metrics, int((probs >= threshold).sum())),
        failings=wording.failings(metrics),
        rows=_rows(metrics),
        curves=_curves(films, threshold, metrics["seed"]),
        distribution=figures.distribution_figure(
            probs, [row.film.label for row in read], predictions.classes, threshold
        )
        if read
        else None,
        history=figures.history_figures(spec.history),
        batteries=[_battery(title, metrics[key]) for key, title in BATTERY_TITLES.items() if metrics.get(key)],
        missed=missed,
        alarms=alarms,
        failed=predictions.failed[:FAILED_SHOWN],
        n_failed=len(predictions.failed),
        splits=", ".join(sorted({row.film.split for row in predictions if row.film.split})),
        provenance=_provenance(spec, metrics),
        training_films=[_split_row(name, card.films, card.patients) for name, card in spec.data.items()],
        recipe=write_recipe(spec.recipe),
        hilum=__version__,
    )


def _battery(title: str, battery: dict[str, Any]) -> dict[str, Any]:
    """A battery of shifts: its drawing, and a line for each shift, with what it stands for and its four figures."""
    kinds = ("auroc", "sensitivity", "specificity", "accuracy")
    shifts = {**SHIFTS, **FAMILIAR}
    lines = [("as they are", "", [battery["unshifted"][kind] for kind in kinds])]
    for name, group in battery["per_shift"].items():
        meaning = (shifts[name].__doc__ or "").partition("\n")[0] if name in shifts else ""
        lines.append((name.replace("_", " "), meaning, [group[kind] for kind in kinds]))
    lines.append(("mean of the shifts", "", [battery[f"{kind}_mean"] for kind in kinds]))
    return {"title": title, "figures": battery, "drawing": figures.shifts_figure(battery), "lines": lines}


def _rows(metrics: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, meaning and figure of every line of the table."""
    negative, positive = metrics["classes"]
    rows = []
    for key, (name, meaning) in wording.MEANINGS.items():
        # Class names are put in by hand: with format() one that holds braces would break the sentence.
        words = meaning.replace("{positive}", positive).replace("{negative}", negative)
        rows.append((name, words, metrics[key]))
        if key == "sensitivity":
            rows += [
                (f"… {subtype}", f"share of its {wording.films(figure['n'])} found", figure)
                for subtype, figure in metrics["per_subtype"].items()
            ]
    return rows


def _curves(films: Judged, threshold: float, seed: int) -> list[tuple[str, Any]]:
    """Title and drawing of what these labels allow."""
    if not films.rows:
        return []
    curves = [("Reliability: is a probability to be taken at its word?", figures.reliability_figure(films))]
    if films.one_class:
        return curves
    return [
        ("ROC: sensitivity against false alarms", figures.roc_figure(films, threshold, seed)),
        ("Precision against recall", figures.pr_figure(films, threshold)),
        *curves,
    ]


def _provenance(spec: Spec, metrics: dict[str, Any]) -> list[tuple[str, str]]:
    point, calibration = spec.operating_point, spec.calibration
    corrected = "none: the network's own probabilities" if calibration.method == "none" else calibration.method
    return [
        ("Recipe", f"{spec.recipe.name} (seed {spec.recipe.seed})"),
        ("Network", f"{spec.recipe.model.name}, input normalised by {spec.recipe.model.normalise}"),
        ("Preprocessing", _preprocessing(spec.recipe.pixels)),
        ("Threshold", f"{point.threshold:.4g}, rule '{point.rule}', chosen on {point.chosen_on}"),
        ("Calibration", corrected + (f", chosen on {calibration.chosen_on}" if calibration.chosen_on else "")),
        ("Intervals", f"95%, {metrics['resamples']:,} resamples of the patients, seed {metrics['seed']}"),
        ("Bundle", f"made {spec.created} by Hilum {spec.hilum}, schema {spec.schema}"),
        ("Bundle's seal", spec.seal or "not sealed"),
        ("Data fingerprint", spec.data_fingerprint),
        ("Code fingerprint", spec.code_fingerprint),
    ]


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
