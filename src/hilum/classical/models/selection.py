"""Which of many numbers are kept: those that tell most of the class."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.feature_selection import RFE, SelectorMixin, mutual_info_classif
from sklearn.linear_model import LogisticRegression

Numbers = NDArray[np.float32]
Method = Literal["mutual-information", "recursive", "l1"]

_BINS = 16  # equally filled, of each number, for its mutual information with the class
_STRENGTH = 0.1  # of the linear models that rank: the inverse of their regularisation
_DROPPED = 0.1  # share of the numbers that recursive elimination drops at a time


class Selection(SelectorMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps the numbers that tell most of the class; they have to be of like scale.

    Of what was fitted only the mask stays, which is all that a new film needs.

    Attributes:
        mask_: (d,) bool, which numbers are kept.
    """

    def __init__(self, method: Method = "mutual-information", count: int = 64) -> None:
        """As `hilum.recipe.Classical.select` and `selected`; `l1` counts for itself."""
        self.method = method
        self.count = count

    def fit(self, numbers: Numbers, labels: NDArray[np.int64]) -> Selection:
        """Choose.

        Args:
            numbers: (n, d), standardised.
            labels: (n,) indices of classes.

        Raises:
            ValueError: no number tells anything of the class (`l1`).
        """
        match self.method:
            case "mutual-information":
                # Ranked by what each tells alone (Battiti, IEEE Trans. Neural Networks 5, 1994); ties by place.
                information = mutual_info_classif(_binned(numbers), labels, discrete_features=True)
                self.mask_ = np.zeros(numbers.shape[1], dtype=bool)
                self.mask_[np.argsort(-information, kind="stable")[: self.count]] = True
            case "recursive":
                # Guyon et al., Machine Learning 46 (2002).
                model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=1000)
                self.mask_ = RFE(model, n_features_to_select=self.count, step=_DROPPED).fit(numbers, labels).support_
            case "l1":
                sparse = LogisticRegression(
                    C=_STRENGTH, l1_ratio=1, solver="saga", class_weight="balanced", max_iter=300, tol=1e-3,
                    random_state=0,
                )  # fmt: skip
                self.mask_ = np.any(sparse.fit(numbers, labels).coef_ != 0, axis=0)
                if not self.mask_.any():
                    raise ValueError("a sparse linear model uses none of the numbers")
        return self

    def _get_support_mask(self) -> NDArray[np.bool_]:
        return self.mask_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _binned(numbers: Numbers) -> NDArray[np.int64]:
    """Each number by which sixteenth of the films it lies in, (n, d)."""
    edges = np.quantile(numbers, np.arange(1, _BINS) / _BINS, axis=0)
    return np.stack([np.searchsorted(edge, column) for edge, column in zip(edges.T, numbers.T, strict=True)], axis=1)
