"""Films that differ from the others: rotated, upside down, inverted, or of no chest.

Everything is compared with the other films of the set, so most of them have to be upright chest films. What the lung
network says of each film by itself is in `lung_findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.auditing.finding import Finding
from hilum.films.wording import count, listed
from hilum.records.reasons import ROTATED

Floats = NDArray[np.float32]

FEWEST = 30  # films that together say what is usual
# Correlations with the mean film. Of 5,232 films all lie above 0.23 and none comes nearer by being turned;
# photographs, pages, noise and a hand lie below 0.2.
_UNLIKE = 0.2
_INVERTED = -0.2
_NEARER = 0.3
_CHEST = 0.4
# On average 1 for upright films and -1 for upside-down ones. None of the same films lies below, and of their
# upside-down copies 19 in 20 do.
_UPSIDE_DOWN = -0.45
_SIDE = 24

# What seems wrong, and the rotation that puts it right.
_TURNS: dict[str, Callable[[Floats], Floats]] = {
    ROTATED[90]: lambda films: np.rot90(films, 1, (1, 2)),
    ROTATED[270]: lambda films: np.rot90(films, 3, (1, 2)),
}


def find_outliers(squares: NDArray[np.uint8]) -> dict[str, list[int]]:
    """Find films that differ, by what seems to be wrong with them; each film occurs at most once.

    Args:
        squares: (films, side, side) uint8.

    Raises:
        ValueError: fewer than 30 films.
    """
    if len(squares) < FEWEST:
        raise ValueError(f"{len(squares)} films; {FEWEST} are needed")
    films = _standardised(squares)
    usual = films.mean(axis=0)
    usual = (usual - usual.mean()) / (usual.std() + 1e-6)

    def near(turned: Floats) -> Floats:
        nearness: Floats = (turned * usual).mean(axis=(1, 2))
        return nearness

    upright = near(films)
    turned = {name: near(turn(films)) for name, turn in _TURNS.items()}
    best = np.max(list(turned.values()), axis=0)
    # A hand also correlates badly in every position: only what becomes a chest once it is rotated counts as rotated.
    upside = np.maximum(near(films[:, ::-1]), near(films[:, ::-1, ::-1]))
    is_turned = (best > np.maximum(upright + _NEARER, upside)) & (best > _CHEST)
    upside_down = (_uprightness(films) < _UPSIDE_DOWN) & (upside > _CHEST) & ~is_turned
    inverted = (upright < _INVERTED) & ~is_turned & ~upside_down
    unlike = (upright < _UNLIKE) & ~is_turned & ~upside_down & ~inverted
    found = {name: np.flatnonzero(is_turned & (values == best)).tolist() for name, values in turned.items()}
    found[ROTATED[180]] = np.flatnonzero(upside_down).tolist()
    found["inverted"] = np.flatnonzero(inverted).tolist()
    found["unlike"] = np.flatnonzero(unlike).tolist()
    return {name: numbers for name, numbers in found.items() if numbers}


def findings_of(found: dict[str, list[int]], paths: Sequence[str]) -> list[Finding]:
    """A line for each kind; `paths` names the films."""
    lines = []
    for name, numbers in found.items():
        films = [paths[number] for number in numbers]
        one = len(films) == 1
        if name == "unlike":
            kind = "no_chest"
            problem = (
                f"{'is' if one else 'are'} so unlike the others that {'it' if one else 'they'} may show no chest"
            )
            fix = "look at them, and remove what is no chest film"
        elif name == "inverted":
            kind, problem = "inverted", f"{'seems' if one else 'seem'} inverted (bone dark) or of another kind"
            fix = "look at them; invert such films, or correct the DICOM's Photometric Interpretation"
        else:
            kind, problem = "turned", f"{'seems' if one else 'seem'} {name}"
            fix = "look at them, and rotate such films upright"
        lines.append(
            Finding(kind, "warning", f"{count(len(films), 'film')} {problem}: {listed(films)}; {fix}", tuple(films))
        )
    return lines


def _standardised(squares: NDArray[np.uint8]) -> Floats:
    small = [cv2.resize(square, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for square in squares]
    films = np.stack(small).astype(np.float32)
    films -= films.mean(axis=(1, 2), keepdims=True)
    films /= films.std(axis=(1, 2), keepdims=True) + np.float32(1e-3)
    return films


def _uprightness(films: Floats) -> Floats:
    """About 1 for upright films and -1 for upside-down ones, from a ridge regression that saw neither.

    It separates films from their own upside-down copies, and is fitted five times without a fifth of them. In a
    set of mostly upside-down films the upright ones would be found.
    """
    number = len(films)
    up = films.reshape(number, -1)
    down = films[:, ::-1].reshape(number, -1), films[:, ::-1, ::-1].reshape(number, -1)
    folds = np.random.default_rng(0).permutation(number) % 5
    scores = np.empty(number, dtype=np.float32)
    for fold in range(5):
        train = folds != fold
        examples = np.concatenate([up[train], up[train], down[0][train], down[1][train]])
        answers = np.repeat(np.array([1, -1], dtype=np.float32), 2 * int(train.sum()))
        gram = examples.T @ examples + np.float32(60) * np.eye(examples.shape[1], dtype=np.float32)
        scores[~train] = up[~train] @ np.linalg.solve(gram, examples.T @ answers)
    return scores
