"""The gate's own figures: how many of these films it stops, and whether it stops what is no chest film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hilum.bundle import Spec
from hilum.errors import FilmError
from hilum.evaluation.result_parts import GateFigures, OodFigures
from hilum.gate import Gate, check_films, ood_examples, stopping
from hilum.gate.descriptor import Image8
from hilum.metrics import auroc, clusters_of
from hilum.metrics.bootstrap import share_of_films
from hilum.pixels import read_square
from hilum.records import Prediction, Predictions
from hilum.workers import map_in_order

if TYPE_CHECKING:
    from hilum.lungs import LungFinder

SOURCE_FILMS = 200  # at most so many are turned into out-of-distribution images


def evaluate_gate(
    spec: Spec,
    gate: Gate | None,
    predictions: Predictions,
    resamples: int = 2000,
    seed: int = 0,
    lungs: LungFinder | None = None,
    seen: Mapping[str, Image8] | None = None,
) -> GateFigures | None:
    """Measure what a gate lets pass: of the films that were predicted, and of images made of some of them.

    Args:
        spec: of the bundle.
        gate: the bundle's, or None where it has none.
        predictions: with their flags; films that could not be read are omitted.
        resamples: of the patients, for the interval of the share that passes.
        seed: of these draws, and of the generated images.
        lungs: the bundle's lung network, where it crops films to the lungs.
        seen: what the gate was shown of films, by their paths; others are read again.

    Returns:
        None where there is no gate or no film.
    """
    rows = [row for row in predictions if not row.error]
    if gate is None or not rows:
        return None
    reasons = [stopping(row.flags) for row in rows]
    passed = np.array([not stops for stops in reasons])
    clusters = clusters_of(np.zeros(len(rows), dtype=int), [row.film.patient for row in rows])
    return GateFigures(
        passed=share_of_films(passed, clusters, resamples, seed),
        n=len(rows),
        reasons=dict(Counter(stop for stops in reasons for stop in stops).most_common()),
        ood_examples=_on_ood_examples(spec, gate, rows, seed, lungs, seen or {}),
    )


def source_places(films: int) -> list[int]:
    """Which of so many films out-of-distribution images are made from: at most 200, evenly spread."""
    places: list[int] = np.unique(np.linspace(0, films - 1, SOURCE_FILMS).astype(int)).tolist() if films else []
    return places


def _on_ood_examples(
    spec: Spec,
    gate: Gate,
    rows: Sequence[Prediction],
    seed: int,
    lungs: LungFinder | None,
    seen: Mapping[str, Image8],
) -> dict[str, OodFigures]:
    def square_of(place: int) -> Image8 | None:
        film = rows[place].film
        if film.path in seen:
            return seen[film.path]
        try:
            return read_square(film.path, spec.recipe.pixels, film.sha256, lungs).seen(gate.of_whole)
        except FilmError:
            return None

    squares = [square for square in map_in_order(square_of, source_places(len(rows))) if square is not None]
    if not squares:  # they can no longer be read
        return {}
    made_of = ood_examples(squares, seed)
    known, *checked = map_in_order(partial(check_films, gate), [squares, *made_of.values()])
    figures = {}
    for (kind, made), strange in zip(made_of.items(), checked, strict=True):
        labels = np.repeat([False, True], [len(squares), len(made)])
        area = float(auroc(labels, np.concatenate([known.scores, strange.scores])))
        figures[kind] = OodFigures(area, float((~strange.passed).mean()))
    return figures
