from __future__ import annotations

import hashlib
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.errors import LayoutError
from hilum.films import split
from hilum.films.contents import EMPTY
from hilum.records import Film

STRATA = [("NORMAL", ""), ("PNEUMONIA", "bacteria"), ("PNEUMONIA", "virus")]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def many(patients: dict[tuple[str, str], int], films_a_patient: int = 2, where: str = "train") -> list[Film]:
    return [
        Film(
            f"{label}-{cause}-{patient}-{film}",
            label,
            cause,
            f"{label}-{cause}-{patient}",
            where,
            digest(f"{label}{cause}{patient}.{film}"),
        )
        for (label, cause), number in patients.items()
        for patient in range(number)
        for film in range(films_a_patient)
    ]


def in_val(films: tuple[Film, ...]) -> set[str]:
    return {film.path for film in films if film.split == "val"}


@st.composite
def data_sets(draw: st.DrawFn) -> list[Film]:
    """Films of patients with several films each, some films under two names, some patients with two classes."""
    films = []
    for number in range(draw(st.integers(1, 60))):
        label, cause = draw(st.sampled_from(STRATA))
        patient, content = draw(st.integers(0, 20)), draw(st.integers(0, 80))
        where = draw(st.sampled_from(["train", "val", "test"]))
        films.append(Film(f"{number}.png", label, cause, f"p{patient}", where, digest(str(content))))
    return films


@given(data_sets(), st.floats(0.05, 0.5), st.integers(0, 5), st.sampled_from(["patient", "film"]))
@settings(max_examples=150, deadline=None)
def test_nobody_lies_on_both_sides(films: list[Film], fraction: float, seed: int, by: split.SplitBy) -> None:
    result = split.cut(films, fraction, seed, by)
    val, train = ([film for film in result if film.split == name] for name in ("val", "train"))
    assert not {film.sha256 for film in val} & {film.sha256 for film in train}
    if by == "patient":
        assert not {film.patient for film in val} & {film.patient for film in train}
    assert [film for film in result if film.split == "test"] == [film for film in films if film.split == "test"]
    assert [film.path for film in result] == [film.path for film in films]


@given(data_sets(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_films_does_not_matter(films: list[Film], shuffler: random.Random) -> None:
    shuffled = films.copy()
    shuffler.shuffle(shuffled)
    assert in_val(split.cut(films, 0.2, 1, "patient")) == in_val(split.cut(shuffled, 0.2, 1, "patient"))


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
def test_every_class_and_cause_gives_its_share(fraction: float) -> None:
    films = many({STRATA[0]: 300, STRATA[1]: 200, STRATA[2]: 50})
    val = Counter(
        (film.label, film.subtype) for film in split.cut(films, fraction, 1, "patient") if film.split == "val"
    )
    for stratum, patients in zip(STRATA, (300, 200, 50), strict=True):
        assert val[stratum] == pytest.approx(fraction * patients * 2, abs=2)


def test_a_small_class_still_gives_one_patient_and_keeps_one() -> None:
    result = split.cut(many({STRATA[0]: 40, STRATA[1]: 2, STRATA[2]: 1}), 0.1, 1, "patient")
    sides = {stratum: {film.split for film in result if (film.label, film.subtype) == stratum} for stratum in STRATA}
    assert sides == {STRATA[0]: {"train", "val"}, STRATA[1]: {"train", "val"}, STRATA[2]: {"train"}}


def test_another_seed_draws_others() -> None:
    films = many({STRATA[0]: 100, STRATA[1]: 100})
    assert in_val(split.cut(films, 0.1, 1, "patient")) == in_val(split.cut(films, 0.1, 1, "patient"))
    assert in_val(split.cut(films, 0.1, 1, "patient")) != in_val(split.cut(films, 0.1, 2, "patient"))


def test_films_added_elsewhere_change_nothing_here() -> None:
    few = many({STRATA[0]: 100, STRATA[1]: 100})
    more = many({STRATA[0]: 100, STRATA[1]: 100, STRATA[2]: 70})
    assert in_val(split.cut(few, 0.1, 1, "patient")) <= in_val(split.cut(more, 0.1, 1, "patient"))


def test_empty_files_are_not_copies_of_one_another() -> None:
    films = [Film(f"{patient}.png", "A", "", str(patient), "train", EMPTY) for patient in range(10)]
    assert {film.split for film in split.cut(films, 0.1, 1, "patient")} == {"train", "val"}


class TestPlan:
    """When the films' own validation split will do."""

    def test_a_large_one_is_kept(self) -> None:
        val = many({STRATA[0]: 40, STRATA[1]: 10}, where="val")
        assert not split.plan(many({STRATA[0]: 60, STRATA[1]: 60}) + val).cut

    @pytest.mark.parametrize(
        ("val", "why"),
        [
            ({}, "there is no validation split"),
            ({STRATA[0]: 8, STRATA[1]: 8}, "val has 32 films, too few"),
            ({STRATA[0]: 100, STRATA[1]: 9}, "val has 18 films of PNEUMONIA, fewer than 20"),
            ({STRATA[0]: 100}, "val has 0 films of PNEUMONIA"),
        ],
    )
    def test_a_small_one_is_cut_anew(self, val: dict[tuple[str, str], int], why: str) -> None:
        plan = split.plan(many({STRATA[0]: 60, STRATA[1]: 60}) + many(val, where="val"))
        assert plan.cut
        assert why in plan.why

    def test_without_train_there_is_nothing_to_cut(self) -> None:
        assert not split.plan(many({STRATA[0]: 9}, where="val") + many({STRATA[1]: 9}, where="test")).cut


def test_unknown_patients_are_asked_for_and_the_risk_is_told() -> None:
    films = [*many({STRATA[0]: 2}), Film("x.png", "NORMAL", split="train"), Film("y.png", "NORMAL", split="test")]
    with pytest.raises(
        LayoutError, match=r"1 film of 5 .*\(x\.png\).*--patient-column.*\(\?P<patient>.*--split-by film.*better"
    ):
        split.require_patients(films)
