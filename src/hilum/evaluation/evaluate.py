"""From predictions to `metrics.json`: the figures, their intervals, and what could not be computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hilum.bundle import Spec
from hilum.evaluation.binary import evaluate_binary
from hilum.evaluation.multiclass import evaluate_multiclass
from hilum.evaluation.subgroups import subgroups
from hilum.files import write_text
from hilum.records import Predictions


def evaluate(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Judge predictions by the labels of their films.

    Args:
        predictions: films without a label or with an error are counted, not judged.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Returns:
        What `metrics.json` holds, ready for JSON. Each figure is `{"value", "low", "high"}` with null for what is not
        defined. Always: `n` films judged, of which `patients` known patients, `n_failed` (unreadable) and
        `n_unlabelled` beside them; `threshold` (null with more than two classes); `classes`, of two the positive
        one last; `subgroups`, as `subgroups` gives them; `resamples` and `seed`; and `notes`, sentences on what is
        missing or weak.

        Of two classes: the figures of `metrics.binary_metrics`; `auroc_delong`, the AUROC with DeLong's interval; and
        `confusion` as `tn`, `fp`, `fn`, `tp`.

        Of more: the figures of `metrics.multiclass_metrics` over all classes; `per_class` and `pairs` (by `a|b`), the
        others with their `n`; and `confusion`, for each class how many of its films are called each class.

    Raises:
        RequestError: a label that the bundle does not know.
    """
    by_classes = evaluate_binary if len(predictions.classes) == 2 else evaluate_multiclass
    figures, rest, notes = by_classes(predictions, resamples, seed)
    failed = len(predictions.failed)
    judged = [row for row in predictions if row.film.label and not row.error]
    return {
        **figures,
        "n": len(judged),
        "patients": len({row.film.patient for row in judged if row.film.patient}),
        "n_failed": failed,
        "n_unlabelled": len(predictions) - failed - len(judged),
        **rest,
        "subgroups": subgroups(predictions, resamples, seed),
        "resamples": resamples,
        "seed": seed,
        "notes": notes,
    }


def detector_record(spec: Spec) -> dict[str, Any]:
    """Which detector was judged, and what it costs, for `metrics.json`; null where an old bundle does not say."""
    return {
        "name": spec.recipe.name,
        "network": spec.recipe.system,
        "size": spec.recipe.pixels.size,
        "seal": spec.seal,
        "data_fingerprint": spec.data_fingerprint,
        "parameters": spec.parameters or None,
        "multiply_adds": spec.multiply_adds or None,
        "history": spec.history,
    }


def write_metrics(metrics: dict[str, Any], path: Path) -> None:
    """Write `metrics.json`; what is not defined is null, never NaN."""
    write_text(path, json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
