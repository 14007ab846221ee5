"""An evaluation measures each group of films that were taken alike, and decodes no film again for it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, recall_score

from hilum.auditing.acquisition import acquisition_groups
from hilum.confidence import evaluate_sets
from hilum.evaluation import AcquisitionResult, Evaluation, read_metrics
from hilum.evaluation.acquisition_report import acquisition_section
from hilum.inference import Detector
from hilum.pixels import chest_phantom, decode
from hilum.pixels import square as reading
from hilum.pixels.decode import decode_scaled
from hilum.pixels.pictures import Decoded
from hilum.recipe import parse_recipe
from hilum.records import Film, Manifest, Predictions
from hilum.workflows import acquisition_groups as groups
from hilum.workflows.evaluate import evaluate
from hilum.workflows.shifted_validation import decide_under_shifts

FEWEST = 5


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Forty-eight films of twenty-four patients, half of them as a darker and less sharp scanner takes them."""
    folder = tmp_path_factory.mktemp("films")
    made = []
    for number in range(48):
        ill, dark = bool(number % 2), number % 4 > 1
        grey = chest_phantom(number, (64, 64), 0.7 * ill)
        if dark:
            grey = np.asarray(cv2.GaussianBlur(grey ** np.float32(2.5), (0, 0), 2), dtype=np.float32)
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), np.rint(grey * 255).astype(np.uint8))
        label = "PNEUMONIA" if ill else "NORMAL"
        made.append(Film(str(path), label, patient=f"p{number // 4 * 2 + dark}", split="test"))
    return Manifest(tuple(made))


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.fixture(scope="module")
def predictions(detector: Detector, films: Manifest) -> Predictions:
    return detector.predict(films)


class Evaluated(NamedTuple):
    """An evaluation with groups of at least five films of each class, its folder, and the files that were decoded."""

    result: Evaluation
    folder: Path
    decoded: list[str]


@pytest.fixture(scope="module")
def evaluated(detector: Detector, films: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    out, decoded = tmp_path_factory.mktemp("evaluated"), []

    def counted(path: str, *rest: Any) -> Decoded:
        decoded.append(path)
        return decode_scaled(path, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "FEWEST_OF_A_CLASS", FEWEST)
        patch.setattr(reading, "decode_scaled", counted)
        patch.setattr("hilum.auditing.acquisition.decode", None)
        return Evaluated(evaluate(detector, films, out=out, pictures=False), out, decoded)


def acquisition_of(evaluation: Evaluation) -> AcquisitionResult:
    assert evaluation.acquisition is not None
    return evaluation.acquisition


def test_each_group_has_the_figures_of_its_films_alone(
    evaluated: Evaluated, detector: Detector, films: Manifest, predictions: Predictions
) -> None:
    found = acquisition_of(evaluated.result)
    expected = acquisition_groups(films.films, groups.GROUPS, groups.SEED, FEWEST)
    assert list(found.groups) == [f"group {number + 1}" for number in range(len(expected.descriptions))]
    assert len(found.groups) > 1
    assert detector.spec.conformal is not None
    for number, (group, described) in enumerate(zip(found.groups.values(), expected.descriptions, strict=True)):
        rows = [row for row in predictions if expected.group_of[row.film.path] == number]
        labels = [int(row.film.label == "PNEUMONIA") for row in rows]
        called = [int(row.prediction == "PNEUMONIA") for row in rows]
        assert (group.n, group.described) == (len(rows), described)
        assert group.n_of == Counter(row.film.label for row in rows)
        assert group.patients == len({row.film.patient for row in rows})
        assert group.accuracy.value == pytest.approx(accuracy_score(labels, called))
        assert group.sensitivity.value == pytest.approx(recall_score(labels, called))
        assert group.answered is not None
        assert group.answered.coverage.value == pytest.approx(np.mean([row.answered for row in rows]))
        assert group.sets is not None
        sets = evaluate_sets(
            detector.spec.conformal, labels, [row.probs for row in rows], [row.film.patient for row in rows]
        )
        assert tuple(group.sets.per_class.values()) == sets.per_class
        assert (group.sets.size, group.sets.single) == (sets.size, sets.single)


def test_a_film_is_decoded_once(evaluated: Evaluated, films: Manifest) -> None:
    assert acquisition_of(evaluated.result).groups
    assert evaluated.result.gate is not None
    assert evaluated.result.gate.ood_examples, "they are made of films that were read"
    assert sorted(evaluated.decoded) == sorted(film.path for film in films)


def test_the_files_and_the_console_show_every_group(evaluated: Evaluated) -> None:
    result, out = evaluated.result, evaluated.folder
    found = acquisition_of(result)
    assert read_metrics(out / "metrics.json") == result
    page, console = (out / "report.html").read_text(), str(result)
    assert "By how the films were taken" in page
    for heading in ("Of NORMAL", "Of PNEUMONIA", "Classes in a set", "One class", "Accuracy, answered"):
        assert heading in page
    for name, group in found.groups.items():
        assert f"{name.capitalize()}: {group.n} films<" in page
        assert f"{name}: {group.n} films of {group.patients} known patients; {group.described}" in console
        assert group.sets is not None
        assert f"{group.sets.per_class['NORMAL'].value:.3f}" in page
        assert f"{group.sets.per_class['NORMAL'].value:.4f}" in console
    assert found.note in page
    assert found.note in console


def test_groups_that_are_too_small_are_said_to_be_so(
    evaluated: Evaluated, detector: Detector, predictions: Predictions
) -> None:
    fewer = acquisition_of(evaluated.result)
    assert fewer.note.startswith(f"{len(fewer.groups)} groups instead of 5: one with fewer than 5 films of a class")
    none = groups.by_acquisition(detector.spec, predictions, groups.DescribedFilms())
    assert (none.groups, none.fewest) == ({}, 20)
    assert none.note.startswith(
        "These films do not make two groups that were taken alike with 20 films of every class"
    )
    result = structs.replace(evaluated.result, acquisition=none)
    assert none.note in str(result)
    section = acquisition_section(result)
    assert section is not None
    assert (section.note, section.sets, section.answers, section.figures) == (none.note, [], [], [])


class Brightness:
    """The brighter a film, the likelier it is ill."""

    def probs(self, squares: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> NDArray[np.float64]:
        ill = squares.mean(axis=(1, 2)) / 255
        return np.stack([1 - ill, ill], axis=1)


def test_sets_that_are_tried_under_shifts_and_on_groups_take_one_look_at_each_film(
    films: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"calibrated_under": ["familiar-1"], "calibration": "none", "coverage": 0.6}
    recipe = parse_recipe({"name": "tiny", "data": "-", "pixels": {"size": 32}, "bundle": settings}, "test")
    expected = acquisition_groups(films.films, groups.GROUPS, recipe.seed, FEWEST)
    decoded = []

    def counted(path: str, *rest: Any) -> NDArray[np.float32]:
        decoded.append(path)
        return decode(path, *rest)

    monkeypatch.setattr(groups, "FEWEST_OF_A_CLASS", FEWEST)
    monkeypatch.setattr("hilum.shifts.squares.decode", counted)
    monkeypatch.setattr("hilum.auditing.acquisition.decode", None)
    decided = decide_under_shifts(Brightness(), films, ("NORMAL", "PNEUMONIA"), recipe, None)
    assert sorted(decoded) == sorted(film.path for film in films)
    assert decided.conformal is not None
    assert decided.conformal.chosen_on.endswith(f"familiar-1 and {len(expected.descriptions)} groups of acquisition")
