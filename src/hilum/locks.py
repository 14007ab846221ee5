"""One process at a time: folders that processes take turns in, and outputs that have one writer.

A lock is a file that its holder keeps open; the system releases it when the holder ends, however it ends. The lock
of an output says who holds it, and is removed when the writing ends; after a kill it stays until the next writer.
"""

from __future__ import annotations

import inspect
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from hilum.errors import RequestError
from hilum.files import hidden_beside
from hilum.progress import first_process
from hilum.streams import is_stream

logger = logging.getLogger("hilum")

P = ParamSpec("P")
R = TypeVar("R")

_PATIENCE_SECONDS = 3.0  # a shorter wait for another process is not worth a line
_MARK = "hilum "  # what a holder has written begins so
_MAX_NOTE_BYTES = 400
_INSTEAD = "wait until that has ended, or name another --out"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder, which is made, against every other process that asks for it; wait for one that holds it.

    A process that ends, however it does, holds nothing any more.

    Raises:
        OSError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except Timeout:
        logger.warning(f"waiting for another Hilum process that writes to {folder} …")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def sole_writer(out: Path, *, folder: bool = False, instead: str = _INSTEAD) -> Iterator[None]:
    """Hold an output against every other process that would write it; refuse where one does.

    The lock of a file is `.NAME.lock` beside it, where its links lead to; that of a folder, which is made, is `.lock`
    in it. What is no file, such as a pipe, has no lock. Of several processes that train together the first one locks.

    Args:
        out: what is written.
        folder: whether it is a folder.
        instead: what to do where another process writes it.

    Raises:
        RequestError: another process writes it, or there is a file in a folder's place or a folder in a file's.
        OSError: its place cannot be written.
    """
    if not first_process():
        yield
        return
    _require_kind(out, folder=folder)
    if is_stream(out):
        yield
        return
    place = Path(os.path.realpath(out))
    inside = place if folder else place.parent
    made = [each for each in (inside, *inside.parents) if not each.exists()]
    inside.mkdir(parents=True, exist_ok=True)
    path = place / ".lock" if folder else hidden_beside(place, ".lock")
    try:
        release = _acquire(path, out, instead)
        try:
            yield
        finally:
            release()
    finally:
        with suppress(OSError):  # what was refused leaves no empty folder
            for each in made:
                each.rmdir()


def one_writer(name: str, *, folder: bool = True) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function that writes an output: it holds that, as `sole_writer` does, while it runs.

    Args:
        name: of the parameter that names the output; None is no output.
        folder: whether it is a folder.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @wraps(function)
        def held(*args: P.args, **kwargs: P.kwargs) -> R:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            out = bound.arguments[name]
            if out is None:
                return function(*args, **kwargs)
            with sole_writer(Path(out), folder=folder):
                return function(*args, **kwargs)

        return held

    return decorate


def _require_kind(out: Path, *, folder: bool) -> None:
    if folder and (is_stream(out) or (out.exists() and not out.is_dir())):
        raise RequestError(f"--out {out}: a folder is written, and this is none; name another one")
    if not folder and out.is_dir():
        raise RequestError(f"--out {out}: a file is written, and this is a folder; name a file in it")


def _acquire(path: Path, out: Path, instead: str) -> Callable[[], None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.3)  # a holder that is just ending removes its file
    except Timeout:
        if not path.exists():  # filelock tries again where a file cannot be made, as in /proc
            raise RequestError(f"{out}: no file can be made in this folder; name another --out") from None
        raise RequestError(f"{out}: {_holder(path)} is writing it; {instead}") from None
    except OSError as error:
        raise OSError(error.errno or 0, error.strerror or str(error), str(out)) from None
    _sign(path)

    def release() -> None:
        # Removed while it is held: whoever opened it meanwhile finds that it has no name any more, and tries again.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()

    return release


def _sign(path: Path) -> None:
    """Write into the lock's file who holds it; what a file system without locks keeps there is left alone."""
    note = f"{_MARK}process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}\n"
    with suppress(OSError), path.open("r+b") as file:
        before = file.read(_MAX_NOTE_BYTES)
        if not before or before.startswith(_MARK.encode()):
            file.seek(0)
            file.truncate()
            file.write(note.encode("utf-8", "replace"))


def _holder(path: Path) -> str:
    try:
        note = path.read_bytes()[:_MAX_NOTE_BYTES].decode("utf-8", "replace")
    except OSError:  # Windows lets nobody else read what is locked
        note = ""
    line = note.removeprefix(_MARK).strip()
    return line if note.startswith(_MARK) and line.isprintable() else "another process"
