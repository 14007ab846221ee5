"""The report of a film: valid, legible, the same for the same film, and read back by highdicom."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import highdicom as hd
import pytest
from pydicom import dcmread
from pydicom.sr.coding import Code

from hilum.pacs.identity import is_own
from hilum.pacs.reports import build_report, file_bytes
from hilum.records import NOT_JUDGED
from tests.pacs.films import film
from tests.pacs.reports.contents import ANSWERS, EARLIER, THREE, content, errors_of, rendered

KINDS = [
    *((answer, {}) for answer in ANSWERS),
    ("bacteria", {"detector": THREE}),
    ("NORMAL", {"detector": THREE, "probs": (0.8, 0.1, 0.1)}),
    ("PNEUMONIA", {"earlier": (EARLIER,)}),
    ("PNEUMONIA", {"outline": (), "region": None}),
    (NOT_JUDGED, {"refusal": "The film is a lateral one.", "earlier": (EARLIER,)}),
    (NOT_JUDGED, {"probs": (), "shape": (0, 0), "region": None, "outline": (), "error": "it is cut off"}),
]


@pytest.mark.parametrize(("answer", "options"), KINDS)
def test_dciodvfy_finds_no_error(tmp_path: Path, answer: str, options: dict[str, object]) -> None:
    shown = film(2)
    path = tmp_path / "report.dcm"
    path.write_bytes(file_bytes(build_report(shown, content(shown, answer, **options))))  # type: ignore[arg-type]
    assert errors_of(path) == []
    text = rendered(path)
    assert "research only, not a diagnosis" in text.lower()
    assert options.get("detector", content(shown).detector).name in text  # type: ignore[attr-defined]
    assert answer in text


def test_dsr2html_shows_answer_probability_threshold_and_model(tmp_path: Path) -> None:
    shown = film(2)
    path = tmp_path / "report.dcm"
    path.write_bytes(file_bytes(build_report(shown, content(shown))))
    text = rendered(path)
    for words in ("Pneumonia: Suspected", "0.873421", "Threshold: 0.512345", "hilum", "Artificial Intelligence"):
        assert words in text, words


def measurements(file: bytes) -> hd.sr.MeasurementReport:
    read = hd.sr.srread(BytesIO(file)).content
    assert isinstance(read, hd.sr.MeasurementReport)
    return read


def test_the_region_and_the_finding_share_one_tracking_uid() -> None:
    shown = film(2)
    measured = measurements(file_bytes(build_report(shown, content(shown))))
    (region,) = measured.get_planar_roi_measurement_groups()
    (finding,) = measured.get_image_measurement_groups()
    assert region.tracking_uid == finding.tracking_uid
    assert is_own(str(region.tracking_uid))
    assert finding.finding_type == Code("233604007", "SCT", "Pneumonia")
    assert [each.value for each in finding.get_measurements(Code("122157", "DCM", "Probability"))] == [0.873421]


def test_the_same_film_and_answer_give_the_same_bytes() -> None:
    first, again = (file_bytes(build_report(film(2), content(film(2)))) for _ in range(2))
    assert first == again
    assert dcmread(BytesIO(first)).SOPInstanceUID == content(film(2)).key.uid("report")
