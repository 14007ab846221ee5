"""Fitting a gate on training films: no out-of-distribution example is needed, but for what is known of adults."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.gate.adults import Adults, fit_discriminant
from hilum.gate.descriptor import Descriptors, Image8, describe
from hilum.gate.distribution import fit_distribution, rank
from hilum.gate.gate import Gate
from hilum.gate.heuristics import roughness
from hilum.progress import track

LEAST = 20  # films
FOLDS = 5  # parts of the patients, held out in turn
_MOST = 5000  # films: more take longer and change no figure
_VIEWS = 2
_USUAL = 0.99  # share of films whose roughness and rotation set the limits
_ROUGHER = 3.0  # times the usual roughness
_CLEARLY = 0.9  # at most, where films look much alike whichever way up


def fit_gate(
    films: Iterable[Image8],
    patients: Sequence[str],
    seed: int = 0,
    let_through: float = 0.99,
    of_whole: bool = False,
    adults: Adults | None = None,
) -> Gate:
    """Fit a gate on the films that a detector is trained on.

    Each film is used as it is and in two drawn views (rotated by up to 20°, a third larger or smaller, shifted by up
    to 8%), because the patient's position is no reason to reject a film. The limits are chosen by cross-fitting: five
    times a fifth of the patients is held out, and measured by a fit on the others. Validation films are not used, so
    that the share of them that passes can be reported.

    Args:
        films: each (size, size) uint8, preprocessed, all of one size; they are read one by one. Of more than 5,000,
            so many are drawn.
        patients: the patient of each film; a film whose patient is unknown (`""`) counts as a patient of its own.
        seed: of every draw.
        let_through: the share of held-out films that is to pass, above 0 and below 1. With fewer films than
            1 / (1 - let_through) all held-out films pass.
        of_whole: whether these are whole films, and the detector is shown their lungs alone (`Gate.of_whole`).
        adults: what is known of adults' films, where the gate is to stop them; they are stopped only if the training
            films are children's (`hilum.gate.adults`).

    Raises:
        ValueError: fewer than 20 films or 5 patients, films that are not square uint8 arrays, another
            number of patients than of films, or films that are all the same.
    """
    if not 0 < let_through < 1:
        raise ValueError(f"let_through is a share between 0 and 1, not {let_through}")
    draws = np.random.default_rng(seed)
    chosen = set(draws.permutation(len(patients))[:_MOST].tolist())
    rows: list[Descriptors] = []
    rough: list[float] = []
    of_whom: list[str | int] = []
    for number, (film, patient) in enumerate(track(_paired(films, patients), "fitting the gate", len(patients))):
        if number in chosen:
            rows.append(describe_with_views(film, draws))
            rough.append(roughness(film))
            of_whom.append(patient or number)
    groups = {patient: group for group, patient in enumerate(dict.fromkeys(of_whom))}
    if len(rows) < LEAST or len(groups) < FOLDS:
        raise ValueError(
            f"a gate is fitted on {LEAST} films of {FOLDS} patients or more, not on {len(rows)} of {len(groups)}"
        )
    described = np.stack(rows)
    if not np.ptp(described[:, 0], axis=0).any():
        raise ValueError("all films are the same; a gate needs films that differ")
    fold_of = draws.permutation(len(groups)) % FOLDS
    folds = fold_of[[groups[patient] for patient in of_whom]]
    distances, turns = _held_out(described, folds)
    return Gate(
        films=len(rows),
        patients=len({patient for patient in of_whom if isinstance(patient, str)}),
        let_through=let_through,
        distance=rank(distances, let_through),
        roughness=_ROUGHER * rank(np.array(rough), _USUAL),
        turn=min(rank(turns, _USUAL), _CLEARLY),
        distribution=fit_distribution(described),
        of_whole=of_whole,
        adults=fit_discriminant(described, folds, adults, let_through) if adults else None,
    )


def _paired(films: Iterable[Image8], patients: Sequence[str]) -> Iterable[tuple[Image8, str]]:
    shape: tuple[int, ...] | None = None
    for film, patient in zip(films, patients, strict=True):
        shape = shape or film.shape
        if film.dtype != np.uint8 or film.ndim != 2 or film.shape != shape or len(set(shape)) > 1:
            raise ValueError(f"films are squares of bytes, all of one size, and one is {film.shape} {film.dtype}")
        yield film, patient


def describe_with_views(film: Image8, draws: np.random.Generator) -> Descriptors:
    """The descriptors of a film as it is, and of two drawn views of it: (3, 512)."""
    return describe([film, *(_view(film, draws) for _ in range(_VIEWS))])


def _view(film: Image8, draws: np.random.Generator) -> Image8:
    """A film as another operator would have taken it; black or its mirror image beyond its edge."""
    middle = (film.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), draws.uniform(-20, 20), 1)
    zoom, stretch = math.exp(draws.uniform(-0.3, 0.3)), math.exp(draws.uniform(-0.15, 0.15))
    matrix[:, :2] *= np.array([zoom * stretch, zoom / stretch])
    matrix[:, 2] = middle - matrix[:, :2].sum(axis=1) * middle + draws.uniform(-0.08, 0.08, 2) * film.shape[0]
    border = cv2.BORDER_CONSTANT if draws.random() < 0.5 else cv2.BORDER_REFLECT
    view = cv2.warpAffine(film, matrix, film.shape, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(view, dtype=np.uint8)


def _held_out(described: Descriptors, folds: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each film's distance from films of other patients, and the ratio of a view's distance upright and rotated."""
    distances, turns = np.zeros(len(folds)), np.zeros(len(folds))
    for fold in range(FOLDS):
        out = folds == fold
        others = fit_distribution(described[~out])
        distances[out] = others.squared_distances(described[out, 0])
        upright, *turned = others.distances_by_turn(described[out, 1]).T
        turns[out] = upright / np.min(turned, axis=0)
    return distances, turns
