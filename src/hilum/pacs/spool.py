"""Films as they arrive, each whole on the disk before anybody is told that it is."""

from __future__ import annotations

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from hilum.errors import RequestError, StoreError
from hilum.pacs.facts import read_facts
from hilum.pacs.records import Arrival

_KEPT = ".dcm"
_WRITING = ".part"
_UNTOUCHED_SECONDS = 60.0  # before a file that nobody holds is taken for one that a killed process left
# Of a disk this much is left for what follows from a film: its row, its report.
_RESERVE_SHARE, _RESERVE_BYTES = 0.01, 128 << 20
_LONGEST_SOURCE = 64  # bytes; it is written in a file's name, two letters a byte


class Spool:
    """A folder of films. Several processes, of several nodes too, may share it.

    A file is named by a random number and by its source (in hexadecimal), never by what it holds. It belongs to
    whoever has its path: the spool itself removes only what a killed process has left half written.

    Attributes:
        folder: which only this user may look into.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing.

        Raises:
            StoreError: it cannot be made.
        """
        self.folder = folder
        with _written(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(folder.parent)

    @contextmanager
    def writing(self, source: str = "") -> Iterator[SpoolFile]:
        """A film that comes in blocks; unless it is kept, nothing of it is left after the `with` block.

        Args:
            source: the calling AE title, or the name of the source; at most 64 bytes.

        Raises:
            RequestError: the source's name is longer.
            StoreError: the disk is full, or cannot be written to.
        """
        letters = source.encode("utf-8", "surrogatepass")
        if len(letters) > _LONGEST_SOURCE:
            raise RequestError(f"a source's name has at most {_LONGEST_SOURCE} bytes, this one {len(letters)}")
        with _written(self.folder):
            disk = os.statvfs(self.folder)
            if disk.f_bavail * disk.f_frsize < min(_RESERVE_BYTES, _RESERVE_SHARE * disk.f_blocks * disk.f_frsize):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        film = SpoolFile(self.folder, f"{uuid.uuid4().hex}-{letters.hex()}")
        try:
            yield film
        finally:
            film.close()

    def remove(self, path: Path) -> None:
        """Remove a film; one that is not there is no error."""
        with _written(self.folder):
            path.unlink(missing_ok=True)

    def sweep(self) -> list[Path]:
        """Every film that is kept, the oldest first; what a killed process has left half written is removed.

        Raises:
            StoreError: the folder cannot be read.
        """
        kept: list[tuple[float, Path]] = []
        with _written(self.folder), os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # another node has removed it meanwhile
                    written = entry.stat(follow_symlinks=False).st_mtime
                    if entry.name.endswith(_KEPT):
                        kept.append((written, Path(entry.path)))
                    elif entry.name.endswith(_WRITING) and time.time() - written > _UNTOUCHED_SECONDS:
                        _remove_abandoned(entry.path)
        return [path for _, path in sorted(kept)]

    def arrival(self, path: Path) -> Arrival:
        """A film of the spool as it arrived, read again.

        Raises:
            FilmError: as for `read_facts`.
            OSError: it cannot be read.
        """
        return Arrival(path, read_facts(path), source_of(path))


class SpoolFile:
    """A film that is being written, under a name of its own until it is whole."""

    def __init__(self, folder: Path, stem: str) -> None:
        self._folder, self._stem = folder, stem
        self._temporary = folder / f".{stem}{_WRITING}"
        with _written(folder):
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
            self._file: BinaryIO | None = os.fdopen(os.open(self._temporary, flags, 0o600), "w+b", 1 << 16)
            # As long as this process lives nobody takes the file for an abandoned one; a kill undoes it by itself.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def path(self) -> Path:
        """The file under its temporary name."""
        return self._temporary

    def write(self, block: bytes | memoryview) -> None:
        """Add a block.

        Raises:
            StoreError: the disk is full, or cannot be written to.
        """
        with _written(self._folder):
            self._open.write(block)

    def flush(self) -> None:
        """Have everything so far in the file, for whoever reads it by its path.

        Raises:
            StoreError: the disk is full, or cannot be written to.
        """
        with _written(self._folder):
            self._open.flush()

    def keep(self) -> Path:
        """Have the file whole on the disk, under the name by which `Spool.sweep` finds it.

        Raises:
            StoreError: the disk is full, or cannot be written to; the file is gone when the `with` block ends.
        """
        path = self._folder / f"{self._stem}{_KEPT}"
        with _written(self._folder):
            self._open.flush()
            os.fsync(self._open.fileno())
            self._temporary.rename(path)
            try:
                _sync_folder(self._folder)
            except OSError:
                path.unlink(missing_ok=True)
                raise
        return path

    def close(self) -> None:
        """Remove what was not kept."""
        if self._file is not None:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            with suppress(OSError):  # of a full disk: what could not be written is not wanted any more
                self._file.close()
            self._file = None

    @property
    def _open(self) -> BinaryIO:
        assert self._file is not None
        return self._file


def source_of(path: Path) -> str:
    """Where a film of the spool came from, by its name; empty where it does not say.

    >>> source_of(Path("00ff-43542d31.dcm"))
    'CT-1'
    """
    try:
        return bytes.fromhex(path.stem.partition("-")[2]).decode("utf-8", "surrogatepass")
    except ValueError:
        return ""


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned(path: str) -> None:
    """Remove a half-written file unless a process holds it."""
    with open(path, "rb") as file, suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """Say of the system's errors what they mean here.

    Raises:
        StoreError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "it cannot be written to"
        raise StoreError(f"{folder}: {reason}; make room, name another folder, or change its permissions") from None
