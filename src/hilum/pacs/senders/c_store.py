"""Results sent by C-STORE (PS3.4 annex B), over associations that stay open."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from pydicom import Dataset
from pydicom.filereader import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hilum.pacs.offers import VERIFICATION
from hilum.pacs.senders.called_peer import CalledPeer
from hilum.pacs.senders.outcomes import Refused, Unreachable
from hilum.pacs.senders.outgoing import read_meta
from hilum.pacs.senders.requested import RequestedAssociation
from hilum.pacs.senders.statuses import StatusReader, refusal
from hilum.pacs.settings import Destination
from hilum.pacs.tls import client_context

_IDLE_SECONDS = 20.0  # that an association stays open unused; peers have few of them


class CStoreSender:
    """A destination that takes C-STORE. It is asked for what is sent to it and for nothing else."""

    def __init__(self, destination: Destination) -> None:
        """Connect to nobody yet.

        Raises:
            RequestError: a certificate or a key cannot be read.
        """
        tls = client_context(destination.tls, whose=f"destination {destination.name}") if destination.tls else None
        self._peer = CalledPeer(
            destination.name,
            destination.host,
            destination.port,
            destination.ae_title,
            destination.calling_ae_title,
            tls,
        )
        self._seconds = destination.seconds
        self._places = threading.BoundedSemaphore(destination.connections)
        self._lock = threading.Lock()
        self._idle: list[tuple[float, RequestedAssociation]] = []  # with when each was used last
        self._needed: list[tuple[str, str]] = []  # abstract and transfer syntaxes that were sent so far
        self._statuses = StatusReader(destination.name)
        self._timer: threading.Timer | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """Of the destination."""
        return self._peer.name

    def send(self, path: Path) -> None:
        """Send a DICOM file; that it was taken is said by returning.

        A file in Explicit VR Little Endian is sent in Implicit VR Little Endian to who takes nothing else. A
        destination that has closed an association since it was used last is asked for another one.

        Raises:
            Refused: the status is a failure, or it does not take objects of this class or transfer syntax.
            Unreachable: there was no answer.
            RequestError: the file is no DICOM of PS3.10.
            OSError: the file cannot be read.
        """
        outgoing = _Outgoing(path)
        with self._places:
            deadline = time.monotonic() + self._seconds
            association = self._idle_association(outgoing)
            if association is not None:
                try:
                    self._store(association, outgoing, deadline)
                    return
                except Unreachable:
                    if association.is_late:
                        raise
                    # Closed at the very moment, and the result never looked at; else the same object comes twice.
                    deadline = time.monotonic() + self._seconds
            self._store(self._new_association(outgoing, deadline), outgoing, deadline)

    def check(self) -> None:
        """Ask whether it is there, by C-ECHO.

        Raises:
            Refused: it answers with a failure, or takes no C-ECHO.
            Unreachable: it does not answer, or does not let this node in.
        """
        deadline = time.monotonic() + self._seconds
        pair = (VERIFICATION, ImplicitVRLittleEndian)
        association = RequestedAssociation(self._peer, [pair], deadline)
        try:
            if pair not in association.contexts:
                raise Refused(f"{self.name} takes no C-ECHO", "not negotiated", may_pass=False)
            status = association.echo(deadline)
        finally:
            association.release()
        if status:
            raise refusal(self.name, status)

    def close(self) -> None:
        """End its associations; those in use when their result is sent."""
        with self._lock:
            self._closed = True
            idle, self._idle = [association for _, association in self._idle], []
            if self._timer:
                self._timer.cancel()
        for association in idle:
            association.release()

    def _store(self, association: RequestedAssociation, outgoing: _Outgoing, deadline: float) -> None:
        pair = next((pair for pair in outgoing.pairs if pair in association.contexts), None)
        if pair is None:
            association.release()  # it may be told to take them meanwhile; the next one asks again
            raise Refused(
                f"{self.name} does not take {outgoing.words}; have it accept that",
                "not negotiated",
                may_pass=True,
            )
        try:
            status, comment = association.store(outgoing.content(pair[1]), deadline)
        except BaseException:
            association.cut()
            raise
        self._keep(association)
        self._statuses.require_taken(status, comment)

    def _idle_association(self, outgoing: _Outgoing) -> RequestedAssociation | None:
        """One that is open and was asked for objects of this kind; others are ended on the way."""
        with self._lock:
            for pair in outgoing.pairs:
                if pair not in self._needed:
                    self._needed.append(pair)
        while True:
            with self._lock:
                if not self._idle:
                    return None
                _, association = self._idle.pop()
            if association.is_gone():
                association.cut()
            elif any(pair in association.contexts for pair in outgoing.pairs):
                return association
            else:
                association.release()

    def _new_association(self, outgoing: _Outgoing, deadline: float) -> RequestedAssociation:
        with self._lock:
            proposed = list(self._needed)
        return RequestedAssociation(self._peer, proposed, deadline)

    def _keep(self, association: RequestedAssociation) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append((time.monotonic(), association))
                if self._timer is None:
                    self._wait_for_idle()
                return
        association.release()

    def _wait_for_idle(self) -> None:
        self._timer = threading.Timer(_IDLE_SECONDS, self._end_idle)
        self._timer.daemon = True
        self._timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            now = time.monotonic()
            old = [association for since, association in self._idle if now - since >= _IDLE_SECONDS]
            self._idle = [each for each in self._idle if now - each[0] < _IDLE_SECONDS]
            self._timer = None
            if self._idle and not self._closed:
                self._wait_for_idle()
        for association in old:
            association.release()


class _Outgoing:
    """A DICOM file, and how it may be sent."""

    def __init__(self, path: Path) -> None:
        self.sop_class, _, self._syntax = read_meta(path)
        self._path = path
        syntaxes = [self._syntax]
        if self._syntax == ExplicitVRLittleEndian:
            # Who asks for an association offers this one for every class (PS3.5 section 10.1); it is everybody's.
            syntaxes.append(str(ImplicitVRLittleEndian))
        self.pairs = [(self.sop_class, syntax) for syntax in syntaxes]

    @property
    def words(self) -> str:
        names = " or ".join(UID(syntax).name for _, syntax in self.pairs)
        return f"{UID(self.sop_class).name} ({self.sop_class}) in {names}"

    def content(self, syntax: str) -> Path | Dataset:
        """What is sent in a transfer syntax of `pairs`: the file, where it is the file's."""
        return self._path if syntax == self._syntax else dcmread(self._path)
