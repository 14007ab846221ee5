"""A result sent to one destination: again and again while that cannot be reached, a few times where it refuses."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection

from hilum.errors import HilumError
from hilum.pacs.backing_off import Clock, Stopping, pause_after
from hilum.pacs.folders import NodeFolders
from hilum.pacs.identity import ResultKind
from hilum.pacs.logs import log_event
from hilum.pacs.senders.outcomes import Refused, Sender, Unreachable
from hilum.store import NodeFilm, NodeSending, SendingState, Store

MOST_REFUSALS = 5  # of one result, where the destination may take it later
_MOST_OF_OBJECT = 2  # where the status says that the object is at fault, which stays the same

EnqueueAgain = Callable[[Connection, NodeSending, float], None]  # in a transaction: after so many seconds


class Dispatch:
    """Sends results; threads of one destination wait for it together, and those of the others do not."""

    def __init__(
        self,
        store: Store,
        folders: NodeFolders,
        senders: Mapping[str, Sender],
        clock: Clock,
        make_again: Callable[[NodeFilm, ResultKind], None],
        enqueue_again: EnqueueAgain,
    ) -> None:
        """Take what sending needs.

        Args:
            store: with what is to be sent.
            folders: with the results' files.
            senders: by the destination's name.
            clock: waits between two tries.
            make_again: makes a result whose file is gone.
            enqueue_again: has a refused result sent later, so that others are not held up.
        """
        self._store, self._folders, self._senders, self._clock = store, folders, senders, clock
        self._make_again, self._enqueue_again = make_again, enqueue_again
        self._down: set[str] = set()  # destinations, as this process knows

    def send(self, workflow_id: str, kind: ResultKind, destination: str) -> SendingState:
        """Send a result, unless it was sent.

        Args:
            workflow_id: of the film.
            kind: of result.
            destination: its name.

        Returns:
            `sent`; `waiting` where it was refused and is tried later; `refused` where it is not.

        Raises:
            Stopping: the node stops while it waits for the destination.
            HilumError: the result's file is gone, and cannot be made again.
        """
        sending = self._store.node_sendings.get(workflow_id, kind, destination)
        if sending is None or sending.state != "waiting":
            return "sent" if sending is None else sending.state
        path, failures = self._folders.result(workflow_id, kind), 0
        while True:
            try:
                self._send(path, workflow_id, kind, destination)
                break
            except Refused as error:
                return self._refused(sending, error)
            except Unreachable as error:
                failures += 1
                self._unreachable(destination, error)
            if self._clock.wait(pause_after(failures)):
                raise Stopping
        self._store.node_sendings.accepted(workflow_id, kind, destination)
        if destination in self._down:
            self._down.discard(destination)
            log_event("reachable again", destination=destination)
        log_event("sent", workflow_id, kind=kind, destination=destination)
        return "sent"

    def _send(self, path: Path, workflow_id: str, kind: ResultKind, destination: str) -> None:
        try:
            self._senders[destination].send(path)
        except FileNotFoundError:
            film = self._store.node_films.get(workflow_id)
            if film is None:
                raise HilumError("the film has no row any more; it was removed from the store") from None
            self._make_again(film, kind)
            self._senders[destination].send(path)

    def _unreachable(self, destination: str, error: Unreachable) -> None:
        if destination not in self._down:
            self._down.add(destination)
            self._store.node_sendings.unreachable(destination, str(error))
            log_event("unreachable", level=logging.WARNING, destination=destination, why=str(error))

    def _refused(self, sending: NodeSending, error: Refused) -> SendingState:
        tries = sending.tries + 1
        for_good = tries >= (MOST_REFUSALS if error.may_pass else _MOST_OF_OBJECT)
        self._store.node_sendings.refused(
            sending.workflow_id,
            sending.kind,
            sending.destination,
            f"refused with status {error.status}",
            for_good=for_good,
            enqueue=lambda connection: (
                None if for_good else self._enqueue_again(connection, sending, pause_after(tries))
            ),
        )
        log_event(
            "refused",
            sending.workflow_id,
            logging.WARNING,
            kind=sending.kind,
            destination=sending.destination,
            status=error.status,
            tries=tries,
        )
        return "refused" if for_good else "waiting"
