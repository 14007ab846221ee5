"""Films cropped to their lungs: the part that is shown, its grey scale, the lungs beside it, and what is doubted."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image

from hilum.errors import RequestError
from hilum.gate import stopping
from hilum.lungs import Box, LungFinder, find_lungs, shipped_finder
from hilum.pixels import cache, chest_phantom, decode, hash_film, preprocess, read_square, square_of
from hilum.pixels.decode import DECODE_VERSION
from hilum.pixels.pixel_cache import store_folder
from hilum.pixels.preprocess import PREPROCESS_VERSION, largest_scale, preprocess_scaled
from hilum.pixels.region import around
from hilum.recipe import Pixels
from hilum.records import Film, Manifest
from hilum.records.reasons import LOOKS_ROTATED
from hilum.rows import key_of
from tests.lungs.known import KnownLungs, mask_of, no_lungs, two_lungs

SPEC = Pixels(size=48, region="lungs", margin=0.0)
BOX = Box(0.25, 0.2, 0.75, 0.8)  # of 120 × 200 pixels: rows 30 to 90, columns 40 to 160
FILM = chest_phantom(3, (120, 200))
WHOLE = Pixels(size=48)


def test_the_box_of_the_lungs_becomes_the_square() -> None:
    shown = preprocess(FILM, SPEC, two_lungs(BOX))
    np.testing.assert_array_equal(shown, preprocess(FILM[30:90, 40:160], Pixels(size=48)))


@pytest.mark.parametrize("spec", [{"resize": "pad"}, {"resize": "crop"}, {"crop": 0.1}, {"denoise": "median"},
                                  {"equalise": "clahe"}, {"resize": "crop", "denoise": "gaussian"}])  # fmt: skip
def test_all_else_is_done_to_the_box_as_to_a_film(spec: dict[str, Any]) -> None:
    shown = preprocess(FILM, replace(SPEC, **spec), two_lungs(BOX))
    np.testing.assert_array_equal(shown, preprocess(FILM[30:90, 40:160], Pixels(size=48, **spec)))


def test_the_margin_is_of_the_box_and_ends_at_the_films_border() -> None:
    shown = preprocess(FILM, replace(SPEC, margin=0.1), two_lungs(BOX))  # 6 rows, 12 columns
    np.testing.assert_array_equal(shown, preprocess(FILM[24:96, 28:172], Pixels(size=48)))
    wide = preprocess(FILM, replace(SPEC, margin=0.5), two_lungs(BOX))  # 30 rows, and of 60 columns 40
    np.testing.assert_array_equal(wide, preprocess(FILM[:120, :200], Pixels(size=48)))


def test_a_region_holds_a_pixel_at_least_and_never_leaves_the_film() -> None:
    for height, width in ((1, 1), (16, 16), (17, 3000)):
        for box in (Box(0, 0, 1, 1), Box(0, 0, 1e-9, 1e-9), Box(1 - 1e-9, 1 - 1e-9, 1, 1)):
            top, left, bottom, right = around(box, 0.15, height, width)
            assert 0 <= top < bottom <= height
            assert 0 <= left < right <= width


@pytest.mark.parametrize("box", [Box(0.5, 0.2, 0.5, 0.8), Box(-0.1, 0, 1, 1), Box(0, 0, 1, 1.1), Box(0.6, 0, 0.4, 1)])
def test_a_region_of_nothing_or_beyond_the_film_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match="a region lies between 0 and 1"):
        preprocess(FILM, SPEC, two_lungs(BOX), box)


def test_the_mask_lies_on_the_lungs_of_the_square() -> None:
    # A film that is white where its lungs are: levels and mask then show the same, up to a pixel at the outlines.
    film = mask_of(BOX, FILM.shape).astype(np.float32)
    for spec in ({"margin": 0.15}, {"resize": "pad"}, {"resize": "crop"}, {"crop": 0.05}):
        square = square_of(film, replace(SPEC, **spec), lungs=two_lungs(BOX))
        assert square.lungs is not None
        assert set(np.unique(square.lungs)) == {0, 255}
        np.testing.assert_array_equal(square.lungs > 0, square.levels >= 128)


def test_the_mask_of_a_film_decoded_at_a_fraction_lies_there_too() -> None:
    film = mask_of(BOX, (960, 1600)).astype(np.float32)
    fraction = film.reshape(240, 4, 400, 4).mean(axis=(1, 3))
    whole = preprocess_scaled(film, SPEC, film.shape, 1, two_lungs(BOX))
    part = preprocess_scaled(fraction, SPEC, film.shape, 4, two_lungs(BOX))
    assert part.lungs is not None
    np.testing.assert_array_equal(part.lungs, whole.lungs)
    np.testing.assert_allclose(part.levels.astype(int), whole.levels.astype(int), atol=1)


def test_percentiles_1_and_99_inside_the_hull_become_black_and_white() -> None:
    spec = replace(SPEC, margin=0.3)
    plain = preprocess(FILM, spec, two_lungs(BOX)).astype(float) / 255
    inside = np.zeros((48, 48), dtype=bool)  # the hull of two rectangles is the box, with what lies between them
    border = round(48 * 0.3 / 1.6)
    inside[border : 48 - border, border : 48 - border] = True
    low, high = np.percentile(plain[inside], (1, 99))
    expected = np.clip((plain - low) / (high - low), 0, 1) * 255
    stretched = preprocess(FILM, replace(spec, grey_from="lungs"), two_lungs(BOX))
    # The levels were rounded before they were stretched here.
    np.testing.assert_allclose(stretched, expected, atol=0.5 + 0.5 / (high - low) * 2)


def test_a_film_that_is_darker_and_flatter_has_the_same_levels_by_its_lungs() -> None:
    spec = replace(SPEC, grey_from="lungs")
    shown, dimmed = (preprocess(film, spec, two_lungs(BOX)) for film in (FILM, FILM * 0.5 + 0.2))
    np.testing.assert_allclose(shown.astype(int), dimmed.astype(int), atol=1)


def test_even_lungs_leave_the_grey_scale_as_it_is() -> None:
    even = FILM.copy()
    even[30:90, 40:160] = 0.4
    shown = preprocess(even, replace(SPEC, grey_from="lungs"), two_lungs(BOX))
    np.testing.assert_array_equal(shown, np.full((48, 48), 102))


def test_without_lungs_the_whole_film_is_shown_and_doubted() -> None:
    square = square_of(FILM, SPEC, lungs=no_lungs("it is a hand"))
    np.testing.assert_array_equal(square.levels, preprocess(FILM, Pixels(size=48)))
    assert square.lungs is not None
    assert not square.lungs.any()
    assert square.doubt == "no lungs found: it is a hand"


def test_a_film_that_lies_on_its_side_is_doubted_in_the_words_of_the_gate() -> None:
    for rotation in (90, 180, 270):
        doubt = square_of(FILM, SPEC, lungs=two_lungs(BOX, rotation=rotation)).doubt
        assert doubt == LOOKS_ROTATED[rotation]
        assert stopping((doubt,)) == (doubt,)
    assert square_of(FILM, SPEC, lungs=two_lungs(BOX)).doubt == ""
    assert stopping((square_of(FILM, SPEC, lungs=no_lungs()).doubt,))


def test_what_is_unusual_about_the_lungs_is_a_remark() -> None:
    square = square_of(FILM, SPEC, lungs=two_lungs(BOX, remarks=("only one lung was found",)))
    assert square.remarks == ("only one lung was found",)


def test_a_film_is_cropped_as_another_one_was() -> None:
    painted = FILM.copy()
    painted[40:80, 60:140] = 0
    finder = no_lungs()
    shown = preprocess(painted, SPEC, finder, BOX)
    np.testing.assert_array_equal(shown, preprocess(painted[30:90, 40:160], Pixels(size=48)))
    assert not finder.films  # nothing is looked for


def test_a_film_is_shown_in_the_grey_scale_of_another_one() -> None:
    spec = replace(SPEC, grey_from="lungs")
    intact = preprocess_scaled(FILM, spec, FILM.shape, 1, two_lungs(BOX))
    painted = FILM.copy()
    painted[40:80, 60:140] = FILM.max()  # changes what its own percentiles would be
    shown = preprocess(painted, spec, no_lungs(), intact.framing)
    rows, columns = slice(10, 38), slice(18, 30)
    assert (shown[rows, columns] == 255).all()
    shown[4:44, 4:44] = intact.levels[4:44, 4:44] = 0  # all but what was painted is as it was
    np.testing.assert_array_equal(shown, intact.levels)
    # Without lungs it is the whole film that another one is shown as.
    found_none = preprocess_scaled(FILM, SPEC, FILM.shape, 1, no_lungs()).framing
    np.testing.assert_array_equal(preprocess(painted, SPEC, two_lungs(BOX), found_none), preprocess(painted, WHOLE))


def test_in_a_box_alone_the_grey_scale_is_that_of_what_lies_inside_it() -> None:
    shown = preprocess(FILM, replace(SPEC, grey_from="lungs"), None, BOX)
    part = preprocess(FILM[30:90, 40:160], WHOLE).astype(float)
    low, high = np.percentile(part, (1, 99))
    expected = np.clip((part - low) / (high - low), 0, 1) * 255
    np.testing.assert_allclose(shown, expected, atol=0.5 + 255 / (high - low))


def test_whole_films_are_given_to_no_lung_network(tmp_path: Path) -> None:
    finder = two_lungs(BOX)
    square = square_of(FILM, Pixels(size=48), lungs=finder)
    assert square.lungs is None
    assert not finder.films
    np.testing.assert_array_equal(preprocess(FILM, Pixels(size=48), finder, BOX), square.levels)


def test_the_network_that_comes_with_hilum_is_taken_unless_another_is_given() -> None:
    found = find_lungs(FILM)
    assert found.box is not None
    np.testing.assert_array_equal(preprocess(FILM, SPEC), preprocess(FILM, SPEC, two_lungs(BOX), found.box))
    assert square_of(FILM, replace(SPEC, lungs_sha256=shipped_finder().sha256)).doubt == ""


def test_another_network_than_the_recipes_is_refused_in_one_line(tmp_path: Path) -> None:
    pinned = replace(SPEC, lungs_sha256=hashlib.sha256(b"another").hexdigest())
    path = film(tmp_path, 1)
    for refused in (
        lambda: preprocess(FILM, pinned),
        lambda: preprocess(FILM, pinned, two_lungs(BOX)),
        lambda: read_square(path.path, pinned),
        lambda: cache(Manifest((path,)), pinned, tmp_path / "cache"),
        lambda: store_folder(pinned, tmp_path),
    ):
        with pytest.raises(
            RequestError, match=r"^pixels.lungs_sha256: films were cropped by the lung network"
        ) as told:
            refused()
        assert "\n" not in str(told.value)
    assert preprocess(FILM, pinned, KnownLungs(lambda shape: two_lungs(BOX).find(np.zeros(shape)), b"another")).any()


def test_two_pixels_remain_for_one_of_the_square_in_half_of_each_side() -> None:
    lungs = [largest_scale(1024, 4096, replace(SPEC, size=size)) for size in (32, 64, 65, 128, 129)]
    assert lungs == [4, 4, 2, 2, 1]  # of 32 px the lung network, which takes 128, allows no more
    assert largest_scale(1024, 4096, Pixels(size=64)) == 8
    assert largest_scale(4096, 4096, replace(SPEC, denoise="median")) == 1


def test_a_large_jpeg_is_cropped_as_it_is_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "film.jpg")
    Image.fromarray(np.round(chest_phantom(5, (900, 1100)) * 255).astype(np.uint8)).save(path, quality=95)
    spec = replace(SPEC, size=64, margin=0.15, grey_from="lungs")
    assert largest_scale(900, 1100, spec) > 1
    scaled, whole = read_square(path, spec), square_of(decode(path), spec)
    assert scaled.shape == whole.shape == (900, 1100)
    # Its lungs are found in fewer pixels: the border of the crop may move by one of the network's 128.
    assert np.abs(scaled.levels.astype(int) - whole.levels).mean() < 3


def film(folder: Path, seed: int, size: tuple[int, int] = (120, 140)) -> Film:
    path = folder / f"{seed}.png"
    Image.fromarray(np.round(chest_phantom(seed, size) * 255).astype(np.uint8)).save(path)
    return Film(str(path), sha256=hash_film(str(path)))


def test_the_cache_holds_films_and_lungs(tmp_path: Path) -> None:
    films = Manifest(tuple(film(tmp_path, seed) for seed in range(6)))
    finder = two_lungs(BOX)
    opened = cache(films, SPEC, tmp_path / "cache", lungs=finder)
    assert len(finder.films) == 6  # once a film
    assert opened.size == 48
    assert opened.lungs is not None
    assert opened.films.shape == opened.lungs.shape == (6, 48, 48)
    for row, each in zip(opened.rows(films), films, strict=True):
        square = read_square(each.path, SPEC, each.sha256, finder)
        assert square.lungs is not None
        np.testing.assert_array_equal(opened.films[row], square.levels)
        np.testing.assert_array_equal(opened.lungs[row], square.lungs)
    finder.films.clear()
    again = cache(films, SPEC, tmp_path / "cache", lungs=finder)
    assert not finder.films  # a complete cache decodes nothing
    np.testing.assert_array_equal(again.films, opened.films)
    assert cache(films, Pixels(size=48), tmp_path / "cache").lungs is None


def test_films_without_lungs_are_known(tmp_path: Path) -> None:
    films = Manifest((film(tmp_path, 1), film(tmp_path, 2, (120, 100))))
    some = KnownLungs(lambda shape: (no_lungs() if shape[1] == 100 else two_lungs(BOX)).find(np.zeros(shape)))
    opened = cache(films, SPEC, tmp_path / "cache", lungs=some)
    assert opened.without_lungs(films) == [films.films[1]]
    assert cache(films, Pixels(size=48), tmp_path / "cache").without_lungs(films) == []


def test_each_network_margin_and_grey_scale_has_a_cache_of_its_own(tmp_path: Path) -> None:
    def folder(lungs: LungFinder | None = None, **keys: Any) -> Path:
        return store_folder(replace(SPEC, **keys), tmp_path, lungs)

    different = [folder(), folder(two_lungs(BOX)), folder(no_lungs()), folder(margin=0.1), folder(grey_from="lungs")]
    assert len({*different, store_folder(Pixels(size=48), tmp_path)}) == 6
    assert folder(lungs_sha256=shipped_finder().sha256) == folder()


def test_caches_of_whole_films_are_those_of_before(tmp_path: Path) -> None:
    class Before(msgspec.Struct):
        """`[pixels]` before there were regions."""

        size: int = 48
        resize: str = "squash"
        crop: float = 0.0
        denoise: str = "none"
        equalise: str = "none"
        window: tuple[float, float] | None = None
        grey_scale: str = "exposed"

    key = key_of([DECODE_VERSION, PREPROCESS_VERSION, Before()])
    assert store_folder(Pixels(size=48, margin=0.3), tmp_path).name == key


def test_films_with_a_rounding_above_white_are_read(tmp_path: Path) -> None:
    white: NDArray[np.float32] = np.minimum(FILM * 2, np.float32(1)) * np.float32(1.0000002)
    assert preprocess(white, SPEC).max() == 255


def test_the_whole_film_is_shown_beside_the_lungs_for_those_who_judge_the_film() -> None:
    square = square_of(FILM, SPEC, lungs=two_lungs(BOX))
    assert square.whole is not None
    np.testing.assert_array_equal(square.whole, preprocess(FILM, Pixels(size=128)))
    np.testing.assert_array_equal(square.seen(of_whole=True), square.whole)
    np.testing.assert_array_equal(square.seen(of_whole=False), square.levels)
    plain = square_of(FILM, Pixels(size=48))
    assert plain.whole is None
    np.testing.assert_array_equal(plain.seen(of_whole=True), plain.levels)
