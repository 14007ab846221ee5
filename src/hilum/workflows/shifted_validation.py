"""Validation films under shifts, as a bundle is shown them: what threshold, calibration and sets are chosen on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hilum.errors import RequestError
from hilum.metrics.counts import Floats
from hilum.recipe import Recipe
from hilum.records import Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hilum.bundle import Decisions
    from hilum.lungs import LungFinder

logger = logging.getLogger("hilum")


class Predicts(Protocol):
    """What gives probabilities of squares before they are calibrated: a bundle's payload."""

    def probs(self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> Floats:
        """As `bundle.write.Payload.probs`."""


def decide_under_shifts(
    model: Predicts, films: Manifest, classes: tuple[str, ...], recipe: Recipe, lungs: LungFinder | None
) -> Decisions:
    """Choose calibration, threshold and prediction sets on films as they are and under batteries of shifts.

    Args:
        model: before calibration.
        films: each labelled by one of the classes.
        classes: the positive one last.
        recipe: `bundle.calibrated_under` names the batteries.
        lungs: the network that the films are cropped by; None takes the one that comes with Hilum.

    Raises:
        RequestError: a film cannot be read, or the films cannot give what the recipe asks for.
    """
    from hilum import bundle, shifts
    from hilum.workflows.acquisition_groups import DescribedFilms

    batteries = [shifts.BATTERIES[name] for name in recipe.bundle.calibrated_under]
    every = {name: shift for battery in batteries for name, shift in battery.shifts.items()}
    logger.info(f"{len(films)} validation films under {len(every)} shifts, on which its answers are calibrated")
    described = DescribedFilms()
    read, probs = shifts.probs_under_shifts(
        model.probs, list(films), recipe.pixels, lungs, every, look_at=described.look_at
    )
    if len(read) < len(films):
        missing = next(film.path for film in films if film not in read)
        raise RequestError(f"{missing}: cannot be read any more; all films that are calibrated on have to be there")
    names = list(every)
    by_battery = {
        battery.name: np.stack([probs[1 + names.index(shift)] for shift in battery.shifts]) for battery in batteries
    }
    shifted = bundle.ShiftedFilms(by_battery, described.group_of(read, recipe.seed))
    labels = np.array([classes.index(film.label) for film in read], dtype=np.intp)
    patients = [film.patient for film in read]
    words = f"{len(read)} validation films"
    return bundle.fit_decisions([probs[0]], labels, patients, classes, recipe, words, shifted)
