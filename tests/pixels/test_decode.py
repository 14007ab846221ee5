"""What holds for every film, whatever it is: a valid array, or one line for a person."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from hilum.errors import FilmError
from hilum.pixels import chest_phantom, decode, hash_film
from hilum.pixels.decode import without_warnings

from .dicoms import as_jpeg_baseline, dataset, stored_phantom

GREY = np.round(chest_phantom(1, (32, 32)) * 255).astype(np.uint8)


def encoded(kind: str) -> bytes:
    file = BytesIO()
    if kind in PICTURES:
        Image.fromarray(GREY).save(file, kind)
        return file.getvalue()
    ds = dataset(stored_phantom(8 if kind == "baseline" else 12, size=(32, 32)))
    if kind == "baseline":
        as_jpeg_baseline(ds, stored_phantom(8, size=(32, 32)))
    elif kind != "plain":
        ds.compress({"RLE": RLELossless, "J2K": JPEG2000Lossless, "JLS": JPEGLSLossless}[kind])
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


PICTURES = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "JPEG2000")
VALID = {kind: encoded(kind) for kind in (*PICTURES, "plain", "RLE", "J2K", "JLS", "baseline")}
WILD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def decodes_or_is_refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        grey: NDArray[np.float32] | None = decode(str(path))
    except FilmError as refusal:
        grey, error = None, refusal
    if grey is None:
        assert error.path == str(path)
        assert error.reason
        assert len(error.reason.splitlines()) == 1
        return
    assert grey.ndim == 2
    assert grey.dtype == np.float32
    assert 0 <= grey.min() < grey.max() <= 1


@WILD
@given(
    data=st.binary(max_size=600),
    start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\0" * 128 + b"DICM"]),
)
def test_random_bytes_are_refused(data: bytes, start: bytes, tmp_path: Path) -> None:
    decodes_or_is_refused(tmp_path / "film", start + data)


@pytest.mark.parametrize("kind", VALID)
@WILD
@given(share=st.floats(0, 1))
def test_a_file_cut_anywhere_is_refused_or_whole(kind: str, share: float, tmp_path: Path) -> None:
    decodes_or_is_refused(tmp_path / "film", VALID[kind][: int(share * len(VALID[kind]))])


@pytest.mark.parametrize("kind", VALID)
@WILD
@given(where=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_changed_byte_raises_nothing_but_a_film_error(kind: str, where: float, value: int, tmp_path: Path) -> None:
    data = bytearray(VALID[kind])
    data[int(where * len(data))] = value
    decodes_or_is_refused(tmp_path / "film", bytes(data))


def test_what_is_not_there_or_not_a_film_is_named(tmp_path: Path) -> None:
    cases = {"missing.png": None, "empty.png": b"", "notes.txt": "Thorax in zwei Ebenen, müde".encode()}
    cases |= {
        "page.html": b"<html>login</html>",
        "noise": b"\x01\xfe" * 200,
        "old.dcm": b"\x08\x00\x05\x00CS" + b"\0" * 50,
    }
    expected = {
        "missing.png": "no such file; correct the path",
        "empty.png": "an empty file; copy it again",
        "notes.txt": "a text file; Hilum reads",
        "page.html": "a web page or XML; Hilum reads",
        "noise": "an unknown format; Hilum reads",
        "old.dcm": "without the file header of PS3.10; Hilum reads",
    }
    for name, data in cases.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(FilmError, match=expected[name]):
            decode(str(tmp_path / name))
    with pytest.raises(FilmError, match="a folder, not a film"):
        decode(str(tmp_path))
    with pytest.raises(FilmError, match="cannot be opened"):
        decode("film\0.png")


def test_a_film_that_changed_since_it_was_indexed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(VALID["PNG"])
    known = hash_film(str(path))
    assert known == hashlib.sha256(VALID["PNG"]).hexdigest()
    decode(str(path), expected_sha256=known)
    path.write_bytes(VALID["JPEG"])
    with pytest.raises(FilmError, match="changed since it was indexed; index again"):
        decode(str(path), expected_sha256=known)


def test_hashing_what_is_not_there_is_a_film_error(tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="no such file"):
        hash_film(str(tmp_path / "film.png"))


def test_overlapping_threads_leave_the_warning_filters_as_they_were() -> None:
    before = list(warnings.filters)
    inside, leave = threading.Barrier(2), threading.Event()

    def first_in_last_out() -> None:
        with without_warnings():
            inside.wait()
            leave.wait()

    thread = threading.Thread(target=first_in_last_out)
    thread.start()
    inside.wait()
    with without_warnings():
        warnings.warn("nobody hears this", stacklevel=1)
    leave.set()
    thread.join()
    assert list(warnings.filters) == before


def test_one_picture_is_decoded_without_loading_what_dicom_needs(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(VALID["PNG"])
    code = (
        "import sys; from hilum.pixels import decode, preprocess; from hilum.recipe import Pixels;"
        f"preprocess(decode({str(tmp_path / 'film.png')!r}), Pixels());"
        "print(sorted({'pydicom', 'gdcm', 'cv2', 'torch', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("folder", ["chest_xray/train/NORMAL", "chest_xray/train/PNEUMONIA", "fullres/NORMAL"])
def test_real_films_decode_as_opencv_reads_them(shared: Path, folder: str) -> None:
    import cv2

    for path in sorted((shared / "data" / folder).iterdir())[:3]:
        reference = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert reference is not None
        np.testing.assert_allclose(decode(str(path)), reference / 255, atol=2.01 / 255)
