"""Golden predictions: a bundle's probabilities, where it was written, of generated films that anyone can draw again.

They are checked whenever a bundle is loaded, so that a runtime, a processor or a preprocessing library that computes
something else is noticed before it reads a patient's film.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from hilum.errors import BundleError, reason_of
from hilum.files import write_json
from hilum.pixels import chest_phantom
from hilum.pixels.preprocess import preprocess_scaled
from hilum.recipe import Pixels

if TYPE_CHECKING:
    from hilum.lungs import LungFinder

_OPACITIES = (0.0, 1.0, 0.0, 1.0)  # one film a seed
TOLERANCE = 0.01  # of a probability: above what processors differ by, below what a reader would notice

# Of preprocessed films, (n, size, size) uint8, and of their lungs where they are cropped to them, else None.
Probs = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def golden_films(spec: Pixels, lungs: LungFinder | None = None) -> np.ndarray:
    """The generated films, preprocessed: (4, size, size) uint8; `lungs` is the bundle's own lung network."""
    return golden_squares(spec, lungs)[0]


def golden_squares(spec: Pixels, lungs: LungFinder | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """The same, and where films are cropped to their lungs these lungs, (4, size, size) uint8; else None."""
    phantoms = [chest_phantom(seed, (256, 320), opacity) for seed, opacity in enumerate(_OPACITIES)]
    shown = [preprocess_scaled(phantom, spec, phantom.shape, 1, lungs) for phantom in phantoms]
    found = [each.lungs for each in shown if each.lungs is not None]
    return np.stack([each.levels for each in shown]), np.stack(found) if found else None


class Golden(Struct, frozen=True):
    """What `golden.json` holds.

    Attributes:
        films: how they are generated.
        probs: (4, classes), calibrated, rounded to six digits.
        classes: names of the columns; empty in a bundle of before Hilum 0.3, as is `predicted`.
        threshold: as the operating point's.
        predicted: the class that the operating point gives each film.
    """

    probs: tuple[tuple[float, ...], ...]
    films: str = "chest_phantom"
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    predicted: tuple[str, ...] = ()


def write_golden(
    path: Path,
    spec: Pixels,
    probs: Probs,
    classes: Sequence[str],
    threshold: float | None,
    lungs: LungFinder | None = None,
) -> None:
    """Write the probabilities that `probs` gives for the generated films, and what is decided by them.

    Names and threshold stand here a second time, beside the figures that they belong to: classes that were swapped,
    or a threshold that was moved, contradict them.
    """
    rows = np.asarray(probs(*golden_squares(spec, lungs)), dtype=np.float64).round(6)
    golden = Golden(
        tuple(map(tuple, rows.tolist())),
        classes=tuple(classes),
        threshold=threshold,
        predicted=tuple(classes[each] for each in _decided(rows, threshold)),
    )
    write_json(path, golden)


def parse_golden(content: bytes, source: str) -> Golden:
    """Golden predictions from a file's bytes: `golden.json`, or `int8.json`, which holds more beside them.

    Args:
        content: of the file.
        source: names it in an error.

    Raises:
        BundleError: whatever the bytes are, if they are no probabilities of the generated films.
    """
    try:
        return msgspec.json.decode(content, type=Golden)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{source}: damaged ({reason_of(error)}); take the bundle again from where it was made"
        ) from None


def golden_contradiction(golden: Golden, classes: tuple[str, ...], threshold: float | None) -> str:
    """What in golden predictions cannot be so beside a bundle's classes and threshold; empty where all is well."""
    rows = golden.probs
    if len(rows) != len(_OPACITIES) or any(len(row) != len(classes) for row in rows):
        return f"holds other predictions than {len(classes)} probabilities of {len(_OPACITIES)} generated films"
    if any(not (min(row) >= 0 and math.isclose(sum(row), 1, abs_tol=1e-4)) for row in rows):
        return "holds numbers that are no probabilities"
    if not golden.classes:
        return ""
    if golden.classes != classes:
        return f"is of the classes {', '.join(golden.classes)}, and the bundle names {', '.join(classes)}"
    if golden.threshold != threshold:
        return f"was decided at the threshold {golden.threshold}, and the bundle's is {threshold}"
    if golden.predicted != tuple(classes[each] for each in _decided(np.array(rows), threshold)):
        return "names other classes than its probabilities and the threshold give"
    return ""


def check_golden(golden: Golden, folder: Path, spec: Pixels, probs: Probs, lungs: LungFinder | None = None) -> float:
    """Return the largest difference of a probability from the one written.

    Raises:
        BundleError: it is larger than `TOLERANCE`.
    """
    expected, given = np.array(golden.probs), np.asarray(probs(*golden_squares(spec, lungs)))
    if given.shape != expected.shape:
        raise BundleError(
            f"{folder}: gives {given.shape[-1]} probabilities for each film, and the bundle has "
            f"{expected.shape[-1]} classes; make the bundle again"
        )
    worst = float(np.abs(given - expected).max())
    if not worst <= TOLERANCE:
        raise BundleError(
            f"{folder}: on generated films this machine gives probabilities that differ by {worst:.3g} from "
            f"those stored with the bundle; install the versions in constraints.txt, or make the bundle again"
        )
    return worst


def _decided(rows: NDArray[np.float64], threshold: float | None) -> list[int]:
    return [int(row.argmax() if threshold is None else row[1] >= threshold) for row in rows]
