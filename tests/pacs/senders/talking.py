"""Peers that answer a C-STORE as they are told to, byte by byte, and a sender to call them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from hilum.pacs.senders.c_store import CStoreSender
from hilum.pacs.settings import Destination

Talk = Callable[[socket.socket], None]


@contextmanager
def opened(port: int, **settings: object) -> Iterator[CStoreSender]:
    destination = Destination(**{"name": "archive", "kind": "c-store", "port": port, "seconds": 5.0, **settings})  # type: ignore[arg-type]
    sender = CStoreSender(destination)
    try:
        yield sender
    finally:
        sender.close()


@contextmanager
def peer(*talks: Talk) -> Iterator[int]:
    """Someone who listens, and says to each that connects what he is told to; gives his port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for talk in talks:
                connection, _ = listening.accept()
                with connection, suppress(ConnectionError):  # the other side ends it where it has enough
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)
        assert not thread.is_alive()


def read_pdu(connection: socket.socket) -> bytes:
    head = connection.recv(6, socket.MSG_WAITALL)
    return head + connection.recv(struct.unpack(">I", head[2:])[0], socket.MSG_WAITALL)


def accept(connection: socket.socket) -> None:
    """Accept whatever it proposes."""
    request = A_ASSOCIATE_RQ()
    request.decode(read_pdu(connection))
    primitive = request.to_primitive()
    results = []
    for context in primitive.presentation_context_definition_list:
        context.result = 0
        results.append(context)
    primitive.presentation_context_definition_results_list = results
    answer = A_ASSOCIATE_AC()
    answer.from_primitive(primitive)
    connection.sendall(answer.encode())


def take(connection: socket.socket) -> None:
    """Read a C-STORE to its end."""
    while True:
        pdu = read_pdu(connection)
        if pdu[0] == 4 and pdu[11] == 2:  # the last fragment of a data set
            return


def answer(connection: socket.socket, *, status: int = 0, field: int = 0x8001, message: int = 1) -> None:
    values = ((0x0100, field), (0x0120, message), (0x0800, 0x0101), (0x0900, status))
    command = b"".join(struct.pack("<HHIH", 0, element, 2, value) for element, value in values)
    connection.sendall(struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command)


def takes(*statuses: int) -> Talk:
    """Take as many C-STOREs, each with a status."""

    def talk(connection: socket.socket) -> None:
        accept(connection)
        for message, status in enumerate(statuses, 1):
            take(connection)
            answer(connection, status=status, message=message)

    return talk


def silent(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass
