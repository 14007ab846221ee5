"""The processes that read films, as programs: started ahead of everything else, they load what they need meanwhile.

This module imports next to nothing, so that a service can start them first.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from hilum.errors import HilumError


class ReaderProcess(NamedTuple):
    """A process that waits for its first message.

    Attributes:
        process: the program.
        pipe: to it; it ends once this is closed.
    """

    process: subprocess.Popen[bytes]
    pipe: Connection


_ahead: list[ReaderProcess] = []


def start_ahead(number: int) -> None:
    """Start so many processes before anything else is loaded; whoever asks for one first is given these."""
    with suppress(HilumError):  # said to whoever asks for one
        _ahead.extend(_started() for _ in range(number))


def reader_process() -> ReaderProcess:
    """A process that was started ahead, or a new one.

    Raises:
        HilumError: none can be started.
    """
    return _ahead.pop() if _ahead else _started()


def _started() -> ReaderProcess:
    ours, theirs = socket.socketpair()
    hidden = [name for name in os.environ if name.startswith("HILUM_") and name != "HILUM_CACHE"]
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hilum.answering.reading.worker", str(theirs.fileno())]
    nowhere = subprocess.DEVNULL
    with theirs:
        try:
            process = subprocess.Popen(
                command, env=environment, pass_fds=[theirs.fileno()], stdin=nowhere, stdout=nowhere, stderr=nowhere
            )
        except OSError as error:
            ours.close()
            raise HilumError(f"the process that reads films cannot be started: {error.strerror or error}") from None
    return ReaderProcess(process, Connection(ours.detach()))
