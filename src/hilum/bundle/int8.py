"""A bundle's network in 8-bit integers: the figures that it keeps, and whether it is accepted. No torch here.

An int8 network is another network: which figures it keeps depends on its weights. So it enters a bundle only with
the bundle's own figures, measured in both precisions on the same validation films.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from hilum import metrics
from hilum.bundle.golden import golden_films
from hilum.bundle.read import INT8_RECORD_NAME, Bundle
from hilum.bundle.seal import part_of, seal
from hilum.bundle.signature import tell_unsigned
from hilum.bundle.spec import OperatingPoint
from hilum.errors import RequestError
from hilum.files import write_text
from hilum.metrics.counts import Floats
from hilum.recipe import Pixels

if TYPE_CHECKING:
    from hilum.lungs import LungFinder

RANKING = 0.001  # of an AUROC
DECIDING = 0.01  # of sensitivity, specificity or accuracy where the bundle decides


class Pair(Struct, frozen=True, forbid_unknown_fields=True):
    """One figure of the same films, in both precisions."""

    float32: float
    int8: float


class Int8(Struct, frozen=True, forbid_unknown_fields=True):
    """The figures of an int8 network beside those of the float32 network.

    Attributes:
        calibrated_on: which films its ranges were read from, in words.
        judged_on: which films it was measured on, in words.
        figures: `auroc`, and at the operating point `sensitivity` and `specificity` or, of more than two classes,
            `accuracy`.
        mean_change: of a probability, over those films.
        largest_change: of a probability.
        probs: what it gives for the generated films of `golden.json`, checked in the same way.
    """

    calibrated_on: str
    judged_on: str
    figures: dict[str, Pair]
    mean_change: float
    largest_change: float
    probs: list[list[float]]


def compare(
    exact: Floats, int8: Floats, labels: np.ndarray, point: OperatingPoint, named: tuple[str, str], golden: Floats
) -> Int8:
    """Measure an int8 network against the bundle's own.

    Args:
        exact: probabilities in float32, (n, classes), calibrated.
        int8: the same films' in int8.
        labels: (n,) indices of classes.
        point: where the bundle decides.
        named: which films the int8 network was calibrated and measured on, in words.
        golden: its probabilities of the generated films, (4, classes).
    """
    before, after = (_figures(probs, labels, point.threshold) for probs in (exact, int8))
    change = np.abs(exact - int8)
    return Int8(
        calibrated_on=named[0],
        judged_on=named[1],
        figures={name: Pair(before[name], after[name]) for name in before},
        mean_change=float(change.mean()),
        largest_change=float(change.max()),
        probs=np.asarray(golden, dtype=np.float64).round(6).tolist(),
    )


def refuse_changed(record: Int8) -> None:
    """Raise RequestError where a figure differs from the bundle's own by more than `RANKING` or `DECIDING`."""
    for name, pair in record.figures.items():
        allowed = RANKING if name == "auroc" else DECIDING
        if not abs(pair.int8 - pair.float32) <= allowed:
            raise RequestError(
                f"int8 does not hold on {record.judged_on}: {in_words(record)}; {name} may change by {allowed:g}. "
                "Nothing was written; keep float32, or bfloat16 by OpenVINO"
            )


def in_words(record: Int8) -> str:
    """Every figure in both precisions."""
    return ", ".join(f"{name} {pair.float32:.4f} becomes {pair.int8:.4f}" for name, pair in record.figures.items())


def golden_probs(
    pixels: Pixels, probs: Callable[[np.ndarray], np.ndarray], lungs: LungFinder | None = None
) -> Floats:
    """What a network gives for the films that `check_golden` shows it."""
    return np.asarray(probs(golden_films(pixels, lungs)), dtype=np.float64)


def add_forms(opened: Bundle, folder: Path, files: Sequence[Path], record: Int8 | None = None) -> Bundle:
    """Write a bundle again that holds its network in more forms.

    Args:
        opened: the bundle.
        folder: the new one's.
        files: the forms, by the names that they get.
        record: what was measured of an int8 network among them.

    Raises:
        RequestError: the folder exists and is no bundle.
    """
    with part_of(folder) as part:
        for name in opened.spec.files:
            (part / name).write_bytes(opened.content(name))
        for path in files:
            shutil.copyfile(path, part / path.name)
        if record is not None:
            write_text(
                part / INT8_RECORD_NAME, msgspec.json.format(msgspec.json.encode(record), indent=1).decode() + "\n"
            )
        written = seal(opened.spec, part, folder)
        tell_unsigned(folder, [opened.folder])
        return written


def _figures(probs: Floats, labels: np.ndarray, threshold: float | None) -> dict[str, float]:
    if threshold is None:
        areas = [float(metrics.auroc(labels == each, probs[:, each])) for each in range(probs.shape[1])]
        return {"auroc": float(np.mean(areas)), "accuracy": float((probs.argmax(axis=1) == labels).mean())}
    positive, scores = labels == 1, probs[:, 1]
    return {
        "auroc": float(metrics.auroc(positive, scores)),
        "sensitivity": float(metrics.sensitivity(positive, scores, threshold)),
        "specificity": float(metrics.specificity(positive, scores, threshold)),
    }
