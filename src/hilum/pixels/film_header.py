"""What a film says of itself besides its pixels: whom it shows, and how it was taken."""

from __future__ import annotations

from msgspec import Struct


class FilmHeader(Struct, frozen=True):
    """What is known of a film besides its pixels; empty where it does not say.

    Attributes:
        patient: PatientID, which the store keeps as a pseudonym only.
        study: StudyInstanceUID, likewise.
        age: PatientAge, such as `034Y`; counted from the dates of birth and of the film where it says none.
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
