"""One association from its request to its end (PS3.8, section 9.2; PS3.7, sections 9.1.1 and 9.1.5)."""

from __future__ import annotations

import time
from collections.abc import Callable

from hilum.pacs.callers import Callers
from hilum.pacs.connections import PeerConnection, PeerConnections, PeerGoneError, Phase
from hilum.pacs.dimse import (
    C_CANCEL,
    C_ECHO,
    C_STORE,
    MOST_BYTES,
    NOT_KNOWN,
    RESPONSE,
    SUCCESS,
    Command,
    Piece,
    decode_command,
    pieces,
    reply_pdus,
)
from hilum.pacs.offers import VERIFICATION, choose
from hilum.pacs.pdus import (
    ABORT,
    APPLICATION,
    ASSOCIATE,
    BUSY,
    DATA,
    NO_CONTEXT,
    RELEASE,
    RELEASE_REPLY,
    TAKEN,
    UNKNOWN_CALLED,
    UNKNOWN_CALLER,
    WRONG_VERSION,
    AssociationRequest,
    PduError,
    abort_pdu,
    accept_pdu,
    decode_request,
    reject_pdu,
)
from hilum.pacs.seldom import SeldomLog
from hilum.pacs.settings import Receive
from hilum.pacs.storing import Incoming, Storing, TooLargeError

_UNEXPECTED, _INVALID = 2, 6  # reasons of an abort
_PACE = 8 << 10  # bytes a second that a film comes with at least, after
_PACE_FROM = 6  # times the silent seconds


class Association:
    """A caller's association."""

    def __init__(
        self,
        peer: PeerConnection,
        settings: Receive,
        callers: Callers,
        peers: PeerConnections,
        storing: Storing,
        stopping: Callable[[], bool],
        log: SeldomLog,
    ) -> None:
        """Begin with a connection.

        Args:
            peer: the connection.
            settings: `[receive]`.
            callers: who may call.
            peers: where it has a place.
            storing: takes its films.
            stopping: whether the receiver is being stopped: then it ends after the message that is being received.
            log: for what goes wrong with it.
        """
        self._peer, self._settings, self._callers = peer, settings, callers
        self._peers, self._storing, self._stopping, self._log = peers, storing, stopping, log
        self._contexts: dict[int, tuple[str, str]] = {}  # of what is taken: SOP class and transfer syntax
        self._caller = ""
        self._most = 0
        self._words = bytearray()  # of the command that is being received
        self._command: Command | None = None  # whose data set is being received
        self._context = 0
        self._incoming: Incoming | None = None
        self._began = time.monotonic()
        self._received = 0

    def serve(self) -> None:
        """Do what the caller asks for, until either side ends it. What was received in part is dropped.

        Raises:
            PeerGoneError: the connection is over.
        """
        try:
            if self._establish():
                while self._next():
                    pass
        except PduError:
            self._warn("association aborted: it does not keep to the protocol")
            self._peer.send(abort_pdu(_INVALID))
        except TooLargeError:
            self._warn("association aborted: an object of more bytes than allowed")
            self._peer.send(abort_pdu(by_protocol=False))
        finally:
            if self._incoming is not None:
                self._incoming.drop()

    def _establish(self) -> bool:
        kind, body = self._peer.pdu()
        if kind != ASSOCIATE:
            if kind != ABORT:
                self._peer.send(abort_pdu(_UNEXPECTED))
            return False
        request = decode_request(bytes(body))
        if why := self._refusal(request):
            self._peer.send(reject_pdu(why))
            self._peer.linger()
            return False
        self._caller, self._most = request.calling, request.most
        results = {proposed.number: choose(proposed) for proposed in request.contexts}
        for proposed in request.contexts:
            result, syntax = results[proposed.number]
            if result == TAKEN:
                self._contexts[proposed.number] = (proposed.abstract, syntax)
        self._peer.phase = Phase.IDLE
        self._peer.send(accept_pdu(request, results, self._settings.limits.pdu_bytes))
        return True

    def _refusal(self, request: AssociationRequest) -> tuple[int, int, int] | None:
        """Why an association is rejected, as the protocol counts; None where it is not."""
        if not request.version & 1:
            return WRONG_VERSION
        if request.application != APPLICATION:
            return NO_CONTEXT
        if request.called != self._settings.ae_title.strip():
            self._warn("association rejected: it calls another AE title than ours")
            return UNKNOWN_CALLED
        if not self._callers.may_call(request.calling, self._peer.address):
            self._warn("association rejected: its AE title is not listed with its address")
            return UNKNOWN_CALLER
        if self._stopping() or not self._peers.seat(self._peer):
            self._warn("association rejected: there are as many as allowed")
            return BUSY
        return None

    def _next(self) -> bool:
        """Take the next PDU; whether there may be another one."""
        kind, body = self._peer.pdu()
        if kind == DATA:
            for piece in pieces(body):
                self._take(piece)
            self._keep_pace(len(body))
            if self._peer.phase is Phase.IDLE and self._stopping():
                self._peer.send(abort_pdu(by_protocol=False))
                return False
            return True
        if kind == RELEASE:
            self._peers.leave(self._peer)
            self._peer.send(RELEASE_REPLY)
            self._peer.linger()
        elif kind != ABORT:
            self._peer.send(abort_pdu(_UNEXPECTED))
        return False

    def _keep_pace(self, received: int) -> None:
        """End an association whose film would come for ever, a little at a time."""
        self._received += received
        allowed = _PACE_FROM * self._settings.limits.silent_seconds + self._received / _PACE
        if self._peer.phase is Phase.RECEIVING and time.monotonic() - self._began > allowed:
            self._warn("association aborted: a film comes too slowly")
            self._peer.send(abort_pdu(by_protocol=False))
            raise PeerGoneError

    def _warn(self, event: str) -> None:
        self._log.warn(event, self._peer.address, self._caller)

    def _take(self, piece: Piece) -> None:
        if not self._words and self._command is None:  # a message begins
            self._began, self._received, self._context = time.monotonic(), 0, piece.context
            self._peer.phase = Phase.RECEIVING
        if piece.context != self._context or piece.command != (self._command is None):
            raise PduError
        if piece.command:
            self._words += piece.content
            if len(self._words) > MOST_BYTES:
                raise PduError
            if piece.last:
                self._begin(decode_command(bytes(self._words)))
                self._words.clear()
            return
        if self._incoming is not None:
            self._incoming.write(piece.content)
        if piece.last:
            self._end()

    def _begin(self, command: Command) -> None:
        if self._context not in self._contexts or command.field & RESPONSE:
            raise PduError
        abstract, syntax = self._contexts[self._context]
        if command.field == C_STORE and command.has_data_set and abstract != VERIFICATION:
            self._incoming = self._storing.begin(command, abstract, syntax, self._caller)
        self._command = command
        if not command.has_data_set:
            self._end()

    def _end(self) -> None:
        """A message is whole: do what it says, and reply."""
        assert self._command is not None
        self._peer.phase = Phase.WORKING
        status, comment = SUCCESS, ""
        if self._incoming is not None:
            status, comment = self._incoming.end()
        elif self._command.field != C_ECHO:
            status = NOT_KNOWN
        if self._command.field != C_CANCEL:  # which has no reply
            self._peer.send(reply_pdus(self._command, self._context, status, comment, self._most))
        self._command = self._incoming = None
        self._peer.phase = Phase.IDLE
