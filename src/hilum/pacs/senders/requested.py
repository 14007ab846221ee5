"""An association that this node has asked for (PS3.8), of pynetdicom's, with an end to every wait.

As it comes, pynetdicom waits for Nagle's algorithm and for TCP's delayed acknowledgements, and has no end for a peer
that stops reading or says half of something; `python -m benchmarks.pacs_sending` compares it to this.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from pydicom import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_ECHO_RSP, C_STORE_RSP, DIMSEMessage
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import build_context

from hilum.pacs.senders.called_peer import CalledPeer, why_no_connection
from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.senders.reactor_gate import guard_answers
from hilum.pacs.tcp import acknowledge_now, cut_at, why_unconnected

_config.STORE_SEND_CHUNKED_DATASET = True  # files are sent as they lie on the disk, and not read by pydicom
_config.LOG_HANDLER_LEVEL = "none"
for _name in ("transport", "association", "acse", "dul", "dimse"):  # what they complain of becomes an error here
    logging.getLogger(f"pynetdicom.{_name}").setLevel(logging.CRITICAL)

_RELEASE_SECONDS = 2.0
_REJECTIONS = {  # by source and reason: PS3.8 table 9-21
    (1, 2): "it does not know DICOM's application context",
    (1, 3): "it does not know the calling AE title",
    (1, 7): "it does not know the called AE title",
    (2, 2): "it speaks another version of the protocol",
    (3, 1): "temporary congestion",
    (3, 2): "it has as many associations as it allows",
}


class RequestedAssociation:
    """An association, of one thread at a time.

    Attributes:
        contexts: abstract and transfer syntax of each presentation context that was accepted.
        is_late: whether it was cut because something took too long.
    """

    def __init__(self, peer: CalledPeer, proposed: Sequence[tuple[str, str]], deadline: float) -> None:
        """Connect, and ask for an association.

        Args:
            peer: whom to ask.
            proposed: abstract and transfer syntax of each presentation context, 128 of them at most.
            deadline: of `time.monotonic`, until when it has to be accepted.

        Raises:
            Unreachable: nobody is there, it is no DICOM, or it does not let this node in.
        """
        self._peer = peer
        self._message = 0
        self._socket: socket.socket | None = None
        self.is_late = False
        self._answer: DIMSEMessage | None = None
        self._rejection: A_ASSOCIATE | None = None
        self._association = self._ask(proposed, deadline)
        guard_answers(self._association)
        if self._rejection is not None:
            self._rejected(self._rejection)
        if not self._association.is_established and not self._association.rejected_contexts:
            self._failed(deadline)
        self.contexts = frozenset(
            (str(each.abstract_syntax), str(each.transfer_syntax[0])) for each in self._association.accepted_contexts
        )

    def store(self, film: Path | Dataset, deadline: float) -> tuple[int, str]:
        """Send an object by C-STORE, and give the status and the comment of the answer.

        Args:
            film: a DICOM file, whose bytes are sent; or a data set, which is encoded as a context needs it.
            deadline: of `time.monotonic`, until when the answer has to be there.

        Raises:
            Unreachable: it does not answer in time, closes, or speaks no DICOM. The association is of no more use.
            OSError: the file cannot be read.
        """
        return self._exchange(lambda number: self._association.send_c_store(film, number), C_STORE_RSP, deadline)

    def echo(self, deadline: float) -> int:
        """Ask by C-ECHO, and give the status.

        Raises:
            Unreachable: as for `store`.
        """
        return self._exchange(self._association.send_c_echo, C_ECHO_RSP, deadline)[0]

    def is_gone(self) -> bool:
        """Whether it has ended."""
        return not self._association.is_established

    def release(self) -> None:
        """End it in good order, as far as the peer lets it."""
        if self._association.is_established:
            with contextlib.suppress(Unreachable), cut_at(time.monotonic() + _RELEASE_SECONDS, self._end_late):
                self._association.release()
        self.cut()

    def cut(self) -> None:
        """End it at once."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # whoever reads from it or writes to it wakes up
            self._socket.close()  # what a peer goes on to send would still be read

    def _ask(self, proposed: Sequence[tuple[str, str]], deadline: float) -> Association:
        seconds = max(deadline - time.monotonic(), 0.001)
        peer, entity = self._peer, AE(self._peer.calling)
        # The ends are kept by `cut_at`; pynetdicom's own come after it, in case.
        entity.connection_timeout = seconds
        entity.acse_timeout = entity.dimse_timeout = seconds + 1
        entity.network_timeout = None
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_DATA_SENT, self._sent),
            (evt.EVT_DIMSE_RECV, self._received),
            (evt.EVT_PDU_RECV, self._read),
        ]
        contexts = [build_context(abstract, transfer) for abstract, transfer in proposed]
        try:
            with cut_at(deadline, self._end_late):
                return entity.associate(
                    peer.host,
                    peer.port,
                    contexts,
                    peer.called,
                    bind_address=_own_address(peer.host),
                    tls_args=(peer.tls, peer.host) if peer.tls else None,
                    evt_handlers=handlers,
                )
        except (OSError, UnicodeError) as error:  # of a name that is nobody's
            self._broken(why_unconnected(error))

    def _exchange(
        self, send: Callable[[int], Dataset], wanted: type[DIMSEMessage], deadline: float
    ) -> tuple[int, str]:
        self._message = self._message % 0xFFFF + 1
        self._answer = None
        try:
            with cut_at(deadline, self._end_late):
                status = send(self._message)
        except RuntimeError:  # it has ended since it was looked at
            self._broken("closed the connection in the middle")
        if self.is_late:
            self._broken("does not answer in time")
        answer = self._answer
        if answer is None or "Status" not in status:
            self._broken("closed the connection in the middle, or does not answer as DICOM does")
        if not isinstance(answer, wanted) or answer.command_set.MessageIDBeingRespondedTo != self._message:
            self._broken("answers something else than it was asked")
        return int(status.Status), str(status.get("ErrorComment", "") or "")

    def _end_late(self) -> None:
        self.is_late = True
        self.cut()
        # pynetdicom waits for its reactor to pause, for ever where that has just ended.
        if hasattr(self, "_association"):
            self._association._is_paused = True

    def _opened(self, event: evt.Event) -> None:
        connection = event.assoc.dul.socket
        self._socket = connection.socket if connection else None
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _sent(self, event: evt.Event) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                acknowledge_now(self._socket)

    def _read(self, event: evt.Event) -> None:
        # pynetdicom takes one for an abort where it has closed the connection before anybody asks for the answer.
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            with contextlib.suppress(ValueError):  # of a reason that is none of the standard's
                self._rejection = event.pdu.to_primitive()

    def _received(self, event: evt.Event) -> None:
        self._answer = event.message

    def _failed(self, deadline: float) -> NoReturn:
        if self._socket is None:
            self._broken(why_no_connection(self._peer, deadline))
        self._broken(
            "does not answer in time" if self.is_late else "closed the connection, or does not answer as DICOM does"
        )

    def _rejected(self, answer: A_ASSOCIATE) -> NoReturn:
        words = _REJECTIONS.get((answer.result_source or 0, answer.diagnostic or 0), "it gives no reason")
        peer = self._peer
        titles = f"called {peer.called!r} by {peer.calling!r}"
        raise Unreachable(f"{peer.name}: {peer.host}:{peer.port}, {titles}, refuses the association: {words}")

    def _broken(self, what: str) -> NoReturn:
        self.cut()
        raise Unreachable(f"{self._peer.name}: {self._peer.host}:{self._peer.port} {what}") from None


def _own_address(host: str) -> tuple[str, int] | None:
    """The address to call from: of a peer on this machine its loopback device, instead of every device."""
    return (host, 0) if host in ("127.0.0.1", "::1") else None
