"""A film that a caller stores: written as it comes, checked, kept, enqueued, and only then acknowledged."""

from __future__ import annotations

import logging
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from hilum.errors import FilmError, HilumError, StoreError
from hilum.pacs.dimse import NO_MATCH, NO_ROOM, NOT_UNDERSTOOD, SUCCESS, Command
from hilum.pacs.facts import is_uid, read_facts
from hilum.pacs.logs import log_event
from hilum.pacs.offers import RADIOGRAPHS
from hilum.pacs.pdus import IMPLEMENTATION, IMPLEMENTATION_NAME
from hilum.pacs.records import Arrival, FilmFacts
from hilum.pacs.settings import Receive
from hilum.pacs.spool import Spool, SpoolFile


class StoreReply(NamedTuple):
    """The reply to a C-STORE.

    Attributes:
        status: as PS3.4, table B.2-1 counts.
        comment: for a person, without anything that the film holds.
    """

    status: int
    comment: str = ""


_STOPPING = StoreReply(NO_ROOM, "the node is being stopped; send it again")
_FULL = StoreReply(NO_ROOM, "the node cannot store films now; send it again later")
_UNREADABLE = StoreReply(NOT_UNDERSTOOD, "not a whole DICOM object, or one without right UIDs")
_ANOTHER = StoreReply(NO_MATCH, "the data set's UIDs are not those of the command")
_NO_UID = StoreReply(NOT_UNDERSTOOD, "the command's UIDs are none")
_PIXELS = StoreReply(NOT_UNDERSTOOD, "more pixels than this node takes")
_FRAMES = StoreReply(NOT_UNDERSTOOD, "more frames than this node takes")
_REFUSED = StoreReply(NOT_UNDERSTOOD, "the node does not take this object")


class TooLargeError(Exception):
    """An object has more bytes than one may have."""


class Storing:
    """Takes films for a spool, for all associations.

    Attributes:
        statuses: how many C-STORE replies there were, by status.
    """

    def __init__(self, settings: Receive, spool: Spool, accept: Callable[[Arrival], None]) -> None:
        """Begin to take films.

        Args:
            settings: for the limits and our AE title.
            spool: for the films.
            accept: enqueues a film; whatever it raises, the film is not acknowledged, and removed.
        """
        self.statuses: Counter[int] = Counter()
        self._settings, self._spool, self._accept = settings, spool, accept
        self._counting = threading.Lock()
        self._enqueueing = threading.Condition()
        self._within = 0
        self._closed = False

    def begin(self, command: Command, abstract: str, syntax: str, caller: str) -> Incoming:
        """A C-STORE has come; its data set follows.

        Args:
            command: the C-STORE.
            abstract: the SOP class of its presentation context.
            syntax: the transfer syntax of its presentation context.
            caller: the calling AE title.
        """
        most = self._settings.limits.instance_mib << 20
        if not (is_uid(command.sop_class) and is_uid(command.instance)):
            return Incoming(self, command, caller, most, None, _NO_UID)
        if command.sop_class != abstract:
            return Incoming(self, command, caller, most, None, _ANOTHER)
        try:
            film = self._spool.begin(caller)
        except StoreError as error:
            _refused("no film can be stored", str(error), logging.ERROR)
            return Incoming(self, command, caller, most, None, _FULL)
        incoming = Incoming(self, command, caller, most, film, None)
        incoming.write(file_meta(command.sop_class, command.instance, syntax, caller, self._settings.ae_title))
        return incoming

    def close(self) -> None:
        """Enqueue nothing any more: when this returns, no film is being enqueued, and none will be acknowledged."""
        with self._enqueueing:
            self._closed = True
            self._enqueueing.wait_for(lambda: not self._within)

    def keep(self, film: SpoolFile, facts: FilmFacts, caller: str) -> StoreReply:
        """Have a film on the disk and in the queue, in this order; of what fails nothing is left."""
        with self._enqueueing:
            if self._closed:
                return _STOPPING
            self._within += 1
        path = None
        try:
            path = film.keep()
            self._accept(Arrival(path, facts, caller))
            return StoreReply(SUCCESS)
        except StoreError as error:
            _refused("a film could not be stored", str(error), logging.ERROR)
            answer = _FULL
        except HilumError as error:
            _refused("a film was refused", str(error))
            answer = _REFUSED
        except Exception as error:  # whatever it is, the film is not safe, and its sender has to know
            _refused("a film could not be enqueued", type(error).__name__, logging.ERROR)
            answer = _FULL
        finally:
            with self._enqueueing:
                self._within -= 1
                self._enqueueing.notify_all()
        if path is not None:
            self._discard(film, path)
        return answer

    def check(self, facts: FilmFacts, command: Command) -> StoreReply | None:
        """What is wrong with a whole object; None if nothing is."""
        limits = self._settings.limits
        if (facts.sop_class, facts.instance) != (command.sop_class, command.instance):
            return _ANOTHER
        if facts.sop_class in RADIOGRAPHS and facts.rows * facts.columns > limits.pixels:
            return _PIXELS
        if facts.sop_class in RADIOGRAPHS and facts.frames > limits.frames:
            return _FRAMES
        return None

    def count(self, answer: StoreReply) -> None:
        """Count a reply."""
        with self._counting:
            self.statuses[answer.status] += 1

    def _discard(self, film: SpoolFile, path: Path) -> None:
        with suppress(StoreError):
            self._spool.remove(path)


class Incoming:
    """An object that is being received."""

    def __init__(
        self,
        storing: Storing,
        command: Command,
        caller: str,
        most: int,
        film: SpoolFile | None,
        answer: StoreReply | None,
    ) -> None:
        self._storing, self._command, self._caller = storing, command, caller
        self._left = most
        self._film, self._answer = film, answer

    def write(self, content: bytes | memoryview) -> None:
        """Take more of it; once it is refused nothing more is written, and the caller hears so at its end.

        Raises:
            TooLargeError: it has more bytes than allowed.
        """
        self._left -= len(content)
        if self._left < 0:
            raise TooLargeError
        if self._film is None:
            return
        try:
            self._film.write(content)
        except StoreError as error:
            _refused("a film could not be stored", str(error), logging.ERROR)
            self._answer = _FULL
            self.drop()

    def end(self) -> StoreReply:
        """All of it is there: keep and enqueue it, or refuse it."""
        answer = self._answer or self._kept()
        self.drop()
        self._storing.count(answer)
        return answer

    def drop(self) -> None:
        """Leave nothing of it."""
        if self._film is not None:
            self._film.close()
            self._film = None

    def _kept(self) -> StoreReply:
        assert self._film is not None
        try:
            self._film.flush()
            facts = read_facts(self._film.path)
        except FilmError as error:
            _refused("an object was refused", error.reason)
            return _UNREADABLE
        except (StoreError, OSError) as error:
            _refused("a film could not be stored", str(error), logging.ERROR)
            return _FULL
        return self._storing.check(facts, self._command) or self._storing.keep(self._film, facts, self._caller)


def _refused(event: str, why: str, level: int = logging.WARNING) -> None:
    """Write why a film was not acknowledged, in words that hold nothing of it."""
    log_event(event, level=level, why=why)


def file_meta(sop_class: str, instance: str, syntax: str, caller: str, called: str) -> bytes:
    """The head of a file (PS3.10, section 7.1): preamble, prefix, and the meta information.

    Args:
        sop_class: of the object, a UID.
        instance: likewise.
        syntax: its transfer syntax.
        caller: the AE title that has sent it (0002,0017).
        called: the AE title that has received it (0002,0018).
    """
    elements = [
        struct.pack("<HH2sxxL", 2, 0x0001, b"OB", 2) + b"\0\1",
        _text(0x0002, b"UI", sop_class),
        _text(0x0003, b"UI", instance),
        _text(0x0010, b"UI", syntax),
        _text(0x0012, b"UI", IMPLEMENTATION),
        _text(0x0013, b"SH", IMPLEMENTATION_NAME),
        _text(0x0017, b"AE", caller),
        _text(0x0018, b"AE", called),
    ]
    body = b"".join(elements)
    return b"\0" * 128 + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(body)) + body


def _text(number: int, vr: bytes, text: str) -> bytes:
    value = text.encode("latin-1", "replace")
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", 2, number, vr, len(value)) + value
