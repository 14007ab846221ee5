"""What a film's file says of itself, against Pillow, which wrote it, and pydicom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from hilum.auditing.header import quality_of, read_header
from hilum.errors import FilmError
from tests.auditing.conftest import film
from tests.pixels.dicoms import dataset, stored_phantom


@pytest.mark.parametrize("quality", [1, 5, 10, 30, 49, 50, 51, 75, 90, 95, 99, 100])
def test_the_quality_of_a_jpeg_is_the_one_it_was_saved_with(tmp_path: Path, quality: int) -> None:
    Image.fromarray(film(1)).save(tmp_path / "film.jpg", quality=quality)
    header = read_header(str(tmp_path / "film.jpg"))
    table = JpegImageFile(tmp_path / "film.jpg").quantization[0]
    assert header.quality == pytest.approx(quality, abs=1)
    assert header.quantisation == pytest.approx(np.mean(table))


def test_a_table_of_nobodys_has_the_nearest_quality() -> None:
    assert quality_of((1,) * 64) == 100
    assert quality_of((255,) * 64) == 1
    assert quality_of((30,) * 64) == pytest.approx(75, abs=8)  # 30 is about half of the standard table's median


def test_a_jpeg_says_how_it_was_made(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "ACME \0"
    colour = Image.fromarray(np.repeat(film(1)[:, :96, None], 3, axis=2))
    colour.save(tmp_path / "a.jpg", subsampling=2, progressive=True, dpi=(300, 300), exif=exif)
    header = read_header(str(tmp_path / "a.jpg"))
    assert (header.encoding, header.width, header.height, header.bits, header.channels) == ("JPEG", 96, 128, 8, 3)
    assert (header.subsampling, header.progressive, header.density, header.maker) == (2, True, 300.0, "ACME")
    assert header.file_bytes == (tmp_path / "a.jpg").stat().st_size
    assert header.metadata > 14
    Image.fromarray(film(1)).save(tmp_path / "b.jpg")
    plain = read_header(str(tmp_path / "b.jpg"))
    assert (plain.channels, plain.subsampling, plain.progressive, plain.maker) == (1, -1, False, "")
    assert plain.metadata < header.metadata


def test_a_header_longer_than_the_first_look_is_read_whole(tmp_path: Path) -> None:
    profile = bytes(200_000)
    Image.fromarray(film(1)).save(tmp_path / "a.jpg", icc_profile=profile)
    assert read_header(str(tmp_path / "a.jpg")).metadata > len(profile)


def test_a_png_of_16_bits_says_so(tmp_path: Path) -> None:
    Image.fromarray(film(1).astype(np.uint16) * 257).save(tmp_path / "a.png")
    header = read_header(str(tmp_path / "a.png"))
    assert (header.encoding, header.bits, header.quality, header.subsampling) == ("PNG", 16, None, None)


def test_a_dicom_names_maker_polarity_and_part_of_the_body(tmp_path: Path) -> None:
    tags = {"PhotometricInterpretation": "MONOCHROME1", "Manufacturer": "ACME", "BodyPartExamined": "HAND"}
    dataset(stored_phantom(12), bits=12, **tags).save_as(tmp_path / "a.dcm", enforce_file_format=True)
    header = read_header(str(tmp_path / "a.dcm"))
    assert header.encoding == "DICOM (Explicit VR Little Endian)"
    assert (header.width, header.height, header.bits) == (40, 48, 12)
    assert (header.maker, header.photometric, header.body_part) == ("ACME", "MONOCHROME1", "HAND")


def test_a_member_of_an_archive_has_a_size_and_no_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", train_images=np.zeros((2, 28, 30, 3), np.uint8))
    header = read_header(f"{tmp_path}/set.npz#train/1")
    assert (header.encoding, header.width, header.height, header.channels) == ("array", 30, 28, 3)
    assert header.file_bytes is None


@pytest.mark.parametrize(
    "data", [b"", b"no film", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"\0" * 128 + b"DICMxx"]
)
def test_what_has_no_header_is_refused_in_a_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(FilmError) as refused:
        read_header(str(path))
    assert "\n" not in str(refused.value)
    with pytest.raises(FilmError):
        read_header(str(tmp_path / "gone.jpg"))
