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
from hilum.errors import BundleError, HilumError, RequestError
from hilum.lungs import LungFinder
from hilum.recipe import Classical


class System:
    """Prepares and describes films, and predicts them by a fitted pipeline.

    Attributes:
        spec: the recipe's choices.
        pipeline: from numbers to probabilities.
        lungs: what finds the lungs; None where films are not described by them, or come with them.
        cropped: whether films come cropped to their lungs, and with them.
    """

    def __init__(
        self, spec: Classical, pipeline: Any, lungs: LungFinder | None = None, *, cropped: bool = False
    ) -> None:
        self.spec = spec
        self.pipeline = pipeline
        self.lungs = lungs
        self.cropped = cropped

    def predict(
        self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None
    ) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Compute probabilities of preprocessed films.

        Args:
            squares: (n, size, size) uint8, as `hilum.pixels.preprocess` gives them.
            lungs: (n, size, size) uint8, of films that are cropped to their lungs: not 0 inside them.

        Returns:
            Probabilities, (n, classes), not calibrated yet; and of each film what was not found in it, in words.

        Raises:
            HilumError: a film is described by NaN or infinite numbers.
            RequestError: the films come without the lungs that they are described by.
        """
        if self.cropped and self.spec.uses_lungs and lungs is None:
            raise RequestError(
                "this system describes films by the lungs that they were cropped to, and these squares come without "
                "them; pass the lungs of each square too (Square.lungs), or predict the films themselves"
            )
        described = describe(squares, self.spec, self.lungs, lungs if self.cropped else None)
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
    cropped = spec.recipe.pixels.region == "lungs"
    finder = bundle.lung_finder(opened) if described_by_lungs and not cropped else None
    path = opened.folder / PIPELINE_NAME
    pipeline = read_pipeline(opened.pipeline, path, spec.made_with.get("scikit-learn", "unknown"))
    try:
        known = list(pipeline.classes_)
    except AttributeError:  # its last step is no classifier
        known = []
    if known != list(range(len(spec.classes))):
        raise BundleError(f"{path}: predicts other classes than the bundle's; make the bundle again")
    return System(spec.recipe.classical, pipeline, finder, cropped=cropped)
