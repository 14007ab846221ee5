"""Pictures that a detector for chest films is shown by mistake, made of films or drawn; no gate is fitted on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from hilum.gate.descriptor import Image8
from hilum.gate.other_pictures import limbs, shapes, shuffled_tiles, small_part

Draws = np.random.Generator


def screen(film: Image8, draws: Draws) -> Image8:
    """A photograph of a screen: the film seen at an angle in a dark bezel, with stripes where two grids interfere."""
    side = len(film)
    rows, columns = np.mgrid[:side, :side]
    pitch, angle = draws.uniform(3, 7), draws.uniform(0, np.pi)
    stripes = 14 * np.sin(2 * np.pi * (rows * np.sin(angle) + columns * np.cos(angle)) / pitch)
    shown = np.clip(0.75 * film + 30 + stripes, 0, 255).astype(np.float32)
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], dtype=np.float32)
    inset = draws.uniform(0.12, 0.25, (4, 2)) * side * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    matrix = cv2.getPerspectiveTransform(corners, (corners + inset).astype(np.float32))
    room = np.full((side, side), draws.uniform(40, 160), dtype=np.float32)
    around = (corners + 0.6 * inset).astype(np.int32)
    cv2.fillConvexPoly(room, around, 12.0)  # the bezel
    inside = cv2.warpPerspective(np.ones_like(shown), matrix, (side, side))
    seen = cv2.warpPerspective(shown, matrix, (side, side))
    return np.asarray(np.rint(inside * seen + (1 - inside) * room), dtype=np.uint8)


def collage(films: Sequence[Image8]) -> Image8:
    """Four films in one picture."""
    first, second, third, fourth = (_half(film, 2, 2) for film in films)
    return np.vstack([np.hstack([first, second]), np.hstack([third, fourth])])


def two_in_one(films: Sequence[Image8]) -> Image8:
    """Two films side by side, such as one before and one after."""
    return np.hstack([_half(film, 1, 2) for film in films[:2]])


def slice_of_chest(size: int, draws: Draws) -> Image8:
    """A CT slice of a chest, drawn: an oval body with two dark lungs, a spine and a heart between them."""
    canvas = np.zeros((size, size), dtype=np.float32)

    def oval(x: float, y: float, wide: float, high: float, grey: float) -> None:
        middle, axes = (round(x * size), round(y * size)), (round(wide * size), round(high * size))
        cv2.ellipse(canvas, middle, axes, float(draws.uniform(-8, 8)), 0, 360, grey, -1)

    wide, high = draws.uniform(0.4, 0.48), draws.uniform(0.28, 0.38)
    oval(0.5, 0.5, wide, high, 0.55)
    for x in (0.5 - 0.5 * wide, 0.5 + 0.5 * wide):
        oval(x, 0.5, 0.36 * wide, 0.7 * high, 0.05)
    oval(0.53, 0.45, 0.3 * wide, 0.35 * high, 0.65)
    oval(0.5, 0.5 + 0.7 * high, 0.06, 0.06, 1.0)
    soft = cv2.GaussianBlur(canvas, (0, 0), 0.008 * size) + draws.normal(0, 0.02, canvas.shape)
    return np.asarray(np.rint(255 * np.clip(soft, 0, 1)), dtype=np.uint8)


def drawing(size: int, draws: Draws) -> Image8:
    """A chest drawn with a pen on paper: outlines of both lungs, ribs, a heart."""
    paper = np.full((size, size), int(draws.integers(215, 256)), dtype=np.uint8)
    ink, pen = int(draws.integers(0, 90)), max(1, size // 64)
    for x in (0.3, 0.7):
        middle = (round((x + draws.uniform(-0.03, 0.03)) * size), round(0.5 * size))
        cv2.ellipse(paper, middle, (round(0.15 * size), round(0.33 * size)), 0, 0, 360, ink, pen, cv2.LINE_AA)
        for y in np.linspace(0.3, 0.7, 5):
            ends = [(round((x + dx) * size), round((y + dy) * size)) for dx, dy in ((-0.12, 0.03), (0.12, -0.03))]
            cv2.line(paper, ends[0], ends[1], ink, 1, cv2.LINE_AA)
    cv2.circle(paper, (round(0.55 * size), round(0.6 * size)), round(0.12 * size), ink, pen, cv2.LINE_AA)
    return paper


def made_pictures(films: Sequence[Image8], seed: int = 7) -> dict[str, list[Image8]]:
    """One picture of each kind for each film, of the films' size.

    Args:
        films: (size, size) uint8, whole.
        seed: of the draws.
    """
    draws, size, number = np.random.default_rng(seed), len(films[0]), len(films)
    beside = [[films[(place + step) % number] for step in range(4)] for place in range(number)]
    kinds: dict[str, Callable[[int], Image8]] = {
        "photographs of screens": lambda place: screen(films[place], draws),
        "collages of four films": lambda place: collage(beside[place]),
        "two films in one picture": lambda place: two_in_one(beside[place]),
        "CT slices, drawn": lambda _: slice_of_chest(size, draws),
        "drawings of a chest": lambda _: drawing(size, draws),
        "limbs, drawn": lambda _: limbs(size, draws),
        "ovals": lambda _: shapes(size, draws),
        "a film cut in tiles that change places": lambda place: shuffled_tiles(films[place], draws),
        "a small part of a film": lambda place: small_part(films[place], draws),
    }
    return {kind: [make(place) for place in range(number)] for kind, make in kinds.items()}


def _half(film: Image8, rows: int, columns: int) -> Image8:
    """The film scaled to a part of its own size."""
    side = len(film)
    return np.asarray(cv2.resize(film, (side // columns, side // rows), interpolation=cv2.INTER_AREA))
