"""The codes of reports: those of DICOM (PS3.16, DCM), SNOMED CT (SCT) and UCUM, and few of our own.

What a class of a detector is called decides its code. SNOMED CT's codes that pydicom's dictionary lacks are written
out; a class that has none here gets one of our own scheme, whose meaning is the class's name.
"""

from __future__ import annotations

import hashlib
import re

from pydicom.sr.coding import Code

from hilum.records import NOT_SURE

SCHEME = "99HILUM"  # PS3.3 8.2: designators that begin with 99 are private
MANUFACTURER = "Hilum"

REPORT_TITLE = Code("126000", "DCM", "Imaging Measurement Report")
REFUSAL_TITLE = Code("not-judged", SCHEME, "Film that was not judged")
LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
ENGLISH = Code("en-US", "RFC5646", "English (United States)")
OBSERVER_TYPE, DEVICE = Code("121005", "DCM", "Observer Type"), Code("121007", "DCM", "Device")
DEVICE_UID = Code("121012", "DCM", "Device Observer UID")
DEVICE_NAME = Code("121013", "DCM", "Device Observer Name")
DEVICE_MANUFACTURER = Code("121014", "DCM", "Device Observer Manufacturer")
DEVICE_MODEL = Code("121015", "DCM", "Device Observer Model Name")
DEVICE_SERIAL = Code("121016", "DCM", "Device Observer Serial Number")
PROCEDURE = Code("121058", "DCM", "Procedure reported")
ANY_IMAGING = Code("363679005", "SCT", "Imaging procedure")  # of CID 100, which has no radiograph
IMAGE_LIBRARY = Code("111028", "DCM", "Image Library")
LIBRARY_GROUP = Code("126200", "DCM", "Image Library Group")
MODALITY = Code("121139", "DCM", "Modality")
SOURCE = Code("260753009", "SCT", "Source")

MEASUREMENTS = Code("126010", "DCM", "Imaging Measurements")
GROUP = Code("125007", "DCM", "Measurement Group")
TRACKING_TEXT = Code("112039", "DCM", "Tracking Identifier")
TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
FINDING = Code("121071", "DCM", "Finding")
SITE, LUNG = Code("363698007", "SCT", "Finding Site"), Code("39607008", "SCT", "Lung")
REGION = Code("111030", "DCM", "Image Region")
MEASURED_IMAGE = Code("121112", "DCM", "Source of Measurement")
PROBABILITY, NO_UNITS = Code("122157", "DCM", "Probability"), Code("1", "UCUM", "no units")
PREVIOUS = Code("121068", "DCM", "Previous Findings")

ALGORITHM_NAME = Code("111001", "DCM", "Algorithm Name")
ALGORITHM_VERSION = Code("111003", "DCM", "Algorithm Version")
ALGORITHM_MANUFACTURER = Code("122405", "DCM", "Algorithm Manufacturer")
ALGORITHM_PARAMETERS = Code("111002", "DCM", "Algorithm Parameters")
ALGORITHM_FAMILY = Code("111000", "DCM", "Algorithm Family")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")

EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
SUMMARY = Code("111017", "DCM", "CAD Processing and Findings Summary")
REFUSED = Code("111245", "DCM", "No algorithms succeeded; without findings")
COMMENT = Code("121106", "DCM", "Comment")
ANSWER = Code("answer", SCHEME, "Answer")
PLAUSIBLE = Code("plausible", SCHEME, "Plausible classes (conformal prediction set)")
INTENDED_USE = Code("intended-use", SCHEME, "Intended use")

SUSPECTED = Code("415684004", "SCT", "Suspected")
ABSENT = Code("272519000", "SCT", "Absent")
UNDETERMINED = Code("373068000", "SCT", "Undetermined")

PROCESSING_EQUIPMENT = Code("109102", "DCM", "Processing Equipment")
SOURCE_FILM = Code("121322", "DCM", "Source image for image processing operation")
SALIENCY = Code("130404", "DCM", "Saliency")

_PNEUMONIA = Code("233604007", "SCT", "Pneumonia")
_BACTERIAL = Code("53084003", "SCT", "Bacterial pneumonia")
_VIRAL = Code("75570004", "SCT", "Viral pneumonia")
_FINDINGS = {
    "pneumonia": _PNEUMONIA,
    "bacteria": _BACTERIAL,
    "bacterial pneumonia": _BACTERIAL,
    "virus": _VIRAL,
    "viral pneumonia": _VIRAL,
    "tuberculosis": Code("154283005", "SCT", "Pulmonary tuberculosis"),
    "covid-19": Code("840539006", "SCT", "COVID-19"),
}
_NORMAL = frozenset({"normal", "healthy", "no finding"})
# Of the SOP classes of projection radiographs; the names are those of CID 29.
_MODALITIES = {
    "1.2.840.10008.5.1.4.1.1.1": Code("CR", "DCM", "Computed Radiography"),
    "1.2.840.10008.5.1.4.1.1.1.1": Code("DX", "DCM", "Digital Radiography"),
    "1.2.840.10008.5.1.4.1.1.1.1.1": Code("DX", "DCM", "Digital Radiography"),
    "1.2.840.10008.5.1.4.1.1.12.2": Code("RF", "DCM", "Radiofluoroscopy"),
}


def finding_code(name: str) -> Code:
    """The code of a class.

    >>> finding_code("PNEUMONIA").value, finding_code("virus").meaning
    ('233604007', 'Viral pneumonia')
    >>> finding_code("Kyphosis").scheme_designator
    '99HILUM'

    Args:
        name: of the class, as the detector has it.
    """
    if known := _FINDINGS.get(_folded(name)):
        return known
    number = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    meaning = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\\]", " ", name).split())
    return Code(number, SCHEME, meaning or number)


def finding_classes(classes: tuple[str, ...]) -> tuple[str, ...]:
    """The classes that are findings: of two the last one, of several all that are not called normal.

    >>> finding_classes(("NORMAL", "PNEUMONIA")), finding_classes(("NORMAL", "bacteria", "virus"))
    (('PNEUMONIA',), ('bacteria', 'virus'))
    """
    if len(classes) == 2:
        return classes[1:]
    return tuple(name for name in classes if _folded(name) not in _NORMAL) or classes


def presence_code(answer: str, name: str, classes: tuple[str, ...]) -> Code | None:
    """Whether an answer says that a finding is there; None where it says nothing of it.

    >>> presence_code("NORMAL", "PNEUMONIA", ("NORMAL", "PNEUMONIA")).meaning
    'Absent'

    Args:
        answer: to the film.
        name: the finding's class.
        classes: of the detector.
    """
    if answer == NOT_SURE:
        return UNDETERMINED
    if answer not in classes:
        return None
    return SUSPECTED if answer == name else ABSENT


def modality_code(sop_class: str) -> Code:
    """The modality of a film by its SOP class, for the image library (PS3.16 TID 1602)."""
    return _MODALITIES.get(sop_class, Code("OT", "DCM", "Other Modality"))


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").lower().split())
