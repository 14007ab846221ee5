"""A film's own bits reach the screen: every window that `decode` applies, and those that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from hilum.errors import FilmError, RequestError
from hilum.pixels import decode
from hilum.renderings import FilmLevels, FilmWindow, read_levels, windowed
from tests.pixels.dicoms import dataset, lookup_table, stored_phantom, write


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"WindowCenter": 2000, "WindowWidth": 1500},
        {"WindowCenter": [900, 2000], "WindowWidth": [400, 3000]},
        {"WindowCenter": 2000, "WindowWidth": 1500, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": 2000, "WindowWidth": 1500, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 2000, "WindowWidth": 1500, "PhotometricInterpretation": "MONOCHROME1"},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"WindowCenter": 400, "WindowWidth": 300, "RescaleSlope": 0.25, "RescaleIntercept": -100},
    ],
    ids=str,
)
@pytest.mark.parametrize("signed", [False, True])
def test_the_first_window_shows_what_decode_shows(tags: dict[str, Any], signed: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "film", dataset(stored_phantom(12, signed=signed), bits=12, **tags))
    if signed and "WindowCenter" in tags:  # the values lie 2,048 lower, and so do the windows
        ds = dataset(stored_phantom(12, signed=True), bits=12, **tags)
        low = 2048 * float(tags.get("RescaleSlope", 1))
        centres = tags["WindowCenter"] if isinstance(tags["WindowCenter"], list) else [tags["WindowCenter"]]
        ds.WindowCenter = [centre - low for centre in centres]
        path = write(tmp_path / "film", ds)
    film = read_levels(path)
    np.testing.assert_allclose(windowed(film) / 255, decode(path), atol=1.01 / 255)


def test_every_window_of_a_film_is_pydicoms(tmp_path: Path) -> None:
    tags: dict[str, Any] = {
        "WindowCenter": [900, 2000],
        "WindowWidth": [400, 3000],
        "RescaleSlope": 2,
        "RescaleIntercept": -50,
    }
    ds = dataset(stored_phantom(12), bits=12, **tags)
    film = read_levels(write(tmp_path / "film", ds))
    assert len(film.windows) == 2
    values = apply_modality_lut(ds.pixel_array, ds)
    np.testing.assert_allclose(film.levels * film.slope + film.intercept, values)
    for number, window in enumerate(film.windows):
        expected = apply_voi_lut(values, ds, index=number).astype(np.float64)
        shown = windowed(film, window) / 255
        low, high = 0 * 2 - 50, 4095 * 2 - 50  # pydicom scales to the range of the stored values
        np.testing.assert_allclose(shown, (expected - low) / (high - low), atol=0.6 / 255)


def test_two_values_that_differ_by_one_are_apart_in_a_narrow_window(tmp_path: Path) -> None:
    stored = stored_phantom(12)
    stored[10, 10], stored[10, 11] = 1000, 1001
    film = read_levels(write(tmp_path / "film", dataset(stored, bits=12)))
    assert film.levels[10, 11] - film.levels[10, 10] == 1
    narrow = windowed(film, FilmWindow(1000.5, 2, "LINEAR_EXACT"))
    assert int(narrow[10, 11]) - int(narrow[10, 10]) > 100
    wide = windowed(film)
    assert int(wide[10, 11]) - int(wide[10, 10]) <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_pictures_have_their_own_levels(dtype: type[np.unsignedinteger], ending: str, tmp_path: Path) -> None:
    values = stored_phantom(8 if dtype == np.uint8 else 16)
    Image.fromarray(values).save(tmp_path / f"film{ending}")
    film = read_levels(str(tmp_path / f"film{ending}"))
    np.testing.assert_array_equal(film.levels, values)
    np.testing.assert_allclose(windowed(film) / 255, decode(str(tmp_path / f"film{ending}")), atol=1.01 / 255)


def test_a_film_whose_units_are_a_table_is_given_as_it_is_shown(tmp_path: Path) -> None:
    ds = dataset(stored_phantom(12), bits=12)
    ds.ModalityLUTSequence = [lookup_table(np.arange(4096)[::-1], first=0, bits=12)]
    path = write(tmp_path / "film", ds)
    film = read_levels(path)
    np.testing.assert_allclose(windowed(film) / 255, decode(path), atol=1.01 / 255)
    assert film.levels.max() == 65535


def test_what_decode_refuses_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.dcm").write_bytes(b"no film")
    with pytest.raises(FilmError):
        read_levels(str(tmp_path / "film.dcm"))


def test_black_and_white_are_exchanged_on_request() -> None:
    film = FilmLevels(np.array([[0, 100]], np.uint16), (FilmWindow(50, 100, "LINEAR_EXACT"),))
    assert windowed(film).tolist() == [[0, 255]]
    assert windowed(film, invert=True).tolist() == [[255, 0]]


@pytest.mark.parametrize("window", [FilmWindow(5, 0.5), FilmWindow(5, 0, "SIGMOID"), FilmWindow(5, -1)])
def test_a_window_that_cannot_be_is_one_line(window: FilmWindow) -> None:
    film = FilmLevels(np.array([[0, 100]], np.uint16), (window,))
    with pytest.raises(RequestError, match="a width is above 0"):
        windowed(film)


@pytest.mark.parametrize("window", [FilmWindow(500, 300, "LINEAR_EXACT"), FilmWindow(500.5, 301), FilmWindow(7, 1)])
def test_a_viewer_that_knows_one_function_shows_the_same(window: FilmWindow) -> None:
    film = FilmLevels(np.arange(1000, dtype=np.uint16)[None], (window,))
    np.testing.assert_array_equal(windowed(film, FilmWindow(*window.linear)), windowed(film, window))
