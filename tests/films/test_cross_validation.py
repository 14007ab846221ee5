"""Every film is held out once, and no patient is on both sides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from hilum.errors import LayoutError
from hilum.films.cross_validation import folds, folds_by_group
from hilum.records import Film, Manifest


def manifest(patients: int, seed: int = 0) -> Manifest:
    """Patients of one to four films: a third normal, the others with one of two causes."""
    draw = np.random.default_rng(seed)
    films = []
    for patient in range(patients):
        subtype = ("", "bacteria", "virus")[patient % 3]
        label = "PNEUMONIA" if subtype else "NORMAL"
        for number in range(draw.integers(1, 5)):
            name = f"{patient}-{number}"
            split = ("train", "train", "val")[number % 3]
            films.append(Film(f"{name}.png", label, subtype, f"p{patient}", split, sha256=name.ljust(64, "0")))
    return Manifest((*films, Film("test.png", "NORMAL", patient="t", split="test", sha256="t" * 64)))


@given(patients=st.integers(15, 80), number=st.integers(2, 5), seed=st.integers(0, 9))
def test_every_film_is_held_out_once_and_with_its_patient(patients: int, number: int, seed: int) -> None:
    films = manifest(patients)
    cut = folds(films, number, seed)
    held = Counter(film.path for fold in cut for film in fold if film.split == "val")
    assert held == Counter(film.path for film in films if film.split != "test")
    for fold in cut:
        sides = {split: {film.patient for film in fold if film.split == split} for split in ("train", "val")}
        assert not sides["train"] & sides["val"]
        assert sides["val"]
        assert len(fold) == len(films) - 1, "and the test film is in none"


def test_folds_are_as_even_as_scikit_learns() -> None:
    films = manifest(300)
    pool = [film for film in films if film.split != "test"]
    strata, patients = [film.subtype for film in pool], [film.patient for film in pool]

    def unevenness(parts: list[list[str]]) -> float:
        shares = np.array([[part.count(stratum) for stratum in ("", "bacteria", "virus")] for part in parts])
        return float(np.abs(shares - shares.mean(axis=0)).max())

    theirs = StratifiedGroupKFold(5, shuffle=True, random_state=1).split(pool, strata, patients)
    ours = [[film.subtype for film in fold if film.split == "val"] for fold in folds(films, 5, 1)]
    assert unevenness(ours) <= max(4.0, unevenness([[strata[each] for each in held] for _, held in theirs]))


def test_copies_share_a_fold() -> None:
    films = [
        Film(f"{n}.png", "AB"[n % 2], patient=f"p{n}", split="train", sha256=f"{n // 2 * 2:064x}") for n in range(12)
    ]
    for fold in folds(Manifest(tuple(films)), 2, 0):
        for one, other in zip(fold.films[::2], fold.films[1::2], strict=True):
            assert one.split == other.split


def test_a_seed_decides() -> None:
    one, again, other = (folds(manifest(40), 3, seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_class_with_fewer_patients_than_folds_is_named() -> None:
    films = Manifest((*manifest(30), Film("x.png", "RARE", patient="a", split="train", sha256="x" * 64)))
    with pytest.raises(LayoutError, match=r"3 folds need as many patients of RARE, and there are 1"):
        folds(films, 3, 0)


def test_each_group_is_held_out_once() -> None:
    films = manifest(30)
    group_of = {film.path: int(film.patient[1:]) % 3 for film in films if film.split != "test"}
    cut = folds_by_group(films, group_of)
    assert len(cut) == 3
    for number, fold in enumerate(cut):
        assert len(fold) == len(films) - 1, "the test film is in none"
        assert {film.path for film in fold if film.split == "val"} == {
            path for path, group in group_of.items() if group == number
        }


def test_a_patient_in_two_groups_is_refused() -> None:
    films = manifest(4)
    group_of = {film.path: number % 2 for number, film in enumerate(films)}
    with pytest.raises(LayoutError, match=r"films of the patient p\d are in two groups"):
        folds_by_group(films, group_of)
