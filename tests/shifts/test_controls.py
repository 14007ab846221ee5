"""Films without the lung: what is taken away is gone, what is left is as it was."""

from __future__ import annotations

import numpy as np

from hilum.pixels import chest_phantom
from hilum.pixels.lungs import lung_field
from hilum.shifts import CONTROLS

FILM = chest_phantom(3, (224, 224), 0.5)


def test_the_border_alone_is_left() -> None:
    result = CONTROLS.shifts["border_only"](FILM)
    assert (result[22:-22, 22:-22] == np.median(FILM)).all()
    np.testing.assert_array_equal(result[:22], FILM[:22])
    np.testing.assert_array_equal(result[:, -22:], FILM[:, -22:])


def test_nothing_of_the_lungs_is_left() -> None:
    result = CONTROLS.shifts["lungs_blanked"](FILM)
    found = lung_field(FILM).mask
    if found is None:  # then the film's middle is blanked
        found = np.zeros(FILM.shape, dtype=bool)
        found[60:-60, 60:-60] = True
    assert result[found].std() < 0.1 * FILM[found].std()
    assert result.shape == FILM.shape
    assert 0 <= result.min() <= result.max() <= 1
    np.testing.assert_allclose(result[:5], FILM[:5], atol=0.02)
