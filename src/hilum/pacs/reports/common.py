"""What a report and a capture have in common: patient, study, equipment, and what makes them Hilum's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian

from hilum.errors import RequestError
from hilum.pacs.identity import ResultKind, derived_uid
from hilum.pacs.records import DetectorFacts, ReportContent
from hilum.pacs.reports.codes import MANUFACTURER, PROCESSING_EQUIPMENT, SCHEME
from hilum.pacs.reports.film_header import FilmIdentity
from hilum.pixels.decode import without_warnings
from hilum.records import NOT_JUDGED

RESEARCH_ONLY = "Research only, not a diagnosis"
_SERIES = {"report": (9101, "Hilum: report"), "capture": (9102, "Hilum: capture")}


def start_result(identity: FilmIdentity, content: ReportContent, kind: ResultKind, sop_class: str) -> Dataset:
    """A result with its patient, study, series, equipment and identity (PS3.3 C.7.1.1, C.7.2.1, C.7.5.1, C.12.1).

    Raises:
        RequestError: the header is another film's than the one that was answered.
    """
    film, detector = identity.reference, content.detector
    if film.instance != content.key.instance:
        raise RequestError("the header is not that of the film that was answered; a report needs both of one film")
    result = Dataset()
    if identity.charset.terms:
        result.SpecificCharacterSet = list(identity.charset.terms)
    for keyword, value in identity.values.items():
        setattr(result, keyword, value)
    result.StudyInstanceUID = film.study
    result.SeriesInstanceUID = derived_uid(film.study, kind, detector.seal)
    number, description = _SERIES[kind]
    result.SeriesNumber, result.SeriesDescription = number, f"{description} ({RESEARCH_ONLY.lower()})"
    result.SOPClassUID, result.SOPInstanceUID = sop_class, content.key.uid(kind)
    result.InstanceNumber = len(content.earlier) + 1
    result.InstanceCreationDate, result.InstanceCreationTime = _local(identity, content.created)
    result.ContentDate, result.ContentTime = result.InstanceCreationDate, result.InstanceCreationTime
    result.ContentQualification = "RESEARCH"
    result.Manufacturer = MANUFACTURER
    result.ManufacturerModelName = model_name(detector)
    result.DeviceSerialNumber = serial_number(detector)
    result.SoftwareVersions = version_of(detector)
    result.ContributingEquipmentSequence = [_equipment(content)]
    result.CodingSchemeIdentificationSequence = [_scheme()]
    result.file_meta = _meta(result)
    return result


def file_bytes(result: Dataset) -> bytes:
    """A result as a DICOM file (PS3.10); the same result is the same bytes."""
    file = BytesIO()
    with without_warnings():
        result.save_as(file, enforce_file_format=True)
    return file.getvalue()


def device_uid(detector: DetectorFacts) -> str:
    """The UID of the device that a sealed bundle is (IHE AI Results)."""
    return derived_uid("device", detector.seal)


def model_name(detector: DetectorFacts) -> str:
    """The detector's name in 64 characters of ASCII."""
    return _ascii(detector.name)[:64].strip() or MANUFACTURER


def serial_number(detector: DetectorFacts) -> str:
    """The bundle's seal, as the device's serial number."""
    return _ascii(detector.seal)[:64].strip() or "0"


def version_of(detector: DetectorFacts) -> str:
    """The version of Hilum, in 64 characters of ASCII."""
    return f"Hilum {_ascii(detector.version)}"[:64].strip()


def code_item(code: Code) -> Dataset:
    """A code as an item of a sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def refusal_of(content: ReportContent) -> str:
    """Why there is no answer, for a film that has none; else empty."""
    row = content.answer.row
    if content.refusal or row.answer != NOT_JUDGED:
        return plain_text(content, content.refusal)
    return plain_text(content, row.why or row.error or "The film was not judged.")


def plain_text(content: ReportContent, text: str) -> str:
    """A text of an answer in one line, without the name of the file that the film lay in."""
    path = content.answer.row.film.path
    for name in sorted({path, path.rpartition("/")[2]} - {""}, key=len, reverse=True) if len(path) > 3 else ():
        text = text.replace(name, "the film")
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\\]", " ", text).split())


def _ascii(text: str) -> str:
    return re.sub(r"[^ -\[\]-~]", "_", text)


def _local(identity: FilmIdentity, moment: datetime) -> tuple[str, str]:
    """Date and time where the film says that its times are (PS3.3 C.12.1: Timezone Offset From UTC), else in UTC."""
    zone = identity.values.get("TimezoneOffsetFromUTC", "+0000")
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    local = _utc(moment) + (-offset if zone[0] == "-" else offset)
    return f"{local:%Y%m%d}".rjust(8, "0"), f"{local:%H%M%S.%f}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _equipment(content: ReportContent) -> Dataset:
    """Contributing Equipment (PS3.3 C.12.1), by which IHE AI Results tells what made a result."""
    detector, item = content.detector, Dataset()
    item.PurposeOfReferenceCodeSequence = [code_item(PROCESSING_EQUIPMENT)]
    item.Manufacturer, item.ManufacturerModelName = MANUFACTURER, model_name(detector)
    item.DeviceSerialNumber = serial_number(detector)
    item.SoftwareVersions = version_of(detector)
    item.DeviceUID = device_uid(detector)
    item.ContributionDateTime = f"{_utc(content.created):%Y%m%d%H%M%S.%f}+0000"
    item.ContributionDescription = f"Detector of findings on films of the chest. {RESEARCH_ONLY}."
    return item


def _scheme() -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator, item.CodingSchemeName = SCHEME, MANUFACTURER
    item.CodingSchemeResponsibleOrganization = MANUFACTURER
    return item


def _meta(result: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = result.SOPClassUID, result.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(derived_uid("implementation"))
    meta.ImplementationVersionName = "HILUM"
    return meta
