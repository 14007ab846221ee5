"""The workflows of a node as DBOS keeps them in the store's database: a film, a capture, a result on its way.

Their inputs and outputs are names of ours and hashes. What a film is and how far it is stands in its row.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from dbos import DBOS, DBOSClient, EnqueueOptions, Serializer
from sqlalchemy import Connection

from hilum.errors import FilmError, HilumError, RequestError, StoreError
from hilum.pacs.answerer import ReadingEndedError
from hilum.pacs.backing_off import Clock, Stopping, pause_after, trying_again
from hilum.pacs.dispatch import Dispatch
from hilum.pacs.identity import ResultKind
from hilum.pacs.logs import log_event
from hilum.pacs.metrics import NodeMetrics
from hilum.pacs.steps import FilmSteps
from hilum.store import NodeSending, Store

T = TypeVar("T")

VERSION = "1"  # of the workflows: what one of them has begun another version does not go on with
FILMS, CAPTURES = "films", "captures"  # queues
_MOST_TRIES = 5  # of a step of one film, but for what the database or the disk may let pass later
_LOOK_SECONDS, _MOST_LOOKS = 0.5, 40  # for films that wait, before a capture is drawn all the same
_MOST_READS = 3  # of a film whose reading process is ended: a film may be at fault, and a busy machine


def sending_queue(destination: str) -> str:
    """The queue of a destination."""
    return f"sending-{destination}"


def capture_id(workflow_id: str) -> str:
    """The id of the workflow that draws a film's capture."""
    return f"{workflow_id}-drawn"


def sending_id(workflow_id: str, kind: str, destination: str) -> str:
    """The id of the workflow that is the first one to send a result."""
    return f"{workflow_id}-{kind}-{destination}"


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


@dataclass(frozen=True, slots=True)
class NodeWork:
    """What the workflows of this process call.

    Attributes:
        steps: of films.
        dispatch: sends.
        clock: waits between two tries.
        store: notes what has failed.
        metrics: times the steps.
    """

    steps: FilmSteps
    dispatch: Dispatch
    clock: Clock
    store: Store
    metrics: NodeMetrics

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do a step of the workflow, again after errors; what it came to is kept by DBOS."""

        def tried() -> T:
            return trying_again(name, work, self.clock, for_good=_is_for_good, endless=_is_endless, most=_MOST_TRIES)

        with self.metrics.timed(name):
            return DBOS.run_step({"name": name}, tried)

    def predict(self, workflow_id: str) -> str:
        """Answer a film; one whose reading process is ended is read again, some seconds later, before it is refused.

        Raises:
            Stopping: the node stops meanwhile.
        """
        for reads in range(1, _MOST_READS):
            try:
                return self.steps.predict(workflow_id, last=False)
            except ReadingEndedError:
                log_event("read again", workflow_id)
            if self.clock.wait(pause_after(reads + 3)):
                raise Stopping
        return self.steps.predict(workflow_id)

    def draw(self, workflow_id: str) -> None:
        """Draw a film's capture once no film waits for its answer, or has for some time: answers come first.

        Raises:
            Stopping: the node stops meanwhile.
        """
        for _ in range(_MOST_LOOKS):
            if not self.store.node_films.backlog().films:
                break
            if self.clock.wait(_LOOK_SECONDS):
                raise Stopping
        self.steps.draw(workflow_id)


_work: list[NodeWork] = []  # of this process: DBOS is one in a process, and calls functions by their names


def assign(work: NodeWork | None) -> None:
    """Have the workflows of this process call this from now on; None at its end."""
    _work[:] = [] if work is None else [work]


def _now() -> NodeWork:
    if not _work:
        raise RequestError("no node runs in this process; start one first")
    return _work[0]


@DBOS.workflow(name="film", max_recovery_attempts=None)
def film_workflow(workflow_id: str) -> str:
    """Answer a film and make its report."""
    work = _now()
    try:
        work.step("predicted", lambda: work.predict(workflow_id))
        return work.step("reported", lambda: work.steps.report(workflow_id))
    except Exception as error:
        work.store.node_films.change(workflow_id, "failed", _reason(error))
        log_event("failed", workflow_id, error=type(error).__name__)
        return "failed"


@DBOS.workflow(name="capture", max_recovery_attempts=None)
def capture_workflow(workflow_id: str) -> str:
    """Draw a film's capture."""
    work = _now()
    try:
        work.step("drawn", lambda: work.draw(workflow_id))
    except Exception as error:
        log_event("no capture", workflow_id, error=type(error).__name__)
        return "failed"
    return "drawn"


@DBOS.workflow(name="sending", max_recovery_attempts=None)
def sending_workflow(workflow_id: str, kind: ResultKind, destination: str) -> str:
    """Send a result."""
    work = _now()
    try:
        return work.step("sent", lambda: work.dispatch.send(workflow_id, kind, destination))
    except Exception as error:
        work.store.node_sendings.refused(workflow_id, kind, destination, _reason(error), for_good=True)
        log_event("not sent", workflow_id, kind=kind, destination=destination, error=type(error).__name__)
        return "failed"


class Enqueuing:
    """Puts workflows into their queues, inside of the store's transactions."""

    def __init__(self, client: DBOSClient) -> None:
        """Take DBOS' client of the same database."""
        self._client = client

    def film(self, connection: Connection, workflow_id: str) -> None:
        """A film that was received."""
        self._put(connection, FILMS, "film", workflow_id, workflow_id)

    def capture(self, connection: Connection, workflow_id: str) -> None:
        """A film's capture that is to be drawn."""
        self._put(connection, CAPTURES, "capture", capture_id(workflow_id), workflow_id)

    def result(self, connection: Connection, workflow_id: str, kind: ResultKind, destinations: Sequence[str]) -> None:
        """A result that is to be sent to some destinations."""
        for name in destinations:
            id_ = sending_id(workflow_id, kind, name)
            # The smaller number is the earlier one; 0, without a priority, is before all.
            self._put(
                connection, sending_queue(name), "sending", id_, workflow_id, kind, name, late=kind == "capture"
            )

    def again(self, connection: Connection, sending: NodeSending, seconds: float = 0.0) -> None:
        """A result that was refused, after so many seconds."""
        what = sending.workflow_id, sending.kind, sending.destination
        id_ = f"{sending_id(*what)}-{secrets.token_hex(4)}"
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


def _is_for_good(error: Exception) -> bool:
    return isinstance(error, FilmError | RequestError)


def _is_endless(error: Exception) -> bool:
    """The database and the disk are not at any film's fault: no film is given up for them."""
    return isinstance(error, StoreError)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, HilumError) else f"an error of the program ({type(error).__name__})"
