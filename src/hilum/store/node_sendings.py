"""Results on their way to a hospital's destinations, and how these do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, func, select

from hilum.store.columns import clean
from hilum.store.database import Database
from hilum.store.node_records import FilmState, NodeDestination, NodeSending, SendingState
from hilum.store.tables import node_destinations, node_films, node_sendings

_AT = node_sendings.c


class NodeSendings:
    """The results of all nodes on a store that are to be sent, or were."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        workflow_id: str,
        kind: str,
        destinations: Sequence[str],
        state: SendingState = "waiting",
        *,
        enqueue: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        """Note that a result is to be sent to some destinations; what is noted already stays as it is.

        A film's report without any destination is sent at once.

        Args:
            workflow_id: of the film.
            kind: `report` or `capture`.
            destinations: their names.
            state: `waiting` or `shadow`.
            enqueue: has them sent; called in the transaction.

        Raises:
            StoreError: the database does not answer; nothing was noted and nothing enqueued.
        """
        now = datetime.now(UTC)
        # A picture is drawn again where this is not there; a report has to be what was sent before a power cut.
        with self._database.write(synced=kind == "report") as connection:
            of_film = (_AT.workflow_id == workflow_id, _AT.kind == kind)
            there = set(connection.scalars(select(_AT.destination).where(*of_film)))
            rows = [
                {
                    "id": f"{workflow_id}/{kind}/{name}",
                    "workflow_id": workflow_id,
                    "kind": kind,
                    "destination": name,
                    "state": state,
                    "why": "",
                    "tries": 0,
                    "changed": now,
                }
                for name in destinations
                if name not in there
            ]
            if rows:
                connection.execute(node_sendings.insert(), rows)
            enqueue(connection)
            if kind == "capture":
                drawn = (node_films.c.workflow_id == workflow_id, node_films.c.undrawn != "")
                connection.execute(node_films.update().where(*drawn).values(undrawn=""))
            if kind == "report":
                unfinished = (node_films.c.workflow_id == workflow_id, node_films.c.state == "answered")
                connection.execute(node_films.update().where(*unfinished).values(state="reported", changed=now))
                _settle(connection, workflow_id, "shadow" if state == "shadow" else "sent")

    def accepted(self, workflow_id: str, kind: str, destination: str) -> None:
        """Note that a destination has a result; it can be reached, then."""
        now = datetime.now(UTC)
        with self._database.write(synced=False) as connection:
            _change(connection, workflow_id, kind, destination, state="sent", why="")
            reached = {"down_since": None, "down_why": "", "last_accepted": now}
            _note_destination(connection, destination, reached)
            if kind == "report":
                _settle(connection, workflow_id)

    def refused(
        self,
        workflow_id: str,
        kind: str,
        destination: str,
        why: str,
        *,
        for_good: bool,
        enqueue: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        """Note that a destination has refused a result; one that it has, from another node, stays sent.

        Args:
            workflow_id: of the film.
            kind: `report` or `capture`.
            destination: its name.
            why: with the status.
            for_good: whether it is not tried again.
            enqueue: has it sent again; called in the transaction.
        """
        now = datetime.now(UTC)
        with self._database.write(synced=False) as connection:
            id_ = f"{workflow_id}/{kind}/{destination}"
            if connection.execute(select(_AT.state).where(_AT.id == id_)).scalar() == "sent":
                return
            state: SendingState = "refused" if for_good else "waiting"
            _change(connection, workflow_id, kind, destination, state=state, why=clean(why), tries=_AT.tries + 1)
            refusal = {"down_since": None, "down_why": "", "last_refused": now, "refusal": clean(why)}
            _note_destination(connection, destination, refusal)
            if kind == "report":
                _settle(connection, workflow_id)
            enqueue(connection)

    def unreachable(self, destination: str, why: str) -> None:
        """Note that a destination cannot be reached; since when stays what it was."""
        with self._database.write(synced=False) as connection:
            query = select(node_destinations.c.down_since).where(node_destinations.c.name == destination)
            since = connection.execute(query).scalar() or datetime.now(UTC)
            _note_destination(connection, destination, {"down_since": since, "down_why": clean(why)})

    def again(self, enqueue: Callable[[Connection, Sequence[NodeSending]], None]) -> tuple[NodeSending, ...]:
        """Have what was refused for good wait once more, and give it.

        Args:
            enqueue: has it sent; called in the transaction.
        """
        which = _AT.state == "refused"
        with self._database.write() as connection:
            found = tuple(map(_sending, connection.execute(select(node_sendings).where(which))))
            values = {"state": "waiting", "tries": 0, "changed": datetime.now(UTC)}
            connection.execute(node_sendings.update().where(which).values(values))
            for workflow_id in {each.workflow_id for each in found if each.kind == "report"}:
                refused = (node_films.c.workflow_id == workflow_id, node_films.c.state == "refused")
                connection.execute(node_films.update().where(*refused).values(state="reported", why=""))
            enqueue(connection, found)
        return found

    def get(self, workflow_id: str, kind: str, destination: str) -> NodeSending | None:
        """One result's way to one destination; None where it is not to go there."""
        query = select(node_sendings).where(_AT.id == f"{workflow_id}/{kind}/{destination}")
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return _sending(row) if row else None

    def waiting(self) -> tuple[NodeSending, ...]:
        """All results that are still to be sent, the oldest first."""
        query = select(node_sendings).where(_AT.state == "waiting").order_by(_AT.changed)
        with self._database.read() as connection:
            return tuple(map(_sending, connection.execute(query)))

    def of(self, workflow_id: str) -> tuple[NodeSending, ...]:
        """The results of a film."""
        query = select(node_sendings).where(_AT.workflow_id == clean(workflow_id)).order_by(_AT.id)
        with self._database.read() as connection:
            return tuple(map(_sending, connection.execute(query)))

    def counts(self) -> dict[tuple[str, SendingState], int]:
        """How many results there are, by destination and state; what there is none of is left out."""
        query = select(_AT.destination, _AT.state, func.count()).group_by(_AT.destination, _AT.state)
        with self._database.read() as connection:
            return {(name, state): count for name, state, count in connection.execute(query)}

    def destinations(self) -> tuple[NodeDestination, ...]:
        """How every destination does that something was sent to, by name."""
        query = select(node_destinations).order_by(node_destinations.c.name)
        with self._database.read() as connection:
            return tuple(NodeDestination(**row._mapping) for row in connection.execute(query))


def _change(connection: Connection, workflow_id: str, kind: str, destination: str, **values: object) -> None:
    which = _AT.id == f"{workflow_id}/{kind}/{destination}"
    connection.execute(node_sendings.update().where(which).values(changed=datetime.now(UTC), **values))


def _note_destination(connection: Connection, name: str, values: Mapping[str, object]) -> None:
    table = node_destinations
    if not connection.execute(table.update().where(table.c.name == name).values(values)).rowcount:
        connection.execute(table.insert().values({"name": name, "down_why": "", "refusal": "", **values}))


def _settle(connection: Connection, workflow_id: str, settled: FilmState = "sent") -> None:
    """A film whose report waits for no destination any more is sent, or refused, or was made in shadow mode."""
    of_film = (_AT.workflow_id == workflow_id, _AT.kind == "report")
    rows = connection.execute(select(_AT.state, _AT.destination, _AT.why).where(*of_film)).all()
    states = {row.state for row in rows}
    if "waiting" in states:
        return
    state: FilmState = "refused" if "refused" in states else "shadow" if "shadow" in states else settled
    why = "; ".join(f"{row.destination}: {row.why}" for row in rows if row.state == "refused")
    values = {"state": state, "changed": datetime.now(UTC)} | ({"why": why} if why else {})
    unfinished = (node_films.c.workflow_id == workflow_id, node_films.c.state.in_(("reported", "refused")))
    connection.execute(node_films.update().where(*unfinished).values(values))


def _sending(row: Row[tuple[object, ...]]) -> NodeSending:
    at = row._mapping
    return NodeSending(**{name: value for name, value in at.items() if name != "id"})
