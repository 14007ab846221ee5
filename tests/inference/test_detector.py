"""A detector answers for every film, and says of one it cannot read why."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from hilum import films
from hilum.confidence import Calibration, Conformal, ScoreReference
from hilum.errors import LayoutError, RequestError
from hilum.inference import Detector
from hilum.pixels import decode, preprocess
from hilum.records import Film, Manifest
from tests.bundle.conftest import THREE, make, make_three
from tests.conftest import WriteFilm

CLASSES = ("NORMAL", "PNEUMONIA")


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    return Detector(make(tmp_path_factory.mktemp("inference") / "bundle").folder)


def test_gives_a_row_a_film_in_order(detector: Detector, tmp_path: Path, write_film: WriteFilm) -> None:
    paths = [write_film(tmp_path / f"film {number}.png", number) for number in range(70)]  # more than two batches
    predictions = detector.predict(films.find(paths))
    assert [Path(row.film.path).name for row in predictions] == [path.name for path in paths]
    pixels = detector.spec.recipe.pixels
    squares = np.stack([preprocess(decode(str(path)), pixels) for path in paths])
    np.testing.assert_allclose([row.probs for row in predictions], detector.probs(squares), atol=1e-6)


def test_decides_at_the_threshold(detector: Detector, tmp_path: Path, write_film: WriteFilm) -> None:
    found = films.find([write_film(tmp_path / f"{number}.png", number) for number in range(8)])
    predictions = detector.predict(found)
    assert predictions.threshold == detector.spec.operating_point.threshold == 0.4
    for row in predictions:
        assert row.prediction == ("PNEUMONIA" if row.probs[1] >= 0.4 else "NORMAL")


def test_of_three_classes_names_the_most_probable(tmp_path: Path, write_film: WriteFilm) -> None:
    detector = Detector(make_three(tmp_path / "bundle").folder)
    found = films.find([write_film(tmp_path / f"{number}.png", number) for number in range(4)])
    predictions = detector.predict(found)
    assert (predictions.classes, predictions.threshold) == (THREE, None)
    for row in predictions:
        assert len(row.probs) == 3
        assert row.probs[THREE.index(row.prediction)] == max(row.probs)


def test_films_are_labelled_as_the_recipe_says(tmp_path: Path, detector: Detector, write_film: WriteFilm) -> None:
    path = str(write_film(tmp_path / "film.png", 1))
    manifest = Manifest((Film(path, "PNEUMONIA", "virus"), Film(path, "NORMAL")))
    by_cause = Detector(make_three(tmp_path / "bundle").folder)
    assert [row.film.label for row in by_cause.predict(manifest)] == ["virus", "NORMAL"]
    assert [row.film.label for row in detector.predict(manifest)] == ["PNEUMONIA", "NORMAL"]


def test_a_film_that_cannot_be_read_says_why_and_the_others_go_on(
    detector: Detector, tmp_path: Path, write_film: WriteFilm
) -> None:
    good = [write_film(tmp_path / f"{number}.png", number) for number in range(3)]
    bad = tmp_path / "1b.png"
    bad.write_text("this is no film")
    predictions = detector.predict(films.find([good[0], good[1], bad, good[2]]))
    assert [bool(row.error) for row in predictions] == [False, False, True, False]
    assert predictions.rows[2].probs == ()
    assert predictions.rows[2].prediction == ""


def test_only_unreadable_films_are_answered_too(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    assert len(detector.predict(films.find([tmp_path / "empty.png"])).failed) == 1


def test_predicting_loads_no_torch(detector: Detector, tmp_path: Path, write_film: WriteFilm) -> None:
    folder = tmp_path / "bundle"
    make(folder)
    film = write_film(tmp_path / "film.png", 1)
    program = (
        "import sys; from hilum import films; from hilum.inference import Detector; "
        f"Detector({str(folder)!r}).predict(films.find([{str(film)!r}])); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.fixture
def sure(detector: Detector) -> Iterator[Detector]:
    """The same detector, calibrated, with prediction sets and with the scores of validation."""
    before = detector.spec
    scores = ScoreReference((0.25, 0.75), (((0.1,), (0.3,)), ((0.6,), (0.9,))), (2.0, 2.0))
    sets = Conformal(0.9, (0.3, 0.5), (9, 9), (9, 9))
    calibration = Calibration("platt", slope=2.0, offset=0.5)
    detector.spec = msgspec.structs.replace(before, calibration=calibration, conformal=sets, scores=scores)
    yield detector
    detector.spec = before


def test_probabilities_are_calibrated_as_the_bundle_says(
    sure: Detector, tmp_path: Path, write_film: WriteFilm
) -> None:
    pixels = sure.spec.recipe.pixels
    squares = np.stack([preprocess(decode(str(write_film(tmp_path / f"{n}.png", n))), pixels) for n in range(4)])
    given = sure.probs(squares)
    sure.spec = msgspec.structs.replace(sure.spec, calibration=Calibration())
    plain = sure.probs(squares)
    odds = np.log(plain[:, 1] / plain[:, 0])
    np.testing.assert_allclose(given[:, 1], 1 / (1 + np.exp(-(2 * odds + 0.5))), rtol=1e-9)


def test_a_films_prediction_set_holds_the_classes_probable_enough(
    sure: Detector, tmp_path: Path, write_film: WriteFilm
) -> None:
    for row in sure.predict(films.find([write_film(tmp_path / f"{n}.png", n) for n in range(8)])):
        expected = [name for name, prob, least in zip(CLASSES, row.probs, (0.3, 0.5), strict=True) if prob >= least]
        assert row.plausible == tuple(expected)
    assert sure.predict(Manifest((Film("missing.png"),))).rows[0].plausible == ()


def test_a_known_prevalence_moves_probabilities_and_threshold_alike(
    sure: Detector, tmp_path: Path, write_film: WriteFilm
) -> None:
    found = films.find([write_film(tmp_path / f"{n}.png", n) for n in range(8)])
    plain, rare = sure.predict(found), sure.predict(found, prevalence=0.02)
    assert [row.prediction for row in rare] == [row.prediction for row in plain]
    assert [row.plausible for row in rare] == [row.plausible for row in plain]
    assert rare.threshold is not None
    for row, before in zip(rare, plain, strict=True):
        odds = before.probs[1] / before.probs[0] * (0.02 / 0.75) / (0.98 / 0.25)
        assert row.probs[1] == pytest.approx(odds / (1 + odds))
        assert row.prediction == CLASSES[row.probs[1] >= rare.threshold]


def test_a_prevalence_is_refused_where_it_cannot_be_used(detector: Detector) -> None:
    with pytest.raises(RequestError, match="it does not record that of its validation films"):
        detector.predict(Manifest(()), prevalence=0.1)


def test_paths_folders_and_grey_values_are_taken_like_a_manifest(
    detector: Detector, tmp_path: Path, write_film: WriteFilm
) -> None:
    folder = tmp_path / "films"
    paths = [write_film(folder / f"{number}.png", number) for number in range(3)]
    expected = detector.predict(films.find(paths))
    probs = [row.probs for row in expected]
    assert detector.predict(paths) == detector.predict(folder) == detector.predict(str(folder)) == expected
    assert detector.predict(str(paths[1])).rows == expected.rows[1:2]

    levels = np.stack([np.asarray(Image.open(path)) for path in paths])
    for stack in (levels, levels.astype(np.float32) / np.float32(255), list(levels)):
        rows = detector.predict(stack).rows
        assert [row.probs for row in rows] == probs
        assert [row.film.path for row in rows] == ["array[0]", "array[1]", "array[2]"]
        assert rows[0].shape == (64, 64)
    colours = np.repeat(levels[..., None], 3, axis=-1)
    assert [row.probs for row in detector.predict(colours)] == probs
    assert [row.probs for row in detector.predict(colours[1])] == probs[1:2]
    (row,) = detector.predict(levels[2]).rows
    assert (row.film.path, row.probs) == ("array", probs[2])


def test_grey_values_of_sixteen_bits_are_taken_as_those_of_a_file(detector: Detector, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(100, 4000, (80, 60)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert detector.predict(values).rows[0].probs == detector.predict(tmp_path / "deep.png").rows[0].probs


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((20, 20), np.uint8), "every pixel has the same value"),
        (np.linspace(0, 255, 400).reshape(20, 20), "floats outside 0 to 1"),
        (np.full((20, 20), np.nan), "NaN or infinite"),
        (np.arange(60).reshape(6, 10), "10×6 pixels"),
        (np.zeros((20, 20), complex), "give numbers of shape"),
    ],
)
def test_pixel_values_that_are_no_film_get_a_row_that_says_why(
    detector: Detector, array: np.ndarray, says: str
) -> None:
    assert says in detector.predict(array).rows[0].error


def test_an_array_of_another_shape_is_refused(detector: Detector) -> None:
    with pytest.raises(RequestError, match=r"\(height, width\), or \(n, height, width\)"):
        detector.predict(np.zeros((1, 2, 3, 4)))
    with pytest.raises(RequestError, match="paths and arrays"):
        detector.predict(["film.png", np.zeros((64, 64))])  # type: ignore[arg-type]
    with pytest.raises(LayoutError, match="no such file or folder"):
        detector.predict("nowhere.png")


def test_it_pickles_by_its_path(detector: Detector, tmp_path: Path, write_film: WriteFilm) -> None:
    path = str(write_film(tmp_path / "film.png", 1))
    again = pickle.loads(pickle.dumps(Detector(os.path.relpath(detector.folder), threads=1)))
    assert again.folder == detector.folder
    assert again.predict(path) == detector.predict(path)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (there,) = pool.map(Detector(detector.folder, threads=1).predict, [path])
    assert there == detector.predict(path)


def test_it_says_what_it_is(detector: Detector) -> None:
    shown = repr(detector)
    for part in ("NORMAL or PNEUMONIA", "threshold: 0.400", "engine: onnx float32", str(detector.folder)):
        assert part in shown
    assert "<td" in detector._repr_html_()
    assert repr(Detector()).startswith("Detector(recipe: hilum, system: efficientnet-lite0")
