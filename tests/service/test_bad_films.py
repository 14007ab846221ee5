"""Films that no decoder likes, sent to the service: the refusal that `predict` gives, and a service that goes on."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.inference import Detector
from tests.fuzz.kinds import KINDS, mutant, read_film
from tests.service.conftest import Room, films, one, png_of, problem

FILMS = {name: kind for name, kind in KINDS.items() if kind.read is read_film}
AT_ONCE = 8  # films in one request


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(threads=1)


def same_as_predict(room: Room, detector: Detector, folder: Path, contents: list[bytes]) -> list[Any]:
    """Send films and compare their answers with those of `predict`; gives the service's. Large ones are left out."""
    contents = [each for each in dict.fromkeys(contents) if 0 < len(each) < 1 << 20]
    paths = [folder / f"film{number}" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    expected = list(detector.predict(paths))
    answers: list[Any] = []
    for start in range(0, len(contents), AT_ONCE):
        reply = room.post("/v1/predictions", files=films(*contents[start : start + AT_ONCE]))
        if len(contents[start : start + AT_ONCE]) == 1 and reply.status_code == 422:
            detail = problem(reply, 422)
            assert expected[start].error in detail
            continue
        assert reply.status_code in (200, 201), reply.text
        for got, row in zip(reply.json()["predictions"], expected[start:], strict=False):
            assert got["error"] == row.error
            assert (got["answer"], got["why"], got["notes"]) == (row.answer, row.why, list(row.notes))
            answers.append(got)
    return answers


def test_one_film_of_each_kind_that_was_damaged_gets_the_answer_of_predict(
    room: Room, detector: Detector, tmp_path: Path
) -> None:
    contents = [mutant(kind, name, 7, 11)[0] for name, kind in FILMS.items()]
    answers = same_as_predict(room, detector, tmp_path, contents)
    assert {bool(each["error"]) for each in answers} == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("name", FILMS)
def test_damaged_films_get_the_answer_of_predict_and_can_be_looked_at(
    room: Room, detector: Detector, tmp_path: Path, name: str
) -> None:
    contents = [mutant(FILMS[name], name, 3, number)[0] for number in range(24)]
    for answer in same_as_predict(room, detector, tmp_path, contents):
        for what in ("film", "heatmap"):
            reply = room.get(f"/v1/predictions/{answer['id']}/{what}")
            assert reply.status_code == (422 if answer["error"] else 200), reply.text
    assert room.get("/readyz").status_code == 200


def png(width: int, height: int, data: bytes) -> bytes:
    """A grey PNG with a header of its own and these bytes as its pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def archive(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            opened.writestr(f"{name}.npy", content)
    return file.getvalue()


def npy(films: int, size: int = 1000) -> bytes:
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (films, size, size)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + bytes(100 << 20)


BOMBS = {
    "a PNG that says it is large": png(60_000, 60_000, zlib.compress(bytes(100))),
    "a PNG that unpacks to more than it says": png(64, 64, zlib.compress(bytes(200 << 20), 9)),
    "a PNG that is large": png(30_000, 30_000, zlib.compress(bytes(1000), 9)),
    "gzip": zlib.compress(bytes(100 << 20), 9, 31),
    "an archive of arrays": archive(train_images=npy(1_000_000)),
    "an archive of zeros": archive(a=bytes(300 << 20)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_unpacks_to_more_than_fits_is_refused(room: Room, spool: Path, name: str) -> None:
    assert len(BOMBS[name]) < 1 << 20
    assert "could not be read" in problem(room.post("/v1/predictions", files=films(BOMBS[name])), 422)
    reply = room.post("/v1/predictions", files=films(BOMBS[name], png_of(70)))
    assert reply.json()["predictions"][0]["answer"] == "not judged"
    assert not list(spool.iterdir())
    one(room, png_of(71))
