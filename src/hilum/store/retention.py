"""What goes: films whose time is over, predictions that are too old, all of a patient's or of a study's.

What was erased leaves its entries in the audit log: random ids, and hashes to which a random number went that was
erased too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, select

from hilum.errors import RequestError
from hilum.store.audit import append
from hilum.store.database import Database
from hilum.store.node_records import UNFINISHED
from hilum.store.tables import films, node_films, node_sendings, predictions, verdicts


@dataclass(frozen=True, slots=True)
class Erased:
    """How much went, or would go.

    Attributes:
        predictions: how many.
        verdicts: how many, taken back or not.
        films: of how many the bytes were there.
    """

    predictions: int = 0
    verdicts: int = 0
    films: int = 0

    def __str__(self) -> str:
        counts = ((self.predictions, "prediction"), (self.verdicts, "verdict"), (self.films, "film"))
        return ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in counts)


class Retention:
    """Removes what must not be kept; every removal is an entry of the audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expire_films(self, now: datetime | None = None) -> int:
        """Remove the bytes of films whose time is over; predictions and hashes stay.

        Args:
            now: the time; None is the present.

        Returns:
            how many films went.

        Raises:
            StoreError: the database does not answer.
        """
        over = films.c.keep_until <= (now or datetime.now(UTC))
        with self._database.read() as connection:
            if not connection.execute(select(exists().where(over))).scalar():
                return 0
        with self._database.write() as connection:
            gone = connection.execute(delete(films).where(over)).rowcount
            if gone:
                append(connection, "hilum", "expired", detail={"films": gone})
        if gone:
            self._database.wipe()
        return gone

    def erase_patient(self, patient: str, *, actor: str = "hilum", dry_run: bool = False) -> Erased:
        """Erase every prediction, verdict and film of a patient.

        Args:
            patient: the pseudonymous key (`Store.pseudonym`).
            actor: who asked for it.
            dry_run: only count.

        Raises:
            RequestError: no key: films of unknown patients are not those of one patient.
            StoreError: the database does not answer; nothing was erased.
        """
        return self._erase("erased patient", predictions.c.patient == _required(patient), actor, dry_run)

    def erase_study(self, study: str, *, actor: str = "hilum", dry_run: bool = False) -> Erased:
        """Erase every prediction, verdict and film of a study; as `erase_patient`."""
        which = predictions.c.study == _required(study)
        return self._erase("erased study", which, actor, dry_run, node_films.c.study == study)

    def erase_before(self, until: datetime, *, actor: str = "hilum", dry_run: bool = False) -> Erased:
        """Erase every prediction that was made before a time, with its verdicts and films.

        Raises:
            StoreError: the database does not answer; nothing was erased.
        """
        done = and_(node_films.c.received < until, node_films.c.state.not_in(UNFINISHED))
        return self._erase("retention", predictions.c.created < until, actor, dry_run, done)

    def _erase(
        self,
        action: str,
        which: ColumnElement[bool],
        actor: str,
        dry_run: bool,
        of_node: ColumnElement[bool] | None = None,
    ) -> Erased:
        if dry_run:
            with self._database.read() as connection:
                return _count(connection, which)
        with self._database.write() as connection:
            erased = _count(connection, which)
            of_nodes = _forget_node_films(connection, which, of_node)
            if not erased.predictions:
                if of_nodes:
                    append(connection, actor, action, detail={"films of nodes": of_nodes})
                return erased
            ids = connection.execute(select(predictions.c.id).where(which).order_by(predictions.c.id)).scalars().all()
            connection.execute(delete(films).where(_film_of(which)))
            connection.execute(
                delete(verdicts).where(verdicts.c.prediction_id.in_(select(predictions.c.id).where(which)))
            )
            connection.execute(delete(predictions).where(which))
            for id_ in ids:
                append(connection, actor, "erased", id_)
            counts = {"predictions": erased.predictions, "verdicts": erased.verdicts, "films": erased.films}
            append(connection, actor, action, detail=counts)
        self._database.wipe()
        return erased


def _required(key: str) -> str:
    if not key:
        raise RequestError("no patient and no study has an empty key; name whose films are to be erased")
    return key


def _forget_node_films(
    connection: Connection, which: ColumnElement[bool], of_node: ColumnElement[bool] | None
) -> int:
    """Take what is known of films out of the rows of nodes; the nodes remove the files and then the rows."""
    its_prediction = node_films.c.prediction_id.in_(select(predictions.c.id).where(which))
    chosen = its_prediction if of_node is None else its_prediction | of_node
    results = select(node_films.c.workflow_id).where(chosen)
    connection.execute(delete(node_sendings).where(node_sendings.c.workflow_id.in_(results)))
    nothing = dict.fromkeys(("instance", "study", "pixels", "prediction_id", "shown", "why"), "")
    values = {**nothing, "earlier": [], "state": "erased", "changed": datetime.now(UTC)}
    return connection.execute(
        node_films.update().where(chosen, node_films.c.state != "erased").values(values)
    ).rowcount


def _film_of(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """The films of predictions that are chosen; the same bytes are the same film, whatever else was asked of them."""
    return exists().where(
        and_(predictions.c.user_name == films.c.user_name, predictions.c.film_sha256 == films.c.sha256, which)
    )


def _count(connection: Connection, which: ColumnElement[bool]) -> Erased:
    chosen = select(predictions.c.id).where(which)
    counts = (
        select(func.count()).select_from(predictions).where(which),
        select(func.count()).select_from(verdicts).where(verdicts.c.prediction_id.in_(chosen)),
        select(func.count()).select_from(films).where(_film_of(which)),
    )
    return Erased(*(int(connection.execute(count).scalar_one()) for count in counts))
