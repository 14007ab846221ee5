"""The picture of the steps: one panel a step, and before it what the step found."""

from __future__ import annotations

import io
from typing import get_args

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hilum.classical import prepare, steps_picture
from hilum.pixels import chest_phantom
from hilum.recipe.classical import Step
from tests.classical.conftest import FindsNothing, phantom

FILM = chest_phantom(5, (120, 160))


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of each picture that is drawn from now on."""
    drawn: list[str] = []
    save = Figure.savefig

    def noted(figure: Figure, *args: object, **keywords: object) -> None:
        drawn[:] = [axes.get_title() for axes in figure.axes if axes.get_title()]
        drawn.append(figure.get_suptitle())
        save(figure, *args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", noted)
    return drawn


def test_every_step_is_titled_and_numbered(titles: list[str]) -> None:
    steps: tuple[Step, ...] = get_args(Step)
    drawn = steps_picture(FILM, prepare(phantom(5), steps), "a film")
    assert titles == [
        "film, 160 × 120",
        "1. grey, scaled to 128 × 128",
        "2. denoise: non-local means",
        "3. smooth: Gaussian",
        "4. binarise: dense by Otsu",
        "4. binarise: air beside the body out",
        "5. frame: lungs found",
        "5. frame: squared up",
        "6. restore: Wiener",
        "7. mask: the lungs' hull",
        "a film",
    ]
    width, height = Image.open(io.BytesIO(drawn)).size
    assert min(width, height) > 900


def test_average_lungs_are_called_so(titles: list[str]) -> None:
    steps_picture(FILM, prepare(phantom(5), ("frame",), FindsNothing()))
    assert "2. frame: average lungs" in titles


def test_a_film_without_steps_and_a_film_of_nothing_are_drawn(titles: list[str]) -> None:
    steps_picture(FILM, prepare(phantom(5), ()))
    assert titles == ["film, 160 × 120", "1. grey, scaled to 128 × 128", ""]
    steps_picture(
        np.zeros((16, 16), np.float32), prepare(np.zeros((16, 16), np.uint8), get_args(Step)), "$x_$ \u4e2d"
    )
    assert titles[-1] == "$x_$ \u4e2d"


def test_the_same_film_gives_the_same_picture_whatever_the_readers_settings() -> None:
    prepared = prepare(phantom(5), ("smooth",))
    one = steps_picture(FILM, prepared)
    with matplotlib.rc_context({"axes.facecolor": "red", "savefig.dpi": 30}):
        assert steps_picture(FILM, prepared) == one
