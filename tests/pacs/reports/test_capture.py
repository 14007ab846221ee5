"""The capture of a film: valid, legible, and without a heat map where there is no answer."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from hilum.errors import RequestError
from hilum.pacs.reports import build_capture, draw_capture, file_bytes
from hilum.pacs.reports.capture_picture import headline
from hilum.records import NOT_JUDGED, NOT_SURE
from tests.pacs.films import film, phantom_levels
from tests.pacs.reports.contents import ANSWERS, THREE, content, errors_of, needs

GREY = phantom_levels(2, 8, (256, 224)).astype(np.uint8)


def heat_of(rows: int = 64, columns: int = 56) -> NDArray[np.float32]:
    heat = np.zeros((rows, columns), np.float32)
    heat[rows // 2 : rows // 2 + 8, columns // 2 : columns // 2 + 8] = 0.9
    return heat


@pytest.mark.parametrize("answer", ANSWERS)
def test_dciodvfy_finds_no_error(tmp_path: Path, answer: str) -> None:
    shown = film(2)
    said = content(shown, answer)
    path = tmp_path / "capture.dcm"
    path.write_bytes(file_bytes(build_capture(shown, said, draw_capture(said, GREY, heat_of()))))
    assert errors_of(path) == []


def test_a_capture_is_derived_burnt_in_and_refers_to_its_film() -> None:
    shown = film(2)
    said = content(shown)
    picture = draw_capture(said, GREY, heat_of())
    capture = dcmread(BytesIO(file_bytes(build_capture(shown, said, picture))))
    assert capture.ImageType == ["DERIVED", "SECONDARY"]
    assert (capture.BurnedInAnnotation, capture.ConversionType, capture.BodyPartExamined) == ("YES", "WSD", "CHEST")
    assert "Laterality" not in capture
    assert not [name for name in capture.dir() if name.startswith("Window")]
    (source,) = capture.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == shown.SOPInstanceUID
    assert (capture.PatientID, capture.StudyInstanceUID) == (shown.PatientID, shown.StudyInstanceUID)
    assert capture.SOPInstanceUID == said.key.uid("capture")
    assert np.array_equal(capture.pixel_array, picture)


def test_saliency_is_named_where_a_heat_map_is_drawn() -> None:
    shown = film(2)
    picture = draw_capture(content(shown), GREY)
    for answer, has_heat in (("PNEUMONIA", True), ("PNEUMONIA", False), (NOT_JUDGED, True)):
        capture = build_capture(shown, content(shown, answer), picture, has_heat=has_heat)
        named = [each.CodeValue for each in capture.get("DerivationCodeSequence", [])]
        assert named == (["130404"] if answer != NOT_JUDGED and has_heat else [])


def test_what_was_compressed_with_losses_says_so_and_nothing_else_does() -> None:
    shown = film(2, LossyImageCompression="01", LossyImageCompressionRatio="10.5")
    said = content(shown)
    picture = draw_capture(said, GREY)
    assert "LossyImageCompression" not in build_capture(shown, said, picture)  # by which method, nobody knows
    shown.LossyImageCompressionMethod = "ISO_15444_1"
    assert build_capture(shown, said, picture).LossyImageCompressionRatio == 10.5


@pytest.mark.parametrize(
    "size", [(224, 224), (3000, 2400), (1760, 1760), (40, 4000), (4000, 40), (1, 1), (1024, 1024)]
)
def test_no_side_is_longer_than_1024_and_small_films_are_made_legible(size: tuple[int, int]) -> None:
    grey = np.full(size, 128, np.uint8)
    picture = draw_capture(content(film(2)), grey, heat_of())
    assert max(picture.shape) <= 1024
    assert max(picture.shape) >= 640 or min(size) == 40
    assert picture.dtype == np.uint8
    assert (picture.max(axis=2) > 200).any(axis=1).sum() >= 40  # rows with white letters


def is_coloured(picture: NDArray[np.uint8]) -> bool:
    """Whether anything besides the last line, which is amber, has a colour."""
    above = picture[: round(picture.shape[0] * 0.75)].astype(int)
    return bool((above.max(axis=2) - above.min(axis=2) > 30).any())


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_heat_map_lies_on_the_film_unless_it_was_not_judged(answer: str) -> None:
    assert is_coloured(draw_capture(content(film(2), answer), GREY, heat_of())) == (answer != NOT_JUDGED)
    assert not is_coloured(draw_capture(content(film(2), answer), GREY))
    refused = content(film(2), answer, refusal="It is a lateral film.")
    assert not is_coloured(draw_capture(refused, GREY, heat_of()))


def test_the_film_itself_stands_there_as_it_was() -> None:
    tall = np.tile(np.arange(0, 200, 10, dtype=np.uint8).repeat(40), (1600, 1))
    picture = draw_capture(content(film(2), NOT_JUDGED), tall)
    assert picture.shape[0] == 1024
    shown = picture[20, picture[20].any(axis=1)]
    assert set(np.unique(shown)) >= set(range(10, 200, 10))


def test_a_film_that_could_not_be_read_has_the_reason_alone() -> None:
    assert draw_capture(content(film(2), NOT_JUDGED, why="It could not be read: cut off."), None).shape[1] == 1024


def test_the_headline_says_whether_the_finding_is_there() -> None:
    lines = [headline(content(film(2), answer)) for answer in ANSWERS]
    assert lines == ["PNEUMONIA: suspected", "PNEUMONIA: absent", "Not sure", "Not judged"]
    three = [headline(content(film(2), answer, detector=THREE)) for answer in ("NORMAL", "virus", NOT_SURE)]
    assert three == ["NORMAL", "virus: suspected", "Not sure"]


def test_long_words_and_other_scripts_do_not_leave_the_picture() -> None:
    said = content(film(2), NOT_SURE, why="肺炎 " * 200 + "x" * 3000)
    assert max(draw_capture(said, GREY).shape) <= 1024


def test_what_is_no_such_picture_is_refused() -> None:
    shown = film(2)
    for picture in (np.zeros((1025, 3, 3), np.uint8), np.zeros((5, 5), np.uint8), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(RequestError, match="a capture"):
            build_capture(shown, content(shown), picture)


def test_the_same_film_and_answer_give_the_same_bytes() -> None:
    files = [
        file_bytes(build_capture(film(2), content(film(2)), draw_capture(content(film(2)), GREY, heat_of())))
        for _ in range(2)
    ]
    assert files[0] == files[1]


def test_dcmtk_draws_the_same_picture(tmp_path: Path) -> None:
    needs("dcmj2pnm")
    shown = film(2)
    said = content(shown)
    picture = draw_capture(said, GREY, heat_of())
    (tmp_path / "capture.dcm").write_bytes(file_bytes(build_capture(shown, said, picture)))
    subprocess.run(["dcmj2pnm", str(tmp_path / "capture.dcm"), str(tmp_path / "drawn.ppm")], check=True, timeout=60)
    drawn = cv2.imread(str(tmp_path / "drawn.ppm"))
    assert drawn is not None
    assert np.array_equal(drawn[..., ::-1], picture)
