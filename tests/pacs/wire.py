"""DICOM's upper layer by hand (PS3.8 9.3, PS3.7 9.3.1), for what no library would send, and for little work a film.

with Association(port, [(DX, ExplicitVRLittleEndian)]) as association:
    status = association.store(DX, instance, ExplicitVRLittleEndian, data)
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from types import TracebackType

from pydicom import Dataset

from tests.pacs.films import data_set

Proposal = tuple[str, str]  # abstract syntax, transfer syntax
VERIFICATION = "1.2.840.10008.1.1"
_APPLICATION = b"1.2.840.10008.3.1.1.1"
_IMPLEMENTATION = b"2.25.119791730742632725033305549982703185416"
_SECONDS = 60.0


class NotAssociatedError(Exception):
    """The other side did not accept the association, or has ended it."""


class Association:
    """One association; `accepted` holds the presentation context of each proposal that the other side took.

    Args:
        port: on the loopback address.
        proposals: presentation contexts, at most 128.
        called: the other side's AE title.
        calling: ours.
        seconds: that an answer may take.

    Raises:
        NotAssociatedError: it was rejected or aborted.
        OSError: nobody listens.
    """

    def __init__(
        self,
        port: int,
        proposals: Sequence[Proposal],
        called: str = "HILUM",
        calling: str = "TESTS",
        seconds: float = _SECONDS,
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._messages = 0
        try:
            self.socket.sendall(request(proposals, called, calling))
            kind, body = self.receive()
            if kind != 2:
                raise NotAssociatedError(f"PDU {kind} {body[:4].hex()}")
            self.accepted, self._most = _accepted(body, proposals)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> Association:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.release()
        self.socket.close()

    def store(self, sop_class: str, instance: str, syntax: str, data: bytes) -> int:
        """C-STORE: the status that the other side answered with (PS3.4 B.2.3).

        Raises:
            NotAssociatedError: the other side has ended the association instead, or never took this context.
        """
        context = self.accepted.get((sop_class, syntax))
        if context is None:
            raise NotAssociatedError(f"no presentation context for {sop_class} in {syntax}")
        self.begin(context, sop_class, instance)
        self.send(context, data, command=False)
        return self.status()

    def echo(self) -> int:
        """C-ECHO: the status."""
        context = next(number for (abstract, _), number in self.accepted.items() if abstract == VERIFICATION)
        self._messages += 1
        elements = _element(0x0002, _uid(VERIFICATION)) + _element(0x0100, struct.pack("<H", 0x0030))
        elements += _element(0x0110, struct.pack("<H", self._messages % 65536))
        self.send(context, _command(elements + _element(0x0800, struct.pack("<H", 0x0101))), command=True)
        return self.status()

    def begin(self, context: int, sop_class: str, instance: str) -> None:
        """Send the command of a C-STORE, and no data set."""
        self._messages += 1
        elements = _element(0x0002, _uid(sop_class)) + _element(0x0100, struct.pack("<H", 1))
        elements += _element(0x0110, struct.pack("<H", self._messages % 65536)) + _element(0x0700, b"\0\0")
        elements += _element(0x0800, b"\1\0") + _element(0x1000, _uid(instance))
        self.send(context, _command(elements), command=True)

    def send(self, context: int, data: bytes, *, command: bool) -> None:
        """Send a command or a data set in as many PDUs as the other side's limit makes of it."""
        size = self._most - 6
        blocks = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
        written = []
        for number, block in enumerate(blocks):
            flags = command | (number == len(blocks) - 1) << 1
            head = struct.pack(">BxIIBB", 4, len(block) + 6, len(block) + 2, context, flags)
            written.append(head + block)
        try:
            self.socket.sendall(b"".join(written))
        except OSError as error:
            raise NotAssociatedError(str(error)) from error

    def status(self) -> int:
        """Wait for the response to the last command."""
        command = b""
        while True:
            kind, body = self.receive()
            if kind != 4:
                raise NotAssociatedError(f"PDU {kind} {body[:4].hex()}")
            place = 0
            while place < len(body):
                (length,) = struct.unpack_from(">I", body, place)
                command += body[place + 6 : place + 4 + length]
                last = body[place + 5] & 2
                place += 4 + length
            if last:
                return _status(command)

    def release(self) -> None:
        """A-RELEASE, and wait for the other side's."""
        try:
            self.socket.sendall(struct.pack(">BxII", 5, 4, 0))
            self.receive()
        except (OSError, NotAssociatedError):
            pass

    def receive(self) -> tuple[int, bytes]:
        """The next PDU's type and content."""
        try:
            kind, length = struct.unpack(">BxI", self._exactly(6))
            return kind, self._exactly(length)
        except OSError as error:
            raise NotAssociatedError(str(error)) from error

    def _exactly(self, length: int) -> bytes:
        blocks = []
        while length:
            block = self.socket.recv(min(length, 1 << 16))
            if not block:
                raise NotAssociatedError("the other side has closed the connection")
            blocks.append(block)
            length -= len(block)
        return b"".join(blocks)


def store(port: int, ds: Dataset, called: str = "HILUM", calling: str = "TESTS") -> int:
    """Send one film over an association of its own: the status."""
    proposal = (str(ds.SOPClassUID), str(ds.file_meta.TransferSyntaxUID))
    with Association(port, [proposal], called, calling) as association:
        return association.store(proposal[0], str(ds.SOPInstanceUID), proposal[1], data_set(ds))


def request(proposals: Sequence[Proposal], called: str = "HILUM", calling: str = "TESTS") -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2)."""
    items = _item(0x10, _APPLICATION)
    for number, (abstract, transfer) in enumerate(proposals):
        syntaxes = _item(0x30, abstract.encode()) + _item(0x40, transfer.encode())
        items += _item(0x20, struct.pack(">Bxxx", 2 * number + 1) + syntaxes)
    items += _item(0x50, _item(0x51, struct.pack(">I", 1 << 16)) + _item(0x52, _IMPLEMENTATION))
    body = struct.pack(">Hxx16s16s32x", 1, called.encode().ljust(16), calling.encode().ljust(16)) + items
    return struct.pack(">BxI", 1, len(body)) + body


def _accepted(body: bytes, proposals: Sequence[Proposal]) -> tuple[dict[Proposal, int], int]:
    """Of an A-ASSOCIATE-AC (PS3.8 9.3.3): the accepted contexts, and the longest PDU that the other side reads."""
    accepted, most, place = {}, 1 << 14, 68
    while place + 4 <= len(body):
        kind, length = struct.unpack_from(">BxH", body, place)
        content = body[place + 4 : place + 4 + length]
        if kind == 0x21 and content[2] == 0:
            accepted[proposals[content[0] // 2]] = content[0]
        if kind == 0x50 and content[0] == 0x51:
            most = struct.unpack_from(">I", content, 4)[0] or 1 << 16
        place += 4 + length
    return accepted, most


def _status(command: bytes) -> int:
    place = 0
    while place + 8 <= len(command):
        group, element, length = struct.unpack_from("<HHI", command, place)
        if (group, element) == (0, 0x0900):
            return int.from_bytes(command[place + 8 : place + 8 + length], "little")
        place += 8 + length
    raise NotAssociatedError("a response without a status")


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _uid(uid: str) -> bytes:
    raw = uid.encode("utf-8", "surrogateescape")
    return raw + b"\0" * (len(raw) % 2)


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value


def _command(elements: bytes) -> bytes:
    return _element(0, struct.pack("<I", len(elements))) + elements
