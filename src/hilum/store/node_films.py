"""The films that nodes were sent: each one's row, from when it was received until its files are gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Row, delete, exists, func, or_, select

from hilum.store.columns import clean
from hilum.store.database import Database
from hilum.store.new_predictions import insert_predictions
from hilum.store.node_records import UNFINISHED, Backlog, FilmReason, FilmState, NewNodeFilm, NodeFilm, ReceivedFilm
from hilum.store.records import NewPrediction
from hilum.store.tables import node_films, node_sendings, predictions

Enqueue = Callable[[Connection, str], None]  # a workflow's id, in the transaction of its film's row
_AT = node_films.c
_WITH_REASON = ("left alone", "ignored", "quarantined", "refused", "failed")
_OTHER_PIXELS = "a film with the same SOP Instance UID and other pixels was received before"


class NodeFilms:
    """The films of all nodes on a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def receive(self, new: NewNodeFilm, enqueue: Enqueue) -> ReceivedFilm:
        """Note a film and enqueue it, both or neither; one that was sent before is not noted again.

        The same film is one with the same SOP Instance UID and the same pixels, for the same detector or not answered
        yet. One with the same UID and other pixels is noted as quarantined, and not enqueued.

        Args:
            new: the film.
            enqueue: is called in the transaction with the workflow's id, for a film that is `received`.

        Raises:
            StoreError: the database does not answer or is full; nothing was noted and nothing enqueued.
        """
        now = datetime.now(UTC)
        same = _AT.workflow_id == new.workflow_id
        if new.instance:
            same = or_(same, _AT.instance == new.instance)
        with self._database.write() as connection:
            there = [_film(row) for row in connection.execute(select(node_films).where(same).order_by(_AT.received))]
            for each in there:
                is_same = each.pixels == new.pixels and (each.seal == new.seal or each.answered is None)
                if each.workflow_id == new.workflow_id or (is_same and each.instance == new.instance):
                    return ReceivedFilm(each, is_new=False)
            others = any(each.pixels != new.pixels for each in there)
            state: FilmState = "quarantined" if others and new.state == "received" else new.state
            connection.execute(
                node_films.insert().values(
                    **{name: clean(getattr(new, name)) for name in _GIVEN},
                    state=state,
                    why=_OTHER_PIXELS if state == "quarantined" else clean(new.why),
                    received=now,
                    changed=now,
                    place=0,
                    prediction_id="",
                    shown="",
                    earlier=[],
                    report="",
                    capture="",
                )
            )
            if state == "received":
                enqueue(connection, new.workflow_id)
            return ReceivedFilm(_one(connection, new.workflow_id), is_new=True)

    def get(self, workflow_id: str) -> NodeFilm | None:
        """A film by its workflow's id; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(node_films).where(_AT.workflow_id == clean(workflow_id))).first()
        return _film(row) if row else None

    def get_many(self, workflow_ids: Sequence[str]) -> tuple[NodeFilm, ...]:
        """Films by their workflows' ids, in the order of their answers; those that are not there are left out."""
        query = select(node_films).where(_AT.workflow_id.in_(list(workflow_ids))).order_by(_AT.place)
        with self._database.read() as connection:
            return tuple(map(_film, connection.execute(query)))

    def answer(
        self,
        workflow_id: str,
        new: NewPrediction | None,
        *,
        seal: str,
        operating_point: str,
        shown: str = "",
        why: str = "",
        report: str,
        capture: str,
    ) -> NodeFilm:
        """Store a film's answer once: what is there already is given back as it is.

        It outlives a power cut once `NodeSendings.add` has noted the report; before that nobody has it.

        In the same transaction it is given its place in the order of the answers, and the films of its study that
        have one are noted as earlier. So they are the same ones whenever the report is made again.

        Args:
            workflow_id: of the film.
            new: the prediction; None for a film that none was made of.
            seal: of the bundle that has answered.
            operating_point: likewise.
            shown: where on the film the answer was looked for, as JSON.
            why: no prediction was made.
            report: the SOP Instance UID of the report; empty where none is to be made.
            capture: likewise of the picture.

        Raises:
            StoreError: the database does not answer; nothing was stored.
        """
        with self._database.write(synced=False) as connection:
            film = _one(connection, workflow_id)
            if film.answered is not None or film.state not in UNFINISHED:
                return film
            prediction, created = "", datetime.now(UTC)
            if new is not None:
                (key,) = insert_predictions(connection, [new])
                columns = select(predictions.c.id, predictions.c.created).where(predictions.c.key == key)
                prediction, created = connection.execute(columns).one()
            last = connection.execute(select(func.max(_AT.place))).scalar() or 0
            earlier: Sequence[str] = []
            if film.study:
                of_study = (_AT.study == film.study, _AT.place > 0, _AT.report != "")
                earlier = connection.scalars(select(_AT.workflow_id).where(*of_study).order_by(_AT.place)).all()
            connection.execute(
                node_films.update()
                .where(_AT.workflow_id == workflow_id)
                .values(
                    seal=clean(seal),
                    operating_point=clean(operating_point),
                    state="answered" if report else "left alone",
                    why=clean(why),
                    changed=datetime.now(UTC),
                    answered=created,
                    place=last + 1,
                    prediction_id=prediction,
                    shown=shown,
                    earlier=list(earlier),
                    report=report,
                    capture=capture,
                )
            )
            return _one(connection, workflow_id)

    def change(self, workflow_id: str, state: FilmState, why: str = "") -> None:
        """Note that a film is further."""
        values = {"state": state, "why": clean(why), "changed": datetime.now(UTC)}
        with self._database.write() as connection:
            connection.execute(node_films.update().where(_AT.workflow_id == workflow_id).values(values))

    def unknown_files(self, files: Collection[str]) -> frozenset[str]:
        """Those of some files in the node's folder that belong to no film."""
        with self._database.read() as connection:
            known = {file for (file,) in connection.execute(select(_AT.file).where(_AT.file != ""))}
        return frozenset(files) - known

    def with_file(self, state: FilmState, before: datetime, limit: int = 1000) -> tuple[NodeFilm, ...]:
        """Films whose files are still there though nothing needs them: every result was sent, or was given up.

        Args:
            state: of the films.
            before: since when they have been in it.
            limit: the largest number of them.
        """
        result, captured = node_sendings.alias(), node_sendings.alias()
        waits = exists().where(result.c.workflow_id == _AT.workflow_id, result.c.state == "waiting")
        drawn = exists().where(captured.c.workflow_id == _AT.workflow_id, captured.c.kind == "capture")
        # A capture that could not be drawn in a day is not drawn any more.
        needs_no_capture = or_(_AT.capture == "", drawn, _AT.changed <= before - timedelta(days=1))
        query = select(node_films).where(_AT.state == state, _AT.changed <= before, _AT.file != "", ~waits)
        if state in ("sent", "refused"):
            query = query.where(needs_no_capture)
        with self._database.read() as connection:
            return tuple(map(_film, connection.execute(query.order_by(_AT.changed).limit(limit))))

    def unfinished(self) -> tuple[str, ...]:
        """The workflows' ids of all films whose reports are still to be made, the oldest first."""
        query = select(_AT.workflow_id).where(_AT.state.in_(("received", "answered"))).order_by(_AT.received)
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def without_capture(self) -> tuple[str, ...]:
        """The workflows' ids of all films that have a report and whose picture is still to be drawn."""
        drawn = exists().where(node_sendings.c.workflow_id == _AT.workflow_id, node_sendings.c.kind == "capture")
        query = select(_AT.workflow_id).where(_AT.capture != "", _AT.file != "", ~drawn)
        query = query.where(_AT.state.in_(("reported", "sent", "refused", "shadow"))).order_by(_AT.received)
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def move_file(self, workflow_id: str, file: str) -> None:
        """Note where a film's file is now; empty where it is gone."""
        with self._database.write(synced=False) as connection:
            connection.execute(node_films.update().where(_AT.workflow_id == workflow_id).values(file=clean(file)))

    def forget(self, workflow_id: str) -> None:
        """Remove the row of a film that was erased, once its files are gone."""
        with self._database.write() as connection:
            connection.execute(delete(node_sendings).where(node_sendings.c.workflow_id == workflow_id))
            connection.execute(delete(node_films).where(_AT.workflow_id == workflow_id, _AT.state == "erased"))

    def counts(self) -> dict[FilmState, int]:
        """How many films there are, by their states; those that there is none of are left out."""
        query = select(_AT.state, func.count().label("films")).group_by(_AT.state)
        with self._database.read() as connection:
            return {row.state: row.films for row in connection.execute(query)}

    def reasons(self, limit: int = 20) -> tuple[FilmReason, ...]:
        """Why films were left alone, ignored, quarantined, refused, or failed: the most frequent reasons first.

        Args:
            limit: the largest number of reasons.
        """
        films = func.count().label("films")
        query = select(_AT.state, _AT.why, films).where(_AT.state.in_(_WITH_REASON)).group_by(_AT.state, _AT.why)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(films.desc(), _AT.state, _AT.why).limit(limit)).all()
        return tuple(FilmReason(*row) for row in rows)

    def backlog(self) -> Backlog:
        """The films that wait for their answer."""
        query = select(func.count(), func.min(_AT.received)).where(_AT.state == "received")
        with self._database.read() as connection:
            films, oldest = connection.execute(query).one()
        return Backlog(films, oldest)

    def latest(self, limit: int = 20, states: Sequence[FilmState] = ()) -> tuple[NodeFilm, ...]:
        """The films whose states changed last.

        Args:
            limit: the largest number of them.
            states: only those of these states; empty for all.
        """
        query = select(node_films).order_by(_AT.changed.desc(), _AT.workflow_id).limit(limit)
        if states:
            query = query.where(_AT.state.in_(list(states)))
        with self._database.read() as connection:
            return tuple(map(_film, connection.execute(query)))


_GIVEN = (
    "workflow_id", "instance", "study", "pixels", "seal", "operating_point", "node", "source", "file",
)  # fmt: skip


def _one(connection: Connection, workflow_id: str) -> NodeFilm:
    return _film(connection.execute(select(node_films).where(_AT.workflow_id == workflow_id)).one())


def _film(row: Row[tuple[object, ...]]) -> NodeFilm:
    at = {
        name.removesuffix("_id") if name == "prediction_id" else name: value for name, value in row._mapping.items()
    }
    return NodeFilm(**{**at, "earlier": tuple(at["earlier"])})
