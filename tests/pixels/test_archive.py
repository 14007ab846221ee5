"""Members of MedMNIST archives."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.errors import FilmError
from hilum.pixels import chest_phantom, decode, hash_film
from hilum.pixels.archive import _films

FILMS = np.stack([np.round(chest_phantom(seed, (28, 28)) * 255).astype(np.uint8) for seed in range(5)])


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "pneumoniamnist.npz"
    np.savez_compressed(path, train_images=FILMS, test_images=np.repeat(FILMS[..., None], 3, axis=3))
    return path


def test_a_member_is_a_row_of_its_split(archive: Path) -> None:
    for row in range(5):
        np.testing.assert_array_equal(
            decode(f"{archive}#train/{row}"), FILMS[row].astype(np.float32) / np.float32(255)
        )


def test_colours_of_equal_channels_are_that_grey(archive: Path) -> None:
    np.testing.assert_array_equal(decode(f"{archive}#test/2"), decode(f"{archive}#train/2"))


def test_its_hash_is_of_the_arrays_bytes(archive: Path) -> None:
    known = hash_film(f"{archive}#train/3")
    assert known == hashlib.sha256(FILMS[3].tobytes()).hexdigest()
    decode(f"{archive}#train/3", expected_sha256=known)
    with pytest.raises(FilmError, match="changed since it was indexed"):
        decode(f"{archive}#train/4", expected_sha256=known)


def test_the_array_is_read_once(archive: Path) -> None:
    _films.cache_clear()
    for row in range(5):
        decode(f"{archive}#train/{row}")
    assert _films.cache_info().misses == 1


def test_another_archive_under_the_same_name_is_noticed(archive: Path) -> None:
    before = hash_film(f"{archive}#train/0")
    np.savez(archive, train_images=FILMS[::-1])
    assert hash_film(f"{archive}#train/0") != before


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("pneumoniamnist.npz#train/5", "has 5 films, numbered from 0"),
        ("pneumoniamnist.npz#val/0", "holds no array 'val_images'"),
        ("pneumoniamnist.npz#train/-1", "write it as archive.npz#train/17"),
        ("pneumoniamnist.npz#", "write it as archive.npz#train/17"),
        ("other.npz#train/0", "there is no archive"),
    ],
)
def test_a_member_that_is_not_there_is_named(archive: Path, member: str, reason: str) -> None:
    for read in (decode, hash_film):
        with pytest.raises(FilmError, match=reason):
            read(str(archive.parent / member))


@pytest.mark.parametrize(
    ("films", "reason"),
    [
        (np.array([{"pickled": 1}], dtype=object), "pickled objects"),
        (np.zeros((3, 28)), "expected numeric films×height×width"),
        (np.full((1, 28, 28), np.nan), "NaN or infinite"),
        (np.zeros((1, 28, 28), np.uint8), "the same value"),
        (np.zeros((1, 8, 8), np.uint8), "8×8 pixels"),
        (np.array(["a"]), "expected numeric"),
    ],
)
def test_an_array_that_is_not_of_films_is_refused(tmp_path: Path, films: Any, reason: str) -> None:
    np.savez(tmp_path / "some.npz", train_images=films)
    with pytest.raises(FilmError, match=reason):
        decode(f"{tmp_path / 'some.npz'}#train/0")


def test_a_damaged_archive_is_refused(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:500])
    with pytest.raises(FilmError, match=r"the archive is damaged .*; download it again"):
        decode(f"{archive}#train/0")


def test_numbers_deeper_than_eight_bits_take_their_own_extremes(tmp_path: Path) -> None:
    deep = FILMS.astype(np.float64) * 3 - 500
    np.savez(tmp_path / "some.npz", train_images=deep)
    expected = (deep[1] - deep[1].min()) / (deep[1].max() - deep[1].min())
    np.testing.assert_allclose(decode(f"{tmp_path / 'some.npz'}#train/1"), expected, atol=1e-6)


def test_a_file_that_looks_like_a_member_is_a_file(archive: Path) -> None:
    from PIL import Image

    path = archive.parent / "odd.npz#name.png"
    Image.fromarray(FILMS[0]).save(path)
    np.testing.assert_array_equal(decode(str(path)), decode(f"{archive}#train/0"))
