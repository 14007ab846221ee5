"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket
import sys
from contextlib import suppress

# The kernel gives callers ports from 32768 (ip_local_port_range): none of them takes one before its server is there.
_PORTS = range(20_000, 30_000)
_draw = random.SystemRandom()  # which no test seeds: two of them would draw the same
_given: dict[int, socket.socket] = {}  # each with a mark that other processes see for as long as this one is there


def free_port() -> int:
    """A port of this machine that nobody listens on, and that was given to no other server of a test."""
    while True:
        port, mark = _draw.choice(_PORTS), socket.socket(socket.AF_UNIX)
        with socket.socket() as listening, suppress(OSError):
            if sys.platform == "linux":
                mark.bind(f"\0hilum-test-port-{port}")
            if port not in _given:
                listening.bind(("127.0.0.1", port))
                _given[port] = mark
                return port
        mark.close()
