"""Borders, letters and grey levels of pictures that are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from hilum.auditing.image_facts import at_working_size, borders, grey_levels, letter_boxes, letters
from tests.auditing.conftest import Grey, film


def framed(top: int, bottom: int, left: int, right: int, level: int = 0) -> Grey:
    bare = film(2, side=160)
    return np.asarray(cv2.copyMakeBorder(bare, top, bottom, left, right, cv2.BORDER_CONSTANT, value=level), np.uint8)


def test_a_frame_is_measured_side_by_side() -> None:
    bare = borders(film(1, side=200))
    assert max(bare[f"border_{side}"] for side in ("top", "bottom", "left", "right")) == 0
    assert np.isnan(bare["border_level"])
    found = borders(framed(10, 20, 0, 20))
    assert found["border_top"] == pytest.approx(10 / 190, abs=1e-9)
    assert found["border_bottom"] == pytest.approx(20 / 190, abs=1e-9)
    assert found["border_right"] == pytest.approx(20 / 180, abs=1e-9)
    assert found["border_level"] == 0
    white = framed(0, 0, 16, 0, level=250)
    assert borders(white)["border_left"] == pytest.approx(16 / 176)
    assert borders(white)["border_level"] == pytest.approx(250 / 255)


def test_a_frame_is_seen_through_the_noise_of_a_jpeg() -> None:
    whole = framed(16, 16, 16, 16)
    jpeg = np.asarray(cv2.imdecode(cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0), np.uint8)
    assert borders(jpeg)["border_top"] == pytest.approx(16 / 192, abs=1.1 / 192)


@pytest.mark.parametrize("seed", range(6))
def test_letters_are_seen_and_nothing_of_a_chest_is_taken_for_one(seed: int) -> None:
    grey = film(seed, opacity=0.8 * (seed % 2), side=256)
    assert letters(grey) == {"letters": 0.0, "letters_area": 0.0}
    marked = grey.copy()
    cv2.putText(marked, "R", (8, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 250, 2)
    ((left, top, width, height),) = letter_boxes(marked)
    assert 4 <= left <= 14
    assert 36 <= top <= 50
    assert letters(marked)["letters_area"] == pytest.approx(width * height / marked.size)


def test_grey_levels_are_those_of_numpy() -> None:
    grey = film(3)
    grey[:10] = 0
    grey[10:13] = 255
    found = grey_levels(grey)
    assert found["grey_mean"] == pytest.approx(grey.mean() / 255)
    assert found["grey_deviation"] == pytest.approx(grey.std() / 255)
    for percent in (1, 5, 25, 50, 75, 95, 99):
        wanted = np.percentile(grey, percent, method="inverted_cdf") / 255
        assert found[f"grey_p{percent:02}"] == pytest.approx(wanted)
    assert found["black"] == pytest.approx((grey == 0).mean())
    assert found["white"] == pytest.approx((grey == 255).mean())


def test_a_film_is_made_smaller_in_its_own_proportions() -> None:
    assert at_working_size(np.zeros((1000, 500), np.uint8)).shape == (256, 128)
    assert at_working_size(np.zeros((20, 100), np.uint8)).shape == (20, 100)
    assert at_working_size(np.zeros((4, 100_000), np.uint8)).shape == (1, 256)


def test_pictures_without_anything_in_them_raise_nothing() -> None:
    for grey in (np.zeros((16, 16), np.uint8), np.full((16, 300), 255, np.uint8), np.eye(16, dtype=np.uint8)):
        assert letters(grey)["letters"] == 0
        assert 0 <= borders(grey)["border_top"] <= 1
