"""A MedMNIST archive is as many films as it holds, with the answers that `predict` gives to its members."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.inference import Detector
from hilum.pixels import chest_phantom
from tests.service.conftest import Room, films, png_of, problem


def archive(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def phantoms(*seeds: int, white: int = 255) -> Any:
    levels = np.stack([chest_phantom(seed, (64, 64)) for seed in seeds])
    return np.rint(levels * white).astype(np.uint8 if white == 255 else np.uint16)


@pytest.mark.parametrize("kind", ["grey", "colour", "deep"])
def test_each_film_is_answered_as_predict_answers_the_member(room: Room, tmp_path: Path, kind: str) -> None:
    train, test = phantoms(1, 2, white=4095 if kind == "deep" else 255), phantoms(3)
    if kind == "colour":
        train = np.stack([train, train // 2, train // 3], axis=3)
    content = archive(test_images=test, train_images=train, train_labels=np.zeros(2))
    path = tmp_path / "films.npz"
    path.write_bytes(content)
    expected = list(Detector(threads=1).predict([f"{path}#train/0", f"{path}#train/1", f"{path}#test/0"]))
    reply = room.post("/v1/predictions", files=films(png_of(95), content, png_of(96)))
    assert reply.status_code in (200, 201), reply.text
    answers = reply.json()["predictions"]
    assert len(answers) == 5
    for got, row in zip(answers[1:4], expected, strict=True):
        assert (got["answer"], got["why"], got["error"]) == (row.answer, row.why, row.error)
        assert list(got["probabilities"].values()) == pytest.approx(list(row.probs), abs=1e-6)
    shown = room.get(f"/v1/predictions/{answers[3]['id']}/film")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(shown.content))), test[0])


def test_more_films_than_a_request_may_have_are_refused(room: Room, spool: Path) -> None:
    content = archive(train_images=phantoms(*range(9)))
    assert "an archive of this one has 9" in problem(room.post("/v1/predictions", files=films(content)), 413)
    content = archive(train_images=phantoms(*range(7)))
    assert problem(room.post("/v1/predictions", files=films(png_of(95), png_of(96), content)), 413)
    assert not list(spool.iterdir())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (archive(other=np.zeros(3)), "without films"),
        (archive(train_images=np.zeros((2, 28, 28), np.float32)), "8 or 16 bits"),
        (archive(train_images=np.zeros((0, 28, 28), np.uint8)), "8 or 16 bits"),
        (archive(train_images=np.array([{}], object)), "never loaded"),
        (archive(train_images=phantoms(1))[:-200], "damaged"),
    ],
)
def test_an_archive_that_cannot_be_read_is_named(room: Room, spool: Path, content: bytes, words: str) -> None:
    assert words in problem(room.post("/v1/predictions", files=films(content)), 422)
    reply = room.post("/v1/predictions", files=films(content, png_of(95)))
    answers = reply.json()["predictions"]
    assert [each["answer"] for each in answers][:1] == ["not judged"]
    assert len(answers) == 2
    assert not list(spool.iterdir())
