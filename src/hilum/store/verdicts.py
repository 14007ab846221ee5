"""Verdicts of readers on predictions; one that is taken back stays on record, as taken back."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy import Row, select

from hilum.errors import RequestError
from hilum.store.audit import append
from hilum.store.columns import clean, row_digest
from hilum.store.database import Database
from hilum.store.records import DECISIONS, Decision, Verdict
from hilum.store.tables import predictions, verdicts

_MAX_COMMENT = 4000


class Verdicts:
    """The verdicts of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        prediction: str,
        user: str,
        decision: Decision,
        *,
        label: str = "",
        comment: str = "",
        unaided: bool = False,
    ) -> Verdict:
        """Record a reader's verdict; one of the same reader on the same prediction that stood is taken back.

        Args:
            prediction: its id.
            user: the reader.
            decision: `accept`, `modify` or `reject`.
            label: the class that the reader sees; `modify` needs one.
            comment: the reader's words, at most 4,000 characters. They are erased with the prediction.
            unaided: whether the answer had not been shown yet.

        Raises:
            RequestError: no such prediction or decision, a class that the detector does not know, no class where one
                is needed, or a comment that is too long.
            StoreError: the database does not answer; nothing was recorded.
        """
        if decision not in DECISIONS:
            raise RequestError(f"verdict: '{decision}' is none of {', '.join(DECISIONS)}")
        if len(comment) > _MAX_COMMENT:
            raise RequestError(f"comment: {len(comment):,} characters; it may have {_MAX_COMMENT:,}")
        if decision == "modify" and not label:
            raise RequestError("verdict: modify needs the class that the reader sees, as label")
        now = datetime.now(UTC)
        with self._database.write() as connection:
            classes = connection.execute(
                select(predictions.c.classes).where(predictions.c.id == clean(prediction))
            ).scalar()
            if classes is None:
                raise RequestError("verdict: there is no such prediction; it may have been erased")
            if label and label not in classes:
                raise RequestError(f"label: '{label}' is none of the detector's classes: {', '.join(classes)}")
            stands = (
                verdicts.c.prediction_id == prediction,
                verdicts.c.user_name == clean(user),
                verdicts.c.withdrawn.is_(None),
            )
            for number in connection.execute(select(verdicts.c.id).where(*stands)).scalars().all():
                connection.execute(verdicts.update().where(verdicts.c.id == number).values(withdrawn=now))
                append(connection, user, "withdrew", prediction, {"verdict": number})
            values = {
                "prediction_id": prediction,
                "user_name": clean(user),
                "decision": decision,
                "label": label,
                "comment": clean(comment),
                "unaided": unaided,
                "created": now,
                "salt": secrets.token_hex(16),
            }
            added = connection.execute(verdicts.insert().values(**values)).inserted_primary_key
            number = int(added[0]) if added else 0
            detail = {"verdict": number, "row": row_digest({**values, "id": number})}
            append(connection, user, decision, prediction, detail)
            row = connection.execute(select(verdicts).where(verdicts.c.id == number)).one()
        return _verdict(row)

    def withdraw(self, number: int, user: str) -> Verdict:
        """Take a verdict back.

        Args:
            number: the verdict's id.
            user: the reader, who can take back only what is their own.

        Raises:
            RequestError: the reader has no such verdict.
            StoreError: the database does not answer.
        """
        mine = (verdicts.c.id == number, verdicts.c.user_name == clean(user))
        with self._database.write() as connection:
            row = connection.execute(select(verdicts).where(*mine)).first()
            if row is None:
                raise RequestError("verdict: this reader has no such verdict")
            if row.withdrawn is None:
                connection.execute(verdicts.update().where(*mine).values(withdrawn=datetime.now(UTC)))
                append(connection, user, "withdrew", row.prediction_id, {"verdict": number})
                row = connection.execute(select(verdicts).where(*mine)).one()
        return _verdict(row)

    def of(self, ids: Iterable[str], *, withdrawn: bool = False) -> dict[str, tuple[Verdict, ...]]:
        """The verdicts on predictions, by the prediction's id, the oldest first; those without any are left out.

        Args:
            ids: of at most a page of predictions.
            withdrawn: whether those that were taken back are given too.

        Raises:
            StoreError: the database does not answer.
        """
        query = select(verdicts).where(verdicts.c.prediction_id.in_([clean(each) for each in ids]))
        if not withdrawn:
            query = query.where(verdicts.c.withdrawn.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(verdicts.c.prediction_id, verdicts.c.id)).all()
        found = map(_verdict, rows)
        return {id_: tuple(group) for id_, group in groupby(found, key=lambda verdict: verdict.prediction)}


def _verdict(row: Row[tuple[object, ...]]) -> Verdict:
    at = row._mapping
    return Verdict(
        id=at["id"],
        prediction=at["prediction_id"],
        user=at["user_name"],
        decision=at["decision"],
        label=at["label"],
        comment=at["comment"],
        unaided=at["unaided"],
        created=at["created"],
        withdrawn=at["withdrawn"],
    )
