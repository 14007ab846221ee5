"""Results as a node sends them, small ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, Comprehensive3DSRStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from hilum.pacs.identity import derived_uid


def a_report(path: Path, number: int = 0, size: int = 8000) -> str:
    """Write a report's header and a long text; gives its SOP Instance UID."""
    report = _result(Comprehensive3DSRStorage, number, "report", "SR")
    report.ContentDate, report.ContentTime, report.InstanceNumber = "20260101", "120000", 1
    report.CompletionFlag, report.VerificationFlag, report.ValueType = "COMPLETE", "UNVERIFIED", "CONTAINER"
    report.add_new(0x00204000, "LT", "x" * min(size, 10_000))
    report.save_as(path, enforce_file_format=True)
    return str(report.SOPInstanceUID)


def a_capture(path: Path, number: int = 0, side: int = 256) -> str:
    """Write a picture in colour; gives its SOP Instance UID."""
    capture = _result(SecondaryCaptureImageStorage, number, "capture", "DX")
    capture.ConversionType = "WSD"
    capture.Rows, capture.Columns, capture.SamplesPerPixel, capture.PlanarConfiguration = side, side, 3, 0
    capture.BitsAllocated, capture.BitsStored, capture.HighBit, capture.PixelRepresentation = 8, 8, 7, 0
    capture.PhotometricInterpretation = "RGB"
    capture.PixelData = np.random.default_rng(number).integers(0, 256, side * side * 3, np.uint8).tobytes()
    capture.save_as(path, enforce_file_format=True)
    return str(capture.SOPInstanceUID)


def _result(sop_class: UID, number: int, what: str, modality: str) -> Dataset:
    result = Dataset()
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    result.SOPClassUID, result.SOPInstanceUID = sop_class, UID(derived_uid(what, str(number)))
    result.StudyInstanceUID = UID(derived_uid("study", str(number)))
    result.SeriesInstanceUID = UID(derived_uid("series", what, str(number)))
    result.Modality, result.PatientID, result.PatientName = modality, f"P{number}", "A^B"
    result.StudyDate, result.StudyTime, result.StudyID = "20260101", "120000", "1"
    return result
