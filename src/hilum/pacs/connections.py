"""Connections of peers that may say nothing, half of something, or all of it a byte a second.

Every wait has an end, and none of them holds up another peer: each connection has a thread that sleeps in the system
until bytes come. pynetdicom's two threads an association wake up all the time, and one half-sent PDU holds its
association for as long as the peer likes (`python -m benchmarks.pacs_receiving` compares them).
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum

from hilum.pacs.pdus import PduError, abort_pdu
from hilum.pacs.settings import Limits

_WAITING_A_SEAT = 4  # connections without an association, for each association that there may be
# Shares of the silent seconds after which, if there is no room, who says nothing makes room for who does.
_OWING_SHARE = 0.2  # within a message
_IDLE_SHARE = 0.5  # between two
_IDLE_FACTOR = 30  # times the silent seconds: for so long an association may stay open without a message
_HEAD = 6
_REQUEST = 256 << 10  # bytes of the request for an association, whatever the limit of a PDU


class PeerGoneError(Exception):
    """The connection is over: closed, broken, or silent for too long."""


class Phase(Enum):
    """What a connection is there for."""

    PENDING = "pending"  # no association yet
    IDLE = "idle"  # between two messages
    RECEIVING = "receiving"  # within a message
    WORKING = "working"  # a message is there, and its reply is not


class PeerConnection:
    """A connection; each thing that is waited for has a deadline.

    Attributes:
        address: of the peer.
        phase: what is waited for.
    """

    def __init__(self, connected: socket.socket, address: str, limits: Limits) -> None:
        """Take a connection that was accepted."""
        self.address = address
        self.phase = Phase.PENDING
        self._socket = connected
        self._limits = limits
        self._buffer = bytearray(_HEAD)
        self._silent_since = self._since = time.monotonic()
        connected.settimeout(limits.silent_seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def secure(self, context: ssl.SSLContext) -> None:
        """Have the connection encrypted from here on.

        Raises:
            PeerGoneError: the peer cannot, has no certificate of ours, or takes too long.
        """
        deadline = self._since + self._limits.silent_seconds
        try:
            secured = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
            self._socket = secured
            secured.settimeout(max(0.01, deadline - time.monotonic()))
            secured.do_handshake()
        except (OSError, ValueError):
            raise PeerGoneError from None

    def pdu(self) -> tuple[int, memoryview]:
        """The next PDU: its type, and what follows its head, which holds until the next one is asked for.

        Raises:
            PeerGoneError: it does not come in time, or not whole.
            PduError: it is larger than allowed.
        """
        seconds = self._limits.silent_seconds
        now = self._silent_since = time.monotonic()
        begins = self._since + seconds if self.phase is Phase.PENDING else now + seconds
        if self.phase is Phase.IDLE:
            begins += seconds * (_IDLE_FACTOR - 1)
        first = self._some(memoryview(self._buffer)[:_HEAD], begins)
        if self.phase is Phase.IDLE:
            self.phase = Phase.RECEIVING
        deadline = min(begins, time.monotonic() + seconds)
        self._all(memoryview(self._buffer)[first:_HEAD], deadline)
        kind, length = self._buffer[0], int.from_bytes(self._buffer[2:_HEAD], "big")
        if length > max(self._limits.pdu_bytes, _REQUEST if self.phase is Phase.PENDING else 0):
            raise PduError
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        body = memoryview(self._buffer)[:length]
        self._all(body, deadline)
        return kind, body

    def send(self, pdu: bytes) -> None:
        """Send a PDU.

        Raises:
            PeerGoneError: the peer does not take it in time, or is gone.
        """
        try:
            self._socket.settimeout(self._limits.silent_seconds)
            self._socket.sendall(pdu)
        except (OSError, ValueError):
            raise PeerGoneError from None

    def linger(self) -> None:
        """Let the peer be the first to close, so that what it was sent last arrives."""
        with suppress(OSError, ValueError, PeerGoneError):
            self._some(memoryview(self._buffer)[:1], time.monotonic() + 1)

    def stalled(self, now: float) -> float:
        """For how many seconds too long nothing came, so that the place may be had by another; 0 for not too long."""
        if self.phase is Phase.WORKING:
            return 0.0
        allowed = self._limits.silent_seconds * (_IDLE_SHARE if self.phase is Phase.IDLE else _OWING_SHARE)
        return max(0.0, now - self._silent_since - allowed)

    def end(self) -> None:
        """End it from another thread: the peer is told, and who waits for it gets a `PeerGoneError`."""
        with suppress(OSError, ValueError):
            if not isinstance(self._socket, ssl.SSLSocket):  # which two threads may not use at a time
                self._socket.send(abort_pdu(by_protocol=False), socket.MSG_DONTWAIT)
        with suppress(OSError):
            # Of the socket itself: an SSLSocket would stop being one, under the hands of the thread that reads it.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it, from the thread that has it."""
        with suppress(OSError):
            self._socket.close()

    def _all(self, view: memoryview, deadline: float) -> None:
        while view:
            view = view[self._some(view, deadline) :]

    def _some(self, view: memoryview, deadline: float) -> int:
        """Wait for bytes; how many came."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise PeerGoneError
        try:
            self._socket.settimeout(left)
            came = self._socket.recv_into(view)
        except (OSError, ValueError):
            raise PeerGoneError from None
        if not came:
            raise PeerGoneError
        self._silent_since = time.monotonic()
        return came


class PeerConnections:
    """All connections, and who has to make room.

    A place is had by an association, not by a connection. Who has not asked for one is the first to go, of the same
    address where there are too many of it; then who owes the rest of a message for some time.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._all: dict[PeerConnection, bool] = {}  # whether it has an association
        self.evicted = 0

    def admit(self, peer: PeerConnection) -> None:
        """A connection was accepted; the oldest one that has not asked for an association may have to go for it."""
        with self._lock:
            same = [each for each in self._pending() if each.address == peer.address]
            if len(same) >= _WAITING_A_SEAT * self._limits.associations_an_address:
                self._evict(same[0])
            elif len(pending := list(self._pending())) >= _WAITING_A_SEAT * self._limits.associations:
                self._evict(pending[0])
            self._all[peer] = False

    def seat(self, peer: PeerConnection) -> bool:
        """Whether there is room for its association; from here on it has a place, until it leaves."""
        with self._lock:
            if peer not in self._all:
                return False
            seated = [each for each, has_place in self._all.items() if has_place]
            same = [each for each in seated if each.address == peer.address]
            if len(same) >= self._limits.associations_an_address and not self._evict_one_of(same):
                return False
            seated = [each for each in seated if each in self._all]
            if len(seated) >= self._limits.associations and not self._evict_one_of(seated):
                return False
            self._all[peer] = True
            return True

    def leave(self, peer: PeerConnection) -> None:
        """A connection is over."""
        with self._lock:
            self._all.pop(peer, None)

    def all(self) -> list[PeerConnection]:
        """Those that are there."""
        with self._lock:
            return list(self._all)

    def associations(self) -> int:
        """How many associations there are."""
        with self._lock:
            return sum(self._all.values())

    def _pending(self) -> Iterator[PeerConnection]:
        return (peer for peer, has_place in self._all.items() if not has_place)

    def _evict_one_of(self, peers: list[PeerConnection]) -> bool:
        """Have the one that has stalled for longest go, if one has."""
        now = time.monotonic()
        longest = max(peers, key=lambda peer: peer.stalled(now))
        if not longest.stalled(now):
            return False
        self._evict(longest)
        return True

    def _evict(self, peer: PeerConnection) -> None:
        del self._all[peer]
        self.evicted += 1
        peer.end()
