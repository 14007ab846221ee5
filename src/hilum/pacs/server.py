"""pynetdicom's server, with connections that wait without threads, and one thread that ends what takes too long."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import suppress

from pynetdicom import AE, evt
from pynetdicom.transport import AssociationServer, RequestHandler

from hilum.pacs.callers import Callers
from hilum.pacs.connections import CallerSocket, Phase
from hilum.pacs.seats import Seats
from hilum.pacs.seldom import SeldomLog
from hilum.pacs.waiting_room import WaitingRoom

_TICK_SECONDS = 0.1
_ENDING_SECONDS = 1.0  # for threads that have nothing to do any more; they end with the process


class CallerServer(AssociationServer):
    """A server for associations.

    Attributes:
        seats: its connections.
        turned_away: connections that were closed before they asked for an association, by reason: from an `address`
            that nobody on the list calls from, without the `tls` that is asked for, or with another `protocol`.
    """

    request_queue_size = 128

    def __init__(
        self,
        ae: AE,
        address: tuple[str, int],
        tls: ssl.SSLContext | None,
        *,
        callers: Callers,
        seats: Seats,
        log: SeldomLog,
        handlers: list[evt.EventHandlerType],
    ) -> None:
        """Listen; `begin` is what lets connections in.

        Args:
            ae: the application entity.
            address: host and port.
            tls: None speaks without it.
            callers: who may connect.
            seats: keeps the connections.
            log: for connections that are turned away.
            handlers: of pynetdicom's events.

        Raises:
            OSError: the address cannot be listened on.
        """
        # pynetdicom would shake hands in the thread that accepts; the waiting room does not hold up others meanwhile.
        super().__init__(ae, address, ae.ae_title, ae.supported_contexts, None, handlers, CallerHandler)
        self.seats, self.turned_away = seats, Counter(address=0, tls=0, protocol=0)
        self._callers, self._log = callers, log
        self._room = WaitingRoom(seats.limits, tls, self._enter, self._turn_away)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="hilum-dicom", daemon=True)

    def begin(self) -> None:
        """Let connections in."""
        self._listener.setblocking(False)
        self._room.watch(self._listener)
        self._thread.start()

    def end(self, grace_seconds: float) -> None:
        """Let nobody in any more; what is being received or answered has some seconds to be finished."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()
        deadline = time.monotonic() + grace_seconds
        while (all_of_them := self.seats.all()) and time.monotonic() < deadline:
            for caller in all_of_them:
                if caller.phase in (Phase.PENDING, Phase.IDLE):
                    caller.end()
            time.sleep(0.02)
            self._look_after()

    def end_all(self) -> None:
        """End every connection, and wait for the threads."""
        deadline = time.monotonic() + _ENDING_SECONDS
        for caller in self.seats.all():
            caller.end()
        while self.seats.all() and time.monotonic() < deadline:
            time.sleep(0.02)
            self._look_after()

    def connections(self) -> int:
        """How many there are, with those that wait."""
        return len(self._room) + len(self.seats.all())

    @property
    def _listener(self) -> socket.socket:
        assert self.socket is not None
        return self.socket

    def _serve(self) -> None:
        while not self._ending.is_set():
            self._room.wait(_TICK_SECONDS)
            self._accept()
            self._look_after()
        self._room.close()
        self.server_close()

    def _accept(self) -> None:
        """Accept those that have connected."""
        for _ in range(self.request_queue_size):
            try:
                connected, address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # too many files are open: others will be closed
                self._log.warn(f"no connection can be taken now: {os.strerror(error.errno or 0)}", "")
                time.sleep(_TICK_SECONDS)
                return
            if self._callers.may_connect(address[0]):
                self._room.admit(connected, address)
            else:
                self._turn_away("address", "no caller in receive.callers is listed with its address", address[0])
                connected.close()

    def _turn_away(self, reason: str, words: str, address: str) -> None:
        """A connection is closed; whoever looks for why nothing comes finds it in the log and in the metrics."""
        self.turned_away[reason] += 1
        self._log.warn(f"connection closed: {words}", address)

    def _enter(self, connected: socket.socket, address: tuple[str, int]) -> None:
        """A connection asks for an association."""
        try:
            self.finish_request(connected, address)
        except (OSError, RuntimeError):  # it is gone already, or the system gives no more threads
            with suppress(OSError):
                connected.close()

    def _look_after(self) -> None:
        """End what takes too long, and forget what has ended."""
        now = time.monotonic()
        for caller in self.seats.all():
            if not (caller.assoc.is_alive() or caller.assoc.dul.is_alive()):
                self.seats.remove(caller)
                caller.close_finally()
            elif caller.overdue(now):
                caller.end()


class CallerHandler(RequestHandler):
    """Makes a connection's association."""

    server: CallerServer

    def handle(self) -> None:
        """Start it."""
        assoc = self._create_association()
        assoc.dul.event_queue.get_nowait()  # that there is a connection, which our socket says once more
        seats = self.server.seats
        caller = CallerSocket(assoc, self.request, self.client_address[0], seats.limits, seats.received)
        assoc.dul.socket = caller
        assoc.daemon = assoc.dul.daemon = True
        assoc.dimse.get_msg = caller.get_message  # type: ignore[method-assign]  # it polls, and this one sleeps
        assoc.dimse.receive_primitive = caller.receive  # type: ignore[method-assign]
        seats.add(caller)
        assoc.start()
