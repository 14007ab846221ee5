"""Films without the lungs: what is taken away is gone, what is left is as it was."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.lungs import Lungs, find_lungs
from hilum.lungs.found import box_of
from hilum.pixels import chest_phantom
from hilum.shifts import CONTROLS, controls

FILM = chest_phantom(3, (224, 224), 0.5)


def test_the_border_alone_is_left() -> None:
    result = CONTROLS.shifts["border_only"](FILM)
    assert (result[22:-22, 22:-22] == np.median(FILM)).all()
    np.testing.assert_array_equal(result[:22], FILM[:22])
    np.testing.assert_array_equal(result[:, -22:], FILM[:, -22:])


def test_nothing_of_the_lungs_and_of_what_lies_between_them_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    lungs = np.zeros(FILM.shape, dtype=bool)
    lungs[60:150, 40:90] = lungs[60:150, 130:180] = True
    monkeypatch.setattr(controls, "find_lungs", lambda film: Lungs(lungs, 1.0, box=box_of(lungs)))
    result = CONTROLS.shifts["lungs_blanked"](FILM)
    hull = np.s_[60:150, 40:180]  # of two rectangles side by side: the heart between them goes too
    # The edge is soft, so a little of what lies within its width of the outline is left.
    assert np.abs(result[hull] - np.median(FILM)).max() < 0.2 * np.abs(FILM[hull] - np.median(FILM)).max()
    np.testing.assert_allclose(result[75:135, 55:165], np.median(FILM), atol=1e-4)
    np.testing.assert_allclose(result[:40], FILM[:40], atol=1e-4)
    np.testing.assert_allclose(result[:, 200:], FILM[:, 200:], atol=1e-4)


def test_the_middle_is_blanked_where_no_lungs_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controls, "find_lungs", lambda film: Lungs(None, 0.1, reason="nothing in it"))
    result = CONTROLS.shifts["lungs_blanked"](FILM)
    np.testing.assert_allclose(result[60:-60, 60:-60], np.median(FILM), atol=1e-4)
    np.testing.assert_allclose(result[:25], FILM[:25], atol=1e-4)


def test_known_lungs_are_blanked_as_those_that_are_found() -> None:
    found = find_lungs(FILM).mask
    np.testing.assert_array_equal(controls.known_lungs_blanked(FILM, found), CONTROLS.shifts["lungs_blanked"](FILM))
    none = np.zeros(FILM.shape, dtype=bool)
    np.testing.assert_array_equal(controls.known_lungs_blanked(FILM, none), controls.known_lungs_blanked(FILM, None))


def test_the_lung_network_finds_what_is_blanked() -> None:
    result = CONTROLS.shifts["lungs_blanked"](FILM)
    assert result.shape == FILM.shape
    assert 0 <= result.min() <= result.max() <= 1
    assert result[80:130, 60:160].std() < 0.1 * FILM[80:130, 60:160].std()


def test_the_batterys_name_says_that_the_hull_is_blanked() -> None:
    """Its figures are not those of `controls-1`, which blanked the lungs alone, as an average film found them."""
    assert CONTROLS.name == "controls-2"
