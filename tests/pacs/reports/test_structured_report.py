"""The report of a film: valid, legible, the same for the same film, and read back by highdicom."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from hilum.errors import RequestError
from hilum.pacs.identity import is_own
from hilum.pacs.reports import build_capture, build_report, device_uid, draw_capture, file_bytes
from hilum.records import NOT_JUDGED
from tests.pacs.films import film
from tests.pacs.reports.contents import ANSWERS, EARLIER, THREE, TWO, content, errors_of, rendered

PROBABILITY = Code("122157", "DCM", "Probability")
KINDS: list[tuple[str, dict[str, Any]]] = [
    *((answer, {}) for answer in ANSWERS),
    ("bacteria", {"detector": THREE}),
    ("NORMAL", {"detector": THREE, "probs": (0.8, 0.1, 0.1)}),
    ("PNEUMONIA", {"earlier": (EARLIER,)}),
    ("PNEUMONIA", {"outline": (), "region": None}),
    (NOT_JUDGED, {"refusal": "The film is a lateral one.", "earlier": (EARLIER,)}),
    (NOT_JUDGED, {"probs": (), "shape": (0, 0), "region": None, "outline": (), "error": "it is cut off"}),
]


@pytest.mark.parametrize(("answer", "options"), KINDS)
def test_dciodvfy_finds_no_error(tmp_path: Path, answer: str, options: dict[str, Any]) -> None:
    shown = film(2)
    path = tmp_path / "report.dcm"
    path.write_bytes(file_bytes(build_report(shown, content(shown, answer, **options))))
    assert errors_of(path) == []
    text = rendered(path)
    assert "research only, not a diagnosis" in text.lower()
    assert options.get("detector", content(shown).detector).name in text
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
    assert [each.value for each in finding.get_measurements(PROBABILITY)] == [0.873421]


def test_the_same_film_and_answer_give_the_same_bytes() -> None:
    first, again = (file_bytes(build_report(film(2), content(film(2)))) for _ in range(2))
    assert first == again
    assert dcmread(BytesIO(first)).SOPInstanceUID == content(film(2)).key.uid("report")


def test_every_measurement_group_has_a_region_beside_it() -> None:
    """OHIF 3.13 fails on the whole report otherwise; so reports from before and refusals stand elsewhere."""
    for answer, options in KINDS:
        shown = film(2)
        report = dcmread(BytesIO(file_bytes(build_report(shown, content(shown, answer, **options)))))
        tracked: dict[str, set[str]] = {}
        for item in children(report, "126010"):
            uid = next(each.UID for each in item.ContentSequence if each.ValueType == "UIDREF")
            tracked.setdefault(uid, set()).update(each.ValueType for each in item.ContentSequence)
        assert all("SCOORD" in types for types in tracked.values())
        refused = answer == NOT_JUDGED
        assert len(tracked) == (0 if refused else 2 if options.get("detector") is THREE else 1)
        assert (report.ConceptNameCodeSequence[0].CodeValue == "126000") == (not refused)


def test_a_refusal_says_so_by_its_code_and_why_in_words() -> None:
    shown = film(2)
    report = dcmread(BytesIO(file_bytes(build_report(shown, content(shown, NOT_JUDGED)))))
    summary, answer, why, use = children(report, "C0034375")
    assert summary.ConceptCodeSequence[0].CodeValue == "111245"
    assert [answer.TextValue, use.TextValue] == ["not judged", "Research only, not a diagnosis."]
    assert why.TextValue == content(shown, NOT_JUDGED).answer.row.why
    assert not [item for item in report.iterall() if item.keyword == "NumericValue"]


def test_every_finding_of_several_classes_has_its_own_groups() -> None:
    shown = film(2)
    measured = measurements(file_bytes(build_report(shown, content(shown, "bacteria", detector=THREE))))
    groups = measured.get_image_measurement_groups()
    assert [group.finding_type.value for group in groups if group.finding_type] == ["53084003", "75570004"]
    values = [each.value for group in groups for each in group.get_measurements(PROBABILITY)]
    assert values == [0.7, 0.2]
    said = [str(group.get_qualitative_evaluations()[-1].value) for group in groups]
    assert [("Suspected" in first, "Absent" in second) for first, second in [said]] == [(True, True)]


def test_a_report_names_what_it_follows_and_says_what_that_said() -> None:
    shown = film(2)
    report = dcmread(BytesIO(file_bytes(build_report(shown, content(shown, earlier=(EARLIER,))))))
    (before,) = report.PredecessorDocumentsSequence
    assert before.StudyInstanceUID == shown.StudyInstanceUID
    assert before.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == EARLIER.report
    (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
    named = {
        (each.SeriesInstanceUID, item.ReferencedSOPInstanceUID)
        for each in evidence.ReferencedSeriesSequence
        for item in each.ReferencedSOPSequence
    }
    assert named == {
        (shown.SeriesInstanceUID, shown.SOPInstanceUID),
        (EARLIER.film_series, EARLIER.film),
    }
    (group,) = children(report, "121068")
    assert [item.get("TextValue") for item in group.ContentSequence if item.ValueType == "TEXT"][-1] == "not sure"
    measured = [item.MeasuredValueSequence[0] for item in group.ContentSequence if item.ValueType == "NUM"]
    assert [float(each.NumericValue) for each in measured] == [0.25]


def test_films_of_one_series_stand_in_the_evidence_together() -> None:
    shown = film(2)
    earlier = replace(EARLIER, film_series=str(shown.SeriesInstanceUID))
    report = build_report(shown, content(shown, earlier=(earlier, earlier)))
    (series,) = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert len(series.ReferencedSOPSequence) == 2


def test_a_finding_is_followed_by_one_uid_from_report_to_report() -> None:
    shown = film(2)
    first = content(shown)
    uid = measurements(file_bytes(build_report(shown, first))).get_image_measurement_groups()[0].tracking_uid
    later = film(3, study=2)
    earlier = replace(EARLIER, report=first.key.uid("report"))
    report = dcmread(BytesIO(file_bytes(build_report(later, content(later, earlier=(earlier,))))))
    assert [item.UID for group in children(report, "121068") for item in group.ContentSequence if "UID" in item] == [
        uid
    ]


def test_a_header_of_another_film_and_an_unnamed_report_are_refused() -> None:
    with pytest.raises(RequestError, match="header"):
        build_report(film(3), content(film(2)))
    with pytest.raises(RequestError, match="earlier report"):
        build_report(film(2), content(film(2), earlier=(replace(EARLIER, series=""),)))


def test_no_file_name_is_in_a_report() -> None:
    shown = film(2)
    why = "It could not be read: /spool/0123abcd.dcm: is cut off."
    data = file_bytes(build_report(shown, content(shown, NOT_JUDGED, why=why)))
    assert b"0123abcd" not in data
    assert b"It could not be read: the film: is cut off." in data


def test_the_device_follows_from_the_bundles_seal() -> None:
    shown = film(2)
    (tool,) = build_report(shown, content(shown)).ContributingEquipmentSequence
    assert tool.PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
    assert tool.DeviceUID == device_uid(TWO) != device_uid(THREE)


@pytest.mark.parametrize(("name", "answer"), [("RG1_J2KI.dcm", "PNEUMONIA"), ("RG3_J2KR.dcm", NOT_JUDGED)])
def test_real_films(shared: Path, tmp_path: Path, name: str, answer: str) -> None:
    header = dcmread(shared / "data" / "dicom" / name, stop_before_pixels=True)
    said = content(header, answer)
    for kind in ("report", "capture"):
        path = tmp_path / f"{kind}.dcm"
        result = build_report(header, said) if kind == "report" else build_capture(header, said, draw_capture(said))
        path.write_bytes(file_bytes(result))
        assert errors_of(path) == []
        assert (result.PatientID, result.StudyInstanceUID) == (header.PatientID, header.StudyInstanceUID)


def children(report: Dataset, name: str) -> list[Dataset]:
    """What stands in a container of the root."""
    items = [item for item in report.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == name]
    return [below for item in items for below in item.ContentSequence]
