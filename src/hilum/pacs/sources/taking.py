"""A film that a source has found: into the spool, then into the queue, as one that was sent to the node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from hilum.errors import FilmError, HilumError, StoreError
from hilum.pacs.facts import read_facts
from hilum.pacs.records import Arrival
from hilum.pacs.settings import MIB
from hilum.pacs.spool import Spool

Accept = Callable[[Arrival], None]


class Cursors(Protocol):
    """Where sources have got to, kept in the database."""

    def cursor(self, name: str) -> str:
        """The place up to which a source was read; empty where it never was."""

    def move_cursor(self, name: str, value: str) -> None:
        """Keep the place up to which a source was read."""


class LeftAlone(HilumError):
    """What a source offers is no film that the node can take; it stays where it is. Why, without what it holds."""


class FilmIntake:
    """The way of a source's films into the node.

    Attributes:
        name: of the source.
    """

    def __init__(self, name: str, spool: Spool, accept: Accept, instance_mib: int) -> None:
        """Take what it needs.

        Args:
            name: of the source.
            spool: where films are kept.
            accept: enqueues a film.
            instance_mib: that a film has at most.
        """
        self.name = name
        self._spool, self._accept, self._limit = spool, accept, instance_mib * MIB

    def take(self, blocks: Iterable[bytes]) -> None:
        """Have a film answered; when this returns, it is safe and enqueued.

        Args:
            blocks: the file's content; it is read as far as the limit of its size.

        Raises:
            LeftAlone: it is no DICOM, too large, or refused by the queue.
            StoreError: the disk or the database is full, or does not answer; the film was not taken.
            HilumError: whatever `blocks` raises.
        """
        with self._spool.writing(self.name) as film:
            size = 0
            for block in blocks:
                size += len(block)
                if size > self._limit:
                    raise LeftAlone(f"more than {self._limit // MIB} MiB")
                film.write(block)
            film.flush()
            try:
                facts = read_facts(film.path)
            except FilmError as error:
                raise LeftAlone(error.reason) from None
            path = film.keep()
        try:
            self._accept(Arrival(path, facts, self.name))
        except StoreError:
            self._spool.remove(path)
            raise
        except HilumError as error:
            self._spool.remove(path)
            raise LeftAlone(str(error)) from None
