"""Whom a DICOM shows and how it was taken, from the data set that its pixels are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum.pixels.dicom.elements import numbers_of, text
from hilum.pixels.film_header import FilmHeader
from hilum.records.ages import known_age
from hilum.records.text import one_line

if TYPE_CHECKING:
    from pydicom import Dataset

_LONGEST = 256
_VIEWS = ("PA", "AP", "LL", "RL", "LATERAL")
_WIDEST = 10  # millimetres between two pixels: what says more is no spacing


def film_header(ds: Dataset) -> FilmHeader:
    """A film's header; what is damaged says nothing, and is no reason to refuse the film."""
    view = _words(ds, "ViewPosition").upper()
    return FilmHeader(
        patient=_words(ds, "PatientID"),
        study=_words(ds, "StudyInstanceUID"),
        age=_age(ds),
        sex=_words(ds, "PatientSex")[:1],
        view=view if view in _VIEWS else "",
        spacing=_spacing(ds),
    )


def _words(ds: Dataset, keyword: str) -> str:
    try:
        return one_line(str(ds.get(keyword) or "").strip("\0 "))[:_LONGEST]
    except Exception:  # an element of any bytes, parsed when it is asked for: what that may raise is not bounded
        return ""


def _age(ds: Dataset) -> str:
    dates = (_words(ds, keyword) for keyword in ("StudyDate", "AcquisitionDate", "ContentDate"))
    try:
        age = text(ds, "PatientAge")[:8]
    except Exception:  # likewise
        age = ""
    return known_age(age, _words(ds, "PatientBirthDate"), dates)


def _spacing(ds: Dataset) -> float:
    """Imager Pixel Spacing (PS3.3 C.8.11.7), else Pixel Spacing (10.7.1.1): of rows and columns, the latter."""
    for keyword in ("ImagerPixelSpacing", "PixelSpacing"):
        if keyword in ds and (found := numbers_of(ds, keyword)):
            across = found[-1].value
            return across if across is not None and 0 < across < _WIDEST else 0.0
    return 0.0
