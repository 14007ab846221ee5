"""Films that lie otherwise than the others: turned, upside down, inverted, or no chest at all.

Everything is judged against the other films of the set, so most of them have to be chests the right way up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.auditing.finding import Finding
from hilum.films.wording import count, listed

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

_TURNS: dict[str, Callable[[Floats], Floats]] = {
    "turned a quarter to the left": lambda films: np.rot90(films, 1, (1, 2)),
    "turned a quarter to the right": lambda films: np.rot90(films, 3, (1, 2)),
}


def find_outliers(squares: NDArray[np.uint8]) -> dict[str, list[int]]:
    """The numbers of the films that lie otherwise, by what seems to be wrong with them; each film once at most.

    Args:
        squares: (films, side, side) uint8.

    Raises:
        ValueError: fewer than 30 films.
    """
    if len(squares) < FEWEST:
        raise ValueError(f"{len(squares)} films; it takes {FEWEST}")
    films = _standardised(squares)
    usual = films.mean(axis=0)
    usual = (usual - usual.mean()) / (usual.std() + 1e-6)

    def near(turned: Floats) -> Floats:
        nearness: Floats = (turned * usual).mean(axis=(1, 2))
        return nearness

    upright = near(films)
    turned = {name: near(turn(films)) for name, turn in _TURNS.items()}
    best = np.max(list(turned.values()), axis=0)
    # A hand also correlates badly in every position: only what becomes a chest once it is turned is called turned.
    upside = np.maximum(near(films[:, ::-1]), near(films[:, ::-1, ::-1]))
    is_turned = (best > np.maximum(upright + _NEARER, upside)) & (best > _CHEST)
    upside_down = (_uprightness(films) < _UPSIDE_DOWN) & (upside > _CHEST) & ~is_turned
    inverted = (upright < _INVERTED) & ~is_turned & ~upside_down
    unlike = (upright < _UNLIKE) & ~is_turned & ~upside_down & ~inverted
    found = {name: np.flatnonzero(is_turned & (values == best)).tolist() for name, values in turned.items()}
    found["upside down"] = np.flatnonzero(upside_down).tolist()
    found["inverted"] = np.flatnonzero(inverted).tolist()
    found["unlike"] = np.flatnonzero(unlike).tolist()
    return {name: numbers for name, numbers in found.items() if numbers}


def findings_of(found: dict[str, list[int]], paths: Sequence[str]) -> list[Finding]:
    """One line for each kind; `paths` names the films."""
    lines = []
    for name, numbers in found.items():
        films = [paths[number] for number in numbers]
        one = len(films) == 1
        if name == "unlike":
            kind = "no_chest"
            says = f"{'is' if one else 'are'} so unlike the others that {'it' if one else 'they'} may show no chest"
            mend = "look, and leave out what is no chest film"
        elif name == "inverted":
            kind, says = "inverted", f"{'seems' if one else 'seem'} inverted (bone dark) or of another kind"
            mend = "look; invert such films, or mend the DICOM's Photometric Interpretation"
        else:
            kind, says = "turned", f"{'seems' if one else 'seem'} {name}"
            mend = "look, and turn such films upright"
        lines.append(
            Finding(kind, "warning", f"{count(len(films), 'film')} {says}: {listed(films)}; {mend}", tuple(films))
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

    It learns to tell films from their own upside-down copies, five times without a fifth of them. A set in which most
    films lie upside down would call the others so.
    """
    number = len(films)
    up = films.reshape(number, -1)
    down = films[:, ::-1].reshape(number, -1), films[:, ::-1, ::-1].reshape(number, -1)
    folds = np.random.default_rng(0).permutation(number) % 5
    told = np.empty(number, dtype=np.float32)
    for fold in range(5):
        train = folds != fold
        examples = np.concatenate([up[train], up[train], down[0][train], down[1][train]])
        answers = np.repeat(np.array([1, -1], dtype=np.float32), 2 * int(train.sum()))
        gram = examples.T @ examples + np.float32(60) * np.eye(examples.shape[1], dtype=np.float32)
        told[~train] = up[~train] @ np.linalg.solve(gram, examples.T @ answers)
    return told
