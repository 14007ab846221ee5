"""The grey scale of films that bring none: set by what was exposed, and not by a few pixels."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hilum.pixels import chest_phantom, decode, read_square, square_of
from hilum.pixels.scale import AREA_OUTSIDE, FEW_OUTSIDE, stretch
from hilum.recipe import Pixels

from .dicoms import dataset, write

Values = NDArray[Any]
MANY = settings(max_examples=60, deadline=None)


def film(seed: int, low: int = 300, high: int = 3900, size: tuple[int, int] = (160, 200)) -> Values:
    """A phantom with noise: dense between its extremes, as 12 bits of a detector are."""
    noise = np.random.default_rng(seed).normal(0, 0.01, size)
    grey = chest_phantom(seed, size) + noise
    values: Values = np.rint(low + (grey - grey.min()) / (grey.max() - grey.min()) * (high - low)).astype(np.int64)
    return values


def between_extremes(values: Values) -> Any:
    return np.clip((values - values.min()) / (values.max() - values.min()), 0, 1)


def slow_ends(values: Values) -> tuple[int, int]:
    """The rule written out, one value at a time."""
    counts: dict[int, int] = {}
    for value in values.ravel().tolist():
        counts[value] = counts.get(value, 0) + 1
    levels, pixels = sorted(counts), values.size
    weights = {level: min(counts[level], 0.01 * pixels) for level in levels}
    low = high = lower = upper = 0
    for _ in range(3):
        whole = sum(weights.values())
        tail, below = min(0.05 * pixels, whole / 4), 0.0
        for level in levels:
            below += weights[level]
            if below >= tail:
                lower = level
                break
        below = 0.0
        for level in levels:
            below += weights[level]
            if below >= whole - tail:
                upper = level
                break
        if 0 < high - low < upper - lower:
            break
        low, high = lower, upper
        bins: dict[int, list[int]] = {}
        for level in levels:
            bins.setdefault(int((level - low) * 100 // (high - low)), []).append(level)
        for members in bins.values():
            total = sum(counts[level] for level in members)
            for level in members:
                weights[level] = counts[level] * min(1, 0.01 * pixels / total)
    steps = sorted(b - a for a, b in itertools.pairwise(levels) if low <= a and b <= high)
    gap = max(0.3 * (high - low), 4 * float(np.median(steps)))

    def end(outwards: list[int], sign: int) -> int:
        for level in outwards:
            beyond = [other for other in outwards if sign * (other - level) > 0]
            near = [other for other in beyond if sign * (other - level) <= gap]
            if len(near) < len(beyond) and sum(weights[other] for other in near) <= 0.001 * pixels:
                break
        reach = [other for other in outwards if sign * (other - outwards[0]) <= high - low]
        return min(level, reach[-1], key=lambda each: sign * each)

    return (
        end([level for level in reversed(levels) if level <= low], -1),
        end([level for level in levels if level >= high], 1),
    )


# ------------------------------------------------------------------------------------ nothing is far outside


@pytest.mark.parametrize("seed", range(4))
def test_a_film_that_is_dense_up_to_its_extremes_lies_between_them(seed: int) -> None:
    values = film(seed)
    grey, remarks = stretch(values)
    np.testing.assert_allclose(grey, between_extremes(values), atol=1e-6)
    assert remarks == ()


def test_direct_exposure_over_half_of_the_film_stays_black() -> None:
    """Air is joined to the body by the skin: its grey levels are part of what was exposed."""
    values = np.pad(film(1, low=0), 60, mode="linear_ramp")
    values = np.pad(values, 60, constant_values=0)
    assert (values == 0).mean() > 0.4
    np.testing.assert_allclose(stretch(values)[0], between_extremes(values), atol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        np.repeat([0, 4095], [900, 100]),
        np.repeat([0, 4095], [999_000, 1000]),
        np.repeat([100, 101, 102], 300),
        np.repeat([0, 65535], [1, 1]),
        np.arange(65536),
    ],
    ids=["two values", "a little text on black", "three levels", "two pixels", "a ramp"],
)
def test_a_few_levels_are_no_outliers_of_one_another(values: Values) -> None:
    grey, remarks = stretch(values)
    np.testing.assert_allclose(grey, between_extremes(values), atol=1e-6)
    assert remarks == ()


def test_equal_values_are_black_and_the_other_rule_is_that_of_the_extremes() -> None:
    assert not stretch(np.full((20, 20), 7))[0].any()
    values = np.append(film(1).ravel(), 65535)
    grey, remarks = stretch(values, "extremes")
    np.testing.assert_allclose(grey, between_extremes(values), atol=1e-6)
    assert remarks == ()


# ------------------------------------------------------------------------------------ a few pixels


def with_marker(values: Values, value: int, share: float, corner: int) -> Values:
    """A square of one value in a corner."""
    marked = values.copy()
    side = max(1, int((values.size * share) ** 0.5))
    rows = slice(5, 5 + side) if corner < 2 else slice(-5 - side, -5)
    columns = slice(5, 5 + side) if corner % 2 else slice(-5 - side, -5)
    marked[rows, columns] = value
    return marked


@MANY
@given(
    seed=st.integers(0, 5),
    value=st.one_of(st.integers(6000, 65535), st.just(65535)),
    share=st.floats(0, 0.03),
    corner=st.integers(0, 3),
    offset=st.integers(0, 3000),
)
def test_a_marker_does_not_set_the_scale(seed: int, value: int, share: float, corner: int, offset: int) -> None:
    values = film(seed, offset + 300, offset + 3900)
    marked = with_marker(values, offset + value, share, corner)
    grey, remarks = stretch(marked)
    same = marked == values
    np.testing.assert_allclose(grey[same], between_extremes(values)[same], atol=0.03)
    assert grey[~same].min() == 1
    assert remarks == (FEW_OUTSIDE,)


MARKS: dict[str, Callable[[Values], Values]] = {
    "markers at both ends": lambda film: with_marker(with_marker(film, 0, 0.02, 1), 65535, 0.03, 2),
    "three markers": lambda film: with_marker(
        with_marker(with_marker(film, 65535, 0.01, 0), 60000, 0.01, 1), 31000, 0.01, 2
    ),
    "a marker with noise": lambda film: np.where(
        with_marker(film, -1, 0.03, 2) < 0, np.random.default_rng(1).integers(50_000, 60_000, film.shape), film
    ),
    "a blurred marker": lambda film: np.rint(
        film + (65535 - film) * cv2.GaussianBlur((with_marker(film, -1, 0.02, 2) < 0).astype(float), (0, 0), 1)
    ).astype(np.int64),
    "dead pixels": lambda film: np.where(np.random.default_rng(1).random(film.shape) < 0.001, 0, film),
    "hot pixels": lambda film: np.where(
        np.random.default_rng(1).random(film.shape) < 0.001,
        np.random.default_rng(2).integers(film.max() * 3, 65536, film.shape),
        film,
    ),
    "a hot line": lambda film: np.where(np.arange(film.shape[1]) == 17, 65535, film),
    "text": lambda film: np.where(
        cv2.putText(np.zeros(film.shape, np.uint8), "R 12:30", (10, 40), 0, 1, 255, 2) > 0, 65535, film
    ),
}  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("seed", range(3))
def test_marks_of_every_kind_do_not_set_the_scale(mark: str, seed: int) -> None:
    values = film(seed, 3000, 12000)
    marked = MARKS[mark](values)
    same = marked == values
    assert 0.9 < same.mean() < 1
    grey, remarks = stretch(marked)
    np.testing.assert_allclose(grey[same], between_extremes(values)[same], atol=0.03)
    assert remarks == (FEW_OUTSIDE,)


@pytest.mark.parametrize("border", [0, 65535], ids=["black", "white"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("noise", [0, 20, 130, 150])
def test_the_border_of_a_collimation_does_not_set_the_scale(border: int, share: float, noise: int) -> None:
    values = film(2, 3000, 6000)
    width = int(max(values.shape) * ((1 / (1 - share)) ** 0.5 - 1) / 2) + 1
    exposed = np.pad(np.ones(values.shape, bool), width)
    dark = np.random.default_rng(1).integers(0, noise + 1, exposed.shape)
    bordered = np.where(exposed, np.pad(values, width), np.abs(border - dark))
    marked = with_marker(bordered, 40000, 0.02, 1)
    exposed &= marked == bordered
    for each in (bordered, marked):
        grey, remarks = stretch(each)
        np.testing.assert_allclose(grey[exposed], between_extremes(bordered[exposed]), atol=0.03)
        assert len(remarks) == 1
    assert stretch(bordered)[1] == ((FEW_OUTSIDE if share < 0.1 else AREA_OUTSIDE),)


def test_padding_neither_counts_nor_is_remarkable() -> None:
    values = film(1)
    padded = values.copy()
    padded[:40] = -30000
    grey, remarks = stretch(padded, "exposed", padded == -30000)
    np.testing.assert_allclose(grey[40:], between_extremes(values[40:]), atol=1e-6)
    assert not grey[:40].any()
    assert remarks == ()


# ------------------------------------------------------------------------------------ whatever the values are


@MANY
@given(data=st.data())
def test_the_fast_rule_is_the_slow_one(data: st.DataObject) -> None:
    parts = data.draw(
        st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 600), st.integers(1, 400)), min_size=1, max_size=5)
    )
    seed = data.draw(st.integers(0, 99))
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.integers(low, low + width, count) for low, width, count in parts])
    if len(np.unique(values)) < 2:
        return
    grey, _ = stretch(values)
    low, high = slow_ends(values)
    np.testing.assert_allclose(grey, np.clip((values - low) / (high - low), 0, 1), atol=1e-6)


@MANY
@given(
    values=st.lists(
        st.one_of(st.integers(-(2**31), 2**31).map(float), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=1,
        max_size=40,
    )
)
def test_darker_never_becomes_brighter(values: list[float]) -> None:
    array = np.array(values)
    grey, _ = stretch(array)
    assert grey.dtype == np.float32
    assert np.isfinite(grey).all()
    assert (np.diff(grey[np.argsort(array, kind="stable")]) >= 0).all()
    if len(set(values)) > 1:
        assert (grey.min(), grey.max()) == (0, 1)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", ">u2", "i2", "u4", "i8", "u8", "f2", "f4", "f8"])
def test_every_type_of_number_gets_the_same_scale(dtype: str) -> None:
    values = film(3, 0, 100)
    marked = with_marker(values, 120, 0.01, 1)
    np.testing.assert_allclose(stretch(marked.astype(dtype))[0], stretch(marked)[0], atol=1e-6)


def test_floats_that_are_no_whole_numbers_get_the_scale_of_whole_ones() -> None:
    values = with_marker(film(3), 65535, 0.01, 1)
    grey, remarks = stretch(values / 65535)
    np.testing.assert_allclose(grey, stretch(values)[0], atol=1e-6)
    assert remarks == (FEW_OUTSIDE,)


def test_a_sentinel_among_floats_does_not_set_the_scale() -> None:
    values = film(1).astype(np.float32) / 4096
    marked = values.copy()
    marked[:3] = np.finfo(np.float32).min
    np.testing.assert_allclose(stretch(marked)[0][3:], between_extremes(values)[3:], atol=0.03)


def test_a_large_film_takes_a_moment() -> None:
    values = np.tile(film(1), (16, 14)).astype(np.float32)
    assert values.size > 7_000_000
    begun = time.process_time()
    stretch(values)
    assert time.process_time() - begun < 5


def test_a_large_film_of_floats_has_the_ends_of_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (film(1) + np.random.default_rng(1).random((160, 200))).astype(np.float32)
    expected = stretch(values)[0]
    monkeypatch.setattr("hilum.pixels.scale._PIECE", 1000)
    np.testing.assert_allclose(stretch(values)[0], expected, atol=0.005)


# ------------------------------------------------------------------------------------ in files


def test_every_kind_of_film_without_a_scale_takes_this_rule(tmp_path: Path) -> None:
    values = with_marker(film(1), 65535, 0.01, 1).astype(np.uint16)
    (tmp_path / "film.png").write_bytes(cv2.imencode(".png", values)[1].tobytes())
    np.savez(tmp_path / "set.npz", train_images=values[None])
    dicom = write(tmp_path / "film.dcm", dataset(values, bits=16))
    expected, extremes = stretch(values)[0], between_extremes(values.astype(np.int64))
    new, old = Pixels(size=64), Pixels(size=64, grey_scale="extremes")
    for path in (dicom, str(tmp_path / "film.png"), f"{tmp_path}/set.npz#train/0"):
        np.testing.assert_allclose(decode(path), expected, atol=1e-6)
        np.testing.assert_allclose(decode(path, grey_scale="extremes"), extremes, atol=1e-6)
        assert read_square(path, new).remarks == (FEW_OUTSIDE,)
        assert read_square(path, old).remarks == ()
        np.testing.assert_array_equal(read_square(path, new).levels, square_of(values, new).levels)
    assert square_of(values, new).remarks == (FEW_OUTSIDE,)
