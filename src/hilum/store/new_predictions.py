"""New predictions put into the tables: as few statements as possible for as many as come together."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, bindparam, select

from hilum.errors import RequestError
from hilum.store.audit import NewEntry, append_all
from hilum.store.columns import clean, row_digest
from hilum.store.records import NewPrediction
from hilum.store.tables import films, predictions
from hilum.store.worklist import work_order

_KeptFilm = tuple[str, str]  # whose it is, and its hash


def insert_predictions(connection: Connection, new: Sequence[NewPrediction]) -> list[str]:
    """Store predictions in the writer's transaction, each with its entry in the audit log; gives their keys.

    One whose key is there already is not stored again; its film is kept all the same.

    Raises:
        RequestError: a film's bytes are not those that its hash names.
    """
    _keep_films(connection, new)
    keys = [_key_of(each) for each in new]
    by_key = dict(zip(reversed(keys), reversed(new), strict=True))  # of the same request twice the first one is taken
    there = set(connection.scalars(select(predictions.c.key).where(predictions.c.key.in_(sorted(by_key)))))
    rows = [_values(by_key[key], key, datetime.now(UTC)) for key in dict.fromkeys(keys) if key not in there]
    if rows:
        connection.execute(predictions.insert(), rows)
        append_all(connection, [_entry(row) for row in rows])
    return keys


def _key_of(new: NewPrediction) -> str:
    """By which a request finds the prediction; one that is to be made again is found by no request."""
    digest = new.key.digest
    return hashlib.sha256(f"{digest} {secrets.token_hex(16)}".encode()).hexdigest() if new.retry else digest


def _entry(row: dict[str, object]) -> NewEntry:
    return NewEntry(str(row["user_name"]), "predicted", str(row["id"]), {"row": row_digest(row)})


def _keep_films(connection: Connection, new: Sequence[NewPrediction]) -> None:
    """Keep films' bytes; those that are there stay for the longest of the times."""
    sent: dict[_KeptFilm, tuple[bytes, datetime | None]] = {}
    for each in new:
        if each.film is not None:
            film = clean(each.key.user), each.key.film_sha256
            until = _longer(sent[film][1], each.keep_until) if film in sent else each.keep_until
            sent[film] = each.film, until
    if not sent:
        return
    columns = films.c.user_name, films.c.sha256, films.c.keep_until
    users, hashes = ({film[place] for film in sent} for place in (0, 1))
    mine = and_(films.c.user_name.in_(sorted(users)), films.c.sha256.in_(sorted(hashes)))  # by the index of both
    rows = connection.execute(select(*columns).where(mine))
    there: dict[_KeptFilm, datetime | None] = {(row.user_name, row.sha256): row.keep_until for row in rows}
    added, longer = [], []
    for (user, sha256), (content, until) in sent.items():
        if (user, sha256) not in there:
            if hashlib.sha256(content).hexdigest() != sha256:
                raise RequestError("the film's bytes are not those that its hash names; nothing was stored")
            added.append({"user_name": user, "sha256": sha256, "content": content, "keep_until": until})
        elif _longer(there[user, sha256], until) != there[user, sha256]:
            longer.append({"of_user": user, "of_film": sha256, "keep_until": until})
    if added:
        connection.execute(films.insert(), added)
    if longer:
        mine = and_(films.c.user_name == bindparam("of_user"), films.c.sha256 == bindparam("of_film"))
        connection.execute(films.update().where(mine), longer)


def _longer(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later of two times; None is for good."""
    return None if one is None or other is None else max(one, other)


def _values(new: NewPrediction, digest: str, created: datetime) -> dict[str, object]:
    row, key = new.row, new.key
    return {
        "id": secrets.token_hex(16),
        "key": digest,
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
