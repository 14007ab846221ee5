"""Out-of-distribution examples that a gate has to reject, generated or made from films: for reports and tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hilum.gate.descriptor import Image8
from hilum.gate.other_pictures import noise, page


def ood_examples(films: Sequence[Image8], seed: int = 0) -> dict[str, list[Image8]]:
    """Make as many out-of-distribution examples of each kind as there are films, of the films' size.

    Args:
        films: (size, size) uint8, preprocessed; some kinds are their rotations and inversions.
        seed: of the draws.

    Returns:
        By kind: `rotated by 90 degrees` (alternately either way), `rotated by 180 degrees`, `inverted`, `noise`
        (independent pixels, or blurred) and `text` (lines of letters on paper).
    """
    draws = np.random.default_rng(seed)
    return {
        "rotated by 90 degrees": [_turned(film, 1 + 2 * (number % 2)) for number, film in enumerate(films)],
        "rotated by 180 degrees": [_turned(film, 2) for film in films],
        "inverted": [255 - film for film in films],
        "noise": [noise(len(film), draws) for film in films],
        "text": [page(len(film), draws) for film in films],
    }


def _turned(film: Image8, quarter_turns: int) -> Image8:
    return np.ascontiguousarray(np.rot90(film, quarter_turns))
