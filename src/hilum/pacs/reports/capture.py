"""The picture of an answer as an RGB Secondary Capture (PS3.3 A.8.1), which every viewer shows."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from hilum.errors import RequestError
from hilum.pacs.records import ReportContent
from hilum.pacs.reports.capture_picture import LONGEST
from hilum.pacs.reports.codes import SALIENCY, SOURCE_FILM
from hilum.pacs.reports.common import RESEARCH_ONLY, code_item, refusal_of, start_result
from hilum.pacs.reports.film_header import read_identity, read_texts

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?"


def build_capture(
    header: Dataset, content: ReportContent, picture: NDArray[np.uint8], *, has_heat: bool = True
) -> Dataset:
    """Make a capture.

    Args:
        header: the film's elements, as for `build_report`.
        content: what the picture says.
        picture: (height, width, 3), RGB, as `draw_capture` gives it.
        has_heat: whether a heat map is drawn in it, for a film that was judged.

    Returns:
        The capture with its file meta information (PS3.10), ready to be written. The same film, content and picture
        give the same bytes.

    Raises:
        FilmError: the header does not say of which patient, study or series the film is, in a form that DICOM allows.
        RequestError: the header is another film's, or the picture is larger than 1,024 pixels or no RGB picture.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise RequestError("a capture is a picture of red, green and blue with 8 bits each")
    if max(picture.shape) > LONGEST:
        raise RequestError(f"a capture has at most {LONGEST:,} pixels on its longer side, not {max(picture.shape):,}")
    identity = read_identity(header)
    capture = start_result(identity, content, "capture", SecondaryCaptureImageStorage)
    capture.Modality, capture.ConversionType = "OT", "WSD"
    refusal = refusal_of(content)
    if refusal:
        capture.Laterality = ""  # what the film shows is not known, so that it may be one of a pair (type 2C)
    else:
        capture.BodyPartExamined = "CHEST"
    drawn = "The film and why it was not judged" if refusal else "The film and its answer"
    if has_heat and not refusal:
        capture.DerivationCodeSequence, drawn = [code_item(SALIENCY)], "The film, a heat map and its answer"
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.DerivationDescription = f"{drawn}. {RESEARCH_ONLY}."
    capture.BurnedInAnnotation = "YES"
    capture.PatientOrientation = _orientation(header)
    source = Dataset()
    source.ReferencedSOPClassUID = identity.reference.sop_class
    source.ReferencedSOPInstanceUID = identity.reference.instance
    source.PurposeOfReferenceCodeSequence, source.SpatialLocationsPreserved = [code_item(SOURCE_FILM)], "NO"
    capture.SourceImageSequence = [source]
    _add_losses(capture, header)
    capture.SamplesPerPixel, capture.PhotometricInterpretation, capture.PlanarConfiguration = 3, "RGB", 0
    capture.Rows, capture.Columns = picture.shape[:2]
    capture.BitsAllocated, capture.BitsStored, capture.HighBit, capture.PixelRepresentation = 8, 8, 7, 0
    data = picture.tobytes()
    capture.add_new("PixelData", "OB", data + b"\0" * (len(data) % 2))
    return capture


def _orientation(header: Dataset) -> list[str]:
    """Of the film's rows and columns (PS3.3 C.7.6.1.1.1), if it says so."""
    found = read_texts(header, "PatientOrientation", "[APRLHF]{1,3}")
    return list(found) if len(found) == 2 else []


def _add_losses(capture: Dataset, header: Dataset) -> None:
    """What was once compressed with losses says so for ever (PS3.3 C.7.6.1.1.5)."""
    ratios = read_texts(header, "LossyImageCompressionRatio", _NUMBER)
    methods = read_texts(header, "LossyImageCompressionMethod", "[A-Z0-9_ ]{1,16}")
    if read_texts(header, "LossyImageCompression", "01") and ratios and len(ratios) == len(methods):
        capture.LossyImageCompression = "01"
        capture.LossyImageCompressionRatio = [each for each in ratios if re.fullmatch(r".{1,16}", each)]
        capture.LossyImageCompressionMethod = list(methods)
