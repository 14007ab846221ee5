"""Films that were taken alike are found again by their pixels, whatever they show and in whatever order they come."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import RobustScaler

from hilum.auditing.acquisition import acquisition_groups, scaled
from hilum.auditing.acquisition_facts import FAMILIES, acquisition_facts
from hilum.errors import FilmError, LayoutError
from hilum.pixels import chest_phantom
from hilum.records import Film

SCANNERS = ("plain", "dark", "blurred")


def taken(seed: int, scanner: str) -> np.ndarray:
    """A generated film as one of three scanners would have taken it, uint8."""
    noise = np.random.default_rng(seed).standard_normal((96, 96))
    grey = chest_phantom(seed, (96, 96), opacity=0.7 * (seed % 2)) + 0.03 * noise.astype(np.float32)
    if scanner == "dark":
        grey = np.clip(grey, 0, 1) ** np.float32(2.5)
    if scanner == "blurred":
        grey = cv2.GaussianBlur(grey, (0, 0), 2)
    return np.asarray(np.rint(np.clip(grey, 0, 1) * 255), dtype=np.uint8)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    """Sixty films of forty-five patients, twenty of each scanner; a patient's two are of one scanner."""
    folder = tmp_path_factory.mktemp("films")
    made = []
    for number in range(60):
        path = folder / f"{number}.png"
        scanner = number % 3
        cv2.imwrite(str(path), taken(number, SCANNERS[scanner]))
        label = "PNEUMONIA" if number % 2 else "NORMAL"
        patient = f"p{number if number < 45 else number - 45}"
        made.append(Film(str(path), label, patient=patient, split="train"))
    return made


def test_three_scanners_are_told_apart(films: list[Film]) -> None:
    found = acquisition_groups(films, 3, fewest=5)
    scanners = [int(Path(film.path).stem) % 3 for film in films]
    assert adjusted_rand_score(scanners, [found.group_of[film.path] for film in films]) > 0.95
    by_scanner = {found.group_of[film.path]: SCANNERS[int(Path(film.path).stem) % 3] for film in films}
    for group, words in enumerate(found.descriptions):
        if by_scanner[group] == "blurred":
            assert "less sharp" in words
        if by_scanner[group] == "dark":
            assert "darker" in words


def test_the_order_of_the_films_does_not_matter_and_the_largest_group_is_first(films: list[Film]) -> None:
    some = [film for film in films if int(Path(film.path).stem) % 3 or int(Path(film.path).stem) < 30]
    one, other = acquisition_groups(some, 3, fewest=3), acquisition_groups(some[::-1], 3, fewest=3)
    assert one == other
    sizes = np.bincount(list(one.group_of.values()))
    assert (np.diff(sizes) <= 0).all()


def test_films_of_a_patient_share_the_group_of_most_of_them(films: list[Film]) -> None:
    mixed = [
        Film(film.path, film.label, patient="one" if number in (0, 1, 3) else f"p{number}", split="train")
        for number, film in enumerate(films)
    ]
    found = acquisition_groups(mixed, 3, fewest=5).group_of
    groups = [found[mixed[number].path] for number in (0, 1, 3)]
    assert groups == [found[mixed[6].path]] * 3, "two of the three are of the plain scanner"


def test_a_group_with_too_few_films_of_a_class_joins_another(
    films: list[Film], caplog: pytest.LogCaptureFixture
) -> None:
    lopsided = [
        Film(film.path, "PNEUMONIA" if number % 3 == 2 else film.label, patient=film.patient, split="train")
        for number, film in enumerate(films)
    ]
    with caplog.at_level(logging.INFO, logger="hilum"):
        found = acquisition_groups(lopsided, 3, fewest=5)
    assert len(found.descriptions) == 2
    assert "2 acquisition groups instead of 3: each needs 5 films of every class" in caplog.text
    for group in range(2):
        held = [film.label for film in lopsided if found.group_of[film.path] == group]
        assert min(held.count("NORMAL"), held.count("PNEUMONIA")) >= 5


def test_films_that_make_no_groups_are_refused_in_one_line(films: list[Film]) -> None:
    with pytest.raises(LayoutError, match=r"do not make two groups .* members\.folds_by=patient"):
        acquisition_groups(films, 3, fewest=31)
    with pytest.raises(LayoutError, match="60 films do not make two groups"):
        acquisition_groups([Film(films[0].path, film.label) for film in films], 5, fewest=1)
    missing = Film("missing.png", "NORMAL", patient="x")
    with pytest.raises(FilmError, match=r"missing\.png"):
        acquisition_groups([*films, missing], 3)


def test_facts_are_scaled_as_scikit_learn_does_it() -> None:
    draw = np.random.default_rng(0)
    names = [fact.name for family in FAMILIES.values() for fact in family]
    values = draw.normal(5, 2, (200, len(names)))
    values[:, names.index("aspect")] = 1.5  # the same in all
    ours = scaled([dict(zip(names, row, strict=True)) for row in values])
    theirs = RobustScaler(unit_variance=True).fit_transform(values)
    weights = np.concatenate([np.full(len(family), len(family) ** -0.5) for family in FAMILIES.values()])
    inside = np.abs(theirs) < 2.9
    np.testing.assert_allclose(ours[inside], (theirs * weights)[inside], atol=1e-3)
    assert (ours[:, names.index("aspect")] == 0).all()
    assert np.abs(ours / weights).max() <= 3 + 1e-9


def test_facts_say_what_they_mean() -> None:
    grey = chest_phantom(1, (200, 300))
    facts = acquisition_facts(grey)
    assert set(facts) >= {fact.name for family in FAMILIES.values() for fact in family}
    assert facts["aspect"] == pytest.approx(np.log(1.5))
    blurred = acquisition_facts(np.asarray(cv2.GaussianBlur(grey, (0, 0), 3), dtype=np.float32))
    assert blurred["edges"] < facts["edges"]
    assert blurred["detail"] < facts["detail"]
    framed = grey.copy()
    framed[:, :30] = 0
    assert acquisition_facts(framed)["border"] == pytest.approx(0.1, abs=0.01)
    assert acquisition_facts(np.zeros((64, 64), dtype=np.float32))["edges"] == 0
