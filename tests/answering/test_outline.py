"""The line around the lungs lies on the film where the lungs were found, however the recipe shows films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import ConvexHull

from hilum.answering.outline import lung_outline
from hilum.lungs import find_lungs, hull_of
from hilum.pixels import Square, chest_phantom, read_square
from hilum.recipe import Pixels


def filled(points: tuple[tuple[float, float], ...], shape: tuple[int, int]) -> Any:
    """The pixels whose middles lie inside a line, by its half planes."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside = np.ones(shape, dtype=bool)
    for a, b, c in ConvexHull(np.array(points[:-1])).equations:
        inside &= a * columns + b * rows + c <= 1e-9
    return inside


@pytest.mark.parametrize("tags", [{}, {"resize": "pad"}, {"margin": 0.4}, {"margin": 0.4, "resize": "crop"}], ids=str)
def test_it_holds_the_lungs_that_the_lung_network_finds_in_the_film(tmp_path: Path, tags: dict[str, Any]) -> None:
    grey = np.rint(chest_phantom(3, (420, 300)) * 255).astype(np.uint8)
    path = tmp_path / "film.png"
    Image.fromarray(grey).save(path)
    square = read_square(str(path), Pixels(size=160, region="lungs", **tags))
    assert square.region is not None
    points = lung_outline(square, padded=tags.get("resize") == "pad")
    assert points[0] == points[-1]
    top, left, bottom, right = square.region
    assert all(left <= column <= right and top <= row <= bottom for column, row in points)
    mask = find_lungs(grey).mask
    assert mask is not None
    seen = np.zeros_like(mask)
    seen[top:bottom, left:right] = mask[top:bottom, left:right]
    expected, found = hull_of(seen), filled(points, (420, 300))
    assert (expected & found).sum() / (expected | found).sum() > 0.96


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_convex_hull_by_scipy(seed: int) -> None:
    lungs = (np.random.default_rng(seed).random((24, 24)) > 0.98).astype(np.uint8) * np.uint8(255)
    points = lung_outline(Square(lungs, (24, 48), lungs=lungs, region=(0, 0, 24, 48)))
    rows, columns = np.nonzero(lungs)
    corners = np.array(
        [(2 * (x + dx), y + dy) for y, x in zip(rows, columns, strict=True) for dx in (0, 1) for dy in (0, 1)]
    )
    expected = ConvexHull(corners)
    assert set(points) == {(float(x), float(y)) for x, y in corners[expected.vertices]}


def test_a_film_without_lungs_has_none() -> None:
    black = np.zeros((16, 16), np.uint8)
    assert lung_outline(Square(black, (32, 32), lungs=black, region=(0, 0, 32, 32))) == ()
    assert lung_outline(Square(black, (32, 32), region=(0, 0, 32, 32))) == ()
