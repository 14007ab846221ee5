"""How a detector fares when the films had been made elsewhere: the figures under each shift of the battery."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.bundle.spec import Spec
from hilum.errors import FilmError
from hilum.evaluation.evaluate import as_json
from hilum.evaluation.shifts import BATTERY, SHIFTS, Shift
from hilum.evaluation.truth import require_known_labels
from hilum.metrics import auroc, clusters_of, confusion, intervals
from hilum.metrics.counts import Bools, Floats, ratio
from hilum.pixels import decode, preprocess
from hilum.progress import track
from hilum.records import Figure, Film, Manifest

_TOGETHER = 16  # films decoded ahead of the detector; each is one square for every shift

Squares = NDArray[np.uint8]


class Detector(Protocol):
    """What is judged here: a bundle that is loaded, such as `inference.Detector`."""

    @property
    def spec(self) -> Spec:
        """What the bundle says about itself."""

    def probs(self, films: Squares, /) -> NDArray[np.float32]:
        """From preprocessed films `(n, size, size)` to probabilities `(n, classes)`, the positive class last."""


def shifted(
    detector: Detector,
    films: Manifest,
    resamples: int = 2000,
    seed: int = 0,
    shifts: Mapping[str, Shift] = SHIFTS,
    battery: str = BATTERY,
) -> dict[str, Any]:
    """Judge a detector on films under every shift of a battery, at its own threshold.

    Every film is decoded once, shifted at its own resolution and then preprocessed as the bundle says. All intervals
    come from the same resampled patients. Films without a label or that cannot be read are left out and counted.

    Returns:
        For `metrics.json`, key `shifted`: `battery`; `n`, `patients`, `n_failed`, `n_unlabelled`; `threshold`;
        `unshifted`, which is `auroc`, `sensitivity`, `specificity` and `accuracy` of the films as they are, as
        `{"value", "low", "high"}`; `per_shift`, the same four for each shift; `auroc_mean`, `sensitivity_mean`,
        `specificity_mean` and `accuracy_mean` over the shifts; and `auroc_worst`, the AUROC of the shift that
        harms most, which `shift` names. Null where a class is missing.

    Raises:
        RequestError: a label that the bundle does not know, or more than two classes.
    """
    spec = detector.spec
    require_known_labels(films, spec.classes)
    labelled = [film for film in films if film.label]
    read, probs = _probs_under_shifts(detector, labelled, shifts)
    labels = np.array([film.label == spec.classes[-1] for film in read], dtype=bool)
    threshold = spec.operating_point.threshold
    names = ("unshifted", *shifts)
    figures = _figures(names, labels, probs, threshold, [film.patient for film in read], resamples, seed)
    four = {name: figures[name] for name in names}
    per_shift = {name: {key: as_json(figure) for key, figure in group.items()} for name, group in four.items()}
    unshifted = per_shift.pop("unshifted")
    aurocs = {name: value for name in shifts if (value := four[name]["auroc"].value) is not None}
    worst = min(aurocs, key=aurocs.__getitem__) if aurocs else None
    return {
        "battery": battery,
        "n": len(read),
        "patients": len({film.patient for film in read if film.patient}),
        "n_failed": len(labelled) - len(read),
        "n_unlabelled": len(films) - len(labelled),
        "threshold": threshold,
        "unshifted": unshifted,
        "per_shift": per_shift,
        **{f"{kind}_mean": as_json(figure) for kind, figure in figures["mean"].items()},
        "auroc_worst": {"shift": worst, **as_json(four[worst]["auroc"] if worst else Figure(None))},
    }


def _probs_under_shifts(
    detector: Detector, films: list[Film], shifts: Mapping[str, Shift]
) -> tuple[list[Film], Floats]:
    """The films that could be read, and their probabilities of the positive class, `(1 + shifts, films)`."""
    pixels = detector.spec.recipe.pixels

    def squares_of(film: Film) -> Squares | None:
        try:
            grey = decode(film.path, pixels.window, film.sha256)
            views = (grey, *(shift(grey) for shift in shifts.values()))
            return np.stack([preprocess(view, pixels) for view in views])
        except FilmError:
            return None

    read: list[Film] = []
    probs: list[Floats] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ready = _in_order(pool, squares_of, films)
        batch: list[Squares] = []
        for number, (film, squares) in enumerate(track(ready, "shifting films", len(films)), start=1):
            if squares is not None:
                read.append(film)
                batch.append(squares)
            if batch and (len(batch) == _TOGETHER or number == len(films)):
                positive = detector.probs(np.concatenate(batch))[:, -1]
                probs.append(positive.astype(np.float64).reshape(len(batch), -1).T)
                batch.clear()
    return read, np.concatenate(probs, axis=1) if probs else np.zeros((1 + len(shifts), 0))


def _in_order(pool: ThreadPoolExecutor, work: Any, films: list[Film]) -> Iterator[tuple[Film, Squares | None]]:
    """Like `pool.map`, which would decode the whole data set ahead of a slow detector and hold it in memory."""
    waiting: list[tuple[Film, Future[Squares | None]]] = []
    for film in films:
        waiting.append((film, pool.submit(work, film)))
        if len(waiting) >= 2 * _TOGETHER:
            first, future = waiting.pop(0)
            yield first, future.result()
    for first, future in waiting:
        yield first, future.result()


def _figures(
    names: Sequence[str],
    labels: Bools,
    probs: Floats,
    threshold: float,
    patients: list[str],
    resamples: int,
    seed: int,
) -> dict[str, dict[str, Figure]]:
    """The four figures under each shift, and their means over the shifts, from one bootstrap."""

    def statistics(weights: Floats) -> dict[str, Floats]:
        result = {}
        for name, scores in zip(names, probs, strict=True):
            tn, fp, fn, tp = confusion(labels, scores, threshold, weights)
            result[f"{name} auroc"] = auroc(labels, scores, weights)
            result[f"{name} sensitivity"] = ratio(tp, tp + fn)
            result[f"{name} specificity"] = ratio(tn, tn + fp)
            result[f"{name} accuracy"] = ratio(tn + tp, tn + fp + fn + tp)
        for kind in ("auroc", "sensitivity", "specificity", "accuracy"):
            result[f"mean {kind}"] = np.mean([result[f"{name} {kind}"] for name in names[1:]], axis=0)
        return result

    among = {"sensitivity": labels, "specificity": ~labels, "accuracy": np.ones_like(labels)}
    proportions = {f"{name} {key}": mask for name in names for key, mask in among.items()}
    figures = intervals(statistics, clusters_of(labels, patients), resamples, seed, proportions)
    grouped: dict[str, dict[str, Figure]] = {}
    for key, figure in figures.items():
        name, _, kind = key.rpartition(" ")
        grouped.setdefault(name, {})[kind] = figure
    return grouped
