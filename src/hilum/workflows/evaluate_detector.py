"""How good an open detector is on labelled films, each of which is decoded once unless shifts are asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from hilum.bundle import require_network
from hilum.errors import RequestError
from hilum.records import Film, Manifest, Predictions
from hilum.workflows.seen_films import notes_on_training

if TYPE_CHECKING:
    from hilum.bundle import Bundle
    from hilum.evaluation import Evaluation
    from hilum.gate import Gate
    from hilum.inference import Detector
    from hilum.pixels import Square

logger = logging.getLogger("hilum")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of an evaluation was asked for; the arguments of `evaluate`."""

    shifts: bool = False
    curves: bool = False
    prevalence: float | None = None
    audit: bool = False
    checklists: bool = False
    heat_maps: bool = False
    pictures: bool = True
    threshold: float | None = None
    classes: tuple[str, ...] = ()
    class_names: Mapping[str, Sequence[str]] | None = None


class _FilmsRead:
    """What figures need of the films besides their probabilities, noted as they are read.

    Attributes:
        described: how each film was taken, where the films are enough for groups.
        seen: what the gate was shown of those films of which out-of-distribution images are made, by their paths.
    """

    def __init__(self, films: Manifest, gate: Gate | None) -> None:
        from hilum.evaluation.gatekeeping import source_places
        from hilum.workflows.acquisition_groups import DescribedFilms, make_groups

        self.described = DescribedFilms()
        self.seen: dict[str, NDArray[np.uint8]] = {}
        self._grouped = make_groups(films.films)
        self._gate = gate
        self._sources = {films.films[place].path for place in source_places(len(films))} if gate else set()

    def look_at(self, film: Film, grey: NDArray[np.float32], square: Square) -> None:
        """Note what is needed of a film, whose decoded pixels and square these are."""
        if self._grouped and film.label:
            self.described.look_at(film, grey)
        if self._gate and film.path in self._sources:
            self.seen[film.path] = square.seen(self._gate.of_whole)


def evaluate_detector(
    detector: Detector, indexed: Manifest, split: str, asked: Asked
) -> tuple[Evaluation, Predictions]:
    """Evaluate an open detector on a split of films that have its classes' names."""
    from hilum import evaluation
    from hilum.evaluation.truth import require_known_labels
    from hilum.shifts import ACQUISITION, CONTROLS, ELSEWHERE, FAMILIAR, SEVERITY
    from hilum.workflows.acquisition_groups import by_acquisition

    if asked.threshold is not None:
        raise RequestError("a threshold is for a table of probabilities; a bundle has one of its own")
    if asked.prevalence is not None and len(detector.spec.classes) > 2:
        raise RequestError("--prevalence is the share of the positive ones of two classes, and this bundle has more")
    if detector.note:
        logger.info(f"note: {detector.note}")
    for note in detector.skipped:
        logger.info(f"note: {note}")
    if asked.heat_maps:
        _network_of(detector)  # refuses before a film is read
    chosen = indexed.split(split).labelled_by(detector.spec.recipe.labels)
    require_known_labels(chosen, detector.spec.classes)
    read = _FilmsRead(chosen, detector.gate)
    predictions = detector.predict(chosen, look_at=read.look_at)
    result = evaluation.evaluate_predictions(predictions)
    batteries = {}
    if asked.shifts or asked.curves:
        batteries = {"shifted": ACQUISITION, "elsewhere": ELSEWHERE, "familiar": FAMILIAR, "controls": CONTROLS}
        batteries |= {"severity": SEVERITY} if asked.curves else {}
    result = msgspec.structs.replace(
        result,
        **evaluation.measure_reliability(detector.spec, predictions)._asdict(),
        acquisition=by_acquisition(detector.spec, predictions, read.described),
        gate=evaluation.evaluate_gate(
            detector.spec, detector.gate, predictions, lungs=detector.lungs, seen=read.seen
        ),
        detector=evaluation.detector_record(detector.spec),
        computed_by=f"{detector.engine.name} {detector.engine.precision}" if detector.engine else None,
        notes=(*result.notes, *notes_on_training(detector.spec, detector.folder, indexed, split)),
        **(evaluation.under_shifts(detector, chosen, batteries) if batteries else {}),
    )
    return result, predictions


def _network_of(detector: Detector) -> Bundle:
    require_network(detector.bundle, "heat maps follow a network's gradients; omit --heat-maps")
    return detector.bundle


def heat_maps_of(detector: Detector) -> Callable[[Film, str], str]:
    """What draws Grad-CAM on a film for a class, by the bundle's torch network."""
    import numpy as np

    from hilum import explanation
    from hilum.bundle.weights import load_model
    from hilum.evaluation.mistakes import jpeg_of

    opened = _network_of(detector)
    model, spec = load_model(opened), opened.spec

    def heat_of(film: Film, named: str) -> str:
        square = detector.read_square(film.path, expected_sha256=film.sha256).levels
        return jpeg_of(explanation.heat_maps(model, np.stack([square]), spec.classes.index(named))[0])

    return heat_of
