"""Many threads ask one detector: each gets the answer of `predict` to its own film, whatever the others' films do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilum
from hilum.answering.reading import FilmHeader, ReadingLimits
from hilum.errors import BundleError, FilmError, HilumError
from hilum.inference import Detector
from hilum.pacs.answerer import Answerer, ReadingEndedError
from hilum.pixels import decode
from tests.pixels.dicoms import dataset, stored_phantom
from tests.processes import children_of

SIDE = 96


def film(folder: Path, seed: int, size: tuple[int, int] = (SIDE, SIDE), **tags: Any) -> Path:
    """A DICOM of a drawn chest."""
    path = folder / f"film{seed}"
    dataset(stored_phantom(12, seed, size), bits=12, **tags).save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(scope="module")
def answerer() -> Iterator[Answerer]:
    made = Answerer(workers=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(threads=1)


def test_threads_that_ask_at_once_get_the_answers_of_predict(
    answerer: Answerer, detector: Detector, tmp_path: Path
) -> None:
    paths = [film(tmp_path, seed, PatientAge="044Y") for seed in range(6)]
    with ThreadPoolExecutor(len(paths)) as threads:
        answers = list(threads.map(answerer.answer, paths))
    for (answered, header), row in zip(answers, detector.predict(paths), strict=True):
        assert answered.row.answer == row.answer
        assert answered.row.why == row.why
        np.testing.assert_allclose(answered.row.probs, row.probs, atol=1e-6)
        assert (answered.row.film.path, answered.row.film.age, header.age) == ("", "044Y", "044Y")
        assert answered.region is not None


def test_what_a_film_says_of_itself_comes_with_its_answer(answerer: Answerer, tmp_path: Path) -> None:
    tags: dict[str, Any] = {"PatientID": "p1", "StudyInstanceUID": "1.2.3", "PatientSex": "F", "ViewPosition": "PA"}
    _, header = answerer.answer(film(tmp_path, 1, PatientAge="044Y", ImagerPixelSpacing=[0.2, 0.1], **tags))
    assert header == FilmHeader("p1", "1.2.3", "044Y", "F", "PA", 0.1)


def test_the_lungs_lie_within_what_the_detector_was_shown(answerer: Answerer, tmp_path: Path) -> None:
    answered, _ = answerer.answer(film(tmp_path, 3, (420, 300)))
    assert answered.region is not None
    top, left, bottom, right = answered.region
    columns, rows = zip(*answered.outline, strict=True)
    assert answered.outline[0] == answered.outline[-1]
    assert left <= min(columns) < 120 < 180 < max(columns) <= right  # a lung on each side of the spine
    assert top <= min(rows) < max(rows) <= bottom <= 420


def test_a_film_that_cannot_be_read_is_not_judged(answerer: Answerer, tmp_path: Path) -> None:
    path = tmp_path / "secret-name"
    path.write_bytes(b"no film")
    answered, header = answerer.answer(path)
    assert answered.row.answer == "not judged"
    assert answered.row.error
    assert not answered.retry  # it is no film, however often it is read
    assert "secret" not in repr(answered)
    assert (answered.outline, answered.region, header) == ((), None, FilmHeader())
    with pytest.raises(FilmError, match="the film: ") as raised:
        answerer.heat(path)
    assert "secret" not in str(raised.value)


@pytest.mark.slow
def test_a_process_that_is_killed_between_two_films_is_neither_ones_fault(tmp_path: Path) -> None:
    before = set(children_of(os.getpid()))
    answerer = Answerer(workers=1)
    try:
        answerer.answer(film(tmp_path, 1))
        (process,) = set(children_of(os.getpid())) - before
        os.kill(process, signal.SIGKILL)
        while "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2][:3]:
            time.sleep(0.001)
        answered, _ = answerer.answer(film(tmp_path, 2))
        assert not answered.row.error
        assert answerer.restarts == 1
    finally:
        answerer.close()


@pytest.mark.slow
def test_a_film_that_takes_too_long_is_not_judged_and_the_others_go_on(tmp_path: Path) -> None:
    paths = [film(tmp_path, seed) for seed in range(7)]
    before = set(children_of(os.getpid()))
    answerer = Answerer(workers=1, limits=ReadingLimits(seconds=10))
    try:
        answerer.answer(paths[0])
        (process,) = set(children_of(os.getpid())) - before
        os.kill(process, signal.SIGSTOP)  # what it reads next takes for ever
        with ThreadPoolExecutor(len(paths)) as threads:
            asked = [threads.submit(answerer.answer, path) for path in paths]
            answers = [each.result() for each in asked]
        (first,) = [answered for answered in answers if answered[0].row.error]
        others = [answered for answered in answers if answered is not first]
        assert first[0].row.answer == "not judged"
        assert "takes too much memory or time" in first[0].row.why
        assert first[0].retry
        assert not any(answered.row.error or answered.retry for answered, _ in others)
        assert answerer.restarts == 1
        (process,) = set(children_of(os.getpid())) - before
        os.kill(process, signal.SIGSTOP)
        with pytest.raises(ReadingEndedError, match="the film takes too much memory or time"):
            answerer.heat(paths[0])
    finally:
        answerer.close()


def test_a_capture_is_drawn_from_the_film_and_the_heat_on_it(answerer: Answerer, tmp_path: Path) -> None:
    path = film(tmp_path, 5, (420, 300))
    heat, picture = answerer.heat(path)
    assert heat.shape == picture.shape == (420, 300)
    assert heat.dtype == np.float32
    assert picture.dtype == np.uint8
    assert 0 <= heat.min() <= heat.max() <= 1
    np.testing.assert_array_equal(picture, np.rint(decode(str(path)) * 255))
    top, left, bottom, right = answerer.answer(path)[0].region or (0, 0, 0, 0)
    outside = np.ones_like(heat, dtype=bool)
    outside[top:bottom, left:right] = False
    assert not heat[outside].any()


def test_a_large_films_picture_is_made_smaller_and_keeps_its_proportions(answerer: Answerer, tmp_path: Path) -> None:
    path = film(tmp_path, 6, (1400, 1000))
    heat, picture = answerer.heat(path)
    assert heat.shape == picture.shape == (1024, 731)
    means = shares(1024, 1400) @ decode(str(path)).astype(np.float64) @ shares(731, 1000).T
    assert np.abs(picture - 255 * means).max() < 0.51


def shares(pixels: int, of: int) -> Any:
    """How much of each pixel of a line lies in each of fewer that cover the same line, in parts of the latter."""
    edges = np.arange(pixels + 1)[:, None] * (of / pixels)
    start, end = np.arange(of), np.arange(of) + 1
    return np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0, None) * (pixels / of)


def test_its_facts_are_those_of_the_bundle(answerer: Answerer, detector: Detector) -> None:
    facts, spec = answerer.facts, detector.spec
    assert (facts.name, facts.version, facts.seal) == (spec.recipe.name, hilum.__version__, spec.seal)
    assert (facts.operating_point, facts.classes) == (spec.operating_point.rule, ("NORMAL", "PNEUMONIA"))
    assert facts.threshold == spec.operating_point.threshold


def test_what_was_taken_is_answered_before_it_closes_and_nothing_after(tmp_path: Path) -> None:
    answerer = Answerer(workers=1)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(answerer.answer, film(tmp_path, seed)) for seed in range(4)]
        while answerer._taken < 4 and not all(each.done() for each in asked):
            pass
        answerer.close()
        assert not any(each.result()[0].row.error for each in asked)
    answerer.close()
    with pytest.raises(HilumError, match="answers no further films"):
        answerer.answer(tmp_path / "film0")


def test_a_bundle_that_is_none_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        Answerer(tmp_path)
