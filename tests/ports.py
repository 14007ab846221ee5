"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

# The kernel gives callers ports from 32768 (ip_local_port_range): none of them takes one before its server is there.
_PORTS = range(20_000, 30_000)
_draw = random.SystemRandom()  # which no test seeds: two of them would draw the same


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    while True:
        port = _draw.choice(_PORTS)
        with socket.socket() as listening, suppress(OSError):
            listening.bind(("127.0.0.1", port))
            return port
