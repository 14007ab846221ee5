"""Plain looks at a picture."""

from __future__ import annotations

import numpy as np
import pytest

from hilum import gate
from hilum.gate.descriptor import Image8
from hilum.gate.heuristics import NOISE, is_blank, is_text, roughness


def test_even_is_what_hardly_varies() -> None:
    square = np.full((64, 64), 80, dtype=np.uint8)
    assert is_blank(square)
    square[3, 3] = 82
    assert is_blank(square)
    square[3, 3] = 83
    assert not is_blank(square)


def test_roughness_is_what_neighbours_do_not_share() -> None:
    square = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    square[:, 1::2] = square[:, ::2]  # every second pixel repeats the one to its left
    across = np.corrcoef(square[:, 1:].ravel(), square[:, :-1].ravel())[0, 1]
    down = np.corrcoef(square[1:].ravel(), square[:-1].ravel())[0, 1]
    assert down < across  # the lower one counts
    assert roughness(square) == pytest.approx(1 - down, abs=0.02)


def test_films_are_smooth_and_noise_is_rough(held_out: list[Image8]) -> None:
    white = np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8)
    assert roughness(white) > NOISE
    assert max(roughness(film) for film in held_out) < NOISE / 2
    assert roughness(np.full((64, 64), 9, dtype=np.uint8)) == 0


def test_text_is_told_from_films_from_noise_and_from_light_marks(held_out: list[Image8]) -> None:
    strangers = gate.ood_examples(held_out)
    assert np.mean([is_text(page) for page in strangers["text"]]) > 0.95
    for kind in ("noise", "inverted", "rotated by 180 degrees"):
        assert not any(is_text(picture) for picture in strangers[kind]), kind
    assert not any(is_text(film) for film in held_out)
    assert not any(is_text(255 - page) for page in strangers["text"])  # stars in the sky look like that too
