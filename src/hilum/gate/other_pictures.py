"""Pictures that are no chest films, drawn, or made of a film's parts: examples that have to be told from films."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from hilum.gate.descriptor import Image8

Draws = np.random.Generator
_Grey = NDArray[np.float32]


def noise(size: int, draws: Draws) -> Image8:
    """Independent pixels, or the same blurred."""
    white = (draws.random((size, size)), draws.normal(0.5, 0.2, (size, size)), draws.random((size, size)) < 0.5)
    pixels: np.ndarray = white[draws.integers(3)].astype(np.float32)
    if draws.random() < 0.5:
        blurred = np.asarray(cv2.GaussianBlur(pixels, (0, 0), size * draws.uniform(0.01, 0.08)))
        pixels = (blurred - blurred.min()) / np.ptp(blurred)
    return _levels(pixels)


def page(size: int, draws: Draws) -> Image8:
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


def shuffled_tiles(film: Image8, draws: Draws) -> Image8:
    """The film cut into 4, 9 or 16 tiles, which change places."""
    number = int(draws.choice([2, 3, 4]))
    side = len(film) // number
    tiles = [film[y * side : (y + 1) * side, x * side : (x + 1) * side] for y in range(number) for x in range(number)]
    order = draws.permutation(len(tiles))
    rows = [
        np.hstack([tiles[place] for place in order[start : start + number]]) for start in range(0, len(tiles), number)
    ]
    return _scaled(np.vstack(rows), len(film))


def small_part(film: Image8, draws: Draws) -> Image8:
    """A square of an eighth to a quarter of the film's side, enlarged."""
    size = len(film)
    side = int(draws.integers(max(2, size // 8), max(3, size // 4)))
    top, left = (int(start) for start in draws.integers(0, size - side + 1, 2))
    return _scaled(film[top : top + side, left : left + side], size)


def limbs(size: int, draws: Draws) -> Image8:
    """Long bones in soft tissue, at any angle."""
    canvas = np.full((size, size), draws.uniform(0, 0.2), np.float32)
    for _ in range(int(draws.integers(1, 6))):
        start, end = (_point(size, draws) for _ in range(2))
        width, grey = max(1, int(size * draws.uniform(0.03, 0.23))), float(draws.uniform(0.2, 0.5))
        cv2.line(canvas, start, end, grey, 2 * width)
        cv2.line(canvas, start, end, grey + 0.3, width)
    return _levels(_soft(canvas, draws))


def shapes(size: int, draws: Draws) -> Image8:
    """Ellipses of any grey, some on top of others."""
    canvas = np.full((size, size), draws.uniform(0, 0.2), np.float32)
    for _ in range(int(draws.integers(1, 9))):
        axes = tuple(max(1, int(size * part)) for part in draws.uniform(0.02, 0.47, 2))
        angle, grey = float(draws.uniform(0, 180)), float(draws.uniform(0.1, 1))
        cv2.ellipse(canvas, _point(size, draws), axes, angle, 0, 360, grey, -1)
    grain = draws.normal(0, draws.uniform(0, 0.05), (size, size)).astype(np.float32)
    return _levels(_soft(canvas, draws) + grain)


def other_picture(film: Image8, seed: int) -> Image8:
    """A picture of the film's size that is no chest film, of one of six kinds, at any quarter turn.

    Args:
        film: (size, size) uint8; two of the kinds are made of its parts.
        seed: decides the kind and all else.
    """
    draws, size = np.random.default_rng(seed), len(film)
    kinds: tuple[Callable[[], Image8], ...] = (
        lambda: shuffled_tiles(film, draws),
        lambda: small_part(film, draws),
        lambda: limbs(size, draws),
        lambda: shapes(size, draws),
        lambda: noise(size, draws),
        lambda: page(size, draws),
    )
    made = kinds[int(draws.integers(len(kinds)))]()
    return np.ascontiguousarray(np.rot90(made, int(draws.integers(4))))


def _point(size: int, draws: Draws) -> tuple[int, int]:
    x, y = (int(value) for value in draws.integers(0, size, 2))
    return x, y


def _soft(canvas: _Grey, draws: Draws) -> _Grey:
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), len(canvas) * draws.uniform(0.004, 0.03)), dtype=np.float32)


def _scaled(picture: Image8, size: int) -> Image8:
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), (size, size), interpolation=cv2.INTER_LINEAR))


def _levels(pixels: np.ndarray) -> Image8:
    return np.asarray(np.rint(np.clip(pixels, 0, 1) * 255), dtype=np.uint8)
