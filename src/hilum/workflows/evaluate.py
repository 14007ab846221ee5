"""Predictions on labelled films, as numbers with intervals and as a report."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hilum.bundle import require_network
from hilum.errors import RequestError
from hilum.records import Film, Manifest, Predictions

if TYPE_CHECKING:
    from hilum.bundle import Spec
    from hilum.inference.engines import EngineName, Precision

logger = logging.getLogger("hilum")


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
    computed: tuple[EngineName | Literal["auto"], Precision | Literal["auto"]] = ("onnx", "float32"),
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
    detector = Detector(bundle, engine=computed[0], precision=computed[1])
    if prevalence is not None and len(detector.spec.classes) > 2:
        raise RequestError("--prevalence is the share of the positive ones of two classes, and this bundle has more")
    if detector.note:
        logger.info(f"note: {detector.note}")
    heat_of = _heat_of(bundle) if heat_maps else None
    chosen = chosen.labelled_by(detector.spec.recipe.labels)
    require_known_labels(chosen, detector.spec.classes)
    predictions = detector.predict(chosen)
    metrics = {
        **evaluation.evaluate(predictions),
        "split": split,
        **evaluation.measure_reliability(detector.spec, predictions),
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
    from hilum.auditing import SEVERITIES, sentences
    from hilum.auditing import audit as run

    made = run(manifest)
    found = {severity: sentences(made.findings, severity) for severity in SEVERITIES}
    return {"films": len(made.seen), "findings": found, "not_checked": made.not_checked}


def _heat_of(folder: Path) -> Callable[[Film, str], str]:
    """What draws Grad-CAM on a film for a class, by the bundle's torch network."""
    import numpy as np

    from hilum import bundle, explanation
    from hilum.bundle.weights import load_model
    from hilum.evaluation.mistakes import jpeg_of
    from hilum.pixels import read_square

    opened = bundle.read(folder)
    require_network(opened, "heat maps follow a network's gradients; omit --heat-maps")
    model, spec = load_model(opened), opened.spec

    def heat_of(film: Film, named: str) -> str:
        square = read_square(film.path, spec.recipe.pixels, film.sha256).levels
        return jpeg_of(explanation.heat_maps(model, np.stack([square]), spec.classes.index(named))[0])

    return heat_of
