"""What a connection needs that waits for short answers."""

from __future__ import annotations

import socket


def acknowledge_now(connection: socket.socket) -> None:
    """Have the system acknowledge what comes next at once, and not wait up to 40 ms for something to send along.

    Peers that write an answer in two pieces (DCMTK its PDUs, some web servers) hold the second one back until the
    first is acknowledged. Linux forgets the wish by itself; other systems do not have it.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
