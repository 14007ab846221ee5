"""Predictions put into the store and found again; the same request is answered by the same row."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from hilum.errors import RequestError
from hilum.records import NOT_JUDGED, Film, Prediction
from hilum.store.audit import append
from hilum.store.database import Database
from hilum.store.records import NewPrediction, Order, Page, PredictionKey, Search, StoredPrediction
from hilum.store.tables import clean, films, json_text, moment_text, predictions, row_digest, verdicts
from hilum.store.worklist import work_order

_MOST = 1000
_ORDERS: dict[Order, tuple[str, bool]] = {  # by which column, and whether its largest value is first
    "newest": ("created", True),
    "oldest": ("created", False),
    "work-list": ("work_order", True),
    "probability": ("probability", True),
}
_WITH_FILM = (
    select(predictions, films.c.id.label("film_id"), films.c.keep_until)
    .outerjoin(
        films, and_(films.c.user_name == predictions.c.user_name, films.c.sha256 == predictions.c.film_sha256)
    )
)  # fmt: skip


class StoredPredictions:
    """The predictions of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, new: NewPrediction) -> StoredPrediction:
        """Store a prediction; where its key is there already, give that one back and store none.

        Raises:
            StoreError: the database does not answer or is full; nothing was stored.
        """
        return self.put_many([new])[0]

    def put_many(self, new: Sequence[NewPrediction]) -> tuple[StoredPrediction, ...]:
        """Store several as `put` does, in one transaction: all of them or none. Much faster than one by one.

        Raises:
            StoreError: as `put`.
        """
        if not new:
            return ()
        with self._database.write() as connection:
            ids = [_put(connection, each) for each in new]
            rows = connection.execute(_WITH_FILM.where(predictions.c.id.in_(set(ids))))
            stored = {row.id: _stored(row) for row in rows}
        return tuple(stored[id_] for id_ in ids)

    def find(self, key: PredictionKey) -> StoredPrediction | None:
        """The prediction of the same request; None where there is none.

        Raises:
            StoreError: the database does not answer.
        """
        return self._first(predictions.c.key == key.digest)

    def get(self, id_: str, user: str | None = None) -> StoredPrediction | None:
        """A prediction by its id; None where there is none.

        Args:
            id_: of the prediction.
            user: only if this user asked for it; None for whoever may see everybody's.

        Raises:
            StoreError: the database does not answer.
        """
        mine = [] if user is None else [predictions.c.user_name == clean(user)]
        return self._first(predictions.c.id == clean(id_), *mine)

    def film(self, id_: str) -> bytes | None:
        """The film's bytes, as they were sent in; None where they are gone or the prediction is unknown.

        Raises:
            StoreError: the database does not answer.
        """
        query = (
            select(films.c.content)
            .join(
                predictions,
                and_(films.c.user_name == predictions.c.user_name, films.c.sha256 == predictions.c.film_sha256),
            )
            .where(predictions.c.id == clean(id_))
        )
        with self._database.read() as connection:
            content = connection.execute(query).scalar()
        return None if content is None else bytes(content)

    def search(self, search: Search) -> Page:
        """A page of the predictions that are looked for.

        Raises:
            RequestError: a limit that is out of range, an unknown order, or an `after` that no page gave.
            StoreError: the database does not answer.
        """
        if not 1 <= search.limit <= _MOST:
            raise RequestError(f"limit: {search.limit} is out of range; a page has 1 to {_MOST} predictions")
        if search.order not in _ORDERS:
            raise RequestError(f"order: '{search.order}' is none of {', '.join(_ORDERS)}")
        conditions = _conditions(search)
        name, descending = _ORDERS[search.order]
        column = predictions.c[name]
        page: Select[tuple[object, ...]] = _WITH_FILM.where(*conditions)
        if search.after:
            value, id_ = _parse_cursor(search.after, search.order)
            same = and_(column == value, predictions.c.id < id_ if descending else predictions.c.id > id_)
            page = page.where(or_(column < value if descending else column > value, same))
        ends = (column.desc(), predictions.c.id.desc()) if descending else (column, predictions.c.id)
        with self._database.read() as connection:
            rows = connection.execute(page.order_by(*ends).limit(search.limit + 1)).all()
            total = connection.execute(select(func.count()).select_from(predictions).where(*conditions)).scalar_one()
        shown = rows[: search.limit]
        more = len(rows) > search.limit
        next_page = _cursor(search.order, shown[-1]._mapping[name], shown[-1].id) if more else ""
        return Page(tuple(map(_stored, shown)), next_page, total)

    def _first(self, *conditions: ColumnElement[bool]) -> StoredPrediction | None:
        with self._database.read() as connection:
            row = connection.execute(_WITH_FILM.where(*conditions)).first()
        return _stored(row) if row else None


def _put(connection: Connection, new: NewPrediction) -> str:
    """Store one in the writer's transaction; its id, or that of the one that is there already."""
    if new.film is not None:
        _keep_film(connection, new, new.film)
    there = connection.execute(select(predictions.c.id).where(predictions.c.key == new.key.digest)).scalar()
    if there is not None:
        return str(there)
    values = _values(new, datetime.now(UTC))
    connection.execute(predictions.insert().values(values))
    append(connection, new.key.user, "predicted", str(values["id"]), {"row": row_digest(values)})
    return str(values["id"])


def _keep_film(connection: Connection, new: NewPrediction, content: bytes) -> None:
    """Keep a film's bytes; those that are there stay for the longer of the two times."""
    mine = and_(films.c.user_name == clean(new.key.user), films.c.sha256 == new.key.film_sha256)
    there = connection.execute(select(films.c.keep_until).where(mine)).first()
    if there is None:
        if hashlib.sha256(content).hexdigest() != new.key.film_sha256:
            raise RequestError("the film's bytes are not those that its hash names; nothing was stored")
        connection.execute(
            films.insert().values(
                user_name=clean(new.key.user),
                sha256=new.key.film_sha256,
                content=content,
                keep_until=new.keep_until,
            )
        )
    elif there.keep_until is not None and (new.keep_until is None or new.keep_until > there.keep_until):
        connection.execute(films.update().where(mine).values(keep_until=new.keep_until))


def _values(new: NewPrediction, created: datetime) -> dict[str, object]:
    row, key = new.row, new.key
    return {
        "id": secrets.token_hex(16),
        "key": key.digest,
        "created": created,
        "user_name": clean(key.user),
        "film_sha256": key.film_sha256,
        "model": clean(new.model),
        "seal": clean(key.seal),
        "operating_point": clean(key.operating_point),
        "prevalence": None if key.prevalence is None else float(key.prevalence),
        "threshold": None if new.threshold is None else float(new.threshold),
        "classes": list(map(clean, new.classes)),
        "probs": list(map(float, row.probs)),
        "prediction": clean(row.prediction),
        "answer": clean(row.answer),
        "why": clean(row.why),
        "plausible": list(map(clean, row.plausible)),
        "flags": list(map(clean, row.flags)),
        "remarks": list(map(clean, row.remarks)),
        "error": clean(row.error),
        "height": int(row.shape[0]),
        "width": int(row.shape[1]),
        "age": clean(row.film.age),
        "sex": clean(row.film.sex),
        "view": clean(row.film.view),
        "patient": new.patient,
        "study": new.study,
        "film_bytes": int(new.film_bytes),
        "probability": float(row.probs[-1]) if row.probs else -1.0,
        "work_order": work_order(row, new.threshold, created),
        "salt": secrets.token_hex(16),
    }


def _stored(row: Row[tuple[object, ...]]) -> StoredPrediction:
    at = row._mapping
    film = Film("", patient=at["patient"], sha256=at["film_sha256"], view=at["view"], age=at["age"], sex=at["sex"])
    return StoredPrediction(
        id=at["id"],
        created=at["created"],
        key=PredictionKey(at["user_name"], at["film_sha256"], at["seal"], at["operating_point"], at["prevalence"]),
        row=Prediction(
            film=film,
            probs=tuple(at["probs"]),
            prediction=at["prediction"],
            error=at["error"],
            shape=(at["height"], at["width"]),
            plausible=tuple(at["plausible"]),
            flags=tuple(at["flags"]),
            remarks=tuple(at["remarks"]),
            answer=at["answer"],
            why=at["why"],
        ),
        classes=tuple(at["classes"]),
        threshold=at["threshold"],
        model=at["model"],
        study=at["study"],
        film_bytes=at["film_bytes"],
        has_film=at["film_id"] is not None,
        film_until=at["keep_until"],
    )


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    at = predictions.c
    equal = {
        at.user_name: search.user,
        at.answer: search.answer,
        at.model: search.model,
        at.patient: search.patient,
        at.study: search.study,
        at.film_sha256: search.film_sha256,
    }
    conditions: list[ColumnElement[bool]] = [
        column == clean(value) for column, value in equal.items() if value is not None
    ]
    if search.lane is not None:
        conditions.append(at.answer == NOT_JUDGED if search.lane == NOT_JUDGED else at.answer != NOT_JUDGED)
    if search.since is not None:
        conditions.append(at.created >= search.since)
    if search.until is not None:
        conditions.append(at.created < search.until)
    if search.has_verdict is not None:
        stands = exists().where(verdicts.c.prediction_id == at.id, verdicts.c.withdrawn.is_(None))
        conditions.append(stands if search.has_verdict else ~stands)
    return conditions


def _cursor(order: Order, value: object, id_: str) -> str:
    at = moment_text(value) if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json_text([order, at, id_]).encode()).decode().rstrip("=")


def _parse_cursor(text: str, order: Order) -> tuple[datetime | float, str]:
    try:
        padded = text + "=" * (-len(text) % 4)
        was, value, id_ = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
        if was == order and isinstance(id_, str) and len(id_) == 32 and id_.isalnum() and id_.isascii():
            return (datetime.fromisoformat(value) if _ORDERS[order][0] == "created" else float(value)), id_
    except (ValueError, TypeError, binascii.Error):
        pass
    raise RequestError("after: no page of this search; take the one that the page before gave")
