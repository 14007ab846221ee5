"""From predictions to an evaluation: the figures, their intervals, and what could not be computed."""

from __future__ import annotations

from hilum.bundle import Spec
from hilum.evaluation.binary import evaluate_binary
from hilum.evaluation.multiclass import evaluate_multiclass
from hilum.evaluation.result_parts import DetectorRecord
from hilum.evaluation.results import Evaluation
from hilum.records import Predictions


def evaluate_predictions(predictions: Predictions, resamples: int = 2000, seed: int = 0) -> Evaluation:
    """Compare predictions with the labels of their films.

    Args:
        predictions: films without a label or with an error are counted, and no figure is of them.
        resamples: of the patients, for the 95% intervals; 0 gives none.
        seed: where their draws start.

    Returns:
        The figures of `metrics.binary_metrics` or `metrics.multiclass_metrics`, with everything else that the
        predictions alone allow; what needs the bundle or the films' pixels is None.

    Raises:
        RequestError: a label that is none of the classes; two classes without a threshold.
    """
    by_classes = evaluate_binary if len(predictions.classes) == 2 else evaluate_multiclass
    return by_classes(predictions, resamples, seed)


def detector_record(spec: Spec) -> DetectorRecord:
    """Which detector is evaluated, and what it costs; None where an old bundle does not say."""
    return DetectorRecord(
        name=spec.recipe.name,
        network=spec.recipe.system,
        size=spec.recipe.pixels.size,
        seal=spec.seal,
        data_fingerprint=spec.data_fingerprint,
        parameters=spec.parameters or None,
        multiply_adds=spec.multiply_adds or None,
        history=list(spec.history),
    )
