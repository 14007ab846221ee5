"""What travels between the parts of a node: a film's facts, its answer, and what a report has to say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from hilum.pacs.identity import FilmKey
from hilum.records import Prediction

Point = tuple[float, float]  # column and row in pixels of the film, from the top left corner of its first pixel


class FilmFacts(Struct, frozen=True, kw_only=True):
    """What a DICOM says of itself besides its pixels; texts are stripped, and empty where it does not say.

    Attributes:
        sop_class: SOP Class UID.
        instance: SOP Instance UID.
        study: Study Instance UID.
        series: Series Instance UID.
        patient: Patient ID.
        name: Patient's Name.
        transfer_syntax: of the file.
        modality: such as `DX`.
        manufacturer: of the machine.
        station: Station Name.
        body_part: Body Part Examined.
        region: code and meaning of the Anatomic Region Sequence.
        view: View Position.
        view_code: code and meaning of the View Code Sequence.
        orientation: the first value of Patient Orientation, such as `L`.
        described: Series Description, Protocol Name and Acquisition Device Processing Description.
        quality_control: whether it is called an image or a subject of quality control.
        age: Patient's Age, such as `004Y`; counted from the dates of birth and study where it says none.
        image_type: its values.
        intent: Presentation Intent Type.
        rows: of the film; 0 where it does not say.
        columns: likewise.
        frames: likewise; 1 where it does not say, and 0 where what it says is no number.
        pixels: the SHA-256 of the value of its pixel data as it was sent, in hexadecimal; empty where it has none.
    """

    sop_class: str = ""
    instance: str = ""
    study: str = ""
    series: str = ""
    patient: str = ""
    name: str = ""
    transfer_syntax: str = ""
    modality: str = ""
    manufacturer: str = ""
    station: str = ""
    body_part: str = ""
    region: tuple[str, str] = ("", "")
    view: str = ""
    view_code: tuple[str, str] = ("", "")
    orientation: str = ""
    described: tuple[str, ...] = ()
    quality_control: bool = False
    age: str = ""
    image_type: tuple[str, ...] = ()
    intent: str = ""
    rows: int = 0
    columns: int = 0
    frames: int = 1
    pixels: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A film that lies safely in the spool, and has to be enqueued before its sender is told so.

    Attributes:
        path: in the spool; whoever accepts the arrival owns the file.
        facts: what the file says of itself.
        source: the calling AE title, or the name of the source.
    """

    path: Path
    facts: FilmFacts
    source: str


@dataclass(frozen=True, slots=True)
class DetectorFacts:
    """Of the detector that answered, what results say.

    Attributes:
        name: of the model, as the reading room calls it.
        version: of Hilum.
        seal: of the bundle.
        operating_point: by which the threshold was chosen.
        classes: in the order of the probabilities; of two, the last one is the finding.
        threshold: None with more than two classes.
    """

    name: str
    version: str
    seal: str
    operating_point: str
    classes: tuple[str, ...]
    threshold: float | None


@dataclass(frozen=True, slots=True)
class AnsweredFilm:
    """The answer to a film, with where on the film it was looked for.

    Attributes:
        row: the prediction; its answer is `not judged` where the film could not be read.
        outline: the convex hull of the lungs; its last point is the first one again; empty where none were found or
            the detector looks at the whole film.
        region: top, left, bottom, right of what the detector was shown, in pixels of the film; None for a film that
            could not be read.
        retry: whether the film may get another answer another time: the process that read it was ended, for time or
            memory or because it crashed. How busy a machine is decides that too: it is no property of the film.
    """

    row: Prediction
    outline: tuple[Point, ...] = ()
    region: tuple[int, int, int, int] | None = None
    retry: bool = False


@dataclass(frozen=True, slots=True)
class EarlierReport:
    """A report that was made of an earlier film of the same study.

    Attributes:
        report: its SOP Instance UID.
        series: the Series Instance UID of that report.
        film_class: SOP Class UID of its film.
        film: SOP Instance UID of its film.
        film_series: Series Instance UID of its film.
        answer: of that film.
        probability: of the finding; None where the film was not judged, or of several classes.
    """

    report: str
    series: str
    film_class: str
    film: str
    film_series: str
    answer: str
    probability: float | None


@dataclass(frozen=True, slots=True)
class ReportContent:
    """What a structured report and a capture have to say of one film; equal content is the same object.

    Attributes:
        key: the film and the detector; every UID of the results follows from it.
        detector: that answered.
        answer: to the film.
        created: when the answer was stored, in UTC: the date and time of the results.
        refusal: why the film is no film for this detector, where a report of that was asked for; else empty.
        earlier: reports of the same study that this one comes after, the latest one last.
    """

    key: FilmKey
    detector: DetectorFacts
    answer: AnsweredFilm
    created: datetime
    refusal: str = ""
    earlier: tuple[EarlierReport, ...] = ()
