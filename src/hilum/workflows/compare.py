"""Detectors side by side on the same films, evaluated where they have not been."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import BundleError, RequestError
from hilum.workflows.evaluate import measure

if TYPE_CHECKING:
    from hilum.comparison import Entry

logger = logging.getLogger("hilum")


def _names(folders: Sequence[Path]) -> list[str]:
    """The run's name, also for an evaluation inside it; where two agree, as much of the path as sets them apart."""
    paths = [folder.resolve() for folder in folders]
    if len(set(paths)) < len(paths):
        raise RequestError("one of these folders is named twice; name each once")
    names = [path.parent.name if (path.parent / "bundle").is_dir() else path.name for path in paths]
    length = 1
    while len(set(names)) < len(names):
        length += 1
        names = ["/".join(path.parts[-length:]) for path in paths]
    return names


def _evaluate(run: Path, data: Path | None, split: str, out: Path) -> None:
    logger.info(f"{run}: judging {'its own val films' if data is None else f'{split} of {data}'}")
    films, chosen = (run / "manifest.csv", "val") if data is None else (data, split)
    measure(run / "bundle", films, chosen, out)


def _timed(entries: Sequence[Entry], bundles: dict[str, Path]) -> list[Entry]:
    """The entries with their rates, all measured in one run; those whose bundle is not at hand have none."""
    from hilum import comparison
    from hilum.inference import Detector

    detectors = {}
    for entry in entries:
        try:
            detector = Detector(bundles[entry.name])
        except BundleError:
            continue
        if detector.spec.seal == entry.metrics["detector"]["seal"]:
            detectors[entry.name] = (detector.probs, detector.spec.recipe.pixels.size)
    rates = comparison.films_a_second(detectors)
    return [replace(entry, cost=replace(entry.cost, films_a_second=rates.get(entry.name))) for entry in entries]
