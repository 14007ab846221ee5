"""What a reading process gives of a film: the square of `predict`, and a picture that other programs draw alike."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from hilum.answering.reading.read import read_film
from hilum.bundle import lung_finder, read
from hilum.pixels import decode, read_square
from tests.pixels.dicoms import dataset, stored_phantom, write


@pytest.mark.slow
@pytest.mark.parametrize("name", ["RG1_J2KI.dcm", "RG3_J2KR.dcm"])
def test_a_real_film_is_within_one_grey_level_of_how_dcmtk_draws_it(shared: Path, tmp_path: Path, name: str) -> None:
    """GDCM decodes it, since DCMTK has no JPEG 2000; DCMTK draws it through its own first window."""
    if not (shutil.which("gdcmconv") and shutil.which("dcmj2pnm")):
        pytest.skip("GDCM's and DCMTK's tools are not installed")
    film, raw, drawn = shared / "data" / "dicom" / name, tmp_path / "raw.dcm", tmp_path / "film.pgm"
    subprocess.run(["gdcmconv", "--raw", str(film), str(raw)], check=True, capture_output=True)
    subprocess.run(["dcmj2pnm", "+Wi", "1", str(raw), str(drawn)], check=True, capture_output=True)
    expected = cv2.imread(str(drawn), cv2.IMREAD_UNCHANGED)
    assert expected is not None
    assert expected.std() > 20
    picture = read_film(str(film), read("shipped").spec.recipe.pixels, None, picture=1 << 14).film_picture()
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).max() <= 1
    assert np.abs(decode(str(film)) * 255 - expected).max() <= 1


def test_a_square_with_a_picture_is_the_square_without_one(tmp_path: Path) -> None:
    opened = read("shipped")
    path = write(tmp_path / "film", dataset(stored_phantom(12, size=(300, 200)), bits=12, PatientAge="044Y"))
    pixels, lungs = opened.spec.recipe.pixels, lung_finder(opened)
    expected = read_square(path, pixels, lungs=lungs)
    for picture in (0, 128):
        sent = read_film(path, pixels, lungs, picture)
        got = sent.square()
        np.testing.assert_array_equal(got.levels, expected.levels)
        np.testing.assert_array_equal(got.lungs, expected.lungs)
        np.testing.assert_array_equal(got.whole, expected.whole)
        assert (got.shape, got.region, got.header.age, got.doubt) == (
            (300, 200),
            expected.region,
            "044Y",
            expected.doubt,
        )
        assert (sent.picture is None) == (not picture)
    assert sent.film_picture().shape == (128, 85)
