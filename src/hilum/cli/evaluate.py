"""`hilum evaluate`: predictions on labelled films, as numbers with intervals and as a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilum.cli import app, tell
from hilum.cli.classical import refuse_system
from hilum.cli.options import BundleFolder, Data, Engine, Json, Precision, folder_of
from hilum.errors import RequestError
from hilum.records import Film, Manifest, Predictions

if TYPE_CHECKING:
    from hilum.bundle import Spec

_SHOWN = ("auroc", "accuracy", "sensitivity", "specificity", "precision", "f1", "brier", "log_loss", "ece")


@app.command()
def evaluate(
    bundle: BundleFolder,
    data: Data,
    out: Annotated[Path, typer.Option("--out", help="Gets metrics.json, predictions.csv and report.html.")],
    split: Annotated[str, typer.Option("--split", help="train, val, test, or all.")] = "test",
    shifts: Annotated[
        bool, typer.Option("--shifts/--no-shifts", help="Also measure under acquisition shifts.")
    ] = False,
    curves: Annotated[
        bool, typer.Option("--curves/--no-curves", help="Also under more and more of each, in twice the time.")
    ] = False,
    prevalence: Annotated[
        float | None, typer.Option(min=0.001, max=0.999, help="Also what a call is worth where so many are positive.")
    ] = None,
    heat_maps: Annotated[
        bool, typer.Option("--heat-maps/--no-heat-maps", help="Also what speaks for it, on the worst errors (torch).")
    ] = False,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Show the worst errors, or only name them.")
    ] = True,
    audit: Annotated[
        bool, typer.Option("--audit/--no-audit", help="Also what is wrong with all films of --data, as hilum audit.")
    ] = False,
    checklists: Annotated[
        bool, typer.Option("--checklists/--no-checklists", help="Also drafts of CLAIM 2024 and TRIPOD+AI.")
    ] = False,
    engine: Engine = "onnx",
    precision: Precision = "float32",
    as_json: Json = False,
) -> None:
    """Measure a bundle on labelled films, with 95% intervals over patients, and write a report."""
    metrics, predictions = measure(
        bundle,
        data,
        split,
        out,
        shifts=shifts,
        curves=curves,
        prevalence=prevalence,
        audited=audit,
        drafts=checklists,
        heat_maps=heat_maps,
        pictures=pictures,
        computed=(engine, precision),
    )
    typer.echo(json.dumps(metrics, indent=1) if as_json else lay_out(metrics))
    for row in predictions.failed:
        tell(f"hilum: {row.film.path}: {row.error}")
    tell(f"Next: open {out / 'report.html'}")
    raise typer.Exit(1 if predictions.failed else 0)


def measure(
    bundle: Path,
    data: Path,
    split: str,
    out: Path,
    *,
    shifts: bool = False,
    curves: bool = False,
    prevalence: float | None = None,
    audited: bool = False,
    drafts: bool = False,
    heat_maps: bool = False,
    pictures: bool = True,
    computed: tuple[Engine, Precision] = ("onnx", "float32"),
) -> tuple[dict[str, Any], Predictions]:
    """Predict, measure and write all files; returns what `metrics.json` holds, and the predictions."""
    from hilum import evaluation, films
    from hilum.evaluation.truth import require_known_labels
    from hilum.files import write_text
    from hilum.inference import Detector
    from hilum.records import write_predictions
    from hilum.shifts import ACQUISITION, CONTROLS, FAMILIAR, SEVERITY

    # Only train and val are ever cut; a data set that is evaluated as it is needs no patients.
    indexed = films.index(data, cut=split in ("train", "val"))
    chosen = indexed.split(split)
    folder = folder_of(bundle)
    detector = Detector(folder, engine=computed[0], precision=computed[1])
    if prevalence is not None and len(detector.spec.classes) > 2:
        raise RequestError("--prevalence is the share of the positive ones of two classes, and this bundle has more")
    if detector.note:
        tell(f"note: {detector.note}")
    heat_of = _heat_of(folder) if heat_maps else None
    chosen = chosen.labelled_by(detector.spec.recipe.labels)
    require_known_labels(chosen, detector.spec.classes)
    predictions = detector.predict(chosen)
    metrics = {
        **evaluation.evaluate(predictions),
        "split": split,
        **evaluation.trust(detector.spec, predictions),
        "gate": evaluation.gatekeeping(detector.spec, detector.gate, predictions),
        "detector": evaluation.detector_record(detector.spec),
        "computed_by": f"{detector.engine.name} {detector.engine.precision}" if detector.engine else None,
    }
    metrics["notes"] += _notes_on_learning(detector.spec, indexed, split)
    if prevalence is not None:
        metrics["at_prevalence"] = evaluation.at_prevalence(predictions, prevalence)
    if shifts or curves:
        batteries = {"shifted": ACQUISITION, "familiar": FAMILIAR, "controls": CONTROLS}
        metrics |= evaluation.under_shifts(detector, chosen, batteries | ({"severity": SEVERITY} if curves else {}))
    if audited:
        metrics["audit"] = _audit_summary(indexed)
    write_predictions(predictions, out / "predictions.csv")
    evaluation.write_metrics(metrics, out / "metrics.json")
    evaluation.write_report(out / "report.html", detector.spec, metrics, predictions, heat_of, pictures=pictures)
    for name, text in evaluation.checklists(detector.spec, metrics).items() if drafts else ():
        write_text(out / name, text)
    return metrics, predictions


def _notes_on_learning(spec: Spec, indexed: Manifest, split: str) -> list[str]:
    """Whether the films are those that the detector was made from."""
    from hilum.bundle.seal import data_fingerprint

    own = indexed.where(lambda film: film.split in ("train", "val")).labelled_by(spec.recipe.labels)
    if split == "test" or data_fingerprint(own) != spec.data_fingerprint:
        return []
    if split == "val":
        return ["These films chose its threshold and its calibration: on films that had no say it may do less well."]
    return ["It learnt from these films: how good it is on films that it has not seen, these figures do not say."]


def _audit_summary(manifest: Manifest) -> dict[str, Any]:
    """What an audit of the films of all splits finds, for `metrics.json`: the sentences of each severity."""
    from hilum.audit import SEVERITIES, sentences
    from hilum.audit import audit as run

    made = run(manifest)
    found = {severity: sentences(made.findings, severity) for severity in SEVERITIES}
    return {"films": len(made.seen), "findings": found, "not_checked": made.not_checked}


def _heat_of(folder: Path) -> Callable[[Film, str], str]:
    """What draws Grad-CAM on a film for a class, by the bundle's torch network."""
    import numpy as np

    from hilum import bundle, explain
    from hilum.bundle.weights import load_model
    from hilum.evaluation.mistakes import jpeg_of
    from hilum.pixels import read_square

    opened = bundle.read(folder)
    refuse_system(opened, "heat maps follow a network's gradients; leave --heat-maps away")
    model, spec = load_model(opened), opened.spec

    def heat_of(film: Film, named: str) -> str:
        square = read_square(film.path, spec.recipe.pixels, film.sha256).levels
        return jpeg_of(explain.heat_maps(model, np.stack([square]), spec.classes.index(named))[0])

    return heat_of


def lay_out(metrics: dict[str, Any]) -> str:
    """The figures of `metrics.json` for a terminal."""
    lines = [f"{metrics['n']} films of {metrics['patients']} known patients, split {metrics['split']}"]
    lines += [_line(name, metrics[name]) for name in _SHOWN]
    if "per_class" in metrics:
        lines.append("(auroc, sensitivity, specificity, precision and f1 are means over the classes)")
        lines += _table("one class against the rest", metrics["per_class"])
        lines += _table("two classes at a time", metrics["pairs"])
    for key in ("shifted", "familiar"):
        battery = metrics.get(key)
        if isinstance(battery, dict):
            lines.append(
                f"-- under the shifts of {battery['battery']}, on average; worst: {battery['auroc_worst']['shift']}"
            )
            lines += [_line(name, battery[f"{name}_mean"]) for name in ("auroc", "sensitivity", "specificity")]
            lines.append(_line("auroc, worst", battery["auroc_worst"]))
    if there := metrics.get("at_prevalence"):
        lines.append(f"-- right calls, where {there['prevalence']:.1%} of films are {metrics['classes'][-1]}")
        lines += [_line(f"{which} calls", there[f"{which}_predictive_value"]) for which in ("positive", "negative")]
    if metrics["notes"]:
        lines += ["-- keep in mind", *(f"   {note}" for note in metrics["notes"])]
    return "\n".join(lines)


def _line(name: str, figure: Any) -> str:
    if figure["value"] is None:
        return f"{name:<16}not defined"
    if figure["low"] is None:
        return f"{name:<16}{figure['value']:.4f}"
    return f"{name:<16}{figure['value']:.4f}  ({figure['low']:.4f} to {figure['high']:.4f})"


def _table(title: str, groups: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each class or pair, without intervals: those are in the report."""
    kinds = list(next(iter(groups.values())))
    width = max(len(name) for name in groups)
    lines = [f"-- {title}", " ".join((" " * width, *(f"{kind:>11}" for kind in kinds)))]
    for name, group in groups.items():
        cells = ("–" if figure["value"] is None else f"{figure['value']:.4f}" for figure in list(group.values())[:-1])
        lines.append(" ".join((f"{name:<{width}}", *(f"{cell:>11}" for cell in cells), f"{group['n']:>11}")))
    return lines
