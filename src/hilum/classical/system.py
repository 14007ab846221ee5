"""A system without a network, ready to predict."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum import bundle
from hilum.bundle.consistency import LUNGS_NAME
from hilum.bundle.spec import PIPELINE_NAME
from hilum.classical.features.describe import describe
from hilum.classical.models.pipeline_file import read_pipeline
from hilum.errors import BundleError, HilumError
from hilum.lungs import LungFinder
from hilum.recipe import Classical


class System:
    """Prepares and describes films, and predicts them by a fitted pipeline.

    Attributes:
        spec: the recipe's choices.
        pipeline: from numbers to probabilities.
        lungs: what finds the lungs; None where films are not described by them.
    """

    def __init__(self, spec: Classical, pipeline: Any, lungs: LungFinder | None = None) -> None:
        self.spec = spec
        self.pipeline = pipeline
        self.lungs = lungs

    def predict(self, squares: NDArray[np.uint8]) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Compute probabilities of preprocessed films.

        Args:
            squares: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.

        Returns:
            Probabilities, (n, classes), not calibrated yet; and of each film what was not found in it, in words.

        Raises:
            HilumError: a film is described by NaN or infinite numbers.
        """
        described = describe(squares, self.spec, self.lungs)
        return self.probs_of(described.numbers), described.notes

    def probs_of(self, numbers: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of described films, (n, d): (n, classes), each row adding up to 1."""
        if not np.isfinite(numbers).all():
            raise HilumError("a film is described by NaN or infinite numbers; it cannot be predicted")
        probs = np.asarray(self.pipeline.predict_proba(numbers), dtype=np.float64)
        if not np.isfinite(probs).all():
            raise HilumError("the system gives NaN or infinite probabilities for a film; it cannot be predicted")
        # Of numbers of 4 bytes the sum is 1 but for rounding.
        return np.asarray(probs / probs.sum(axis=1, keepdims=True))


def load(opened: bundle.Bundle) -> System:
    """The system of an opened bundle.

    Raises:
        BundleError: its pipeline cannot be read, or does not fit the bundle.
    """
    spec = opened.spec
    assert spec.recipe.classical is not None
    described_by_lungs = spec.recipe.classical.uses_lungs
    if described_by_lungs and not opened.holds(LUNGS_NAME):
        raise BundleError(
            f"{opened.folder}: {spec.recipe.name} learnt from lungs that an average film found (Hilum 0.2.0 and "
            f"before), and no Hilum since finds them so; train it again: hilum train {spec.recipe.name} --data DIR"
        )
    finder = bundle.lung_finder(opened) if described_by_lungs else None
    path = opened.folder / PIPELINE_NAME
    pipeline = read_pipeline(opened.pipeline, path, spec.made_with.get("scikit-learn", "unknown"))
    try:
        known = list(pipeline.classes_)
    except AttributeError:  # its last step is no classifier
        known = []
    if known != list(range(len(spec.classes))):
        raise BundleError(f"{path}: predicts other classes than the bundle's; make the bundle again")
    return System(spec.recipe.classical, pipeline, finder)
