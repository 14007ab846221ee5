"""DBOS in this process: its workflows in the store's database, its queues, and its end.

DBOS is one in a process. It talks to nobody but the database, and says little: warnings, as lines of the log.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from dbos import DBOS, DBOSClient, DBOSConfig
from dbos._dbos import _get_dbos_instance
from dbos._utils import INTERNAL_QUEUE_NAME

from hilum.errors import StoreError
from hilum.pacs.backing_off import LONGEST_SECONDS
from hilum.pacs.enqueuing import VERSION, PlainSerializer, first_id

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from hilum.store import Database

_APPLICATION = "hilum"
_ACTIVE = ("PENDING", "ENQUEUED", "DELAYED")
_BATCH = 500  # workflows, in a statement
_CONNECTIONS = 24  # to the database, at a time
_NEVER_SECONDS = 3600.0  # between two looks for schedules, which no node has
_SELDOM_SECONDS = 2.0  # between two looks for messages, which no node sends; the end waits for one of them


class Durable:
    """The workflows of this process.

    Attributes:
        client: that enqueues in the store's transactions.
    """

    def __init__(self, database: Database, node: str) -> None:
        """Make ready; nothing is begun yet.

        Args:
            database: the store's.
            node: its name, under which DBOS notes what it has begun.
        """
        schema = database.schema
        # A schema of their own lets several stores share a PostgreSQL.
        self._schema = "dbos" if schema in ("", "public") else f"{schema}_dbos"
        self._engine: Engine = database.engine_of_others(_CONNECTIONS)
        self._node, self._lost = node, set[str]()
        self.client = DBOSClient(
            system_database_engine=self._engine,
            dbos_system_schema=self._schema,
            serializer=PlainSerializer(),
            application_name=_APPLICATION,
            lazy=True,
        )

    def start(self, queues: Mapping[str, tuple[int, float]]) -> None:
        """Go on with what this node had begun, and take from the queues from now on.

        `hilum.pacs.workflows.assign` comes first.

        Args:
            queues: by name, how many workflows this process does at a time, and the seconds between two looks.

        Raises:
            StoreError: the database does not answer.
        """
        config: DBOSConfig = {
            "name": _APPLICATION,
            "system_database_url": self._engine.url.render_as_string(hide_password=False),
            "system_database_engine": self._engine,
            "dbos_system_schema": self._schema,
            "application_version": VERSION,
            "executor_id": self._node,
            "serializer": PlainSerializer(),
            "log_level": "WARNING",
            "enable_otlp": False,
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": _SELDOM_SECONDS,
            "scheduler_polling_interval_sec": _NEVER_SECONDS,
        }
        DBOS(config=config)
        try:
            DBOS.listen_queues(list(queues))
            DBOS.launch()
            for name, (workers, seconds) in queues.items():
                DBOS.register_queue(
                    name, worker_concurrency=workers, polling_interval_sec=seconds, on_conflict="always_update"
                )
        except Exception as error:  # of DBOS or of the database
            raise StoreError(f"the queue in the store cannot be opened ({type(error).__name__})") from error

    def take_over(self, node: str) -> int:
        """Go on with what another node has begun, which is not alive any more; gives how many workflows.

        Should it be alive after all, and write down what it has done: DBOS lets only one of the two.
        """
        return len(DBOS._recover_pending_workflows([node]))

    def active(self) -> frozenset[str]:
        """The ids of all workflows that are in a queue or run, on any node; of repeated ones the first one's too."""
        found = self.client.list_workflows(status=list(_ACTIVE), load_input=False, load_output=False)
        ids = {each.workflow_id for each in found}
        return frozenset(ids | set(map(first_id, ids)))

    def pick_up(self) -> int:
        """Go on with workflows that nobody would go on with; gives how many.

        They are those of this node that are under way by the database, and are not: so they are after the database
        did not take what had become of them. Called every now and then: what is so at two calls in a row is no
        workflow that has just begun. And they are those that wait for a time too far away.
        """
        dbos = _get_dbos_instance()
        found = self.client.list_workflows(
            status="PENDING", executor_id=self._node, load_input=False, load_output=False
        )
        lost = {each.workflow_id for each in found} - set(dbos._active_workflows_set.activeList())
        again, self._lost = lost & self._lost, lost
        for id_ in again:
            dbos._sys_db.reenqueue_for_recovery(id_, [self._node], INTERNAL_QUEUE_NAME)
        return len(again) + self._hasten()

    def _hasten(self) -> int:
        """Begin what waits for a time that is further away than anything waits: the time of day was set back."""
        delayed = self.client.list_workflows(status="DELAYED", load_input=False, load_output=False)
        latest = 1000 * (time.time() + 2 * LONGEST_SECONDS)
        late = [each.workflow_id for each in delayed if (each.delay_until_epoch_ms or 0) > latest]
        for id_ in late:
            self.client.set_workflow_delay(id_, delay_seconds=0.0)
        return len(late)

    def forget(self, before: datetime) -> int:
        """Remove workflows that were done before a time; gives how many. What they did stands in the films' rows."""
        removed = 0
        while True:
            done = self.client.list_workflows(
                status=["SUCCESS", "ERROR"],
                completed_before=before.isoformat(),
                limit=_BATCH,
                load_input=False,
                load_output=False,
            )
            self.client.delete_workflows([each.workflow_id for each in done])
            removed += len(done)
            if len(done) < _BATCH:
                return removed

    def close(self, seconds: int) -> None:
        """Take nothing more, wait for what has begun, and leave what takes longer for the next start.

        Args:
            seconds: to wait at most.
        """
        DBOS.destroy(workflow_completion_timeout_sec=seconds)
        self._engine.dispose()
