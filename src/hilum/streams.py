"""Outputs that are no files: the standard streams, other open descriptors, pipes and devices."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hilum.errors import RequestError

_STANDARD = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")
_BLOCK = 1 << 20


def is_stream(path: Path) -> bool:
    """Whether a name stands for something that is no file or folder, and that is written from end to end, once.

    >>> is_stream(Path("-")), is_stream(Path("/dev/stdout")), is_stream(Path("predictions.csv"))
    (True, True, False)
    """
    if _number_of(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def open_stream(path: Path) -> int:
    """Open a stream to write to; gives a descriptor, which the caller closes.

    A descriptor that this process has is written to where it stands: `/dev/stdout` of a redirected command appends to
    the file, and does not begin it anew.

    Raises:
        RequestError: a pipe that nobody reads, a socket, or a disk.
        OSError: it cannot be opened.
    """
    number = _number_of(path)
    try:
        if number is not None:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            return os.dup(number)
        mode = path.stat().st_mode
        if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
            kind = "a socket" if stat.S_ISSOCK(mode) else "a disk"
            raise RequestError(f"{path}: {kind}, to which no table is written; name a file")
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        os.set_blocking(descriptor, True)
        return descriptor
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise RequestError(f"{path}: a pipe that nobody reads; start its reader first, or name a file") from None
        raise OSError(error.errno or 0, error.strerror or str(error), str(path)) from None


@contextmanager
def sent_to(path: Path) -> Iterator[Path]:
    """Yield a temporary file, whose content goes to a stream when the block ends without an error.

    Raises:
        RequestError: as `open_stream`, before anything is computed.
        OSError: the stream or the temporary folder cannot be written.
    """
    descriptor = open_stream(path)
    try:
        with tempfile.TemporaryDirectory(prefix="hilum-") as folder:
            temporary = Path(folder) / "output"
            yield temporary
            with temporary.open("rb") as file:
                while block := file.read(_BLOCK):
                    try:
                        write_all(descriptor, block)
                    except OSError as error:
                        raise OSError(error.errno or 0, error.strerror, str(path)) from None
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte: one call may take only a part of them, as when a disk fills up."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _number_of(path: Path) -> int | None:
    name = path.as_posix()
    if name in _STANDARD:
        return _STANDARD[name]
    found = _DESCRIPTOR.fullmatch(name)
    return int(found[1]) if found else None
