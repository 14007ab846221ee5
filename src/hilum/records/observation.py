"""An answer that was given, with what readers said of it: what a look over time is taken at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader said of an answer.

    Attributes:
        label: the class that the reader sees; empty where none is named.
        unaided: whether it was said before the answer was shown.
    """

    label: str
    unaided: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """An answer that was given.

    Attributes:
        at: when, in UTC.
        seal: of the detector's bundle.
        model: the name that the detector was served under.
        classes: of the detector; of two, the last one is the positive class.
        film: the SHA-256 of its bytes.
        patient: any key of the patient; empty where unknown.
        answer: a class, `not sure` or `not judged`.
        prediction: the predicted class; empty where the film could not be read.
        probability: of the last class; None where there is none.
        reason: why it was not judged; empty where it was.
        prevalence: that the probability was corrected for; None where it was not.
        readings: the verdicts that stand.
    """

    at: datetime
    seal: str
    model: str
    classes: tuple[str, ...]
    film: str
    patient: str
    answer: str
    prediction: str
    probability: float | None
    reason: str = ""
    prevalence: float | None = None
    readings: tuple[Reading, ...] = ()
