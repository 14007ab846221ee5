"""The lung field: found where it is known to be, and not where there is none.

The films are the average film itself, stretched, shifted, turned and exposed otherwise, so that the lungs' true place
is known; and real ones, where they are there.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hilum.pixels import decode
from hilum.pixels.lungs import ATLAS, SIDE, lung_field

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]
HEIGHT, WIDTH = 200, 240


def stored() -> tuple[Grey, Grey]:
    """The average film and its lungs, 0 to 1."""
    picture = np.asarray(Image.open(ATLAS), dtype=np.float32) / np.float32(255)
    return picture[:, :SIDE], picture[:, SIDE:]


def film(
    across: float = 1.0, down: float = 1.0, right: float = 0.0, below: float = 0.0, turn: float = 0.0
) -> tuple[Grey, Mask]:
    """The average film in another layout (shifts in hundredths of the film), and where its lungs lie then."""
    turned = cv2.getRotationMatrix2D((0, 0), turn, 1.0)[:, :2]
    scale = np.diag([WIDTH / SIDE, HEIGHT / SIDE]) @ turned @ np.diag([across, down])
    centre = np.array([WIDTH * (0.5 + right / 100), HEIGHT * (0.5 + below / 100)])
    to_film = np.hstack([scale, (centre - scale @ np.full(2, SIDE / 2))[:, None]])
    grey, lungs = (
        np.asarray(cv2.warpAffine(each, to_film, (WIDTH, HEIGHT), borderMode=mode), dtype=np.float32)
        for each, mode in zip(stored(), (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT), strict=True)
    )
    grain = np.random.default_rng(0).normal(0, 0.01, grey.shape)
    aired = grey - 0.15 * lungs  # the average film is of lungs with pneumonia too
    return np.clip(aired + grain, 0, 1).astype(np.float32), lungs > 0.5


def dice(one: Mask, other: Mask) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def found(grey: Grey | NDArray[np.uint8]) -> Mask:
    field = lung_field(grey)
    assert field.mask is not None, field.reason
    return field.mask


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"across": 0.8, "down": 0.85},
        {"across": 1.1, "down": 1.2},
        {"right": 8, "below": -8},
        {"turn": 8},
        {"across": 0.9, "right": -5, "below": 6, "turn": -6},
    ],
    ids=str,
)
def test_the_lungs_are_found_wherever_they_lie(layout: dict[str, float]) -> None:
    grey, lungs = film(**layout)
    field = lung_field(grey)
    assert field.mask is not None, field.reason
    assert field.mask.shape == grey.shape
    assert field.mask.dtype == np.bool_
    assert dice(field.mask, lungs) > 0.88
    assert not field.from_prior
    assert not field.reason
    assert field.quality is not None
    assert 0.65 <= field.quality <= 1


@pytest.mark.parametrize("layout", [{}, {"across": 0.8, "down": 0.85}, {"right": 8, "below": -8, "turn": 6}], ids=str)
def test_the_map_from_the_average_film_is_how_the_film_was_made(layout: dict[str, float]) -> None:
    grey, _ = film(**layout)
    to_film = lung_field(grey).to_film
    assert to_film is not None
    turned = cv2.getRotationMatrix2D((0, 0), layout.get("turn", 0.0), 1.0)[:, :2]
    scale = turned @ np.diag([layout.get("across", 1.0), layout.get("down", 1.0)])
    shift = np.array([layout.get("right", 0.0), layout.get("below", 0.0)]) / 100
    for place in ((0.2, 0.3), (0.5, 0.5), (0.8, 0.6)):
        expected = scale @ (np.array(place) - 0.5) + 0.5 + shift
        np.testing.assert_allclose(to_film[:, :2] @ np.array(place) + to_film[:, 2], expected, atol=0.015)


@pytest.mark.parametrize("layout", [{}, {"across": 0.8, "down": 0.85}, {"turn": 8}], ids=str)
def test_in_half_the_time_the_lungs_are_the_same(layout: dict[str, float]) -> None:
    grey, _ = film(**layout)
    quick = lung_field(grey, quick=True)
    assert quick.mask is not None, quick.reason
    assert dice(quick.mask, found(grey)) > 0.98


def test_exposure_and_contrast_do_not_matter() -> None:
    grey, lungs = film()
    for exposed in (grey**1.6, grey**0.7, 0.2 + 0.6 * grey):
        assert dice(found(np.asarray(exposed, dtype=np.float32)), lungs) > 0.88


def test_levels_and_fractions_give_the_same_field() -> None:
    levels = np.rint(film()[0] * 255).astype(np.uint8)
    np.testing.assert_array_equal(found(levels), found(levels.astype(np.float32) / np.float32(255)))


@pytest.mark.parametrize(("where", "half"), [("left", np.s_[:, : WIDTH // 2]), ("right", np.s_[:, WIDTH // 2 :])])
def test_a_lung_that_is_white_keeps_the_outline_that_is_expected(where: str, half: tuple[slice, slice]) -> None:
    grey, lungs = film()
    white = grey.copy()
    white[half] = np.where(lungs[half], np.quantile(grey[half][~lungs[half]], 0.6), grey[half])
    field = lung_field(white)
    assert field.mask is not None, field.reason
    assert field.from_prior
    assert field.reason.startswith(f"the average outline on the film's {where} side")
    assert dice(field.mask, lungs) > 0.8


def test_a_patch_in_a_lung_stays_part_of_it() -> None:
    grey, lungs = film()
    rows, columns = np.nonzero(lungs[:, : WIDTH // 2])
    centre = round(float(columns.mean())), round(float(rows.mean()))
    patch = cv2.circle(np.zeros(lungs.shape, np.uint8), centre, 9, 1, cv2.FILLED) > 0
    dense = np.where(patch, grey.max(), grey).astype(np.float32)
    assert found(dense)[patch & lungs].mean() > 0.97


# No lung field, and never a guess


def nothing() -> dict[str, Grey]:
    grey, _ = film()
    draw = np.random.default_rng(1)
    ramp = np.tile(np.linspace(0, 1, WIDTH, dtype=np.float32), (HEIGHT, 1))
    blobs = cv2.GaussianBlur(draw.normal(size=(HEIGHT, WIDTH)).astype(np.float32), (0, 0), 12)
    return {
        "upside down": grey[::-1],
        "turned round": grey[::-1, ::-1],
        "on its side": np.rot90(grey),
        "inverted": 1 - grey,
        "noise": draw.random((HEIGHT, WIDTH), dtype=np.float32),
        "blobs": (blobs - blobs.min()) / np.ptp(blobs),
        "a ramp": ramp,
        "one grey": np.full((HEIGHT, WIDTH), 0.5, dtype=np.float32),
        "black": np.zeros((HEIGHT, WIDTH), dtype=np.float32),
        "white": np.ones((16, 16), dtype=np.float32),
    }


@pytest.mark.parametrize("what", list(nothing()))
def test_what_is_no_upright_chest_has_no_lung_field_and_says_why(what: str) -> None:
    for quick in (False, True):
        field = lung_field(np.ascontiguousarray(nothing()[what]), quick=quick)
        assert field.mask is None
        assert field.to_film is None
        assert field.reason
        assert not field.from_prior


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((3, 64, 64), dtype=np.float32),
        np.zeros((15, 64), dtype=np.uint8),
        np.full((64, 64), 2.0, dtype=np.float32),
        np.full((64, 64), np.nan, dtype=np.float32),
    ],
    ids=["channels", "tiny", "out of range", "no numbers"],
)
def test_other_arrays_are_refused(wrong: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="a film is"):
        lung_field(wrong)


# Real films


def test_real_films_have_lungs_of_a_plausible_size_on_both_sides(shared: Path) -> None:
    for kind, most in (("NORMAL", 1), ("PNEUMONIA", 3)):
        paths = sorted((shared / "data" / "chest_xray" / "val" / kind).iterdir())[:20]
        fields = [lung_field(decode(str(path))) for path in paths]
        masks = [field.mask for field in fields if field.mask is not None]
        assert len(masks) >= len(paths) - most
        for mask in masks:
            middle = mask.shape[1] // 2
            assert 0.06 < mask.mean() < 0.5
            assert min(mask[:, :middle].mean(), mask[:, middle:].mean()) > 0.02


def test_a_real_film_that_is_no_chest_has_none(shared: Path) -> None:
    assert lung_field(decode(str(shared / "data" / "dicom" / "RG3_J2KR.dcm"))).mask is None


def test_real_films_upside_down_have_none(shared: Path) -> None:
    paths = sorted((shared / "data" / "chest_xray" / "val" / "NORMAL").iterdir())[:8]
    for path in paths:
        assert lung_field(np.ascontiguousarray(decode(str(path))[::-1])).mask is None, path.name
