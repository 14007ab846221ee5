"""Films of nodes found and counted, by what their rows say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Row, exists, func, or_, select

from hilum.store.columns import clean
from hilum.store.database import Database
from hilum.store.node_records import Backlog, FilmReason, FilmState, NodeFilm
from hilum.store.tables import node_films, node_sendings

_AT = node_films.c
_AT_A_TIME = 1000  # films whose files go
_WITH_REASON = ("left alone", "ignored", "quarantined", "refused", "failed")


class NodeFilmQueries:
    """What can be asked of the films of all nodes on a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, workflow_id: str) -> NodeFilm | None:
        """A film by its workflow's id; None where there is none."""
        with self._database.read() as connection:
            row = connection.execute(select(node_films).where(_AT.workflow_id == clean(workflow_id))).first()
        return film_of(row) if row else None

    def get_many(self, workflow_ids: Sequence[str]) -> tuple[NodeFilm, ...]:
        """Films by their workflows' ids, in the order of their answers; those that are not there are left out."""
        query = select(node_films).where(_AT.workflow_id.in_(list(workflow_ids))).order_by(_AT.place)
        with self._database.read() as connection:
            return tuple(map(film_of, connection.execute(query)))

    def unknown_files(self, files: Collection[str]) -> frozenset[str]:
        """Those of some files in the node's folder that belong to no film."""
        with self._database.read() as connection:
            known = {file for (file,) in connection.execute(select(_AT.file).where(_AT.file != ""))}
        return frozenset(files) - known

    def with_file(self, state: FilmState, before: datetime) -> tuple[NodeFilm, ...]:
        """Films whose files are still there though nothing needs them: every result was sent, or was given up.

        There may be more of them than are given at a time.

        Args:
            state: of the films.
            before: since when they have been in it.
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
            return tuple(map(film_of, connection.execute(query.order_by(_AT.changed).limit(_AT_A_TIME))))

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

    def undrawn(self, limit: int = 20) -> dict[str, int]:
        """Why captures could not be drawn, and how many: the most frequent reasons first.

        Args:
            limit: the largest number of reasons.
        """
        films = func.count().label("films")
        query = select(_AT.undrawn, films).where(_AT.undrawn != "").group_by(_AT.undrawn)
        with self._database.read() as connection:
            return {
                row.undrawn: row.films
                for row in connection.execute(query.order_by(films.desc(), _AT.undrawn).limit(limit))
            }

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
            return tuple(map(film_of, connection.execute(query)))


def film_of(row: Row[tuple[object, ...]]) -> NodeFilm:
    """A film, from its row."""
    at = {
        name.removesuffix("_id") if name == "prediction_id" else name: value for name, value in row._mapping.items()
    }
    return NodeFilm(**{**at, "earlier": tuple(at["earlier"])})
