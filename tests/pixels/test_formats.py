"""What a file is goes by its bytes; the page of formats says what is read of pictures."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image

from hilum.pixels.formats import PICTURES, is_readable, name_of_format
from tests.pixels.picture_matrix import BLOCK, PAGE, table


def test_the_page_of_formats_has_the_table_of_what_is_read() -> None:
    found = BLOCK.search(PAGE.read_text("utf-8"))
    assert found is not None
    assert found[0] == found[1] + table() + found[2], "write it again: python -m tests.pixels.picture_matrix"


@pytest.mark.parametrize(
    ("saved", "named"),
    [("JPEG", "JPEG"), ("PNG", "PNG"), ("TIFF", "TIFF"), ("BMP", "BMP"), ("WEBP", "WebP"), ("JPEG2000", "JPEG 2000"),
     ("GIF", "a GIF picture"), ("AVIF", "an AVIF picture")],
)  # fmt: skip
def test_pictures_are_named_by_their_first_thousand_bytes(saved: str, named: str) -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(file, saved)
    assert name_of_format(file.getvalue()[:1024]) == named
    assert is_readable(named) == (named in PICTURES)


NIFTI = (348).to_bytes(4, "little") + bytes(340) + b"n+1\0" + bytes(600)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (NIFTI, "a NIfTI volume, which is not a single film"),
        (NIFTI[:344] + b"ni1\0", "a NIfTI volume, which is not a single film"),
        ((540).to_bytes(4, "little") + b"n+2\0\r\n\x1a\n" + bytes(600), "a NIfTI volume, which is not a single film"),
        (gzip.compress(NIFTI, mtime=0), "a NIfTI volume, which is not a single film, compressed"),
        (gzip.compress(b"text", mtime=0), "a gzip archive"),
        (gzip.compress(gzip.compress(NIFTI, mtime=0), mtime=0), "a gzip archive"),
        (b"\x1f\x8brubbish", "a gzip archive"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x18ftypavis\0\0\0\0", "an AVIF picture"),
        (b"\xff\x0a\xfa\x7f", "a JPEG XL picture"),
        (b"BMI of 40 patients, and their ages\n", "a text file"),
        (b"MM\0+\0\x08\0\0", "TIFF"),
        (b"\xff\x4f\xff\x51\0\x29", "JPEG 2000"),
    ],
)
def test_what_is_no_film_is_named_by_its_bytes(data: bytes, named: str) -> None:
    assert name_of_format(data) == named
