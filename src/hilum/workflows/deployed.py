"""What a bundle deploys, networks or a system without one, and what validation films decide of it."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from hilum.recipe import Recipe
from hilum.records import Manifest
from hilum.workflows.shifted_validation import decide_under_shifts

if TYPE_CHECKING:
    from hilum.batches import FilmBatches
    from hilum.bundle import Bundle, Decisions
    from hilum.bundle.network_payload import NetworkPayload
    from hilum.bundle.write import Payload
    from hilum.classical import System
    from hilum.gate import Gate
    from hilum.lungs import LungFinder
    from hilum.pixels import PixelCache

logger = logging.getLogger("hilum")


class Deployed(Protocol):
    """Networks, or a system without one, as a bundle deploys them."""

    @property
    def payload(self) -> Payload:
        """What the bundle stores."""

    def fit_decisions(self, films: Manifest, classes: tuple[str, ...], recipe: Recipe) -> Decisions:
        """Choose calibration, operating point and prediction sets on films, and give the figures there.

        Args:
            films: whole films, each labelled by one of the classes.
            classes: the positive one last.
            recipe: `[bundle]` says what is chosen, and how; the pixels are the bundle's.

        Raises:
            RequestError: the recipe asks for what these films cannot give.
        """


class DeployedNetworks:
    """One network, or several whose probabilities are averaged."""

    def __init__(self, payload: NetworkPayload, lungs: LungFinder | None = None) -> None:
        """Take what the bundle stores, and its lung network; without one, that which comes with Hilum."""
        self.payload = payload
        self.lungs = lungs

    def fit_decisions(self, films: Manifest, classes: tuple[str, ...], recipe: Recipe) -> Decisions:
        """As `Deployed.fit_decisions`; drawn views or shifts of the films are used where the recipe asks for them."""
        from hilum import models, training

        network, shown = models.InParts(self.payload.model), whole_films(films, classes, recipe, self.lungs)
        if recipe.bundle.calibrated_under:
            decisions = decide_under_shifts(self.payload, films, classes, recipe, self.lungs)
        else:
            decisions = training.choose_operating_point(network, shown, recipe)
        return training.with_controls(decisions, [(network, shown)], recipe)


class DeployedSystem:
    """A system without a network."""

    def __init__(self, system: System, lungs: LungFinder | None = None) -> None:
        """Take a fitted system, and its lung network; without one, that which comes with Hilum."""
        from hilum.classical.payload import PipelinePayload

        self.system = system
        self.lungs = lungs
        self.payload = PipelinePayload(system)

    def fit_decisions(self, films: Manifest, classes: tuple[str, ...], recipe: Recipe) -> Decisions:
        """As `Deployed.fit_decisions`."""
        from hilum import pixels
        from hilum.classical import fit_system

        if recipe.bundle.calibrated_under:
            return decide_under_shifts(self.payload, films, classes, recipe, self.lungs)
        cache = pixels.cache(films, recipe.pixels, lungs=self.lungs)
        return fit_system.fit_decisions(self.system, films, cache, classes, recipe)


def open_deployed(opened: Bundle) -> Deployed:
    """What an opened bundle deploys."""
    from hilum.bundle import lung_finder

    if opened.spec.recipe.classical:
        from hilum.classical import load

        return DeployedSystem(load(opened), lung_finder(opened))
    from hilum.bundle.network_payload import open_networks

    return DeployedNetworks(open_networks(opened), lung_finder(opened))


def whole_films(
    films: Manifest, classes: tuple[str, ...], recipe: Recipe, lungs: LungFinder | None = None
) -> FilmBatches:
    """Squares as a bundle's network is shown them: whole, also where it was trained on crops (`batches.crop`).

    Args:
        films: of one split.
        classes: the positive one last.
        recipe: the bundle's.
        lungs: the bundle's lung network; None takes the one that comes with Hilum.
    """
    from hilum import batches, pixels

    spec = replace(recipe.batches, crop=0, scales=None)
    return batches.make_batches(films, pixels.cache(films, recipe.pixels, lungs=lungs), classes, spec)


def fit_gate(films: Manifest, recipe: Recipe, lungs: LungFinder | None = None) -> Gate | None:
    """Fit the gate of a detector that was trained on these films; None where they are too few."""
    from hilum import gate, pixels

    whole = pixels.whole_film(recipe.pixels)
    cache = pixels.cache(films, whole or recipe.pixels, lungs=None if whole else lungs)
    squares = (cache.films[row] for row in cache.rows(films))
    adults = gate.shipped_adults() if pixels.shows_whole(recipe.pixels) else None
    try:
        return gate.fit_gate(
            squares, [film.patient for film in films], recipe.seed, of_whole=whole is not None, adults=adults
        )
    except ValueError as error:
        logger.info(f"note: no gate stops films that it was not made for: {error}")
        return None


def log_few_films(films: Manifest, classes: tuple[str, ...], split: str = "") -> None:
    """Say which classes have few films, and where patients are unknown, as `hilum evaluate` does of its figures.

    Args:
        films: with labels, on which calibration, threshold and figures rest.
        classes: of the detector.
        split: which films they are, where there are others.
    """
    from hilum.evaluation import notes

    labels = Counter(film.label for film in films)
    patients = [film.patient for film in films]
    for note in (*notes.on_few({name: labels[name] for name in classes}, split), *notes.on_patients(patients)):
        logger.info(f"note: {note}")


def log_without_lungs(films: Manifest, cache: PixelCache) -> None:
    """Say in how many films no lungs were found."""
    if without := cache.without_lungs(films):
        logger.info(
            f"note: no lungs found in {len(without)} of {len(films)} films, which are shown whole; the first is "
            f"{without[0].path}"
        )


def log_sets(decisions: Decisions, classes: tuple[str, ...]) -> None:
    """Say which classes had too few patients for prediction sets."""
    for note in decisions.conformal.notes(classes) if decisions.conformal else ():
        logger.info(f"note: {note}")


def summarize(decisions: Decisions) -> str:
    """What was chosen on validation films, in a line for a terminal."""
    threshold, method = decisions.operating_point.threshold, decisions.calibration.method
    decides = "" if threshold is None else f", threshold {threshold:.3f}"
    corrected = "" if method == "none" else f", calibrated by {method}"
    blanked = decisions.metrics.get("auroc_lungs_blanked")
    without = "" if blanked is None else f", with the lungs blanked {blanked}"
    return f"validation AUROC {decisions.metrics['auroc']}{without}{decides}{corrected}"
