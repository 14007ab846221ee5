"""Golden predictions: a bundle's probabilities, where it was written, of generated films that anyone can draw again.

They are checked whenever a bundle is loaded, so that a runtime, a processor or a preprocessing library that computes
something else is noticed before it reads a patient's film.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hilum.errors import BundleError
from hilum.files import read_regular, write_text
from hilum.pixels import chest_phantom, preprocess
from hilum.recipe import Pixels

_OPACITIES = (0.0, 1.0, 0.0, 1.0)  # one film a seed
TOLERANCE = 0.01  # of a probability: above what processors differ by, below what a reader would notice

Probs = Callable[[np.ndarray], np.ndarray]


def golden_films(spec: Pixels) -> np.ndarray:
    """The generated films, preprocessed: (4, size, size) uint8."""
    phantoms = [chest_phantom(seed, (256, 320), opacity) for seed, opacity in enumerate(_OPACITIES)]
    return np.stack([preprocess(phantom, spec) for phantom in phantoms])


def write_golden(path: Path, spec: Pixels, probs: Probs) -> None:
    """Write the probabilities that `probs` gives for the generated films, rounded to six digits."""
    rows = np.asarray(probs(golden_films(spec)), dtype=np.float64).round(6)
    write_text(path, json.dumps({"films": "chest_phantom", "probs": rows.tolist()}, indent=1) + "\n")


def check_golden(path: Path, spec: Pixels, probs: Probs) -> None:
    """Raise BundleError where a probability differs from the one written by more than `TOLERANCE`."""
    expected = np.array(json.loads(read_regular(path))["probs"])
    given = probs(golden_films(spec))
    worst = float(np.abs(given - expected).max()) if given.shape == expected.shape else float("nan")
    if not worst <= TOLERANCE:
        raise BundleError(
            f"{path.parent}: on generated films this machine gives probabilities that differ by {worst:.3g} from "
            f"those stored with the bundle; install the versions in constraints.txt, or make the bundle again"
        )
