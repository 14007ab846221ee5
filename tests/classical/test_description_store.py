"""Described films on disk: once each, by everything that their numbers depend on, and never half."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum import films, pixels
from hilum.classical import describe, describe_films
from hilum.errors import RequestError
from hilum.lungs import LungFinder
from hilum.pixels import PixelCache
from hilum.recipe import Classical, Pixels
from hilum.recipe.classical import Step
from hilum.records import Manifest
from tests.classical.conftest import FindsDark
from tests.conftest import ChestFolder

PIXELS = Pixels(size=48)
GREY = Classical(side=12)
Made = tuple[Manifest, PixelCache]


@pytest.fixture
def made(chest_folder: ChestFolder) -> Made:
    manifest = films.index(chest_folder({"train": {"normal": 6, "bacteria": 6}}), cut=False)
    return manifest, pixels.cache(manifest, PIXELS)


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each film that is described, from now on."""
    count: list[int] = []
    module = sys.modules["hilum.classical.features.describe"]
    original = module.describe_one

    def counted(square: Any, outline: Any, spec: Classical, lungs: LungFinder | None = None) -> Any:
        count.append(len(count))
        return original(square, outline, spec, lungs)

    monkeypatch.setattr(module, "describe_one", counted)
    return count


@pytest.mark.parametrize(
    "spec", [GREY, Classical(steps=("frame",), describe="features", families=("shape",))], ids=["grey", "features"]
)
def test_what_is_stored_is_what_describing_gives(made: Made, spec: Classical) -> None:
    manifest, cache = made
    expected = describe(cache.films[cache.rows(manifest)], spec)
    for _ in range(2):
        stored = describe_films(manifest, cache, spec, PIXELS)
        np.testing.assert_array_equal(stored.numbers, expected.numbers)
        assert stored.numbers.dtype == np.float32
        assert stored.names == expected.names
        assert stored.notes == expected.notes


def test_nothing_is_described_twice_and_films_come_in_the_manifests_order(made: Made, worked: list[int]) -> None:
    manifest, cache = made
    some = Manifest(manifest.films[4:7])
    describe_films(some, cache, GREY, PIXELS)
    assert len(worked) == 3
    backwards = Manifest((*manifest.films[::-1], manifest.films[0]))
    all_of_them = describe_films(backwards, cache, GREY, PIXELS)
    assert len(worked) == len(manifest)
    expected = describe(cache.films[cache.rows(backwards)], GREY)
    np.testing.assert_array_equal(all_of_them.numbers, expected.numbers)


def test_every_choice_that_changes_a_number_has_a_store_of_its_own(
    made: Made, worked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, cache = made
    one = Manifest(manifest.films[:1])
    smooth: tuple[Step, ...] = ("smooth",)
    choices = [
        (GREY, PIXELS),
        (Classical(side=13), PIXELS),
        (Classical(side=12, steps=smooth), PIXELS),
        (Classical(describe="features", families=("grey",)), PIXELS),
        (Classical(describe="features", families=("layout",)), PIXELS),
        (GREY, Pixels(size=48, equalise="clahe")),
    ]
    for number, (spec, pixel_choice) in enumerate(choices, start=1):
        describe_films(one, cache, spec, pixel_choice)
        assert len(worked) == number
    describe_films(one, cache, Classical(side=12, classifier="svm", select="l1", folds=3), PIXELS)
    assert len(worked) == len(choices), "what happens to the numbers later changes none of them"
    by_shape = Classical(describe="features", families=("shape",))
    for number, finder in enumerate((None, FindsDark(), FindsDark()), start=1):
        describe_films(one, cache, by_shape, PIXELS, lungs=finder)
        assert len(worked) == len(choices) + min(number, 2), "numbers depend on what finds the lungs"
    describe_films(one, cache, GREY, PIXELS, lungs=FindsDark())
    assert len(worked) == len(choices) + 2, "grey values do not"
    worked.clear()
    monkeypatch.setattr("hilum.classical.description_store.DESCRIBE_VERSION", 0)
    describe_films(one, cache, GREY, PIXELS)
    assert len(worked) == 1


def test_films_that_are_cropped_to_their_lungs_are_described_by_these(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lungs that came with the crop are taken: in the cropped square none are looked for."""
    manifest, _ = made
    cropped, by_shape = Pixels(size=48, region="lungs"), Classical(describe="features", families=("shape",))
    cache = pixels.cache(manifest, cropped)
    assert cache.lungs is not None

    def sought(*film: object) -> None:
        raise AssertionError("lungs were looked for in a crop")

    monkeypatch.setattr("hilum.classical.features.outline.find_lungs", sought)
    monkeypatch.setattr(FindsDark, "find", sought)
    stored = describe_films(manifest, cache, by_shape, cropped, lungs=FindsDark())
    shares = stored.numbers[:, stored.names.index("shape: both, area")]
    expected = cache.lungs[cache.rows(manifest)].mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(shares, expected, atol=0.01)


def test_a_pass_that_was_killed_goes_on_where_it_was(
    made: Made, worked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, cache = made
    monkeypatch.setattr("hilum.classical.description_store._CHUNK", 4)
    module = sys.modules["hilum.classical.features.describe"]
    counted = module.describe_one

    def killed(square: Any, outline: Any, spec: Classical, lungs: LungFinder | None = None) -> Any:
        if len(worked) == 6:
            raise KeyboardInterrupt
        return counted(square, outline, spec, lungs)

    monkeypatch.setattr(module, "describe_one", killed)
    with pytest.raises(KeyboardInterrupt):
        describe_films(manifest, cache, GREY, PIXELS, workers=1)
    monkeypatch.setattr(module, "describe_one", counted)
    worked.clear()
    stored = describe_films(manifest, cache, GREY, PIXELS)
    assert len(worked) == len(manifest) - 6
    np.testing.assert_array_equal(stored.numbers, describe(cache.films[cache.rows(manifest)], GREY).numbers)


def test_half_a_row_is_not_there(made: Made, tmp_path: Path) -> None:
    manifest, cache = made
    describe_films(manifest, cache, GREY, PIXELS, tmp_path)
    (rows,) = tmp_path.glob("described/*/rows.bin")
    whole = rows.read_bytes()
    os.truncate(rows, len(whole) - 10)
    describe_films(manifest, cache, GREY, PIXELS, tmp_path)
    assert rows.read_bytes() == whole


def test_a_damaged_row_is_described_again(made: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest, cache = made
    describe_films(manifest, cache, GREY, PIXELS, tmp_path)
    (rows,) = tmp_path.glob("described/*/rows.bin")
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-400] + bytes([whole[-400] ^ 1]) + whole[-399:])
    describe_films(manifest, cache, GREY, PIXELS, tmp_path)
    assert "1 row of the described films is not what was written there" in caplog.text
    assert rows.read_bytes() == whole


@pytest.mark.parametrize("damage", ['{"version": "of somebody else"}', "{", "\udcff"])
def test_a_damaged_store_is_one_line(made: Made, tmp_path: Path, damage: str) -> None:
    manifest, cache = made
    describe_films(manifest, cache, GREY, PIXELS, tmp_path)
    (path,) = tmp_path.glob("described/*/store.json")
    path.write_bytes(damage.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        RequestError, match=r"store.json: (damaged|these are described films of something else \(other \w+).*; remove"
    ):
        describe_films(manifest, cache, GREY, PIXELS, tmp_path)


def test_a_film_that_is_not_in_the_cache_is_named(made: Made) -> None:
    manifest, cache = made
    few = PixelCache(cache.films, {manifest.films[0].sha256: 0})
    with pytest.raises(RequestError, match="not in the pixel cache"):
        describe_films(manifest, few, GREY, PIXELS)


def test_a_full_disk_is_one_line_and_loses_nothing(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, cache = made
    some = Manifest(manifest.films[:5])
    describe_films(some, cache, GREY, PIXELS)

    def full(descriptor: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(
        RequestError, match=r"described films cannot be kept \(No space left on device\); make room for 1 MB more"
    ):
        describe_films(manifest, cache, GREY, PIXELS)
    monkeypatch.undo()
    assert len(describe_films(some, cache, GREY, PIXELS).numbers) == 5


def test_a_long_note_is_cut_between_letters(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, cache = made
    note = "x" + "ß" * 400
    monkeypatch.setattr(
        sys.modules["hilum.classical.features.describe"],
        "describe_one",
        lambda square, outline, spec, lungs: (np.zeros(144, np.float32), note),
    )
    (kept,) = describe_films(Manifest(manifest.films[:1]), cache, GREY, PIXELS).notes
    assert kept == note[: len(kept)]
    assert len(kept) > 100


def test_prefetching_by_hash_does_not_confuse_films_of_the_same_bytes(made: Made, worked: list[int]) -> None:
    manifest, cache = made
    twice = Manifest((manifest.films[2], manifest.films[2]))
    stored = describe_films(twice, cache, GREY, PIXELS)
    assert len(worked) == 1
    np.testing.assert_array_equal(stored.numbers[0], stored.numbers[1])
