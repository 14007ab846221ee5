"""The node's folder: films until they are answered, results until they are sent, and what was set apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hilum.errors import StoreError
from hilum.files import hidden_beside
from hilum.locks import sole_writer
from hilum.pacs.identity import ResultKind
from hilum.pacs.spool import Spool
from hilum.store import Database


class NodeFolders:
    """Where a node's files are; names are random numbers and hashes, and only this user may look into them.

    Attributes:
        films: the spool.
        results: reports and captures that are to be sent, or were.
        shadow: those of the shadow mode, which are to be read by people.
        quarantine: films that were set apart.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folders where they are missing.

        Raises:
            StoreError: they cannot be made, or written to.
        """
        self.folder = folder
        self.films = Spool(folder / "films")
        self.results, self.shadow, self.quarantine = (folder / name for name in ("results", "shadow", "quarantine"))
        for each in (self.results, self.shadow, self.quarantine):
            try:
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"{each}: {error.strerror}; name another folder, or change its permissions"
                ) from None
        for each in (folder, self.films.folder, self.results, self.shadow, self.quarantine):
            if not os.access(each, os.R_OK | os.W_OK | os.X_OK):
                raise StoreError(f"{each}: cannot be written to; name another node.folder, or change its permissions")

    @contextmanager
    def held(self, name: str, database: Database) -> Iterator[None]:
        """Hold a node's name in this folder against every other process; on SQLite the store and the folder, too.

        What lies in the folder without a row in the store is swept up as films that were sent. So nodes share it
        where they share a store, and SQLite is one node's.

        Raises:
            RequestError: another process holds them; the line names it.
        """
        instead = "a node runs with it already: stop that one, or change node.name, node.store and node.folder"
        with ExitStack() as held:
            held.enter_context(sole_writer(self.folder / name, instead=instead))
            if database.file is not None:
                held.enter_context(sole_writer(self.folder, folder=True, instead=instead))
                held.enter_context(sole_writer(database.file, instead=instead))
            yield

    def named(self, path: Path) -> str:
        """A file of the folder, as a film's row names it."""
        return path.relative_to(self.folder).as_posix()

    def file(self, named: str) -> Path:
        """The path of a file that a film's row names."""
        return self.folder / named

    def result(self, workflow_id: str, kind: ResultKind, *, shadow: bool = False) -> Path:
        """Where a film's result is."""
        return (self.shadow if shadow else self.results) / f"{workflow_id}-{kind}.dcm"

    def write(self, path: Path, content: bytes) -> None:
        """Write a result whole or not at all; it outlives a power cut, or is missing after one.

        Raises:
            StoreError: the disk is full, or cannot be written to.
        """
        part = hidden_beside(path, f".{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise StoreError(f"{path.parent}: {error.strerror}; make room, or name another folder") from None

    def set_apart(self, path: Path) -> Path:
        """Move a film into quarantine and give its path there; one that was moved already stays there.

        Raises:
            StoreError: it cannot be moved.
        """
        there = self.quarantine / path.name
        try:
            with suppress(FileNotFoundError):
                path.replace(there)
        except OSError as error:
            raise StoreError(f"{self.quarantine}: {error.strerror}; make room, or change its permissions") from None
        return there
