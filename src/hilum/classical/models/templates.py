"""Template matching: pictures of each class are laid over a film, and how well each fits is a number.

A template is the mean of a class's training films, or a medoid: a film that stands for others of its class. The fit
is the normalised cross-correlation (Lewis, "Fast normalized cross-correlation", 1995; OpenCV) where it is best: a
template has lost its border and is moved over the film within reach, so that a chest that lies elsewhere is found.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans

from hilum.workers import map_in_order

Numbers = NDArray[np.float32]

_SMALL = 16  # side at which films of a class are grouped
_FLAT = 1e-6  # deviation of a template that shows nothing
_AT_ONCE = 64  # films that a thread takes


class TemplateScores(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """From grey films to how well each template fits at each scale.

    Attributes:
        templates_: (templates, side, side) float32, those of the first class first; within a class the mean first.
        class_of_: (templates,) int64, which class each stands for.
        sides_: sides, in pixels, at which films and templates are compared.
    """

    def __init__(
        self,
        kind: Literal["mean", "medoids", "both"] = "both",
        per_class: int = 4,
        scales: Sequence[float] = (1.0, 0.5),
        reach: float = 0.08,
        seed: int = 0,
    ) -> None:
        """As `hilum.recipe.Templates`; `seed` is where the grouping for the medoids starts."""
        self.kind = kind
        self.per_class = per_class
        self.scales = scales
        self.reach = reach
        self.seed = seed

    def fit(self, films: Numbers, labels: NDArray[np.int64]) -> TemplateScores:
        """Make the templates.

        Args:
            films: (n, side * side), each film's grey values row by row.
            labels: (n,) indices of classes.
        """
        side = math.isqrt(films.shape[1])
        made: list[Numbers] = []
        of_class: list[int] = []
        for label in np.unique(labels):
            own = films[labels == label]
            templates = [own.mean(axis=0)] if self.kind != "medoids" else []
            if self.kind != "mean":
                templates += list(own[self._medoids(own.reshape(-1, side, side))])
            made += templates
            of_class += [int(label)] * len(templates)
        self.templates_ = np.stack(made).reshape(-1, side, side).astype(np.float32)
        self.class_of_ = np.array(of_class, dtype=np.int64)
        self.sides_ = sorted({max(8, round(side * scale)) for scale in self.scales}, reverse=True)
        return self

    def transform(self, films: Numbers) -> Numbers:
        """Fit every template to every film.

        Args:
            films: (n, side * side), as for `fit`.

        Returns:
            (n, sides * templates) float32 from -1 to 1, the largest side's templates first. Where film or template
            show one even grey, 0.
        """
        side = self.templates_.shape[1]
        squares = np.asarray(films, dtype=np.float32).reshape(-1, side, side)
        cut = [(_resized(self.templates_, each), math.floor(self.reach * each)) for each in self.sides_]
        scores = np.zeros((len(squares), len(cut) * len(self.templates_)), dtype=np.float32)

        def score(start: int) -> None:
            for row in range(start, min(start + _AT_ONCE, len(squares))):
                scores[row] = np.concatenate([_fits(squares[row], *templates) for templates in cut])

        deque(map_in_order(score, range(0, len(squares), _AT_ONCE)), maxlen=0)
        return scores

    def _medoids(self, films: NDArray[np.float32]) -> list[int]:
        """Which films stand for their class: of each of its groups, the film nearest to the group's mean."""
        small = _resized(films, min(_SMALL, films.shape[1])).reshape(len(films), -1)
        groups = KMeans(self.per_class, n_init=1, random_state=self.seed).fit(small)
        distances = groups.transform(small)
        return sorted(set(distances.argmin(axis=0).tolist()))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _resized(films: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    if films.shape[1] == side:
        return films
    return np.stack([cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA) for film in films])


def _fits(film: NDArray[np.float32], templates: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """The best fit of each template within reach, (templates,)."""
    side = templates.shape[1]
    small = _resized(film[None], side)[0]
    best = np.zeros(len(templates), dtype=np.float32)
    if small.std() < _FLAT:
        return best
    for number, template in enumerate(templates):
        middle = np.ascontiguousarray(template[reach : side - reach, reach : side - reach])
        if middle.std() >= _FLAT:  # OpenCV says 1 where two even greys meet
            fits = cv2.matchTemplate(small, middle, cv2.TM_CCOEFF_NORMED)
            best[number] = np.clip(fits.max(), -1, 1)
    return best
