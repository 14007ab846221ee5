"""The workflows of a node as DBOS keeps them in the store's database: a film, a capture, a result on its way.

Their inputs and outputs are names of ours and hashes. What a film is and how far it is stands in its row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from dbos import DBOS
from sqlalchemy.exc import SQLAlchemyError

from hilum.errors import FilmError, HilumError, RequestError, StoreError
from hilum.pacs.answerer import ReadingEndedError
from hilum.pacs.backing_off import Clock, Stopping, pause_after, trying_again
from hilum.pacs.dispatch import Dispatch
from hilum.pacs.identity import ResultKind
from hilum.pacs.logs import log_event, without_terms
from hilum.pacs.metrics import NodeMetrics
from hilum.pacs.steps import FilmSteps
from hilum.store import Store

T = TypeVar("T")

_OF_THE_DATABASE = (StoreError, SQLAlchemyError)
_MOST_TRIES = 5  # of a step of one film, but for what the database or the disk may let pass later
_LOOK_SECONDS, _MOST_LOOKS = 0.5, 40  # for films that wait, before a capture is drawn all the same
_MOST_READS = 3  # of a film whose reading process is ended: a film may be at fault, and a busy machine


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
        """Do a step of the workflow, again after errors.

        What it came to is in the film's row, and a step that is done already comes to the same. DBOS would keep it
        once more, for an eighth of a film's processor time.
        """
        with self.metrics.timed(name):
            return trying_again(name, work, self.clock, for_good=_is_for_good, endless=_is_endless, most=_MOST_TRIES)

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
        raise Stopping
    return _work[0]


@contextmanager
def _left_where_the_database_fails() -> Iterator[None]:
    """What cannot be written down now, as on a full disk, is no outcome: the workflow is picked up again later."""
    try:
        yield
    except _OF_THE_DATABASE as error:
        log_event("left for later", level=logging.WARNING, error=type(error).__name__)
        raise Stopping from None


@DBOS.workflow(name="film", max_recovery_attempts=None)
def film_workflow(workflow_id: str) -> str:
    """Answer a film and make its report."""
    work = _now()
    with _left_where_the_database_fails():
        try:
            work.step("predicted", lambda: work.predict(workflow_id))
            return work.step("reported", lambda: work.steps.report(workflow_id))
        except _OF_THE_DATABASE:
            raise
        except Exception as error:
            work.store.node_films.change(workflow_id, "failed", _reason(error))
            log_event("failed", workflow_id, level=logging.WARNING, why=without_terms(_reason(error)))
            return "failed"


@DBOS.workflow(name="capture", max_recovery_attempts=None)
def capture_workflow(workflow_id: str) -> str:
    """Draw a film's capture."""
    work = _now()
    with _left_where_the_database_fails():
        try:
            work.step("drawn", lambda: work.draw(workflow_id))
        except _OF_THE_DATABASE:
            raise
        except Exception as error:
            work.store.node_films.not_drawn(workflow_id, _reason(error))
            log_event("no capture", workflow_id, level=logging.WARNING, why=without_terms(_reason(error)))
            return "failed"
    return "drawn"


@DBOS.workflow(name="sending", max_recovery_attempts=None)
def sending_workflow(workflow_id: str, kind: ResultKind, destination: str) -> str:
    """Send a result."""
    work = _now()
    with _left_where_the_database_fails():
        try:
            return work.step("sent", lambda: work.dispatch.send(workflow_id, kind, destination))
        except _OF_THE_DATABASE:
            raise
        except Exception as error:
            work.store.node_sendings.refused(workflow_id, kind, destination, _reason(error), for_good=True)
            log_event("not sent", workflow_id, kind=kind, destination=destination, error=type(error).__name__)
            return "failed"


def _is_for_good(error: Exception) -> bool:
    return isinstance(error, FilmError | RequestError)


def _is_endless(error: Exception) -> bool:
    """The database and the disk are not at any film's fault: no film is given up for them."""
    return isinstance(error, StoreError)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "its file is gone from the node's folder; send the film once more"
    return str(error) if isinstance(error, HilumError) else f"an error of the program ({type(error).__name__})"
