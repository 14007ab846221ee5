"""Films out of a folder that somebody copies them into."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hilum.errors import RequestError
from hilum.pacs.logs import log_event
from hilum.pacs.sources.taking import FilmIntake, LeftAlone

ACCEPTED = "accepted"  # the folder below the watched one that films are moved to
_OLD_SECONDS = 60.0  # since a file was written to, after which the first look finds it complete
_BLOCK = 1 << 20
_UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", "~")  # of programs that rename when done
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class _Version(NamedTuple):
    """What changes when a file is written to."""

    device: int
    inode: int
    size: int
    written: int


class WatchedFolder:
    """A folder and its subfolders.

    A file is complete when it was the same at two looks, or was not written to for a minute, as one that was moved
    into the folder. A film that was taken is moved to the subfolder `accepted`, which is never looked at: until then
    it is the film of the next look too, and a film that comes twice is answered once. What is no film stays where it
    lies and is named once, by the number that `find -inum` finds it by, since names may be patients'; it is looked at
    again when it is written to. Hidden files, those whose names say that they are unfinished, links, pipes and
    devices are never opened.
    """

    def __init__(self, folder: Path, intake: FilmIntake, now: Callable[[], float] = time.time) -> None:
        """Look at nothing yet.

        Args:
            folder: that is watched.
            intake: takes films.
            now: the clock, in seconds since 1970.

        Raises:
            RequestError: it is no folder, or nothing can be moved in it.
        """
        if not folder.is_dir():
            raise RequestError(
                f"source {intake.name}: folder: {folder}: no such folder; make it, or name another one"
            )
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise RequestError(
                f"source {intake.name}: folder: {folder}: films are moved to {ACCEPTED} in it, and it cannot be "
                "written to; change its owner or its mode"
            )
        self._folder, self._intake, self._now = folder, intake, now
        self._seen: dict[Path, _Version] = {}  # at the last look
        self._left: dict[Path, _Version] = {}  # that are no films, or cannot be moved

    def look(self, stopping: threading.Event) -> int:
        """Take every film that is complete; gives how many.

        Raises:
            StoreError: the film cannot be kept.
        """
        films = 0
        seen: dict[Path, _Version] = {}
        for path, status in self._entries():
            if stopping.is_set():
                break
            version = _version(status)
            seen[path] = version
            if self._left.get(path) == version:
                continue
            if not stat.S_ISREG(status.st_mode):
                kind = next((words for is_kind, words in _KINDS if is_kind(status.st_mode)), "of a special kind")
                self._leave(path, version, f"{kind}, not a file")
            elif status.st_size and self._is_complete(path, version):
                films += self._take(path, version)
        self._seen = seen
        self._left = {path: version for path, version in self._left.items() if path in seen}
        return films

    def check(self) -> None:
        """It was there when this was made."""

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Files, and what is neither file nor folder, with what they are themselves, in the order of their names."""
        pending = [self._folder]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(folder) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:  # it is gone, or is another user's
                self._complain(folder, error)
                continue
            for entry in listed:
                if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # it is gone
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    yield Path(entry.path), status
                elif folder != self._folder or entry.name != ACCEPTED:
                    pending.append(Path(entry.path))

    def _is_complete(self, path: Path, version: _Version) -> bool:
        return self._seen.get(path) == version or self._now() - version.written / 1e9 > _OLD_SECONDS

    def _take(self, path: Path, version: _Version) -> int:
        """1 where a film was taken."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        except OSError as error:
            self._leave(path, version, (error.strerror or "it cannot be opened").lower())
            return 0
        try:
            if _version(os.fstat(descriptor)) != version:
                return 0  # another file meanwhile, or written to: it is one of the next look
            self._intake.take(_blocks(descriptor, version))
        except _Changed:
            return 0
        except (LeftAlone, OSError) as error:
            why = str(error) if isinstance(error, LeftAlone) else (error.strerror or "it cannot be read").lower()
            self._leave(path, version, why)
            return 0
        finally:
            os.close(descriptor)
        self._set_aside(path, version)
        return 1

    def _set_aside(self, path: Path, version: _Version) -> None:
        """Move a film that was taken to the same place below `accepted`, beside others of its name."""
        to = self._folder / ACCEPTED / path.relative_to(self._folder)
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            number = 0
            while os.path.lexists(to):
                number += 1
                to = to.with_name(f"{path.stem}-{number}{path.suffix}")
            path.rename(to)
        except FileNotFoundError:  # another node on the same folder was faster
            return
        except OSError as error:
            why = f"taken, and cannot be moved to {ACCEPTED}: {(error.strerror or 'no reason').lower()}"
            self._leave(path, version, why)

    def _leave(self, path: Path, version: _Version, why: str) -> None:
        self._left[path] = version
        level = logging.WARNING
        log_event("left alone", level=level, source=self._intake.name, why=why, inode=version.inode)

    def _complain(self, folder: Path, error: OSError) -> None:
        version = _Version(0, 0, 0, 0)
        if self._left.get(folder) != version:
            self._leave(folder, version, f"a folder: {(error.strerror or 'it cannot be read').lower()}")


class _Changed(LeftAlone):
    """A file is written to while it is read."""


def _version(status: os.stat_result) -> _Version:
    return _Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _blocks(descriptor: int, version: _Version) -> Iterator[bytes]:
    size = 0
    while block := os.read(descriptor, _BLOCK):
        size += len(block)
        yield block
    if size != version.size or _version(os.fstat(descriptor)) != version:
        raise _Changed("it is written to")
