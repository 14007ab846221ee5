"""Films as numbers: which, in which order, and finite whatever the film shows."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from skimage.transform import resize_local_mean

from hilum.classical import describe, prepare
from hilum.recipe import Classical
from hilum.recipe.classical import Family, Step
from tests.classical.conftest import DARK, FindsDark, Square, phantom, two_lungs, wild_squares

FAMILIES: tuple[Family, ...] = get_args(Family)
FEATURES = Classical(describe="features")


def test_grey_values_are_those_of_the_small_film_standardised() -> None:
    films = [phantom(seed, 96) for seed in range(3)]
    described = describe(films, Classical(side=24))
    assert described.numbers.shape == (3, 24 * 24)
    assert described.numbers.dtype == np.float32
    assert described.names[:2] == ("row 0, column 0", "row 0, column 1")
    assert described.names[-1] == "row 23, column 23"
    assert described.notes == ("", "", "")
    for film, numbers in zip(films, described.numbers, strict=True):
        small = resize_local_mean(film.astype(float), (24, 24))
        np.testing.assert_allclose(numbers, ((small - small.mean()) / small.std()).ravel(), atol=1e-3)


def test_a_small_film_can_be_described_by_more_values_than_it_has() -> None:
    described = describe([phantom(1, 32)], Classical(side=48))
    assert described.numbers.shape == (1, 48 * 48)
    assert described.numbers.mean() == pytest.approx(0, abs=1e-5)
    assert described.numbers.std() == pytest.approx(1, abs=1e-5)


def test_the_steps_come_first() -> None:
    film = phantom(1, 64)
    steps: tuple[Step, ...] = ("smooth", "frame")
    prepared = prepare(film, steps)
    one = describe([film], Classical(steps=steps, side=16))
    other = describe([prepared.square], Classical(side=16))
    np.testing.assert_array_equal(one.numbers, other.numbers)
    assert one.notes == ("; ".join(prepared.notes),)


@pytest.mark.parametrize("spec", [Classical(side=16), FEATURES], ids=["grey", "features"])
def test_each_film_has_its_numbers_whatever_stands_beside_it(spec: Classical) -> None:
    films = np.stack([phantom(seed, 64) for seed in range(11)])
    together = describe(films, spec)
    for row, film in enumerate(films):
        np.testing.assert_array_equal(describe([film], spec).numbers[0], together.numbers[row])


def test_families_stand_in_the_recipes_order() -> None:
    film = [phantom(2, 64)]
    alone = {family: describe(film, Classical(describe="features", families=(family,))) for family in FAMILIES}
    order: tuple[Family, ...] = ("layout", "grey", "shape", "texture")
    together = describe(film, Classical(describe="features", families=order))
    assert together.names == sum((alone[family].names for family in order), ())
    expected = np.concatenate([alone[family].numbers[0] for family in order])
    np.testing.assert_array_equal(together.numbers[0], expected)
    assert len(set(together.names)) == len(together.names)
    assert all(name.startswith(f"{family}: ") for family in order for name in alone[family].names)


def test_a_film_of_one_grey_value_is_named() -> None:
    films = [phantom(0, 64), np.full((64, 64), 99, dtype=np.uint8)]
    grey = describe(films, Classical(side=16))
    assert grey.notes == ("", "one grey value throughout")
    assert not grey.numbers[1].any()
    assert "one grey value" in describe(films, FEATURES).notes[1]


def test_a_film_without_lungs_is_named_and_marked() -> None:
    films = [phantom(5, 224), np.random.default_rng(0).integers(0, 256, (224, 224)).astype(np.uint8)]
    described = describe(films, Classical(describe="features", families=("shape",)))
    assert described.notes[0] == ""
    assert described.notes[1].startswith("lungs not found: ")
    assert described.numbers[:, described.names.index("shape: found")].tolist() == [1, 0]


@pytest.mark.parametrize(
    "spec", [Classical(steps=("mask",), side=16), Classical(describe="features", families=("texture", "shape"))]
)
def test_outlines_that_come_with_the_films_say_what_the_same_lungs_say_when_they_are_found(spec: Classical) -> None:
    films = [two_lungs(), two_lungs(0.8)]
    given = describe(films, spec, outlines=[(film < DARK).astype(np.uint8) * 255 for film in films])
    np.testing.assert_array_equal(given.numbers, describe(films, spec, FindsDark()).numbers)
    assert given.notes == ("", "")
    with pytest.raises(ValueError, match="shorter"):
        describe(films, spec, outlines=[films[0]])


def test_a_film_that_came_without_lungs_is_noted_and_marked() -> None:
    described = describe(
        [two_lungs()], Classical(describe="features", families=("shape",)), outlines=[two_lungs() * 0]
    )
    assert described.notes == ("the average outline takes the place of the film's lungs",)
    assert described.numbers[0, described.names.index("shape: found")] == 0


def test_no_films_give_no_rows() -> None:
    for spec in (Classical(side=8), FEATURES):
        described = describe([], spec)
        assert described.numbers.shape == (0, len(described.names))
        assert described.notes == ()


@settings(max_examples=20, deadline=None)
@given(wild_squares())
def test_all_numbers_of_any_square_are_finite(square: Square) -> None:
    steps: tuple[Step, ...] = get_args(Step)
    for spec in (FEATURES, Classical(steps=steps, describe="features"), Classical(steps=steps, side=8)):
        described = describe([square], spec)
        assert described.numbers.shape == (1, len(described.names))
        assert np.isfinite(described.numbers).all(), np.array(described.names)[~np.isfinite(described.numbers[0])]
        assert np.abs(described.numbers).max() < 1e5
        if np.ptp(square) == 0:
            assert "one grey value" in described.notes[0]
