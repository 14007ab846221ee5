"""The queues of a node, and what is put into them inside of the store's transactions."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any

from dbos import DBOSClient, EnqueueOptions, Serializer
from sqlalchemy import Connection

from hilum.pacs.identity import ResultKind
from hilum.store import NodeSending

VERSION = "1"  # of the workflows: what one of them has begun another version does not go on with
_ANOTHER = re.compile(r"-[0-9a-f]{8}$")
FILMS, CAPTURES = "films", "captures"  # queues


def sending_queue(destination: str) -> str:
    """The queue of a destination."""
    return f"sending-{destination}"


def capture_id(workflow_id: str) -> str:
    """The id of the workflow that draws a film's capture."""
    return f"{workflow_id}-drawn"


def sending_id(workflow_id: str, kind: str, destination: str) -> str:
    """The id of the workflow that is the first one to send a result."""
    return f"{workflow_id}-{kind}-{destination}"


def another() -> str:
    """What makes a workflow another one than the first for the same thing, which was done or is gone."""
    return f"-{secrets.token_hex(4)}"


def first_id(id_: str) -> str:
    """The id of the first workflow for the same thing.

    >>> first_id("00ff-report-pacs" + another()), first_id("00ff-report-pacs")
    ('00ff-report-pacs', '00ff-report-pacs')
    """
    return _ANOTHER.sub("", id_)


class PlainSerializer(Serializer):
    """Inputs and outputs as JSON: what is read from the database runs nothing."""

    def serialize(self, data: Any) -> str:
        """To text; of an error its class alone, whose words may hold anything."""
        return json.dumps(data, default=lambda value: type(value).__name__)

    def deserialize(self, serialized_data: str) -> Any:
        """From text."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """For the database."""
        return "hilum_json"


class Enqueuing:
    """Puts workflows into their queues, inside of the store's transactions."""

    def __init__(self, client: DBOSClient) -> None:
        """Take DBOS' client of the same database."""
        self._client = client

    def film(self, connection: Connection, workflow_id: str, again: bool = False) -> None:
        """A film that was received; once more where it was done, or is in no queue any more."""
        self._put(connection, FILMS, "film", workflow_id + (another() if again else ""), workflow_id)

    def capture(self, connection: Connection, workflow_id: str, again: bool = False) -> None:
        """A film's capture that is to be drawn; likewise."""
        id_ = capture_id(workflow_id) + (another() if again else "")
        self._put(connection, CAPTURES, "capture", id_, workflow_id)

    def result(self, connection: Connection, workflow_id: str, kind: ResultKind, destinations: Sequence[str]) -> None:
        """A result that is to be sent to some destinations."""
        for name in destinations:
            id_ = sending_id(workflow_id, kind, name)
            # The smaller number is the earlier one; 0, without a priority, is before all.
            self._put(
                connection, sending_queue(name), "sending", id_, workflow_id, kind, name, late=kind == "capture"
            )

    def again(self, connection: Connection, sending: NodeSending, seconds: float = 0.0) -> None:
        """A result that is to be sent once more, after so many seconds."""
        what = sending.workflow_id, sending.kind, sending.destination
        id_ = sending_id(*what) + another()
        self._put(connection, sending_queue(sending.destination), "sending", id_, *what, seconds=seconds)

    def _put(
        self,
        connection: Connection,
        queue: str,
        name: str,
        id_: str,
        *arguments: str,
        late: bool = False,
        seconds: float = 0.0,
    ) -> None:
        options: EnqueueOptions = {
            "workflow_name": name,
            "queue_name": queue,
            "workflow_id": id_,
            "app_version": VERSION,
        }
        if late:
            options["priority"] = 1
        if seconds:
            options["delay_seconds"] = seconds
        self._client.enqueue_in_transaction(connection, options, *arguments)
