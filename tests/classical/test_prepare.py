"""Each step of the preparation, against another program for the same thing, and on films that show nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.classical import prepare
from hilum.pixels import chest_phantom


def test_no_steps_leave_the_film_as_it_came() -> None:
    film = np.rint(chest_phantom(1, (64, 64)) * 255).astype(np.uint8)
    prepared = prepare(film, ())
    assert prepared.square is film
    assert [stage.step for stage in prepared.stages] == [""]
    assert prepared.notes == ()


def test_what_is_no_square_is_refused() -> None:
    with pytest.raises(ValueError, match="square of 16 pixels or more"):
        prepare(np.zeros((8, 8), dtype=np.uint8), ())
