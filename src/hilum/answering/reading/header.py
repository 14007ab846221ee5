"""What a DICOM says of whom and how it was taken; read where the film is read, away from the service."""

from __future__ import annotations

from io import BytesIO

from msgspec import Struct

from hilum.files import open_regular
from hilum.pixels.decode import without_warnings
from hilum.records.text import one_line

_HEAD = 2 << 20  # bytes of the file that are looked at
_LONGEST = 256
_VIEWS = ("PA", "AP", "LL", "RL", "LATERAL")
_TAGS = (
    "PatientID",
    "StudyInstanceUID",
    "PatientAge",
    "PatientSex",
    "ViewPosition",
    "ImagerPixelSpacing",
    "PixelSpacing",
)


class FilmHeader(Struct, frozen=True):
    """What is known of a film besides its pixels; empty where it does not say.

    Attributes:
        patient: PatientID, which the store keeps as a pseudonym only.
        study: StudyInstanceUID, likewise.
        age: PatientAge, such as `034Y`.
        sex: PatientSex, such as `F`.
        view: ViewPosition, such as `PA`.
        spacing: millimetres between the centres of two pixels, across; 0 where unknown.
    """

    patient: str = ""
    study: str = ""
    age: str = ""
    sex: str = ""
    view: str = ""
    spacing: float = 0.0


def read_film_header(path: str) -> FilmHeader:
    """Read a film's header; what is damaged or no DICOM says nothing."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD)
        if head[128:132] != b"DICM":
            return FilmHeader()
        import pydicom
        from pydicom import config

        with without_warnings(), config.disable_value_validation():
            ds = pydicom.dcmread(BytesIO(head), stop_before_pixels=True, specific_tags=list(_TAGS), force=True)
            words = {tag: one_line(str(ds.get(tag) or "").strip("\0 "))[:_LONGEST] for tag in _TAGS}
            spacing = ds.get("ImagerPixelSpacing") or ds.get("PixelSpacing") or (0, 0)
            across = float(spacing[-1])
    except Exception:  # a damaged header: what pydicom may raise is not bounded, and the decoder names the damage
        return FilmHeader()
    view = words["ViewPosition"].upper()
    return FilmHeader(
        patient=words["PatientID"],
        study=words["StudyInstanceUID"],
        age=words["PatientAge"][:8],
        sex=words["PatientSex"][:1],
        view=view if view in _VIEWS else "",
        spacing=across if 0 < across < 10 else 0.0,
    )
