"""Fitting a gate on films alone: no stranger is needed, and none is shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.gate.descriptor import LENGTH, Descriptors, Image8, describe
from hilum.gate.gate import DescriptorDistribution, Gate
from hilum.gate.heuristics import roughness
from hilum.progress import track

LEAST = 20  # films
FOLDS = 5  # parts of the patients, held out in turn
_MOST = 5000  # films: fitting on more takes longer and changes no figure
_AXES = 50
_VIEWS = 2
_USUAL = 0.99  # of films, whose roughness and turns set limits
_ROUGHER = 3.0  # than usual
_CLEARLY = 0.9  # where films look much alike whichever way up, no turn is told by less
_LEAST_REST = 0.001  # of the mean variance


def fit_gate(films: Iterable[Image8], patients: Sequence[str], seed: int = 0, let_through: float = 0.99) -> Gate:
    """Fit a gate on the films that a detector learnt from.

    Each film joins as it is and in two drawn views (up to 20° askew, a third larger or smaller, moved by up to 8%):
    where the patient lay is no reason to stop a film. The limits are chosen by cross-fitting: five times a fifth of
    the patients is held out, and measured by what the others' films give. Validation films stay unseen, so that the
    share of them that passes can be reported.

    Args:
        films: each (size, size) uint8, preprocessed, all of one size; they are read one by one. Of more than 5,000
            so many are drawn.
        patients: one a film, `""` where unknown: that film is then held out as a patient of its own.
        seed: where every draw starts.
        let_through: the share of held-out films that is to pass, above 0 and below 1. Of fewer films than
            1 / (1 - let_through) all pass that were held out.

    Raises:
        ValueError: fewer than 20 films or 5 patients, films that are no squares of bytes, films without a patient
            each, or films that are all the same.
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
            rows.append(describe([film, *(_view(film, draws) for _ in range(_VIEWS))]))
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
    distances, turns = _held_out(described, fold_of[[groups[patient] for patient in of_whom]])
    return Gate(
        films=len(rows),
        patients=len({patient for patient in of_whom if isinstance(patient, str)}),
        let_through=let_through,
        distance=_rank(distances, let_through),
        roughness=_ROUGHER * _rank(np.array(rough), _USUAL),
        turn=min(_rank(turns, _USUAL), _CLEARLY),
        distribution=_fit(described),
    )


def _paired(films: Iterable[Image8], patients: Sequence[str]) -> Iterable[tuple[Image8, str]]:
    shape: tuple[int, ...] | None = None
    for film, patient in zip(films, patients, strict=True):
        shape = shape or film.shape
        if film.dtype != np.uint8 or film.ndim != 2 or film.shape != shape or len(set(shape)) > 1:
            raise ValueError(f"films are squares of bytes, all of one size, and one is {film.shape} {film.dtype}")
        yield film, patient


def _view(film: Image8, draws: np.random.Generator) -> Image8:
    """A film as another operator would have taken it; beyond its edge lies black, or its mirror image."""
    middle = (film.shape[0] - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), draws.uniform(-20, 20), 1)
    zoom, stretch = math.exp(draws.uniform(-0.3, 0.3)), math.exp(draws.uniform(-0.15, 0.15))
    matrix[:, :2] *= np.array([zoom * stretch, zoom / stretch])
    matrix[:, 2] = middle - matrix[:, :2].sum(axis=1) * middle + draws.uniform(-0.08, 0.08, 2) * film.shape[0]
    border = cv2.BORDER_CONSTANT if draws.random() < 0.5 else cv2.BORDER_REFLECT
    view = cv2.warpAffine(film, matrix, film.shape, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(view, dtype=np.uint8)


def _held_out(described: Descriptors, folds: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each film's distance, and a view's against its distance turned, from films of other patients: (n,) both."""
    distances, turns = np.zeros(len(folds)), np.zeros(len(folds))
    for fold in range(FOLDS):
        out = folds == fold
        others = _fit(described[~out])
        distances[out] = others.squared_distances(described[out, 0])
        upright, *turned = others.distances_by_turn(described[out, 1]).T
        turns[out] = upright / np.min(turned, axis=0)
    return distances, turns


def _rank(values: NDArray[np.float64], share: float) -> float:
    """The value that a further one like these stays within with that probability; the largest, of too few."""
    place = math.ceil(share * (len(values) + 1))
    return float(np.sort(values)[min(place, len(values)) - 1])


def _fit(described: Descriptors) -> DescriptorDistribution:
    """The distribution of descriptors, (films, 1 + views, 512)."""
    flat = described.reshape(-1, LENGTH).astype(np.float64)
    variances, axes = np.linalg.eigh(np.cov(flat.T, bias=True))
    number = min(_AXES, len(flat) // 4)
    # Of few films the last variances are 0 but for rounding.
    rest = max(float(variances[:-number].mean()), _LEAST_REST * float(variances.mean()))
    return DescriptorDistribution(
        mean=_bytes(flat.mean(axis=0)),
        axes=_bytes(axes.T[::-1][:number]),
        variances=_bytes(np.maximum(variances[::-1][:number], rest)),
        rest=rest,
    )


def _bytes(values: NDArray[np.float64]) -> bytes:
    return values.astype("<f4").tobytes()
