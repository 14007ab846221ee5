"""Predictions put into the store and found again; the same request is answered by the same row."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from hilum.errors import RequestError
from hilum.records import NOT_JUDGED, Film, Prediction
from hilum.store.columns import clean, json_text, moment_text
from hilum.store.database import Database
from hilum.store.new_predictions import insert_predictions
from hilum.store.records import NewPrediction, Order, Page, PredictionKey, Search, StoredPrediction
from hilum.store.tables import films, predictions, verdicts

_MOST = 1000
_ORDERS: dict[Order, tuple[str, bool]] = {  # by which column, and whether its largest value is first
    "newest": ("created", True),
    "oldest": ("created", False),
    "work-list": ("work_order", True),
    "probability": ("probability", True),
}
_ITS_FILM = and_(films.c.user_name == predictions.c.user_name, films.c.sha256 == predictions.c.film_sha256)
_WITH_FILM = select(predictions, films.c.id.label("film_id"), films.c.keep_until).outerjoin(films, _ITS_FILM)


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
            keys = insert_predictions(connection, new)
            stored = _by_key(connection, keys)
        return tuple(stored[key] for key in keys)

    def find(self, key: PredictionKey) -> StoredPrediction | None:
        """The prediction of the same request; None where there is none.

        Raises:
            StoreError: the database does not answer.
        """
        return self.find_many([key])[0]

    def find_many(self, keys: Sequence[PredictionKey]) -> tuple[StoredPrediction | None, ...]:
        """Find several as `find` does, in one look.

        Raises:
            StoreError: as `find`.
        """
        digests = [key.digest for key in keys]
        with self._database.read() as connection:
            found = _by_key(connection, digests)
        return tuple(map(found.get, digests))

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
        query = select(films.c.content).join(predictions, _ITS_FILM).where(predictions.c.id == clean(id_))
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


def _by_key(connection: Connection, keys: Sequence[str]) -> dict[str, StoredPrediction]:
    rows = connection.execute(_WITH_FILM.where(predictions.c.key.in_(sorted(set(keys)))))
    return {row.key: _stored(row) for row in rows}


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
