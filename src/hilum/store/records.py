"""What the store holds: predictions, verdicts on them, and the entries of the audit log."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from hilum.records import NOT_JUDGED, Prediction

Decision = Literal["accept", "modify", "reject"]  # IHE AI Results Assessment's words for a reader's verdict
DECISIONS: tuple[Decision, ...] = ("accept", "modify", "reject")
Order = Literal["newest", "oldest", "work-list", "probability"]
Lane = Literal["not judged", "answered"]


@dataclass(frozen=True, slots=True)
class PredictionKey:
    """What makes two requests the same one: the second of them gets the first one's prediction.

    The user is part of it, so that nobody learns from an answer's speed or id what somebody else has sent in.

    >>> key = PredictionKey("ada", "0" * 64, "1" * 64, "youden")
    >>> key.digest == PredictionKey("ada", "0" * 64, "1" * 64, "youden").digest
    True
    >>> key.digest == PredictionKey("bob", "0" * 64, "1" * 64, "youden").digest
    False

    Attributes:
        user: who asked.
        film_sha256: of the film's bytes, in hexadecimal.
        seal: of the bundle.
        operating_point: by which the threshold was chosen, as the request or the bundle names it.
        prevalence: that the probabilities were corrected for, between 0 and 1; None where they were not.
    """

    user: str
    film_sha256: str
    seal: str
    operating_point: str
    prevalence: float | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of them all, in hexadecimal."""
        parts = [self.user, self.film_sha256, self.seal, self.operating_point, self.prevalence]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class NewPrediction:
    """A prediction to be put into the store.

    Attributes:
        key: who asked what.
        row: the prediction. Of its film the age, the sex and the view are stored; never the path, which is a name
            that a client chose, nor the patient.
        classes: of the detector, in the order of the row's probabilities.
        threshold: as in `Predictions`.
        model: the name that the bundle is served under.
        patient: the patient's pseudonymous key (`Store.pseudonym`); empty where unknown.
        study: the study's pseudonymous key; empty where unknown.
        film_bytes: how many bytes the film has.
        film: those bytes; None to keep nothing of it but its hash.
        keep_until: when those bytes go; None keeps them until they are erased.
        retry: whether circumstances made this answer, and not the film: it is kept, and the same request gets another
            one.
    """

    key: PredictionKey
    row: Prediction
    classes: tuple[str, ...]
    threshold: float | None
    model: str = ""
    patient: str = ""
    study: str = ""
    film_bytes: int = 0
    film: bytes | None = field(default=None, repr=False)
    keep_until: datetime | None = None
    retry: bool = False


@dataclass(frozen=True, slots=True)
class StoredPrediction:
    """A prediction as the store gives it back.

    Attributes:
        id: 32 hexadecimal digits, drawn at random: it says nothing and cannot be guessed.
        created: when it was stored, in UTC.
        key: who asked what.
        row: the prediction; its film has no path. Its `sha256`, `age`, `sex` and `view` are those of the film, and
            its `patient` is the pseudonymous key.
        classes: of the detector.
        threshold: as in `Predictions`.
        model: the name that the bundle was served under.
        study: the study's pseudonymous key; empty where unknown.
        film_bytes: how many bytes the film had when it was sent in.
        has_film: whether the film's bytes are still there.
        film_until: when they go; None where they stay until they are erased, or are gone.
    """

    id: str
    created: datetime
    key: PredictionKey
    row: Prediction
    classes: tuple[str, ...]
    threshold: float | None
    model: str
    study: str
    film_bytes: int
    has_film: bool
    film_until: datetime | None

    @property
    def patient(self) -> str:
        """The patient's pseudonymous key; empty where unknown."""
        return self.row.film.patient

    @property
    def not_judged(self) -> str:
        """Why the film was not judged: it could not be read, or the gate stopped it; empty where it was judged."""
        if self.row.answer != NOT_JUDGED:
            return ""
        return self.row.error or next(iter(self.row.flags), self.row.why)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader says of a prediction.

    Attributes:
        id: its number.
        prediction: the prediction's id.
        user: the reader.
        decision: `accept`, `modify` or `reject`.
        label: the class that the reader sees; empty where none is named.
        comment: the reader's words.
        unaided: whether it was given before the answer was shown, so that the answer cannot have swayed it.
        created: when, in UTC.
        withdrawn: when it was taken back; None while it stands.
    """

    id: int
    prediction: str
    user: str
    decision: Decision
    label: str
    comment: str
    unaided: bool
    created: datetime
    withdrawn: datetime | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit log; nothing in it says whose a film is.

    Attributes:
        number: from 1, without gaps.
        at: when, in UTC.
        actor: who: a user's name, or `hilum` for the command line.
        action: what was done, such as `predicted`, `accept`, `withdrew`, `erased`, `expired`.
        subject: what it was done to: a prediction's id, a user's name; empty where it is no one thing.
        detail: further facts, as JSON.
        previous: the hash of the entry before; 64 zeros in the first.
        digest: the SHA-256 of all of that, in hexadecimal.
    """

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class Search:
    """Which predictions are looked for; all conditions hold together, and None asks for nothing.

    Attributes:
        user: who asked; None only for whoever may see everybody's.
        lane: `not judged`, or `answered` for the others.
        answer: the answer, such as a class or `not sure`.
        model: the bundle's name.
        patient: a pseudonymous key.
        study: a pseudonymous key.
        film_sha256: of a film.
        since: the earliest time.
        until: before this time.
        has_verdict: whether a verdict stands on it.
        order: `work-list` is `priority`'s; `probability` is that of the last class, the largest first.
        limit: the largest number of predictions on a page, 1 to 1000.
        after: `Page.next_page` of the page before; empty for the first page.
    """

    user: str | None = None
    lane: Lane | None = None
    answer: str | None = None
    model: str | None = None
    patient: str | None = None
    study: str | None = None
    film_sha256: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    has_verdict: bool | None = None
    order: Order = "newest"
    limit: int = 50
    after: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of predictions.

    Attributes:
        rows: in the order that was asked for.
        next_page: what `Search.after` is to be for the next one; empty on the last page.
        total: how many there are on all pages.
    """

    rows: tuple[StoredPrediction, ...]
    next_page: str
    total: int
