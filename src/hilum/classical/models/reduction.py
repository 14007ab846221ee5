"""Reducing many numbers to few: linear (PCA, LDA) and not (kernel PCA, Isomap). All of these map new films."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, KernelPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import Isomap

Numbers = NDArray[np.float32]

NEIGHBOURS = 10  # that Isomap measures along
LANDMARKS = 1000  # films whose ways to one another Isomap keeps


class OneScale(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divides all numbers by one deviation: their proportions stay, and a Gaussian of their number's width fits them.

    Attributes:
        deviation_: of all training films' numbers together.
    """

    def fit(self, numbers: Numbers, labels: object = None) -> OneScale:
        """Measure the deviation of (n, d) numbers."""
        self.deviation_ = float(np.std(numbers, dtype=np.float64)) or 1.0
        return self

    def transform(self, numbers: Numbers) -> Numbers:
        """The same numbers, (n, d), over the deviation."""
        return np.asarray(numbers / numbers.dtype.type(self.deviation_))


class LandmarkIsomap(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Isomap (Tenenbaum et al., Science 290, 2000) over landmarks (de Silva & Tenenbaum, NIPS 2002).

    Isomap keeps the way from every film to every other, which of 5,000 films is 200 MB. Of more than 1,000 films so
    many are drawn, and the others are laid between them as new films are.

    Attributes:
        isomap_: fitted on the landmarks.
    """

    def __init__(self, components: int = 2, seed: int = 0) -> None:
        """How many numbers it leaves, and where the draw of landmarks starts."""
        self.components = components
        self.seed = seed

    def fit(self, numbers: Numbers, labels: object = None) -> LandmarkIsomap:
        """Measure the ways between landmarks; `numbers` is (n, d)."""
        drawn = np.random.default_rng(self.seed).permutation(len(numbers))[:LANDMARKS]
        # No tree of neighbours: for so few films it saves nothing, and it would have to be stored.
        self.isomap_ = Isomap(
            n_neighbors=NEIGHBOURS, n_components=self.components, neighbors_algorithm="brute", eigen_solver="dense"
        ).fit(numbers[np.sort(drawn)])
        return self

    def transform(self, numbers: Numbers) -> Numbers:
        """Where films, (n, d), lie among the landmarks: (n, components)."""
        return np.asarray(self.isomap_.transform(numbers))


def reducer(reduction: str, components: int, seed: int) -> BaseEstimator:
    """What reduces: `pca`, `lda`, `kernel-pca` or `isomap` of a recipe, not fitted yet.

    Args:
        reduction: its name.
        components: how many numbers it leaves; `lda` counts for itself, one fewer than there are classes.
        seed: where its draws start.
    """
    match reduction:
        case "pca":
            return PCA(components, random_state=seed)
        case "lda":
            # Ledoit and Wolf's shrinkage: of few films the scatter within a class is not known.
            return LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
        case "kernel-pca":
            # A Gaussian of width 1 / d: what is reduced has a deviation of 1.
            return KernelPCA(components, kernel="rbf", eigen_solver="randomized", random_state=seed)
        case "isomap":
            return LandmarkIsomap(components, seed)
    raise ValueError(f"no reduction is called {reduction}")
