"""Films by C-STORE: a server that says yes only to what lies on the disk and in the queue."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from hilum.errors import RequestError
from hilum.pacs.association import Association
from hilum.pacs.callers import Callers
from hilum.pacs.connections import PeerConnection, PeerConnections, PeerGoneError, Phase
from hilum.pacs.logs import log_event
from hilum.pacs.records import Arrival
from hilum.pacs.seldom import SeldomLog
from hilum.pacs.settings import Receive
from hilum.pacs.spool import Spool
from hilum.pacs.storing import Storing
from hilum.pacs.tls import server_context

_GRACE_SECONDS = 10.0
_ENDING_SECONDS = 5.0


class ReceiverFigures(Struct, frozen=True):
    """What a receiver has done since it was started.

    Attributes:
        associations: that are open now.
        connections: that are open now, with those that have not asked for an association.
        statuses: replies to C-STORE by status, such as `0x0000` and `0xA700`.
        turned_away: connections from addresses that nobody on the list calls from.
        evicted: connections that had to make room for others.
    """

    associations: int
    connections: int
    statuses: dict[str, int]
    turned_away: int
    evicted: int


class DicomReceiver:
    """A server for C-ECHO and C-STORE."""

    def __init__(self, settings: Receive, spool: Spool, accept: Callable[[Arrival], None]) -> None:
        """Read what it is told; `start` is what opens the port.

        Args:
            settings: `[receive]`.
            spool: where films are kept.
            accept: enqueues a film, and is called by several threads. When it returns the film is acknowledged. Where
                it raises StoreError the caller is told to try again later (0xA700), where it raises another
                HilumError that the film is not taken (0xC000); the file is removed.

        Raises:
            RequestError: an address or a certificate cannot be used.
        """
        self._settings = settings
        self._callers = Callers(settings.callers)
        self._context = server_context(settings.tls) if settings.tls else None
        self._peers = PeerConnections(settings.limits)
        self._storing = Storing(settings, spool, accept)
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._threads: set[threading.Thread] = set()
        self._turned_away = 0
        self._log = SeldomLog()

    def start(self) -> int:
        """Open the port.

        Returns:
            Its number.

        Raises:
            RequestError: the address is none of this machine's, or the port is taken.
        """
        host, port = self._settings.host, self._settings.port
        try:
            family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            self._listener = socket.create_server(address[:2], family=family, backlog=128)
        except OSError as error:
            raise RequestError(
                f"receive: {host} port {port} cannot be listened on ({os.strerror(error.errno or 0)}); "
                "name an address of this machine and a port that is free"
            ) from None
        self._accepting = threading.Thread(target=self._accept_all, name="hilum-dicom", daemon=True)
        self._accepting.start()
        number: int = self._listener.getsockname()[1]
        return number

    def stop(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Close the port; films that are arriving may finish for some seconds.

        When this returns no film will be enqueued or acknowledged any more, and each one that was acknowledged is
        enqueued.
        """
        self._stopping.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._listener.close()
        deadline = time.monotonic() + grace_seconds
        while (peers := self._peers.all()) and time.monotonic() < deadline:
            for peer in peers:
                if peer.phase in (Phase.PENDING, Phase.IDLE):
                    peer.end()
            time.sleep(0.02)
        self._storing.close()
        for peer in self._peers.all():
            peer.end()
        for thread in [*self._threads, *([self._accepting] if self._accepting else [])]:
            thread.join(_ENDING_SECONDS)

    @property
    def figures(self) -> ReceiverFigures:
        """How it is doing."""
        statuses = {f"0x{status:04X}": number for status, number in sorted(self._storing.statuses.items())}
        connections = len(self._peers.all())
        return ReceiverFigures(
            self._peers.associations(), connections, statuses, self._turned_away, self._peers.evicted
        )

    def _accept_all(self) -> None:
        assert self._listener is not None
        while not self._stopping.is_set():
            try:
                connected, (address, *_) = self._listener.accept()
            except OSError as error:
                if not self._stopping.is_set():
                    self._log.warn(f"no connection can be taken now: {os.strerror(error.errno or 0)}", "")
                    time.sleep(0.1)  # too many files are open: others will be closed
                continue
            if not self._callers.may_connect(address):
                self._turned_away += 1
                self._log.warn("connection closed: no caller is listed with its address", address)
                connected.close()
                continue
            self._begin(connected, address)

    def _begin(self, connected: socket.socket, address: str) -> None:
        try:
            peer = PeerConnection(connected, address, self._settings.limits)
        except OSError:  # it is gone already
            connected.close()
            return
        self._peers.admit(peer)
        thread = threading.Thread(target=self._serve, args=(peer,), name="hilum-association", daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system gives no more threads
            self._threads.discard(thread)
            self._peers.leave(peer)
            peer.close()

    def _serve(self, peer: PeerConnection) -> None:
        try:
            if self._context is not None:
                peer.secure(self._context)
            stopping, log = self._stopping.is_set, self._log
            Association(peer, self._settings, self._callers, self._peers, self._storing, stopping, log).serve()
        except PeerGoneError:
            pass
        except Exception as error:  # never the end of the server, and never a traceback with what a film holds
            log_event("association failed", level=logging.ERROR, address=peer.address, error=type(error).__name__)
        finally:
            self._peers.leave(peer)
            peer.close()
            self._threads.discard(threading.current_thread())
