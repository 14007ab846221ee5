"""Where on the film what lies, against scikit-image's blocks and a film with one cell of stripes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.measure import block_reduce

from hilum.classical.film import SIDE, Film
from hilum.classical.layout import layout


def test_each_cell_has_its_mean_and_deviation(film: Film) -> None:
    numbers = layout(film)
    for what, how in (("mean", np.mean), ("deviation", np.std)):
        for (row, column), value in np.ndenumerate(block_reduce(film.even.astype(float), SIDE // 8, how)):
            assert numbers[f"{what}, cell {row + 1},{column + 1}"] == pytest.approx(value, abs=1e-5)


def test_edges_show_in_their_cell_and_direction(film: Film) -> None:
    even = np.full((SIDE, SIDE), 0.5, dtype=np.float32)
    even[64:96, 32:64] += 0.2 * np.sin(np.arange(32) / 2)[:, None]  # row 3, column 2: grey changes downwards
    numbers = layout(replace(film, even=even))
    edges = {name: value for name, value in numbers.items() if name.startswith("edges")}
    assert len(edges) == 6 * 6 * 8
    assert max(edges, key=lambda name: edges[name]) == "edges 90°, cell 3,2"
    assert all(value < 1e-6 for name, value in edges.items() if name.endswith("cell 6,6"))


def test_a_cells_edges_have_length_1_where_it_has_any(film: Film) -> None:
    numbers = layout(film)
    cell = [value for name, value in numbers.items() if name.startswith("edges") and name.endswith("cell 3,3")]
    assert np.linalg.norm(cell) == pytest.approx(1, abs=1e-3)
