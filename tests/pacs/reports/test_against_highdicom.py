"""The report's tree is the one that highdicom builds, item by item."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

import highdicom.sr as sr
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from hilum.pacs.records import ReportContent
from hilum.pacs.reports import build_report, device_uid, file_bytes
from hilum.pacs.reports.outline import region_outline
from hilum.records import NOT_SURE
from tests.pacs.films import film
from tests.pacs.reports.contents import content

PRESENCE = {
    "PNEUMONIA": Code("415684004", "SCT", "Suspected"),
    "NORMAL": Code("272519000", "SCT", "Absent"),
    NOT_SURE: Code("373068000", "SCT", "Undetermined"),
}
PNEUMONIA, LUNG = Code("233604007", "SCT", "Pneumonia"), Code("39607008", "SCT", "Lung")


def by_highdicom(shown: Dataset, said: ReportContent, tracking: str) -> Dataset:
    """The same report by highdicom; it has no way to say a qualitative evaluation in words."""
    detector, row = said.detector, said.answer.row
    identifier = sr.TrackingIdentifier(uid=tracking, identifier="PNEUMONIA")
    site = [sr.FindingSite(LUNG)]
    closed = np.array(region_outline(said.answer, (256, 224)))
    source = sr.SourceImageForRegion(str(shown.SOPClassUID), str(shown.SOPInstanceUID))
    region = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=identifier,
        referenced_region=sr.ImageRegion(sr.GraphicTypeValues.POLYLINE, closed, source_image=source),
        finding_sites=site,
    )
    finding = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=identifier,
        finding_type=PNEUMONIA,
        finding_sites=site,
        algorithm_id=sr.AlgorithmIdentification(
            name=detector.name,
            version=f"Hilum {detector.version}",
            parameters=[
                f"Threshold: {detector.threshold:.6f}",
                f"Operating point: {detector.operating_point}",
                f"Seal: {detector.seal}",
            ],
            family=Code("123110", "DCM", "Artificial Intelligence"),
            manufacturer="Hilum",
        ),
        measurements=[
            sr.Measurement(Code("122157", "DCM", "Probability"), row.probs[-1], Code("1", "UCUM", "no units"))
        ],
        qualitative_evaluations=[sr.QualitativeEvaluation(PNEUMONIA, PRESENCE[row.answer])],
        source_images=[sr.SourceImageForMeasurementGroup(str(shown.SOPClassUID), str(shown.SOPInstanceUID))],
    )
    observer = sr.ObserverContext(
        sr.CodedConcept("121007", "DCM", "Device"),
        sr.DeviceObserverIdentifyingAttributes(
            uid=device_uid(detector),
            name="Hilum",
            manufacturer_name="Hilum",
            model_name=detector.name,
            serial_number=detector.seal,
        ),
    )
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=Code("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=[region, finding],
    )
    root: Dataset = report[0]
    return root


def listed(items: Iterable[Dataset], depth: int = 0) -> list[tuple[object, ...]]:
    """A tree as lines: depth, relationship, type, name and value of each item."""
    lines: list[tuple[object, ...]] = []
    for item in items:
        lines.append((depth, item.get("RelationshipType", ""), item.ValueType, *codes_of(item), *values_of(item)))
        lines += listed(item.get("ContentSequence", []), depth + 1)
    return lines


def codes_of(item: Dataset) -> list[object]:
    named = item.get("ConceptNameCodeSequence", [])
    return [(code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning) for code in named]


def values_of(item: Dataset) -> list[object]:
    found: list[object] = [item.get("UID"), item.get("TextValue"), item.get("GraphicType")]
    found += [tuple(np.asarray(item.GraphicData, np.float32).tolist())] if "GraphicData" in item else []
    found += [(each.CodeValue, each.CodingSchemeDesignator) for each in item.get("ConceptCodeSequence", [])]
    for each in item.get("MeasuredValueSequence", []):
        unit = each.MeasurementUnitsCodeSequence[0]
        found.append((float(each.NumericValue), unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning))
    found += [
        (each.ReferencedSOPClassUID, each.ReferencedSOPInstanceUID) for each in item.get("ReferencedSOPSequence", [])
    ]
    found += [each.TemplateIdentifier for each in item.get("ContentTemplateSequence", [])]
    return found


def is_ours_alone(item: Dataset) -> bool:
    """What highdicom's templates have no place for, and the library, which it fills with more than we know."""
    name = item.ConceptNameCodeSequence[0].CodeValue
    is_words = item.ValueType == "TEXT" and item.RelationshipType == "CONTAINS"
    return is_words or name in ("111028", "C0034375", "121068")


@pytest.mark.parametrize("answer", list(PRESENCE))
def test_highdicom_builds_the_same_tree(answer: str) -> None:
    shown = film(2)
    said = content(shown, answer)
    ours = dcmread(BytesIO(file_bytes(build_report(shown, said))))
    items = [item for item in ours.ContentSequence if not is_ours_alone(item)]
    for group in items[-1].ContentSequence:
        group.ContentSequence = [item for item in group.ContentSequence if not is_ours_alone(item)]
    tracking = items[-1].ContentSequence[0].ContentSequence[1].UID
    assert listed(items) == listed(by_highdicom(shown, said, tracking).ContentSequence)
