"""The controls of detectors that are known to read the lungs, or nothing but the border."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import cv2
import msgspec
import numpy as np
import pytest
from benchmarks.controls import (
    LUNGS_SWAPPED,
    OUTSIDE_SWAPPED,
    Scores,
    attribution,
    chosen_films,
    figures,
    score,
)
from numpy.typing import NDArray
from skimage.morphology import convex_hull_image
from sklearn.metrics import roc_auc_score

from hilum.bundle import Bundle, OperatingPoint, Spec
from hilum.errors import RequestError
from hilum.inference import Detector
from hilum.lungs import Box, LungFinder
from hilum.pixels import preprocess, read_square
from hilum.pixels.region import Framing
from hilum.recipe import parse_recipe
from hilum.records import Film
from hilum.shifts import CONTROLS
from tests.conftest import ChestFolder
from tests.explanation.conftest import linear
from tests.lungs.known import no_lungs, two_lungs

CLASSES = ("NORMAL", "PNEUMONIA")
FILM_SIDE, SIDE = 96, 48
BOX = Box(0.25, 0.25, 0.75, 0.75)
LUNGS, BORDER = np.s_[:, 20:28, 20:28], np.s_[:, :4, :]  # of squares
# Grey of the lungs and of the border, from 0 to 1: PNEUMONIA has denser lungs than most, and a brighter border.
DRAWN = {
    "NORMAL": ((0.20, 0.10), (0.30, 0.20), (0.40, 0.30), (0.62, 0.05)),
    "PNEUMONIA": ((0.35, 0.70), (0.55, 0.80), (0.65, 0.90), (0.75, 0.60)),
}


class Reading(Detector):
    """Calls the mean grey of one part of a film the probability of pneumonia."""

    def __init__(
        self, part: tuple[slice, ...] = LUNGS, lungs: LungFinder | None = None, region: str = "film"
    ) -> None:
        recipe = parse_recipe({"name": "reading", "pixels": {"size": SIDE, "region": region}}, "test")
        point = OperatingPoint(0.5, "fixed", "no films")
        self.spec = Spec(6, "", "", recipe, CLASSES, point, None, {}, "", "", {}, [], {})  # type: ignore[arg-type]
        self.bundle = cast(Bundle, None)
        self.lungs = lungs or two_lungs(BOX)
        self._part = part

    def probs(self, films: NDArray[np.uint8], lungs: NDArray[np.uint8] | None = None) -> NDArray[np.float64]:
        positive = films[self._part].mean(axis=(1, 2)) / 255
        return np.stack([1 - positive, positive], axis=1)


@pytest.fixture
def films(tmp_path: Path) -> list[Film]:
    """Films of even lungs on an even border, by turns of both classes."""
    made = []
    for number, pair in enumerate(zip(*DRAWN.values(), strict=True)):
        for label, (lungs, border) in zip(DRAWN, pair, strict=True):
            grey = np.full((FILM_SIDE, FILM_SIDE), round(border * 255), dtype=np.uint8)
            grey[24:72, 24:72] = round(lungs * 255)
            path = tmp_path / f"{label} {number}.png"
            assert cv2.imwrite(str(path), grey)
            made.append(Film(str(path), label, patient=f"{label}{number // 2}"))
    return made


@pytest.fixture(autouse=True)
def _known_lungs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The battery of controls finds the same lungs as the detector."""
    monkeypatch.setattr("hilum.shifts.controls.find_lungs", two_lungs(BOX).find)


def drawn(films: list[Film], part: int) -> list[float]:
    """The grey of the lungs (0) or of the border (1) of each film."""
    return [DRAWN[film.label][int(Path(film.path).stem[-1])][part] for film in films]


@pytest.mark.parametrize(
    ("reads", "part", "kept"),
    [
        (LUNGS, 0, {"intact", OUTSIDE_SWAPPED, "outside blurred", "outside noise", "outside grey"}),
        (BORDER, 1, {"intact", LUNGS_SWAPPED, "border only", "lungs blanked"}),
    ],
)
def test_a_control_leaves_what_it_names_and_takes_the_rest(
    films: list[Film], reads: tuple[slice, ...], part: int, kept: set[str]
) -> None:
    scores = score(Reading(reads), films)
    assert set(scores.probs) == {
        "intact", *(name.replace("_", " ") for name in CONTROLS.shifts), LUNGS_SWAPPED, OUTSIDE_SWAPPED,
        "outside blurred", "outside noise", "outside grey",
    }  # fmt: skip
    assert scores.labels.tolist() == [film.label == "PNEUMONIA" for film in films]
    assert scores.patients == tuple(film.patient for film in films)
    assert scores.without_lungs == 0
    of_films = np.array(drawn(films, part))
    for name in kept:
        np.testing.assert_allclose(scores.probs[name], of_films, atol=0.01, err_msg=name)
    swapped = LUNGS_SWAPPED if part == 0 else OUTSIDE_SWAPPED
    for film, prob in zip(films, scores.probs[swapped], strict=True):
        (other,) = {*CLASSES} - {film.label}
        assert min(abs(prob - drawn_[part]) for drawn_ in DRAWN[other]) < 0.01


def test_a_detector_that_reads_the_lungs_is_told_from_one_that_reads_the_border(films: list[Film]) -> None:
    of_lungs, of_border = (figures(score(Reading(part), films), 0.5, 50) for part in (LUNGS, BORDER))
    labels = [film.label == "PNEUMONIA" for film in films]
    assert of_lungs["AUROC, intact"].value == pytest.approx(roc_auc_score(labels, drawn(films, 0)))
    assert of_border["AUROC, border only"].value == 1
    decided = "lungs swapped: the lungs' film decides, of all pairs"
    assert of_border[decided].value == 0
    assert (of_lungs[decided].value or 0) > 0.5


def test_figures_are_those_of_scikit_learn_and_of_a_loop() -> None:
    draw = np.random.default_rng(0)
    labels = np.arange(30) % 3 == 0
    names = ("intact", "border only", LUNGS_SWAPPED)
    probs = {name: np.round(draw.random(30), 1) for name in names}  # with ties
    found = figures(Scores(labels, tuple(f"p{number // 2}" for number in range(30)), probs, 0), 0.45, 100)
    for name in names:
        assert found[f"AUROC, {name}"].value == pytest.approx(roc_auc_score(labels, probs[name]))
    pairs = list(zip(labels, probs["intact"] >= 0.45, probs[LUNGS_SWAPPED] >= 0.45, strict=True))

    def share(among: Callable[[bool, bool], bool]) -> float:
        rows = [called == (not label) for label, intact, called in pairs if among(bool(label), bool(intact))]
        return float(np.mean(rows))

    expected = {
        "lungs swapped: the lungs' film decides, of all pairs": share(lambda label, intact: True),
        "lungs swapped: of films that are called rightly as they are": share(lambda label, intact: label == intact),
        "lungs swapped: of positive films with negative lungs": share(lambda label, intact: label),
        "lungs swapped: of negative films with positive lungs": share(lambda label, intact: not label),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected)
    assert list(found) == [*(f"AUROC, {name}" for name in names), *expected]
    for figure in found.values():
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high


def test_a_film_that_cannot_be_read_is_left_out_and_one_without_lungs_is_counted(films: list[Film]) -> None:
    Path(films[2].path).write_text("this is no film")
    scores = score(Reading(LUNGS, no_lungs()), films)
    # It may be the partner of another film too, which then cannot be put together.
    assert 0 < len(scores.labels) < len(films)
    assert scores.without_lungs == len(scores.labels) == len(scores.patients)
    assert {len(probs) for probs in scores.probs.values()} == {len(scores.labels)}


def test_every_control_is_cropped_as_the_intact_film_is(films: list[Film], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a control would move what it leaves; the lungs are looked for in no film that was changed."""
    shown: list[Box | None] = []

    def seen(grey: NDArray[np.float32], *rest: object) -> NDArray[np.uint8]:
        at = rest[2]
        shown.append(at.box if isinstance(at, Framing) else cast(Box, at))
        return preprocess(grey, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("benchmarks.controls.preprocess", seen)
    finder = two_lungs(BOX)
    score(Reading(lungs=finder, region="lungs"), films[:2])
    assert len(finder.films) == 2 * 3  # in the film, in its partner, and in the intact film as it is cropped
    assert set(shown) == {BOX}


@pytest.mark.parametrize("method", ["gradcam", "integrated-gradients"])
def test_the_share_of_the_attribution_in_the_lungs_is_that_of_a_loop(
    films: list[Film], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = (0.1 + np.random.default_rng(1).standard_normal((SIDE, SIDE))).astype(np.float32)
    monkeypatch.setattr("hilum.bundle.weights.load_model", lambda bundle: linear(weights))
    detector, shares = Reading(region="lungs"), []
    for number, film in enumerate(films[:3]):
        levels = np.random.default_rng(number).integers(60, 200, (FILM_SIDE, FILM_SIDE), dtype=np.uint8)
        levels[24:72, 24:48] //= 2  # the lung on the left is darker than its surroundings
        assert cv2.imwrite(film.path, levels)
        square = read_square(film.path, detector.spec.recipe.pixels, "", detector.lungs)
        assert square.lungs is not None
        grey, lungs = square.levels / 255, square.lungs > 0
        # A linear network: its gradient is its weights, and the maps of its trunk are the film itself.
        speaks = weights.mean() * grey if method == "gradcam" else weights * (grey - grey.mean())
        shares.append([*share_by_a_loop(speaks, lungs), *share_by_a_loop(speaks, convex_hull_image(lungs))])
    found = attribution(detector, films[:3], method)
    assert found.startswith(f"{method}, 3 films: ")
    numbers = [float(number) for number in re.findall(r"\d\.\d\d", found)]
    assert numbers == pytest.approx(np.mean(shares, axis=0), abs=0.0101)  # rounded; a hull's corners
    assert numbers[0] < numbers[2] - 0.1, "the hull holds what lies between the lungs too"


def share_by_a_loop(speaks: NDArray[np.float64], inside: NDArray[np.bool_]) -> tuple[float, float]:
    """The share of what speaks for a class inside a mask, and the share of the square that the mask takes."""
    whole = within = pixels = 0.0
    for row in range(SIDE):
        for column in range(SIDE):
            amount = max(0.0, float(speaks[row, column]))
            whole += amount
            if inside[row, column]:
                within += amount
                pixels += 1
    return within / whole, pixels / SIDE**2


def test_films_without_lungs_have_no_share(films: list[Film], monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.ones((SIDE, SIDE), dtype=np.float32)
    monkeypatch.setattr("hilum.bundle.weights.load_model", lambda bundle: linear(weights))
    none = "gradcam: no film has both lungs and something that speaks for PNEUMONIA"
    assert attribution(Reading(lungs=no_lungs(), region="lungs"), films, "gradcam") == none


def test_films_of_both_classes_by_turns(chest_folder: ChestFolder) -> None:
    root = chest_folder({"test": {"normal": 4, "bacteria": 1, "virus": 1}}, size=(32, 32))
    chosen = chosen_films(Reading(), root, "test")
    assert [film.label for film in chosen] == ["NORMAL", "PNEUMONIA", "NORMAL", "PNEUMONIA", "NORMAL", "NORMAL"]
    assert len({film.path for film in chosen}) == 6
    assert [film.label for film in chosen_films(Reading(), root, "test", 1)] == ["NORMAL", "PNEUMONIA"]


def test_what_has_no_controls_is_refused_in_a_line(chest_folder: ChestFolder) -> None:
    root = chest_folder({"test": {"normal": 2}}, size=(32, 32))
    with pytest.raises(RequestError, match="no labelled films of both classes in the split 'test'; name another"):
        chosen_films(Reading(), root, "test")
    three = Reading()
    three.spec = msgspec.structs.replace(three.spec, classes=("NORMAL", "bacteria", "virus"))
    with pytest.raises(RequestError, match="controls are of two classes, and this bundle tells 3 apart"):
        chosen_films(three, root, "test")
