"""Films by C-STORE: a server that says yes only to what lies on the disk and in the queue."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from msgspec import Struct
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import A_ASSOCIATE_AC, P_DATA_TF
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import build_context

from hilum.errors import RequestError
from hilum.pacs.callers import Callers
from hilum.pacs.connections import CallerSocket
from hilum.pacs.offers import VERIFICATION, offers
from hilum.pacs.records import Arrival
from hilum.pacs.seats import Seats
from hilum.pacs.seldom import SeldomLog
from hilum.pacs.server import CallerServer
from hilum.pacs.settings import Receive
from hilum.pacs.spool import Spool
from hilum.pacs.storing import IMPLEMENTATION, IMPLEMENTATION_NAME, Storing, Transferred
from hilum.pacs.tls import server_context

_GRACE_SECONDS = 10.0
_APPLICATION = "1.2.840.10008.3.1.1.1"  # the DICOM application context name (PS3.7, annex A)


class _Rejection(NamedTuple):
    """Why an association is rejected.

    Attributes:
        reason: in the metrics.
        words: in the log.
        codes: result, source and reason (PS3.8, table 9-21).
    """

    reason: str
    words: str
    codes: tuple[int, int, int]


_NO_CONTEXT = _Rejection("context", "it is for another application than DICOM", (1, 1, 2))
_UNKNOWN_CALLER = _Rejection("caller", "its AE title is not in receive.callers", (1, 1, 3))
_ELSEWHERE = _Rejection("address", "its AE title is in receive.callers with other addresses", (1, 1, 3))
_UNKNOWN_CALLED = _Rejection("called", "it calls another AE title than receive.ae_title", (1, 1, 7))
_BUSY = _Rejection("busy", "there are as many as receive.limits allows", (2, 3, 2))
_REJECTIONS = (_NO_CONTEXT, _UNKNOWN_CALLER, _ELSEWHERE, _UNKNOWN_CALLED, _BUSY)


class ReceiverFigures(Struct, frozen=True):
    """What a receiver has done since it was started.

    Attributes:
        associations: that are open now.
        connections: that are open now, with those that have not asked for an association.
        statuses: replies to C-STORE by status, such as `0x0000` and `0xA700`.
        turned_away: connections that were closed before they asked for an association, by reason.
        evicted: associations that had to make room for others.
        rejected: associations that were rejected, by reason.
        in_part: bytes of films that are arriving.
    """

    associations: int
    connections: int
    statuses: dict[str, int]
    turned_away: dict[str, int]
    evicted: int
    rejected: dict[str, int]
    in_part: int = 0


class DicomReceiver:
    """A server for C-ECHO and C-STORE, by pynetdicom."""

    def __init__(self, settings: Receive, spool: Spool, accept: Callable[[Arrival], None]) -> None:
        """Read what it is told; `start` is what opens the port.

        Args:
            settings: `[receive]`.
            spool: where films are kept.
            accept: enqueues a film, and is called by several threads. When it returns the film is acknowledged. Where
                it raises StoreError the caller is told to try again later (0xA700), where it raises another
                HilumError that the film is not taken (0xC000); the file is removed.

        Raises:
            RequestError: an address or a certificate cannot be used.
        """
        self._settings, self._title = settings, settings.ae_title.strip()
        self._callers = Callers(settings.callers)
        self._context = server_context(settings.tls) if settings.tls else None
        self._seats = Seats(settings.limits)
        self._storing = Storing(settings, spool, accept)
        self._log = SeldomLog()
        self._rejected = Counter({each.reason: 0 for each in _REJECTIONS})
        self._stopping = False
        self._server: CallerServer | None = None

    def start(self) -> int:
        """Open the port.

        Returns:
            Its number.

        Raises:
            RequestError: the address is none of this machine's, or the port is taken.
        """
        _config.LOG_HANDLER_LEVEL = "none"  # which says in words what each PDU holds
        # Whatever a stranger sends would be an error of pynetdicom's.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        host, port = self._settings.host, self._settings.port
        try:
            server = CallerServer(
                self._entity(),
                (host, port),
                self._context,
                callers=self._callers,
                seats=self._seats,
                log=self._log,
                handlers=self._handlers(),
            )
        except OSError as error:
            raise RequestError(
                f"receive: {host} port {port} cannot be listened on ({os.strerror(error.errno or 0)}); "
                "name an address of this machine and a port that is free"
            ) from None
        self._server = server
        server.begin()
        return server.server_address[1]

    def stop(self, grace_seconds: float = _GRACE_SECONDS) -> None:
        """Close the port; films that are arriving may finish for some seconds.

        When this returns no film will be enqueued or acknowledged any more, and each one that was acknowledged is
        enqueued.
        """
        self._stopping = True
        if self._server is not None:
            self._server.end(grace_seconds)
        self._storing.close()
        if self._server is not None:
            self._server.end_all()

    @property
    def figures(self) -> ReceiverFigures:
        """How it is doing."""
        statuses = {f"0x{status:04X}": number for status, number in sorted(self._storing.statuses.items())}
        return ReceiverFigures(
            associations=self._seats.associations(),
            connections=self._server.connections() if self._server else 0,
            statuses=statuses,
            turned_away=dict(self._server.turned_away) if self._server else {},
            evicted=self._seats.evicted,
            rejected=dict(self._rejected),
            in_part=self._seats.received(),
        )

    def _entity(self) -> AE:
        entity = AE(self._title)
        entity.implementation_class_uid = IMPLEMENTATION
        entity.implementation_version_name = IMPLEMENTATION_NAME
        entity.maximum_pdu_size = self._settings.limits.pdu_bytes
        entity.maximum_associations = 1 << 20  # `Seats` counts those that have a place
        entity.acse_timeout = self._settings.limits.silent_seconds
        entity.network_timeout = None  # its clock is the time of day, which may jump; `CallerServer` has another one
        entity.supported_contexts = [build_context(VERIFICATION)]
        return entity

    def _handlers(self) -> list[evt.EventHandlerType]:
        return [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_DIMSE_RECV, self._received),
            (evt.EVT_PDU_SENT, self._sent),
            (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_RELEASED, self._closed),
            (evt.EVT_ABORTED, self._closed),
        ]

    def _requested(self, event: evt.Event) -> None:
        """An association is asked for: reject it, or say what of it is taken."""
        assoc, request = event.assoc, event.assoc.requestor.primitive
        assert request is not None
        if why := self._rejection(request, _socket(assoc)):
            self._rejected[why.reason] += 1
            title = request.calling_ae_title.strip() if why is _BUSY else ""  # of a stranger it may be anything
            self._log.warn(f"association rejected: {why.words}", _socket(assoc).caller, title)
            assoc.acse.send_reject(*why.codes)
            assoc.kill()
            return
        assoc.acceptor.supported_contexts = offers(request.presentation_context_definition_list)

    def _rejection(self, request: A_ASSOCIATE, caller: CallerSocket) -> _Rejection | None:
        """Why an association is rejected; None where it is not."""
        title = request.calling_ae_title.strip()
        if request.application_context_name != _APPLICATION:
            return _NO_CONTEXT
        if request.called_ae_title.strip() != self._title:
            return _UNKNOWN_CALLED
        if not self._callers.may_call(title, caller.caller):
            return _ELSEWHERE if self._callers.knows(title) else _UNKNOWN_CALLER
        if self._stopping or not self._seats.seat(caller):
            return _BUSY
        return None

    def _store(self, event: evt.Event) -> Dataset:
        request, context = event.request, event.context
        assert isinstance(request, C_STORE)
        assert isinstance(request.DataSet, BytesIO)
        reply = self._storing.store(
            Transferred(
                str(request.AffectedSOPClassUID),
                str(request.AffectedSOPInstanceUID),
                str(context.abstract_syntax),
                str(context.transfer_syntax),
                event.assoc.requestor.ae_title.strip(),
                request.DataSet.getbuffer(),
            )
        )
        status = Dataset()
        status.Status = reply.status
        if reply.comment:
            status.ErrorComment = reply.comment
        return status

    def _received(self, event: evt.Event) -> None:
        _socket(event.assoc).begin_work()

    def _sent(self, event: evt.Event) -> None:
        if isinstance(event.pdu, (P_DATA_TF, A_ASSOCIATE_AC)):
            _socket(event.assoc).end_work()

    def _closed(self, event: evt.Event) -> None:
        self._seats.unseat(_socket(event.assoc))


def _socket(assoc: Association) -> CallerSocket:
    caller = assoc.dul.socket
    assert isinstance(caller, CallerSocket)
    return caller
