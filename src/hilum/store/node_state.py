"""How far a node's sources were read, and which nodes are alive."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from hilum.store.columns import clean
from hilum.store.database import Database
from hilum.store.node_records import Heartbeat
from hilum.store.tables import node_cursors, node_heartbeats


class NodeState:
    """The cursors and heartbeats of all nodes on a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self, name: str) -> str:
        """The place up to which a source was read; empty where it never was."""
        query = select(node_cursors.c.value).where(node_cursors.c.name == clean(name))
        with self._database.read() as connection:
            return connection.execute(query).scalar() or ""

    def move_cursor(self, name: str, value: str) -> None:
        """Note the place up to which a source was read; no identifier of a patient or a film.

        Raises:
            StoreError: the database does not answer; the place is where it was.
        """
        values = {"value": clean(value), "changed": datetime.now(UTC)}
        with self._database.write() as connection:
            if not connection.execute(
                node_cursors.update().where(node_cursors.c.name == clean(name)).values(values)
            ).rowcount:
                connection.execute(node_cursors.insert().values(name=clean(name), **values))

    def beat(self, node: str, *, is_start: bool = False, alarm: str = "") -> int:
        """Say that a node is alive, and give the number of its heartbeats.

        Args:
            node: its name.
            is_start: whether it has just been started.
            alarm: what is wrong with its backlog, in words; empty where nothing is.
        """
        at, now = node_heartbeats.c, datetime.now(UTC)
        values = {"changed": now, "alarm": clean(alarm)} | ({"started": now} if is_start else {})
        with self._database.write(synced=False) as connection:
            mine = at.node == clean(node)
            if not connection.execute(
                node_heartbeats.update().where(mine).values(beats=at.beats + 1, **values)
            ).rowcount:
                connection.execute(
                    node_heartbeats.insert().values({"node": clean(node), "beats": 1, "started": now, **values})
                )
            return int(connection.execute(select(at.beats).where(mine)).scalar_one())

    def heartbeats(self) -> tuple[Heartbeat, ...]:
        """Every node's, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(node_heartbeats).order_by(node_heartbeats.c.node)).all()
        return tuple(Heartbeat(**row._mapping) for row in rows)
