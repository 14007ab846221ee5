"""A bundle's network in 8-bit integers: ranges from train films, measured on validation films."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import LayoutError
from hilum.extras import require
from hilum.records import Manifest

if TYPE_CHECKING:
    import numpy as np

    from hilum.bundle import Bundle
    from hilum.bundle.int8 import Int8

_CALIBRATION_FILMS = 200  # train films, evenly over all: more move no range that matters

logger = logging.getLogger("hilum")


def quantize(opened: Bundle, data: Manifest | str | Path | Sequence[str | Path], path: Path) -> Int8:
    """Write a bundle's network in 8-bit integers, and measure it against the one in float32.

    Args:
        opened: the bundle.
        data: a manifest or what `index` takes, with the films that the network was trained on.
        path: the file to write, ONNX.

    Returns:
        The figures on the val films in both precisions.

    Raises:
        LayoutError: train or val films of some class are missing.
        RequestError: it changes a figure by more than it may.
    """
    require("train", "making an int8 network")

    import numpy as np

    from hilum import films, pixels
    from hilum.bundle import lung_finder
    from hilum.bundle.int8 import compare, golden_probs, refuse_changed
    from hilum.bundle.quantise import quantise
    from hilum.evaluation.truth import require_known_labels

    spec, classes = opened.spec, opened.spec.classes
    matched = films.match_classes(films.as_manifest(data).labelled_by(spec.recipe.labels), classes)
    for note in (*matched.manifest.notes, *matched.notes):
        logger.info(f"note: {note}")
    used = matched.manifest.where(lambda film: film.split in ("train", "val") and bool(film.label))
    val = used.where(lambda film: film.split == "val")
    require_known_labels(val, classes)
    nowhere = [name for name in classes if name not in used.labels]
    if missing := nowhere or [name for name in classes if name not in val.labels]:
        raise LayoutError(f"no val film is labelled {', '.join(missing)}; int8 is measured on some of each class")
    train = used.split("train")
    places = np.unique(np.linspace(0, len(train) - 1, _CALIBRATION_FILMS).astype(int))
    train = Manifest(tuple(train.films[place] for place in places))
    finder = lung_finder(opened)
    cache = pixels.cache(Manifest(train.films + val.films), spec.recipe.pixels, lungs=finder)
    logger.info(f"int8: its ranges are read from {len(train)} train films; it is measured on {len(val)} val films")
    quantise(opened.onnx, cache.films[cache.rows(train)], path)
    squares = cache.films[cache.rows(val)]
    exact, int8 = (_probs_of(opened, each) for each in (opened.onnx, path.read_bytes()))
    record = compare(
        exact(squares),
        int8(squares),
        films.labels_of(val, classes),
        spec.operating_point,
        (f"{len(train)} train films", f"{len(val)} validation films"),
        golden_probs(spec.recipe.pixels, int8, finder),
    )
    refuse_changed(record)
    return record


def _probs_of(opened: Bundle, network: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """From preprocessed films to the calibrated probabilities of one of a bundle's networks."""
    import numpy as np

    from hilum import confidence
    from hilum.bundle import probabilities
    from hilum.inference.engines import BATCH_SIZE, OnnxRuntime
    from hilum.workers import map_batches

    engine = OnnxRuntime(network, "float32")

    def probs(squares: np.ndarray) -> np.ndarray:
        logits = list(map_batches(lambda some: engine.logits(np.stack(some)), squares, BATCH_SIZE))
        return confidence.calibrated(opened.spec.calibration, probabilities(np.stack(logits)))

    return probs
