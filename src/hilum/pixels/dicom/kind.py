"""Whether a DICOM is a film at all: by its modality, else by its SOP class, and by its presentation intent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.errors import FilmError
from hilum.pixels.dicom.elements import text

if TYPE_CHECKING:
    from pydicom import Dataset

RADIOGRAPHS = {"CR": "computed", "DX": "digital", "RG": "conventional, scanned", "RF": "fluoroscopic, one frame"}
# Named in the refusal. Secondary captures (OT) may be a letter or a screenshot: the modality
# of a radiograph that was exported as one is still CR or DX.
_OTHERS = {
    "MR": "magnetic resonance", "US": "ultrasound", "MG": "mammography", "PX": "panoramic dental film",
    "IO": "intra-oral film", "XA": "angiography", "NM": "nuclear medicine", "PT": "PET", "OT": "secondary capture",
    "SC": "secondary capture", "SR": "structured report", "PR": "presentation state", "SEG": "segmentation",
    "DOC": "document", "ECG": "electrocardiogram", "KO": "key object selection", "XC": "photograph",
    "ES": "endoscopy", "SM": "slide microscopy", "OP": "ophthalmic photograph", "BMD": "bone densitometry",
}  # fmt: skip
# Not among the standard's terms (PS3.3 C.7.3.1.1.1), but what some machines and data sets write for a radiograph.
MISSPELT = ("DR", "XR", "RX", "CXR", "DXR", "XRAY", "X-RAY", "X RAY", "RAD", "DIGITAL RADIOGRAPHY", "RADIOGRAPH")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_RAW = "1.2.840.10008.5.1.4.1.1.1.1.1"  # digital X-ray image storage, for processing
# The storage classes that settle the modality (PS3.4, table B.5-1).
_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    _RAW: "DX",
    "1.2.840.10008.5.1.4.1.1.2": "CT",
    "1.2.840.10008.5.1.4.1.1.12.2": "RF",
    "1.2.840.10008.5.1.4.1.1.1.2": "MG",
    "1.2.840.10008.5.1.4.1.1.1.2.1": "MG",
    "1.2.840.10008.5.1.4.1.1.1.3": "IO",
    "1.2.840.10008.5.1.4.1.1.1.3.1": "IO",
    "1.2.840.10008.5.1.4.1.1.3.1": "US",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.6.1": "US",
    "1.2.840.10008.5.1.4.1.1.12.1": "XA",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
    "1.2.840.10008.5.1.4.1.1.66.4": "SEG",
}


def object_without_image(sop_class: str) -> str:
    """What a storage class is for, if for no image of a patient, in the standard's words; else empty.

    A segmentation and a dose have pixels, and are no images of a patient either (PS3.4, table B.5-1).

    >>> object_without_image("1.2.840.10008.5.1.4.1.1.88.11"), object_without_image("1.2.840.10008.5.1.4.1.1.1")
    ('Basic Text SR', '')
    """
    from pydicom.uid import UID

    if sop_class == "1.2.840.10008.1.3.10":
        return "DICOMDIR, the index of a medium"
    name = UID(sop_class).name if sop_class else ""  # the identifier itself where it is not a known one
    return name.replace(" Storage", "") if "Storage" in name and "Image" not in name else ""


def true_modality(written: str, sop_class: str) -> str:
    """The modality that an object is of: as it is written, else by its storage class, where that settles it.

    A word that machines write for a radiograph and that is none of the standard's stands for DX in an object whose
    class says nothing.

    Args:
        written: Modality (0008,0060), in capitals; empty where there is none.
        sop_class: SOP Class UID, likewise.

    >>> true_modality("DR", "1.2.840.10008.5.1.4.1.1.1"), true_modality("MR", ""), true_modality("", "")
    ('CR', 'MR', '')
    """
    if written in RADIOGRAPHS or written == "CT" or written in _OTHERS:
        return written
    if sop_class in _CLASSES:
        return _CLASSES[sop_class]
    return "DX" if written in MISSPELT and sop_class in ("", _SECONDARY_CAPTURE) else written


def modality_of(path: str, ds: Dataset, class_of_the_file: str, remarks: list[str]) -> str:
    """The modality, by its element; else by the SOP class of the data set, else by that of the file's header.

    Args:
        path: the film, as the user named it.
        ds: the data set.
        class_of_the_file: Media Storage SOP Class UID, empty if there is none.
        remarks: gets what is unusual.

    Returns:
        CR, DX, RG, RF or CT.

    Raises:
        FilmError: of another kind, raw data of a detector, or no image.
    """
    written = text(ds, "Modality")
    sop_class = text(ds, "SOPClassUID") or class_of_the_file
    by_class = _CLASSES.get(sop_class, "")
    if not written and "PixelData" not in ds and not by_class:  # what pydicom makes of pixels without their end
        if what := object_without_image(sop_class):
            raise FilmError(path, f"a DICOM object that is no image ({what}); name the films, or their folder")
        raise FilmError(path, "a DICOM that is cut off, or holds no image; fetch it again from its source")
    modality = true_modality(written, sop_class)
    if modality != written and (modality in RADIOGRAPHS or modality == "CT"):
        reason = f"modality {written} is not one of the standard's" if written else "it names no modality"
        remarks.append(f"{reason}; it was read as {modality}" + (", by its SOP class" if by_class else ""))
    if modality not in RADIOGRAPHS and modality != "CT":
        known = f" ({_OTHERS[modality]})" if modality in _OTHERS else ""
        raise FilmError(
            path, f"a DICOM of modality {modality or 'unknown'}{known}; Hilum reads CR, DX, RG, RF and CT"
        )
    if text(ds, "PresentationIntentType") == "FOR PROCESSING" or sop_class == _RAW:
        raise FilmError(
            path, "raw detector data (FOR PROCESSING); take the FOR PRESENTATION image of the same exposure"
        )
    if "PixelData" not in ds:
        if "FloatPixelData" in ds or "DoubleFloatPixelData" in ds:
            raise FilmError(path, "a DICOM whose pixels are floating-point numbers, a map and not a film")
        raise FilmError(path, "a DICOM without pixel data, or cut off; fetch it again from its source")
    return modality
