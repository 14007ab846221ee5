"""From probabilities to answers: another prevalence, prediction sets, the gate, the predicted class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hilum import confidence
from hilum.bundle import Bundle, Spec
from hilum.bundle.read import GATE_NAME
from hilum.errors import FilmError, RequestError
from hilum.inference.checks import check
from hilum.pixels import Square
from hilum.records import Film, Prediction, answer_of

if TYPE_CHECKING:
    from hilum.gate import Gate

Correction = Callable[[np.ndarray], np.ndarray]  # of calibrated probabilities, (n, classes), for a prevalence
# Calibrated probabilities, (n, classes), of preprocessed films and of their lungs where they are cropped to them; and
# a note on each film, or "".
PredictSquares = Callable[[Sequence[np.ndarray], Sequence[np.ndarray] | None], tuple[np.ndarray, tuple[str, ...]]]


def answers(
    spec: Spec,
    gate: Gate | None,
    films: Iterable[Film],
    squares: Sequence[Square | FilmError],
    predict_squares: PredictSquares,
    threshold: float | None,
    correct: Correction,
) -> list[Prediction]:
    """Predict films that are preprocessed, or could not be read.

    Args:
        spec: the bundle's metadata.
        gate: its out-of-distribution check; None where it has none.
        films: which they are.
        squares: each as it was read, or why it could not be.
        predict_squares: computes their probabilities.
        threshold: the decision threshold, after the correction; None with more than two classes.
        correct: the probabilities' correction for a prevalence.
    """
    films = list(films)
    read = [square for square in squares if isinstance(square, Square)]
    readable = [square.levels for square in read]
    lungs = [square.lungs for square in read if square.lungs is not None] or None
    nothing: tuple[np.ndarray, tuple[str, ...]] = np.zeros((0, len(spec.classes))), ()
    batch_probs, notes = predict_squares(readable, lungs) if readable else nothing
    of_read = [(film, square) for film, square in zip(films, squares, strict=True) if isinstance(square, Square)]
    prediction_sets = _prediction_sets(spec, batch_probs)
    checks = check(gate, of_read, smoothed=spec.recipe.pixels.denoise != "none")
    results = zip(correct(batch_probs), prediction_sets, checks, notes, strict=True)
    rows: list[Prediction] = []
    for film, square in zip(films, squares, strict=True):
        if isinstance(square, FilmError):
            answer, why = answer_of(spec.classes, "", None, None, square.reason)
            rows.append(Prediction(film, error=square.reason, answer=answer, why=why))
            continue
        probs, plausible, checked, note = next(results)
        row = tuple(map(float, probs))
        height, width = square.shape
        predicted = spec.classes[predicted_class(row, threshold)]
        flags = tuple(dict.fromkeys(flag for flag in (*checked.flags, note) if flag))
        stopped = checked.stopped or ("" if gate else None)
        answer, why = answer_of(spec.classes, predicted, plausible, stopped, unsure=checked.unsure)
        shape, remarks = (height, width), square.remarks
        rows.append(Prediction(film, row, predicted, "", shape, plausible or (), flags, remarks, answer, why))
    return rows


def predicted_class(probs: Sequence[float], threshold: float | None) -> int:
    """The index of the predicted class: by the threshold for two classes, else the most probable.

    >>> predicted_class((0.4, 0.6), 0.7)
    0
    """
    return int(np.argmax(probs) if threshold is None else probs[1] >= threshold)


def prior_correction(spec: Spec, prevalence: float | None) -> Correction:
    """The function that corrects probabilities from the validation films' prevalence to this one.

    Args:
        spec: the bundle's metadata.
        prevalence: the fraction of positive films, between 0 and 1; None corrects nothing.

    Raises:
        RequestError: the bundle has more than two classes or does not record the prevalence of its validation films.
    """
    if prevalence is None:
        return lambda probs: probs
    if spec.scores is None or len(spec.classes) > 2:
        raise RequestError(
            "this bundle's probabilities cannot be corrected for a prevalence: "
            + ("it has more than two classes" if spec.scores else "it does not record that of its validation films")
        )
    old, new = spec.scores.prior, (1 - prevalence, prevalence)
    return lambda probs: confidence.correct_prior(probs, old, new) if len(probs) else probs


def rules_missing(spec: Spec, gate: Gate | None) -> tuple[str, ...]:
    """What of the rule of the answer (`hilum.records.answer`) a bundle cannot apply, in sentences."""
    missing = []
    if gate is None:
        missing.append("This bundle has no gate: films that it was not made for are answered too.")
    if spec.conformal is None:
        missing.append("This bundle has no prediction sets: its predicted class is its answer, however unsure.")
    else:
        missing += spec.conformal.notes(spec.classes)
    return tuple(missing)


def open_gate(opened: Bundle) -> Gate | None:
    """A bundle's out-of-distribution check, or None; OpenCV is imported only where there is one."""
    content = opened.gate
    if content is None:
        return None
    from hilum.gate import parse_gate

    return parse_gate(content, str(opened.folder / GATE_NAME))


def _prediction_sets(spec: Spec, probs: np.ndarray) -> list[tuple[str, ...] | None]:
    """Each film's conformal prediction set, as class names; None where the bundle has none."""
    if spec.conformal is None:
        return [None] * len(probs)
    return [
        tuple(name for name, inside in zip(spec.classes, row, strict=True) if inside)
        for row in confidence.prediction_sets(spec.conformal, probs)
    ]
