"""Out-of-distribution examples that a gate has to reject, generated or made from films: for reports and tests."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from hilum.gate.descriptor import Image8


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
        "noise": [_noise(len(film), draws) for film in films],
        "text": [_page(len(film), draws) for film in films],
    }


def _turned(film: Image8, quarter_turns: int) -> Image8:
    return np.ascontiguousarray(np.rot90(film, quarter_turns))


def _noise(size: int, draws: np.random.Generator) -> Image8:
    white = (draws.random((size, size)), draws.normal(0.5, 0.2, (size, size)), draws.random((size, size)) < 0.5)
    noise: np.ndarray = white[draws.integers(3)].astype(np.float32)
    if draws.random() < 0.5:
        blurred = np.asarray(cv2.GaussianBlur(noise, (0, 0), size * draws.uniform(0.01, 0.08)))
        noise = (blurred - blurred.min()) / np.ptp(blurred)
    return np.asarray(np.rint(np.clip(noise, 0, 1) * 255), dtype=np.uint8)


def _page(size: int, draws: np.random.Generator) -> Image8:
    """Lines of random letters, drawn on a large sheet and scaled down as a scan would be."""
    paper, ink = int(draws.integers(170, 256)), int(draws.integers(0, 90))
    sheet = np.full((1024, 1024), paper, dtype=np.uint8)
    height, font = draws.uniform(1, 3), int(draws.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX]))
    margin, line = int(draws.integers(10, 120)), int(height * draws.uniform(32, 48))
    for row in range(line, 1024, line):
        letters = "".join(draws.choice(list("abcdefghijklmnopqrstuvwxyz      "), 60))
        letters = letters[: int((1024 - 2 * margin) / (20 * height))]
        cv2.putText(sheet, letters, (margin, row), font, height, ink, max(1, round(1.5 * height)), cv2.LINE_AA)
    return np.asarray(cv2.resize(sheet, (size, size), interpolation=cv2.INTER_AREA))
