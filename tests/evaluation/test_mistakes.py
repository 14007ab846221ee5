from __future__ import annotations

import base64
import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from hilum.errors import FilmError
from hilum.evaluation.mistakes import Pictures, jpeg_of, surest_mistakes, thumbnail, worst_mistakes
from hilum.evaluation.truth import binary_films, multiclass_films
from hilum.records import Film, Prediction, Predictions

from .conftest import CLASSES, THREE, THRESHOLD


def test_the_worst_come_first_and_what_cannot_be_read_is_skipped(phantoms: list[Film]) -> None:
    probs = [0.1, 0.3, 0.2, 0.8, 0.9, 0.7, 0.6]
    labels = ["PNEUMONIA"] * 4 + ["NORMAL"] * 3
    paths = [film.path for film in phantoms[:7]]
    paths[0] = "missing.png"
    rows = tuple(
        Prediction(Film(path, label), (1 - prob, prob))
        for path, label, prob in zip(paths, labels, probs, strict=True)
    )
    missed, alarms = worst_mistakes(binary_films(Predictions(CLASSES, 0.5, rows)), 0.5, Pictures(), each=2)
    assert [mistake.prob for mistake in missed] == [0.2, 0.3]
    assert [mistake.prob for mistake in alarms] == [0.9, 0.7]
    assert missed[0].film.path == paths[2]


def test_of_several_classes_the_surest_come_first(phantoms: list[Film]) -> None:
    probs = [(0.1, 0.9, 0.0), (0.2, 0.2, 0.6), (0.0, 0.3, 0.7), (0.9, 0.1, 0.0), (0.0, 1.0, 0.0)]
    labels, called = ["NORMAL", "bacteria", "bacteria", "NORMAL", "virus"], [1, 2, 2, 0, 1]
    paths = [film.path for film in phantoms[:4]] + ["missing.png"]
    rows = tuple(
        Prediction(Film(path, label), given, THREE[number])
        for path, label, given, number in zip(paths, labels, probs, called, strict=True)
    )
    mistakes = surest_mistakes(multiclass_films(Predictions(THREE, None, rows)).as_right(), Pictures(), count=2)
    assert [(mistake.film.label, mistake.called, mistake.prob) for mistake in mistakes] == [
        ("NORMAL", "bacteria", 0.9),
        ("bacteria", "virus", 0.7),
    ]


def test_a_thumbnail_is_the_whole_film_in_its_proportions(phantoms: list[Film]) -> None:
    kind, _, encoded = thumbnail(phantoms[0], None).partition(",")
    assert kind == "data:image/jpeg;base64"
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape == (72, 96)
    with pytest.raises(FilmError):
        thumbnail(Film("missing.png"), None)


def test_what_speaks_for_the_predicted_class_is_drawn_once_a_film(phantoms: list[Film]) -> None:
    rows = tuple(Prediction(replace(film, label="PNEUMONIA"), (0.9, 0.1), "NORMAL") for film in phantoms[:2])
    asked: list[tuple[str, str]] = []

    def heat_of(film: Film, named: str) -> str:
        asked.append((film.path, named))
        return jpeg_of(np.zeros((8, 8, 3), dtype=np.uint8))

    missed, _ = worst_mistakes(
        binary_films(Predictions(CLASSES, THRESHOLD, rows)), THRESHOLD, Pictures(heat_of=heat_of)
    )
    assert asked == [(row.film.path, "NORMAL") for row in rows]
    assert all(mistake.heat.startswith("data:image/jpeg;base64,") for mistake in missed)
    alone, _ = worst_mistakes(binary_films(Predictions(CLASSES, THRESHOLD, rows)), THRESHOLD, Pictures())
    assert [mistake.heat for mistake in alone] == ["", ""]


def test_colours_stay_what_they_are() -> None:
    red = np.zeros((16, 16, 3), dtype=np.uint8)
    red[..., 0] = 255
    content = base64.b64decode(jpeg_of(red).partition(",")[2])
    opened = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_allclose(opened[8, 8], [255, 0, 0], atol=5)
