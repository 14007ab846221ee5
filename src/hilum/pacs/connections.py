"""A caller's connection under pynetdicom, on which every wait has an end.

pynetdicom waits for the rest of a PDU for as long as the peer likes, reads messages while it still works on one, and
wakes up a thousand times a second for an association that says nothing (`python -m benchmarks.pacs_receiving`).
"""

from __future__ import annotations

import queue
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.transport import AssociationSocket

from hilum.pacs.settings import Limits

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse import _QueueItem
    from pynetdicom.pdu_primitives import P_DATA

REQUEST_BYTES = 256 << 10  # of the request for an association, whatever the limit of a PDU
# Shares of the silent seconds after which, if there is no room, who says nothing makes room for who does.
_OWING_SHARE = 0.2  # within a message
_IDLE_SHARE = 0.5  # between two
_IDLE_FACTOR = 30  # times the silent seconds: for so long an association may stay open without a message
_PACE, _PACE_FACTOR = 8 << 10, 6  # bytes a second of a message at least, after so many times the silent seconds
_TOGETHER = 4  # times the largest object: what all associations may have received in part
_OVERHEAD = 1.01  # of an object's bytes, for what carries them
_CANCEL_SECONDS = 1.0
# An association that has said nothing for some time sleeps for a quarter of it at a time: bytes wake it up at once, a
# request to release it is answered so much later.
_AWAKE_SECONDS, _LONGEST_NAP = 0.2, 0.25
# Between two looks whether there is a reply: a film takes some 50 ms, a look 50 µs of everybody's.
_WORKING_NAP = 0.004


class Phase(Enum):
    """What a connection is there for."""

    PENDING = "pending"  # no association yet
    IDLE = "idle"  # between two messages
    RECEIVING = "receiving"  # within a message
    WORKING = "working"  # a message is there, and its reply is not


class CallerSocket(AssociationSocket):
    """An association's connection.

    Attributes:
        caller: the peer's IP address.
        phase: what is waited for.
        received: bytes of the message that is being received.
    """

    def __init__(
        self, assoc: Association, connected: socket.socket, caller: str, limits: Limits, in_part: Callable[[], int]
    ) -> None:
        """Take a connection that was accepted.

        Args:
            assoc: the association.
            connected: the connection.
            caller: the peer's IP address.
            limits: on what it may take.
            in_part: bytes that all connections have received of messages that are not whole.
        """
        super().__init__(assoc, client_socket=connected)
        self.caller = caller
        self.phase = Phase.PENDING
        self.received = 0
        self._limits, self._in_part = limits, in_part
        self._connected = connected
        self._within_pdu = self._taken = False
        self._heard = self._message_since = self._pdu_since = time.monotonic()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def ready(self) -> bool:
        """Whether there is something to read; nothing is read while a message is worked on.

        After some time without anything it sleeps in here, until something comes.
        """
        if self.socket is None or not self._is_connected:
            return False
        if self.phase is Phase.WORKING:
            time.sleep(_WORKING_NAP)
            return False
        try:
            if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
                return True
            return bool(select.select([self.socket], [], [], self._nap())[0])
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed (PS3.8, section 9.2)
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """Read a PDU's head, or the rest of it: what there is of it when the connection ends."""
        if self._within_pdu and not self._allow(nr_bytes):
            return bytearray()
        if not self._within_pdu:
            self._pdu_since = time.monotonic()
            if self.phase is Phase.IDLE:
                self.phase, self._message_since = Phase.RECEIVING, self._pdu_since
        self._within_pdu = not self._within_pdu
        taken = bytearray(nr_bytes)
        view = memoryview(taken)
        while view and self.socket is not None:
            try:
                self.socket.settimeout(self._limits.silent_seconds)
                came = self.socket.recv_into(view)
            except TimeoutError:
                self.end()
                break
            except (OSError, ValueError):
                came = 0
            if not came:
                break
            self._heard = time.monotonic()
            view = view[came:]
        return taken[: nr_bytes - len(view)]

    def send(self, bytestream: bytes) -> None:
        """Send a PDU; a peer that does not take it in time is gone."""
        with suppress(OSError, AttributeError):
            self.socket.settimeout(self._limits.silent_seconds)  # type: ignore[union-attr]
        super().send(bytestream)

    def begin_work(self) -> None:
        """A message is there."""
        self.phase, self.received, self._taken = Phase.WORKING, 0, False

    def end_work(self) -> None:
        """Its reply was sent, or the association made."""
        self._heard = time.monotonic()
        self.phase = Phase.IDLE

    def stalled(self, now: float) -> float:
        """For how many seconds too long nothing came, so that the place may be had by another; 0 for not too long."""
        if self.phase is Phase.WORKING:
            return 0.0
        share = _IDLE_SHARE if self.phase is Phase.IDLE else _OWING_SHARE
        return max(0.0, now - self._heard - share * self._limits.silent_seconds)

    def overdue(self, now: float) -> bool:
        """Whether its end has come: half of something is waited for no longer, and nothing not for ever."""
        silent = self._limits.silent_seconds
        if self.phase is Phase.WORKING:
            return False
        if self.phase is Phase.IDLE:
            return now - self._heard > _IDLE_FACTOR * silent
        late = now - self._heard > silent or (self._within_pdu and now - self._pdu_since > silent)
        return late or now - self._message_since > _PACE_FACTOR * silent + self.received / _PACE

    def end(self) -> None:
        """End it, from any thread: the peer is told, and the association sees a closed connection."""
        with suppress(OSError, ValueError):
            if not isinstance(self._connected, ssl.SSLSocket):  # which two threads may not use at a time
                self._connected.send(abort_bytes(), socket.MSG_DONTWAIT)
        self._shut()

    def close_finally(self) -> None:
        """Give the connection back to the system, which pynetdicom does not where the peer was the first to close."""
        with suppress(OSError):
            self._connected.close()

    def get_message(self, block: bool = False) -> _QueueItem:
        """The next message for the association's own thread, which waits in here while nothing comes."""
        messages = self.assoc.dimse.msg_queue
        try:
            message = messages.get(timeout=nap) if (nap := self._nap()) else messages.get_nowait()
            self._taken = True
            return message
        except queue.Empty:
            if self.phase is Phase.WORKING and self._is_done():
                self.end_work()
            return None, None

    def receive(self, primitive: P_DATA) -> None:
        """A part of a message has come; one that is no message ends the association, not the thread that reads it."""
        try:
            DIMSEServiceProvider.receive_primitive(self.assoc.dimse, primitive)
        except Exception:  # pynetdicom and pydicom on bytes from anywhere: what they may raise is not bounded
            self.event_queue.put("Evt19")  # an invalid PDU (PS3.8, section 9.2)

    def _is_done(self) -> bool:
        """Whether the message that is worked on has no reply, or its reply is on its way."""
        if not self._taken:  # a C-CANCEL, which nobody takes; or one that is about to be put where it is taken
            return time.monotonic() - self._heard > _CANCEL_SECONDS
        return self.assoc.dul.to_provider_queue.empty()

    def _nap(self) -> float:
        """For how long nothing needs to be looked at unless something comes; 0 where something is under way."""
        quiet = time.monotonic() - self._heard
        return min(_LONGEST_NAP, quiet / 4) if quiet > _AWAKE_SECONDS and self.phase is not Phase.WORKING else 0.0

    def _allow(self, length: int) -> bool:
        """Whether the rest of a PDU may be that long; if not, the connection ends."""
        if self.phase is Phase.PENDING:
            allowed = length <= REQUEST_BYTES
        else:
            self.received += length
            most = int(_OVERHEAD * (self._limits.instance_mib << 20)) + REQUEST_BYTES
            allowed = (
                length <= self._limits.pdu_bytes and self.received <= most and self._in_part() <= _TOGETHER * most
            )
        if not allowed:
            self.end()
        return allowed

    def _shut(self) -> None:
        with suppress(OSError):
            # Of the socket itself: an SSLSocket would stop being one, under the hands of the thread that reads it.
            socket.socket.shutdown(self._connected, socket.SHUT_RDWR)


def abort_bytes() -> bytes:
    """An A-ABORT, as it is sent by the service user (PS3.8, section 9.3.8)."""
    pdu = A_ABORT_RQ()
    pdu.source, pdu.reason_diagnostic = 0, 0
    return bytes(pdu.encode())
