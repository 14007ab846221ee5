"""What a DICOM's header says before any pixel is read: whether it holds an image, and whose it is."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from io import BytesIO

from hilum.files import open_regular
from hilum.pixels.decode import without_warnings

_HEADS = (128 << 10, 2 << 20)  # bytes; the second for a header that carries a large table or icon
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_TAGS = {name: name for name in ("SOPClassUID", "Modality", "PatientID", "Rows")}
# Modalities without an image (PS3.3, C.7.3.1.1.1), where no SOP class says what an object is.
_WITHOUT_IMAGE = frozenset({
    "SR", "PR", "KO", "DOC", "ECG", "HD", "AU", "REG", "FID", "RTPLAN", "RTSTRUCT", "RTRECORD", "PLAN", "SEG",
    "RTDOSE", "RWV", "M3D", "TEXTUREMAP", "RESP", "STAIN", "ANN", "SMR",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """A DICOM's header.

    Attributes:
        other: what the object is if it is no image, such as `Basic Text SR`; empty for an image, and for an object
            that nobody can tell anything about.
        patient: PatientID, as it is written.
        rows: whether it says how many rows of pixels it has.
    """

    other: str = ""
    patient: str = ""
    rows: bool = False


def read_dicom_header(path: str) -> DicomHeader:
    """Read a DICOM's header; what is damaged says nothing.

    At most 2 MiB are read, and inflated, whatever the header claims.
    """
    for size in _HEADS:
        try:
            with open_regular(path) as file:
                head = file.read(size)
                whole = os.fstat(file.fileno()).st_size <= size
        except OSError:
            return DicomHeader()
        elements = _elements(head)
        if "Rows" in elements or whole:
            break
    return _described(elements, whole)


def _described(elements: dict[str, str], whole: bool) -> DicomHeader:
    from pydicom.uid import UID

    from hilum.pixels.dicom.kind import object_without_image

    patient = elements.get("PatientID", "")
    sop_class, has_image = elements.get("SOPClassUID", ""), "Rows" in elements
    if what := object_without_image(sop_class):  # a segmentation too: it has pixels, and they are no film
        return DicomHeader(what, patient, has_image)
    is_image_class = bool(sop_class) and "Storage" in UID(sop_class).name
    if has_image or is_image_class or not whole:  # where the header is cut off, the decoder names the damage
        return DicomHeader("", patient, has_image)
    modality = elements.get("Modality", "")
    if modality in _WITHOUT_IMAGE or sop_class:
        return DicomHeader(f"object of modality {modality}" if modality else "object of a private class", patient)
    return DicomHeader("", patient, has_image)


def _elements(head: bytes) -> dict[str, str]:
    """The elements that are asked for, as text, from the first bytes of a file."""
    import pydicom
    from pydicom import config

    found: dict[str, str] = {}
    try:
        if _DEFLATED in head[132:4096]:  # pydicom would inflate all of it
            head = _inflated(head)
        if head.startswith(b"DICM"):
            head = bytes(128) + head
        with without_warnings(), config.disable_value_validation():
            ds = pydicom.dcmread(BytesIO(head), stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
            for source, names in ((ds.file_meta, {"MediaStorageSOPClassUID": "SOPClassUID"}), (ds, _TAGS)):
                for name in names:
                    if name in source and (value := source.get(name)) not in (None, ""):
                        found.setdefault(names[name], str(value).strip("\0 "))
    except Exception:  # a damaged header: what pydicom may raise is not bounded, and the decoder names the damage
        return found
    return found


def _inflated(head: bytes) -> bytes:
    """The head of a deflated data set as one that is not (PS3.5, A.5), no longer than the heads that are read."""
    length = int.from_bytes(head[140:144], "little")  # of the file's meta group, whose first element it is
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(head[144 + length :], _HEADS[-1])
