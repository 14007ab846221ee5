"""Films in groups that were taken alike, described while they are read anyway: no film is decoded twice for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.auditing.acquisition import FEWEST_OF_A_CLASS, AcquisitionGroups, Facts, acquisition_groups
from hilum.auditing.acquisition_facts import acquisition_facts
from hilum.errors import LayoutError
from hilum.records import Film, Predictions

if TYPE_CHECKING:
    from hilum.bundle import Spec
    from hilum.evaluation import AcquisitionResult

GROUPS = 5  # of acquisition, at most
SEED = 1  # of the groups that are reported


class DescribedFilms:
    """The facts of acquisition of films, noted as they are decoded.

    Attributes:
        facts: of each film, by its path.
    """

    def __init__(self) -> None:
        self.facts: dict[str, Facts] = {}

    def look_at(self, film: Film, grey: NDArray[np.float32]) -> None:
        """Describe a film by its decoded pixels, (height, width), 0 to 1."""
        self.facts[film.path] = acquisition_facts(grey)

    def groups(self, films: Sequence[Film], seed: int) -> AcquisitionGroups | None:
        """The groups of labelled films that were looked at; None where they do not make two."""
        if not make_groups(films):
            return None
        try:
            return acquisition_groups(films, GROUPS, seed, FEWEST_OF_A_CLASS, self.facts)
        except LayoutError:
            return None

    def group_of(self, films: Sequence[Film], seed: int) -> NDArray[np.intp]:
        """The number of the group of each film, (n,); one group where they are too few for two."""
        found = self.groups(films, seed)
        return np.array([found.group_of[film.path] if found else 0 for film in films], dtype=np.intp)


def make_groups(films: Sequence[Film]) -> bool:
    """Whether there are enough labelled films of each class for two groups."""
    held = Counter(film.label for film in films if film.label)
    return bool(held) and min(held.values()) >= 2 * FEWEST_OF_A_CLASS


def by_acquisition(spec: Spec, predictions: Predictions, described: DescribedFilms) -> AcquisitionResult:
    """The figures of an evaluation by groups of films that were taken alike.

    Args:
        spec: of the bundle that predicted.
        predictions: of films that were looked at, if they are enough for groups.
        described: what was noted of them.
    """
    from hilum.evaluation import measure_acquisition

    films = [row.film for row in predictions if row.film.label and not row.error]
    found = described.groups(films, SEED)
    if found is None:
        note = (
            f"These films do not make two groups that were taken alike with {FEWEST_OF_A_CLASS} films of every class "
            "in each: that is too few to say how the detector does on one acquisition or another."
        )
        return measure_acquisition(spec, predictions, {}, (), FEWEST_OF_A_CLASS, note)
    note = ""
    if len(found.descriptions) < GROUPS:
        note = (
            f"{len(found.descriptions)} groups instead of {GROUPS}: one with fewer than {FEWEST_OF_A_CLASS} films of "
            "a class is too small to say anything, and joined the group that it resembles most."
        )
    return measure_acquisition(spec, predictions, found.group_of, found.descriptions, FEWEST_OF_A_CLASS, note)
