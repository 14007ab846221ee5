"""What a look over time is taken at: the answers of a store with the verdicts on them, without pixels."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import select

from hilum.records import ABSTENTIONS, NOT_JUDGED, Observation, Reading
from hilum.store.columns import clean
from hilum.store.database import Database
from hilum.store.tables import predictions, verdicts


def observations(
    database: Database, *, user: str | None = None, since: datetime | None = None
) -> tuple[Observation, ...]:
    """Every answer, the oldest first, with the verdicts that stand.

    Args:
        database: of the store.
        user: only answers that this user was given; None for whoever may see everybody's.
        since: the earliest time.

    Raises:
        StoreError: the database does not answer.
    """
    at = predictions.c
    conditions = []
    if user is not None:
        conditions.append(at.user_name == clean(user))
    if since is not None:
        conditions.append(at.created >= since)
    columns = (
        at.id, at.created, at.seal, at.model, at.classes, at.film_sha256, at.patient, at.answer, at.prediction,
        at.probability, at.error, at.flags, at.why, at.prevalence,
    )  # fmt: skip
    of_verdict = (verdicts.c.prediction_id, verdicts.c.decision, verdicts.c.label, verdicts.c.unaided, at.answer)
    stand = select(*of_verdict).join(predictions, at.id == verdicts.c.prediction_id)
    readings: dict[str, list[Reading]] = defaultdict(list)
    with database.read() as connection:
        for row in connection.execute(stand.where(verdicts.c.withdrawn.is_(None), *conditions)):
            accepted = row.decision == "accept" and not row.label and row.answer not in ABSTENTIONS
            readings[row.prediction_id].append(Reading(row.answer if accepted else row.label, row.unaided))
        rows = connection.execute(select(*columns).where(*conditions).order_by(at.created, at.id)).all()
    return tuple(
        Observation(
            at=row.created,
            seal=row.seal,
            model=row.model,
            classes=tuple(row.classes),
            film=row.film_sha256,
            patient=row.patient,
            answer=row.answer,
            prediction=row.prediction,
            probability=None if row.probability < 0 else row.probability,
            reason=_reason(row.error, row.flags, row.why) if row.answer == NOT_JUDGED else "",
            prevalence=row.prevalence,
            readings=tuple(readings.get(row.id, ())),
        )
        for row in rows
    )


def _reason(error: str, flags: list[str], why: str) -> str:
    """Why a film was not judged, in words that many films share: without its own numbers."""
    return "could not be read" if error else next(iter(flags), why).partition(":")[0]
