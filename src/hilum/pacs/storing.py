"""A film that a caller stores: written, checked, kept, enqueued, and only then acknowledged."""

from __future__ import annotations

import logging
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from hilum.errors import FilmError, HilumError, StoreError
from hilum.pacs.facts import read_facts
from hilum.pacs.identity import derived_uid, is_uid
from hilum.pacs.logs import log_event
from hilum.pacs.offers import RADIOGRAPHS
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


class Transferred(NamedTuple):
    """An object as a C-STORE brings it.

    Attributes:
        sop_class: affected SOP class.
        instance: affected SOP instance.
        abstract: the SOP class of the presentation context.
        syntax: the transfer syntax of the presentation context.
        caller: the calling AE title.
        data: the data set as it was sent.
    """

    sop_class: str
    instance: str
    abstract: str
    syntax: str
    caller: str
    data: memoryview


# Status codes (PS3.4, table B.2-1).
SUCCESS, NO_ROOM, NO_MATCH, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
IMPLEMENTATION, IMPLEMENTATION_NAME = derived_uid("implementation"), "HILUM"

_STOPPING = StoreReply(NO_ROOM, "the node is being stopped; send it again")
_FULL = StoreReply(NO_ROOM, "the node cannot store films now; send it again later")
_UNREADABLE = StoreReply(NOT_UNDERSTOOD, "not a whole DICOM object, or one without right UIDs")
_ANOTHER = StoreReply(NO_MATCH, "the data set's UIDs are not those of the command")
_NO_UID = StoreReply(NOT_UNDERSTOOD, "the command's UIDs are none")
_PIXELS = StoreReply(NOT_UNDERSTOOD, "more pixels than this node takes")
_FRAMES = StoreReply(NOT_UNDERSTOOD, "more frames than this node takes")
_REFUSED = StoreReply(NOT_UNDERSTOOD, "the node does not take this object")


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

    def store(self, film: Transferred) -> StoreReply:
        """Take an object; the reply says success only of what is on the disk and in the queue."""
        reply = self._stored(film)
        with self._counting:
            self.statuses[reply.status] += 1
        return reply

    def _stored(self, film: Transferred) -> StoreReply:
        if not (is_uid(film.sop_class) and is_uid(film.instance)):
            return _NO_UID
        if film.sop_class != film.abstract:
            return _ANOTHER
        try:
            with self._spool.writing(film.caller) as file:
                file.write(
                    file_meta(film.sop_class, film.instance, film.syntax, film.caller, self._settings.ae_title)
                )
                file.write(film.data)
                file.flush()
                facts = read_facts(file.path)
                return self._wrong(facts, film) or self._keep(file, facts, film.caller)
        except FilmError as error:
            _log_failure("an object was refused", error.reason)
            return _UNREADABLE
        except (StoreError, OSError) as error:
            _log_failure("a film could not be stored", str(error), logging.ERROR)
            return _FULL
        except Exception as error:  # bytes from anywhere: a mistake of ours is no reason to end the association
            _log_failure("an object was refused", type(error).__name__, logging.ERROR)
            return _UNREADABLE

    def close(self) -> None:
        """Enqueue nothing any more: when this returns, no film is being enqueued, and none will be acknowledged."""
        with self._enqueueing:
            self._closed = True
            self._enqueueing.wait_for(lambda: not self._within)

    def _keep(self, film: SpoolFile, facts: FilmFacts, caller: str) -> StoreReply:
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
            _log_failure("a film could not be stored", str(error), logging.ERROR)
            reply = _FULL
        except HilumError as error:
            _log_failure("a film was refused", str(error))
            reply = _REFUSED
        except Exception as error:  # whatever it is, the film is not safe, and its sender has to know
            _log_failure("a film could not be enqueued", type(error).__name__, logging.ERROR)
            reply = _FULL
        finally:
            with self._enqueueing:
                self._within -= 1
                self._enqueueing.notify_all()
        if path is not None:
            with suppress(StoreError):
                self._spool.remove(path)
        return reply

    def _wrong(self, facts: FilmFacts, film: Transferred) -> StoreReply | None:
        """What is wrong with a whole object; None if nothing is."""
        limits = self._settings.limits
        if (facts.sop_class, facts.instance) != (film.sop_class, film.instance):
            return _ANOTHER
        if facts.sop_class in RADIOGRAPHS and facts.rows * facts.columns > limits.pixels:
            return _PIXELS
        if facts.sop_class in RADIOGRAPHS and facts.frames > limits.frames:
            return _FRAMES
        return None


def _log_failure(event: str, why: str, level: int = logging.WARNING) -> None:
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
