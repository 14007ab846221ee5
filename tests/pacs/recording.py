"""A proxy before a PACS: it records every object that is sent by C-STORE, and what was said, and plays faults."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.ports import free_port

STORE_REQUEST, STORE_RESPONSE = 0x0001, 0x8001  # Command Field (PS3.7 9.3.1)
OUT_OF_RESOURCES = 0xA700  # (PS3.4 B.2.3)


class Passed(NamedTuple):
    """One object that was sent.

    Attributes:
        sop_class: of it.
        uid: its SOP Instance UID.
        digest: the SHA-256 of its data set as it was sent.
        status: that the sender was told; None where it was told nothing.
        at: when the answer passed, by the monotonic clock.
    """

    sop_class: str
    uid: str
    digest: str
    status: int | None
    at: float


@dataclass
class Faults:
    """What the PACS does wrong; each may be changed at any time.

    Attributes:
        refuse: gives the status that an object is refused with, by its number from 1; 0 lets it pass.
        swallow: whether the PACS gets an object and the sender never learns what it said: the connection ends.
        seconds: that it takes longer to answer.
    """

    refuse: Callable[[int], int] = lambda number: 0
    swallow: Callable[[int], bool] = lambda number: False
    seconds: float = 0.0


class RecordingProxy:
    """Listens on a free port of this machine, and passes on what comes to a port.

    Attributes:
        port: that it listens on, the same after it was down.
        faults: that it plays.
    """

    def __init__(self, target: int) -> None:
        """Listen at once, and pass on to `target`, a port of this machine."""
        self.port, self.faults = free_port(), Faults()
        self._target, self._lock = target, threading.Lock()
        self._passed: list[Passed] = []
        self._number = 0
        self._open: set[socket.socket] = set()
        self._listening: socket.socket | None = None
        self.up()

    @property
    def passed(self) -> list[Passed]:
        """Everything that was sent so far."""
        with self._lock:
            return list(self._passed)

    def accepted(self) -> Counter[str]:
        """How often each UID was accepted."""
        return Counter(each.uid for each in self.passed if each.status == 0)

    def up(self) -> None:
        """Listen."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._listen, args=(self._listening,), daemon=True).start()

    def down(self) -> None:
        """Listen no more, and end every connection."""
        if self._listening is not None:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None
        with self._lock:
            ended = list(self._open)
        for each in ended:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _listen(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection(("127.0.0.1", self._target), timeout=60) as pacs:
                with self._lock:
                    self._open |= {client, pacs}
                try:
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    pacs.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    pacs.settimeout(None)
                    waiting: dict[int, _Request] = {}
                    answers = threading.Thread(target=self._answers, args=(pacs, client, waiting), daemon=True)
                    answers.start()
                    self._requests(client, pacs, waiting)
                    answers.join(10)
                finally:
                    with self._lock:
                        self._open -= {client, pacs}
        except OSError:
            return

    def _requests(self, client: socket.socket, pacs: socket.socket, waiting: dict[int, _Request]) -> None:
        """Pass on what the sender says; a C-STORE when it is whole."""
        request = _Request()
        for pdu in _pdus(client):
            if pdu[0] != 4:
                pacs.sendall(pdu)
                continue
            request.add(pdu)
            if not request.whole:
                continue
            done, request = request, _Request()
            if done.command.get(0x0100) != STORE_REQUEST:
                pacs.sendall(b"".join(done.pdus))
                continue
            with self._lock:
                self._number += 1
                done.number = self._number
            status = self.faults.refuse(done.number)
            time.sleep(self.faults.seconds)
            if status:
                self._record(done, status)
                client.sendall(done.answer(status))
            else:
                waiting[done.message] = done
                pacs.sendall(b"".join(done.pdus))
        with contextlib.suppress(OSError):
            pacs.shutdown(socket.SHUT_RDWR)
        for left in list(waiting.values()):
            self._record(left, None)

    def _answers(self, pacs: socket.socket, client: socket.socket, waiting: dict[int, _Request]) -> None:
        """Pass on what the PACS answers."""
        with contextlib.suppress(OSError):
            for pdu in _pdus(pacs):
                if pdu[0] == 4:
                    answer = _Request()
                    answer.add(pdu)
                    about = answer.command.get(0x0120)
                    if answer.command.get(0x0100) == STORE_RESPONSE and isinstance(about, int) and about in waiting:
                        request = waiting[about]
                        if self.faults.swallow(request.number):
                            break
                        del waiting[about]
                        status = answer.command.get(0x0900)
                        self._record(request, status if isinstance(status, int) else None)
                client.sendall(pdu)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _record(self, request: _Request, status: int | None) -> None:
        classes, uid = (str(request.command.get(element, "")) for element in (0x0002, 0x1000))
        with self._lock:
            self._passed.append(Passed(classes, uid, request.digest.hexdigest(), status, time.monotonic()))


@contextmanager
def recording(target: int) -> Iterator[RecordingProxy]:
    """A proxy before a port of this machine, in this block."""
    proxy = RecordingProxy(target)
    try:
        yield proxy
    finally:
        proxy.down()


@dataclass
class _Request:
    """A message (PS3.7 6.3.1) as its PDUs come in, and what its command says."""

    pdus: list[bytes] = field(default_factory=list)
    command: dict[int, int | str] = field(default_factory=dict)
    whole: bool = False
    number: int = 0

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256()
        self._command = b""
        self._context = 0

    @property
    def message(self) -> int:
        found = self.command.get(0x0110, 0)
        return found if isinstance(found, int) else 0

    def add(self, pdu: bytes) -> None:
        """Add a P-DATA-TF (PS3.8 9.3.5)."""
        self.pdus.append(pdu)
        place = 6
        while place < len(pdu):
            length, context, flags = struct.unpack_from(">IBB", pdu, place)
            content = pdu[place + 6 : place + 4 + length]
            self._context = context
            if flags & 1:
                self._command += content
                if flags & 2:
                    self.command = _elements(self._command)
                    self.whole = self.command.get(0x0800) == 0x0101
            else:
                self.digest.update(content)
                self.whole = self.whole or bool(flags & 2)
            place += 4 + length

    def answer(self, status: int) -> bytes:
        """A C-STORE-RSP of this status."""
        fields: list[tuple[int, bytes]] = [
            (0x0100, struct.pack("<H", STORE_RESPONSE)),
            (0x0120, struct.pack("<H", self.message)),
            (0x0800, struct.pack("<H", 0x0101)),
            (0x0900, struct.pack("<H", status)),
        ]
        elements = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in fields)
        command = struct.pack("<HHII", 0, 0, 4, len(elements)) + elements
        return struct.pack(">BxIIBB", 4, len(command) + 6, len(command) + 2, self._context, 3) + command


def _elements(command: bytes) -> dict[int, int | str]:
    """A command set's elements: whole numbers of two bytes, and UIDs."""
    found: dict[int, int | str] = {}
    place = 0
    while place + 8 <= len(command):
        _, element, length = struct.unpack_from("<HHI", command, place)
        value = command[place + 8 : place + 8 + length]
        is_uid = element in (0x0002, 0x0003, 0x1000)
        found[element] = value.decode("ascii", "replace").strip("\0 ") if is_uid else int.from_bytes(value, "little")
        place += 8 + length
    return found


def _pdus(connection: socket.socket) -> Iterator[bytes]:
    """Whole PDUs, until the connection ends."""
    while head := _exactly(connection, 6):
        body = _exactly(connection, int.from_bytes(head[2:], "big"))
        if body is None:
            return
        yield head + body


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    blocks = []
    while length:
        try:
            block = connection.recv(min(length, 1 << 18))
        except OSError:
            return None
        if not block:
            return None
        blocks.append(block)
        length -= len(block)
    return b"".join(blocks)
