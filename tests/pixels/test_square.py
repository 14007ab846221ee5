"""What a model is shown of a file: a large JPEG takes a shortcut that nobody sees, everything else takes none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.errors import FilmError
from hilum.pixels import chest_phantom, decode, grey_of_array, preprocess, read_square, square_of
from hilum.pixels.preprocess import largest_scale
from hilum.recipe import Pixels
from hilum.records.ages import years_of
from tests.conftest import WriteFilm
from tests.pixels.dicoms import dataset, stored_phantom, write

SHAPE = (1003, 1317)  # no multiple of a block


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    return saved(tmp_path_factory.mktemp("square") / "film.jpg", SHAPE)


def saved(path: Path, shape: tuple[int, int], **options: Any) -> str:
    noise = np.random.default_rng(0).normal(0, 0.02, shape)
    levels = np.round(np.clip(chest_phantom(1, shape) + noise, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(levels).save(path, **options)
    return str(path)


def whole(path: str, spec: Pixels) -> np.ndarray:
    return preprocess(decode(path, spec.window), spec)


@pytest.mark.parametrize("size", [32, 64, 128, 200])
@pytest.mark.parametrize("resize", ["squash", "pad", "crop"])
@pytest.mark.parametrize("crop", [0.0, 0.07])
def test_a_fraction_of_a_jpeg_shows_what_all_of_it_shows(large: str, size: int, resize: Any, crop: float) -> None:
    spec = Pixels(size=size, resize=resize, crop=crop)
    assert largest_scale(*SHAPE, spec) > 1
    square = read_square(large, spec)
    assert square.shape == SHAPE
    assert square.levels.shape == (size, size)
    differences = np.abs(square.levels.astype(int) - whole(large, spec))
    assert differences.mean() < 0.5
    assert differences.max() <= 6


def test_two_pixels_remain_to_one_of_the_square() -> None:
    assert [largest_scale(1024, 4096, Pixels(size=size)) for size in (64, 65, 128, 129, 256, 257)] == [
        8,
        4,
        4,
        2,
        2,
        1,
    ]
    assert largest_scale(1024, 4096, Pixels(size=256, resize="pad")) == 8
    assert largest_scale(1024, 4096, Pixels(size=64, crop=0.1)) == 4


def test_a_film_that_is_not_much_larger_is_decoded_whole(tmp_path: Path) -> None:
    path = saved(tmp_path / "film.jpg", (250, 300))
    np.testing.assert_array_equal(read_square(path, Pixels()).levels, whole(path, Pixels()))


def test_denoising_sees_every_pixel(large: str) -> None:
    spec = Pixels(denoise="median")
    np.testing.assert_array_equal(read_square(large, spec).levels, whole(large, spec))


def test_a_png_and_a_turned_jpeg_are_decoded_whole(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(tmp_path / "film.jpg", SHAPE, exif=exif)
    for path in (turned, saved(tmp_path / "film.png", SHAPE)):
        np.testing.assert_array_equal(read_square(path, Pixels()).levels, whole(path, Pixels()))
    assert read_square(turned, Pixels()).shape == (SHAPE[1], SHAPE[0])


def test_a_jpeg_that_is_cut_off_is_refused(large: str, tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes(Path(large).read_bytes()[:-5000])
    with pytest.raises(FilmError, match="damaged"):
        read_square(str(tmp_path / "cut.jpg"), Pixels(size=32))


def test_real_originals_differ_by_less_than_a_third_of_a_level(shared: Path) -> None:
    spec, films = Pixels(), sorted((shared / "data" / "fullres").rglob("*.jpeg"))[::16]
    errors = [
        np.abs(read_square(str(film), spec).levels.astype(int) - whole(str(film), spec)).mean() for film in films
    ]
    assert len(errors) >= 6
    assert max(errors) < 0.35
    assert np.mean(errors) < 0.2


class TestArrays:
    """A film in memory is what the same film in a file is."""

    def test_what_decode_gives_is_taken_as_it_is(self, tmp_path: Path, write_film: WriteFilm) -> None:
        path = str(write_film(tmp_path / "film.png", 5, size=(90, 70)))
        spec = Pixels(size=48)
        square = square_of(decode(path), spec)
        np.testing.assert_array_equal(square.levels, read_square(path, spec).levels)
        assert square.shape == decode(path).shape

    def test_integers_are_taken_as_a_picture_of_such_depth(self, tmp_path: Path) -> None:
        draws = np.random.default_rng(1)
        for kind in (np.uint8, np.uint16):
            grey = draws.integers(0, np.iinfo(kind).max, (40, 40), dtype=kind)
            path = tmp_path / f"{grey.dtype}.png"
            Image.fromarray(grey).save(path)
            np.testing.assert_array_equal(grey_of_array(grey), decode(str(path)))

    def test_colours_become_luminance_and_a_last_axis_of_one_is_dropped(self) -> None:
        grey = np.random.default_rng(2).random((20, 20))
        np.testing.assert_allclose(grey_of_array(np.stack([grey] * 3, axis=2)), grey, atol=1e-6)
        np.testing.assert_array_equal(grey_of_array(grey[..., None]), grey.astype(np.float32))

    @pytest.mark.parametrize(
        ("array", "says"),
        [
            (np.zeros((40, 40, 4), np.uint8), "give numbers of shape"),
            (np.zeros((40,), np.uint8), "give numbers of shape"),
            (np.zeros((40, 40), bool), "bool of shape"),
            (np.full((40, 40), np.nan), "NaN or infinite"),
            (np.linspace(0, 255, 1600).reshape(40, 40), "floats outside 0 to 1"),
            (np.arange(64, dtype=np.uint8).reshape(8, 8), "at least 16×16"),
            (np.zeros((0, 0)), "at least 16×16"),
            (np.full((40, 40), 7, np.uint8), "every pixel has the same value"),
        ],
    )
    def test_what_is_no_film_is_refused(self, array: np.ndarray, says: str) -> None:
        with pytest.raises(FilmError, match=says):
            square_of(array, Pixels(size=32), "mine")


@pytest.mark.parametrize("age", ["054Y", "003W", ""])
def test_a_dicoms_square_says_the_age_in_its_header(age: str, tmp_path: Path) -> None:
    film = write(tmp_path / "film", dataset(stored_phantom(), bits=12, PatientAge=age))
    assert read_square(film, Pixels(size=32)).header.age == age


def test_an_age_that_cannot_be_read_refuses_no_film(tmp_path: Path) -> None:
    """What pydicom makes of the element is no age: a film is still a film."""
    path = Path(write(tmp_path / "film", dataset(stored_phantom(), bits=12, PatientAge="054Y")))
    for broken in (b"\xff\xfe\x00Y", b"-99Y"):
        path.write_bytes(path.read_bytes().replace(b"054Y", broken))
        square = read_square(str(path), Pixels(size=32))
        assert years_of(square.header.age) is None
        path.write_bytes(path.read_bytes().replace(broken, b"054Y"))
    assert read_square(str(path), Pixels(size=32)).header.age == "054Y"
