"""Where on the film what lies, against scikit-image's blocks and a film with one cell of stripes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.measure import block_reduce

from hilum.classical.features.film import SIDE, ScaledFilm
from hilum.classical.features.layout import layout


def test_each_cell_has_its_mean_and_deviation(film: ScaledFilm) -> None:
    numbers = layout(film)
    for what, how in (("mean", np.mean), ("deviation", np.std)):
        for (row, column), value in np.ndenumerate(block_reduce(film.even.astype(float), SIDE // 8, how)):
            assert numbers[f"{what}, cell {row + 1},{column + 1}"] == pytest.approx(value, abs=1e-5)


def test_edges_show_in_their_cell_and_direction(film: ScaledFilm) -> None:
    even = np.full((SIDE, SIDE), 0.5, dtype=np.float32)
    rows, columns = np.mgrid[:24, :24]
    even[48:72, 24:48] += 0.2 * np.sin(rows / 2)  # row 3, column 2: grey changes downwards
    even[96:120, 96:120] += 0.1 * np.sin((rows - columns) / 3)  # row 5, column 5: along a diagonal
    edges = {name: value for name, value in layout(replace(film, even=even)).items() if name.startswith("edges")}
    assert len(edges) == 8 * 8 * 8
    assert max(edges, key=lambda name: edges[name]) == "edges 90°, cell 3,2"
    diagonal = {name: value for name, value in edges.items() if name.endswith("cell 5,5")}
    assert max(diagonal, key=lambda name: diagonal[name]) == "edges 135°, cell 5,5"
    assert max(diagonal.values()) < edges["edges 90°, cell 3,2"]
    assert all(value < 1e-6 for name, value in edges.items() if name.endswith("cell 8,8"))


def test_all_edges_together_have_length_1_and_exposure_does_not_matter(film: ScaledFilm) -> None:
    fainter = (film.even / 2 + 0.2).astype(np.float32)
    one, other = layout(film), layout(replace(film, even=fainter))
    edges = [name for name in one if name.startswith("edges")]
    assert np.linalg.norm([one[name] for name in edges]) == pytest.approx(1, abs=1e-3)
    for name in edges:  # rounding turns a gradient that lies between two directions
        assert other[name] == pytest.approx(one[name], abs=0.005)
