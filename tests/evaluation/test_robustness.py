from __future__ import annotations

import json
import threading
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.bundle.spec import Spec
from hilum.confidence import Conformal
from hilum.errors import RequestError
from hilum.evaluation import BatteryResult, WorstShift, under_shifts
from hilum.evaluation.robustness import ShiftedDetector
from hilum.lungs import shipped_finder
from hilum.metrics import multiclass_metrics
from hilum.pixels import decode, preprocess
from hilum.pixels.preprocess import preprocess_scaled
from hilum.recipe import Pixels, Recipe
from hilum.records import Film, Manifest
from hilum.shifts import ACQUISITION, CONTROLS, ELSEWHERE, FAMILIAR, probs_under_shifts

from .conftest import CLASSES, THREE, THRESHOLD, made_up_spec, span, value_of


class Brightness:
    """Takes a film's brightness for its probability: right about nothing, and easily shifted."""

    lungs = None

    def __init__(self) -> None:
        self.spec: Spec = made_up_spec()
        self.batches: list[int] = []
        self.thread = threading.get_ident()

    def probs(self, films: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> NDArray[np.float32]:
        assert films.dtype == np.uint8
        assert films.shape[1:] == (32, 32)
        assert threading.get_ident() == self.thread
        self.batches.append(len(films))
        positive = (films.mean(axis=(1, 2)) / 255).astype(np.float32)
        return np.stack([1 - positive, positive], axis=1)


def shifted(detector: ShiftedDetector, films: Manifest, resamples: int) -> BatteryResult:
    return under_shifts(detector, films, {"shifted": ACQUISITION}, resamples)["shifted"]


def test_batteries_are_measured_apart_and_from_the_same_films(phantoms: list[Film]) -> None:
    films = Manifest(tuple(phantoms[:12]))
    both = under_shifts(Brightness(), films, {"shifted": ACQUISITION, "familiar": FAMILIAR}, 50)
    assert both["shifted"] == shifted(Brightness(), films, 50)
    assert both["familiar"] == under_shifts(Brightness(), films, {"familiar": FAMILIAR}, 50)["familiar"]
    assert both["familiar"].battery == "familiar-1"


def test_each_shift_gets_its_figures(phantoms: list[Film]) -> None:
    detector: ShiftedDetector = Brightness()
    result = shifted(detector, Manifest(tuple(phantoms)), resamples=100)
    assert result.battery == "shifts-1"
    assert list(result.per_shift) == list(ACQUISITION.shifts)
    assert (result.n, result.patients, result.n_failed, result.n_unlabelled) == (40, 10, 0, 0)
    assert result.threshold == THRESHOLD
    for group in (result.unshifted, *result.per_shift.values()):
        assert list(msgspec.structs.asdict(group)) == ["auroc", "sensitivity", "specificity", "accuracy", "sets"]
        low, value, high = span(group.auroc)
        assert low <= value <= high
    aurocs = {name: value_of(group.auroc) for name, group in result.per_shift.items()}
    assert result.auroc_mean.value == pytest.approx(np.mean(list(aurocs.values())))
    low, value, high = span(result.auroc_mean)
    assert low <= value <= high
    worst = result.auroc_worst
    assert worst.shift is not None
    assert worst.value == min(aurocs.values()) == aurocs[worst.shift]
    json.dumps(msgspec.to_builtins(result), allow_nan=False)


def test_a_shift_that_training_drew_is_named(phantoms: list[Film]) -> None:
    detector = Brightness()
    assert shifted(detector, Manifest(tuple(phantoms)), resamples=0).drawn_in_training == ()
    recipe = detector.spec.recipe
    augment = msgspec.structs.replace(recipe.batches.augment, sharpen=(0.5, 1.0), match=0.1)
    batches = msgspec.structs.replace(recipe.batches, augment=augment)
    detector.spec = msgspec.structs.replace(detector.spec, recipe=msgspec.structs.replace(recipe, batches=batches))
    assert shifted(detector, Manifest(tuple(phantoms)), resamples=0).drawn_in_training == (
        "unsharp_masked",
        "equalised",
    )
    result = under_shifts(detector, Manifest(tuple(phantoms)), {"elsewhere": ELSEWHERE}, resamples=0)["elsewhere"]
    assert result.drawn_in_training == ("other_histogram",)


def test_the_films_are_predicted_in_their_order(phantoms: list[Film]) -> None:
    detector = Brightness()
    result = shifted(detector, Manifest(tuple(phantoms)), resamples=0)
    pixels = detector.spec.recipe.pixels
    for name, shift in ACQUISITION.shifts.items():
        probs = [preprocess(shift(decode(film.path)), pixels).mean() / 255 for film in phantoms]
        right = [
            (prob >= THRESHOLD) == (film.label == "PNEUMONIA") for prob, film in zip(probs, phantoms, strict=True)
        ]
        assert result.per_shift[name].accuracy.value == pytest.approx(np.mean(right)), name
    assert sum(detector.batches) == 40 * 11
    assert max(detector.batches) <= 32


def test_prediction_sets_are_measured_under_each_shift(phantoms: list[Film]) -> None:
    detector = Brightness()
    films = Manifest(tuple(phantoms))
    assert shifted(detector, films, resamples=0).unshifted.sets is None
    conformal = Conformal(0.9, (0.6, 0.3), (20, 20), (20, 20))
    detector.spec = msgspec.structs.replace(detector.spec, conformal=conformal)
    result, pixels = shifted(detector, films, resamples=50), detector.spec.recipe.pixels
    for name in ("moved", "shaded"):
        found = result.per_shift[name].sets
        assert found is not None
        probs = np.array(
            [preprocess(ACQUISITION.shifts[name](decode(film.path)), pixels).mean() / 255 for film in phantoms]
        )
        sets = np.stack([1 - probs >= 0.6, probs >= 0.3], axis=1)
        assert found.size.value == pytest.approx(sets.sum(axis=1).mean())
        assert found.single.value == pytest.approx((sets.sum(axis=1) == 1).mean())
        for number, label in enumerate(("NORMAL", "PNEUMONIA")):
            of_class = np.array([film.label == label for film in phantoms])
            assert found.per_class[label].value == pytest.approx(sets[of_class, number].mean())


class ThreeBrightnesses:
    """Three classes by brightness, in a bundle that tells causes apart."""

    spec = made_up_spec(classes=THREE)
    lungs = None

    def probs(self, films: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> NDArray[np.float32]:
        bright = films.mean(axis=(1, 2)) / 255
        logits = np.stack([-bright, np.full_like(bright, -0.4), bright - 0.7], axis=1) * 8
        exponentials = np.exp(logits)
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), dtype=np.float32)


def test_of_several_classes_the_means_are_measured(phantoms: list[Film]) -> None:
    causes = ("", "bacteria", "virus")
    films = [replace(film, subtype=causes[number % 3]) for number, film in enumerate(phantoms[:18])]
    films = [replace(film, label="NORMAL") if not film.subtype else film for film in films]
    detector = ThreeBrightnesses()
    result = shifted(detector, Manifest(tuple(films)), resamples=50)
    assert result.threshold is None
    assert list(result.per_shift) == list(ACQUISITION.shifts)
    squares = np.stack([preprocess(decode(film.path), detector.spec.recipe.pixels) for film in films])
    labels = np.array([THREE.index(film.subtype or film.label) for film in films])
    alone = multiclass_metrics(labels, detector.probs(squares), resamples=0).overall
    for kind in ("auroc", "sensitivity", "specificity", "accuracy"):
        assert getattr(result.unshifted, kind).value == pytest.approx(alone[kind].value)
        each = [value_of(getattr(group, kind)) for group in result.per_shift.values()]
        assert getattr(result.mean, kind).value == pytest.approx(np.mean(each))
    aurocs = {name: value_of(group.auroc) for name, group in result.per_shift.items()}
    assert aurocs[result.auroc_worst.shift or ""] == min(aurocs.values())


def test_a_missing_class_leaves_the_means_undefined(phantoms: list[Film]) -> None:
    films = tuple(replace(film, label=THREE[number % 2]) for number, film in enumerate(phantoms[:8]))
    result = shifted(ThreeBrightnesses(), Manifest(films), resamples=20)
    assert result.auroc_mean.value is None
    assert result.auroc_worst.shift is None
    assert result.accuracy_mean.value is not None


def test_the_same_seed_gives_the_same_result(phantoms: list[Film]) -> None:
    films = Manifest(tuple(phantoms[:12]))
    assert shifted(Brightness(), films, 50) == shifted(Brightness(), films, 50)


def test_unreadable_and_unlabelled_films_are_left_out_and_counted(phantoms: list[Film]) -> None:
    films = [*phantoms[:10], Film("missing.png", "NORMAL"), replace(phantoms[10], label="")]
    result = shifted(Brightness(), Manifest(tuple(films)), resamples=20)
    assert (result.n, result.n_failed, result.n_unlabelled) == (10, 1, 1)
    alone = shifted(Brightness(), Manifest(tuple(films[:10])), resamples=20)
    assert alone.per_shift == result.per_shift


def test_a_film_that_was_changed_since_it_was_indexed_is_left_out(phantoms: list[Film]) -> None:
    films = (replace(phantoms[0], sha256="0" * 64), *phantoms[1:6])
    assert shifted(Brightness(), Manifest(films), resamples=0).n_failed == 1


@pytest.mark.parametrize("kept", [[], ["NORMAL"]])
def test_without_both_classes_the_auroc_is_undefined(phantoms: list[Film], kept: list[str]) -> None:
    films = Manifest(tuple(film for film in phantoms[:8] if film.label in kept))
    result = shifted(Brightness(), films, resamples=20)
    assert result.auroc_mean.value is None
    assert result.auroc_worst == WorstShift(None, None)
    assert result.per_shift["moved"].auroc.value is None
    assert (result.per_shift["moved"].specificity.value is None) == (not kept)


def test_labels_of_another_bundle_are_refused() -> None:
    with pytest.raises(RequestError, match=CLASSES[0]):
        shifted(Brightness(), Manifest((Film("a.png", "COVID"),)), resamples=0)


class Shown:
    """Keeps what it is shown: films that are cropped to their lungs, and the lungs."""

    spec = msgspec.structs.replace(
        made_up_spec(), recipe=Recipe("tiny", pixels=Pixels(size=32, region="lungs", grey_from="lungs"))
    )
    lungs = shipped_finder()

    def __init__(self) -> None:
        self.films: list[NDArray[np.uint8]] = []
        self.outlines: list[NDArray[np.uint8]] = []

    def probs(self, films: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> NDArray[np.float32]:
        assert lungs is not None
        assert lungs.shape == films.shape
        self.films += list(films)
        self.outlines += list(lungs)
        return np.full((len(films), 2), 0.5, dtype=np.float32)


def test_each_square_comes_with_its_own_lungs(phantoms: list[Film]) -> None:
    """Those that are found in the shifted film; and those of the intact film where it is cropped as that one was."""
    detector, film = Shown(), phantoms[0]
    shifts = {"brighter": lambda grey: np.sqrt(grey), "blanked": CONTROLS.shifts["lungs_blanked"]}
    probs_under_shifts(detector.probs, [film], detector.spec.recipe.pixels, detector.lungs, shifts, {"blanked"})
    grey, pixels = decode(film.path), detector.spec.recipe.pixels
    intact, brighter = (preprocess_scaled(view, pixels, view.shape, 1) for view in (grey, np.sqrt(grey)))
    assert intact.lungs is not None
    assert brighter.lungs is not None
    assert 0 < intact.lungs.mean() < 255
    for given, expected in zip(detector.outlines, (intact.lungs, brighter.lungs, intact.lungs), strict=True):
        np.testing.assert_array_equal(given, expected)
    blanked = preprocess(CONTROLS.shifts["lungs_blanked"](grey), pixels, region=intact.framing)
    for given, expected in zip(detector.films, (intact.levels, brighter.levels, blanked), strict=True):
        np.testing.assert_array_equal(given, expected)
