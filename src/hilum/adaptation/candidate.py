"""What may be fitted to a hospital's films, and folds of these films by patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.bundle.adapted import Rung
from hilum.metrics import clusters_of
from hilum.metrics.counts import Floats
from hilum.recipe import Recipe

Rows = NDArray[np.intp]

OUTER_FOLDS = 5  # on which the procedure as a whole is measured
INNER_FOLDS = 3  # on which it chooses


class Fitted(Protocol):
    """A detector after it was fitted to some films."""

    def probs(self, rows: Rows) -> list[Floats]:
        """Probabilities of films, each (rows, classes), not calibrated: of them as they are, then of each view."""


class Candidate(Protocol):
    """One way to fit a detector to films."""

    @property
    def rung(self) -> Rung:
        """How much of the detector it changes."""

    def fit(self, rows: Rows) -> Fitted:
        """Fit it to these films, and to no others."""


@dataclass(frozen=True, slots=True)
class LabelledFilms:
    """The films of a hospital, as everything here sees them: `rows` are places in these arrays.

    Attributes:
        labels: (n,) the number of each film's class.
        patients: whose film each is; empty where nobody knows.
        classes: names; of two, the last one is the positive class.
        recipe: the bundle's; `[bundle]` says how calibration and threshold are chosen.
    """

    labels: NDArray[np.intp]
    patients: tuple[str, ...]
    classes: tuple[str, ...]
    recipe: Recipe

    def patients_of(self, rows: Rows) -> list[str]:
        """Whose these films are."""
        return [self.patients[row] for row in rows]

    def fewest_patients(self) -> tuple[str, int]:
        """The class of which the fewest patients have a film, and how many they are."""
        of_film = clusters_of(self.labels, self.patients).of_film
        counts = [np.unique(of_film[self.labels == number]).size for number in range(len(self.classes))]
        fewest = int(np.argmin(counts))
        return self.classes[fewest], counts[fewest]

    def folds(self, rows: Rows, number: int) -> list[tuple[Rows, Rows]]:
        """Cut some films into folds by patient, each class spread evenly: for each fold all others, and its own."""
        from sklearn.model_selection import StratifiedGroupKFold

        of_film = clusters_of(self.labels, self.patients).of_film
        splitter = StratifiedGroupKFold(number, shuffle=True, random_state=self.recipe.seed)
        cut = splitter.split(rows, self.labels[rows], of_film[rows])
        return [(rows[others], rows[held]) for others, held in cut]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The first rung: the detector gives what it gave, and only what is made of that is chosen anew.

    Attributes:
        given: its probabilities of all films, each (n, classes), not calibrated: first of the films as they are.
    """

    given: Sequence[Floats]

    @property
    def rung(self) -> Rung:
        """The lowest."""
        return "decisions"

    def fit(self, rows: Rows) -> Unchanged:
        """There is nothing to fit."""
        return self

    def probs(self, rows: Rows) -> list[Floats]:
        """As `Fitted.probs`."""
        return [view[rows] for view in self.given]
