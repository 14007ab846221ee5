"""An association that this node has asked for (PS3.8), on a socket of its own and in the caller's thread.

pynetdicom's own requestor runs two threads an association, which wake up every millisecond, has no end for a peer
that stops reading, and waits for TCP's delayed acknowledgements (`python -m benchmarks.pacs_sending` compares them).
Its PDUs are used here, its reactor is not.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context

from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.tcp import acknowledge_now

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"  # PS3.7 annex A.2.1
_OUR_LARGEST_PDU = 16_384  # that the peer may send; it answers with a hundred bytes
_LARGEST_PDU = 262_144  # that is read, and that is sent to a peer without a limit
_BLOCK = 1 << 20  # bytes given to the system at a time
_ACCEPT, _REJECT, _DATA, _RELEASE_REQUEST, _RELEASE_RESPONSE, _ABORT = 2, 3, 4, 5, 6, 7
_RELEASE_SECONDS = 2.0
_REJECTIONS = {  # by source and reason: PS3.8 table 9-21
    (1, 2): "it does not know DICOM's application context",
    (1, 3): "it does not know the calling AE title",
    (1, 7): "it does not know the called AE title",
    (2, 2): "it speaks another version of the protocol",
    (3, 1): "temporary congestion",
    (3, 2): "it has as many associations as it allows",
}


@dataclass(frozen=True, slots=True)
class CalledPeer:
    """Whom an association is asked of.

    Attributes:
        name: of the destination, for messages.
        host: name or address.
        port: of TCP.
        called: AE title.
        calling: AE title, of this node.
        tls: None speaks without it.
    """

    name: str
    host: str
    port: int
    called: str
    calling: str
    tls: ssl.SSLContext | None = None


class RequestedAssociation:
    """An association that was accepted, of one thread at a time.

    Attributes:
        contexts: id of the presentation context that was accepted, by abstract and transfer syntax.
        message: the Message ID that was given last.
    """

    def __init__(self, peer: CalledPeer, proposed: Sequence[tuple[str, str]], deadline: float) -> None:
        """Connect, and ask for an association.

        Args:
            peer: whom to ask.
            proposed: abstract and transfer syntax of each presentation context, 128 of them at most.
            deadline: of `time.monotonic`, until when it has to be accepted.

        Raises:
            Unreachable: nobody is there, it is no DICOM, or it lets this node not in.
        """
        self._peer = peer
        self.message = 0
        self._socket = _connect(peer, deadline)
        try:
            self._write(_associate_request(peer, proposed), deadline)
            kind, content = self._read(deadline)
            if kind == _REJECT:
                self._rejected(content)
            if kind != _ACCEPT:
                self._broken("does not answer as DICOM does")
            self.contexts, self._largest = self._accepted(content, proposed)
        except BaseException:
            self._socket.close()
            raise

    def exchange(self, context: int, command: bytes, data_set: bytes, deadline: float) -> bytes:
        """Send a message, and give the command set of the answer.

        Args:
            context: id of a presentation context of `contexts`.
            command: its command set.
            data_set: in the context's transfer syntax; empty for none.
            deadline: of `time.monotonic`, until when the answer has to be there.

        Raises:
            Unreachable: it does not answer in time, closes, or speaks no DICOM. The association is of no more use.
        """
        waiting: list[bytes] = []
        size = 0
        for pdu in _data_pdus(context, command, data_set, self._largest):
            waiting.append(pdu)
            size += len(pdu)
            if size >= _BLOCK:
                self._write(b"".join(waiting), deadline)
                waiting, size = [], 0
        self._write(b"".join(waiting), deadline)
        return self._answer(deadline)

    def next_message(self) -> int:
        """A Message ID of 16 bits that is not 0."""
        self.message = self.message % 0xFFFF + 1
        return self.message

    def is_gone(self) -> bool:
        """Whether the peer has closed it, or asked to: it has nothing else to say while nobody asks."""
        try:
            waiting = select.poll()
            waiting.register(self._socket, select.POLLIN)
            pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
            return bool(waiting.poll(0) or pending)
        except (OSError, ValueError):
            return True

    def release(self) -> None:
        """End it in good order, as far as the peer lets it."""
        deadline = time.monotonic() + _RELEASE_SECONDS
        with contextlib.suppress(Unreachable, OSError):
            self._write(struct.pack(">BBII", _RELEASE_REQUEST, 0, 4, 0), deadline)
            while self._read(deadline)[0] not in (_RELEASE_RESPONSE, _ABORT):
                pass
        self._socket.close()

    def abort(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(0)  # it is told if it listens, and not waited for
            self._socket.send(struct.pack(">BBIBBBB", _ABORT, 0, 4, 0, 0, 0, 0))
        self._socket.close()

    def _answer(self, deadline: float) -> bytes:
        command = bytearray()
        while True:
            kind, content = self._read(deadline)
            if kind == _RELEASE_REQUEST:
                with contextlib.suppress(Unreachable):
                    self._write(struct.pack(">BBII", _RELEASE_RESPONSE, 0, 4, 0), deadline)
            if kind in (_ABORT, _RELEASE_REQUEST):
                self._broken("ended the association in the middle")
            if kind != _DATA:
                self._broken("does not answer as DICOM does")
            at = 0
            while at < len(content):  # presentation data values: PS3.8 section 9.3.5.1
                if at + 6 > len(content):
                    self._broken("does not answer as DICOM does")
                length, _, header = struct.unpack_from(">IBB", content, at)
                value = content[at + 6 : at + 4 + length]
                if length < 2 or at + 4 + length > len(content) or not header & 1:
                    self._broken("does not answer as DICOM does")
                command += value
                if header & 2:
                    return bytes(command)
                if len(command) > _LARGEST_PDU:
                    self._broken("answers without an end")
                at += 4 + length

    def _accepted(
        self, content: bytes, proposed: Sequence[tuple[str, str]]
    ) -> tuple[dict[tuple[str, str], int], int]:
        answer = A_ASSOCIATE_AC()
        try:
            answer.decode(struct.pack(">BBI", _ACCEPT, 0, len(content)) + content)
            accepted = {each.context_id for each in answer.presentation_context if each.result_reason == 0}
            limit = answer.user_information.maximum_length if answer.user_information else None
        except Exception:  # its decoder raises whatever it stumbles over
            self._broken("does not answer as DICOM does")
        largest = min(limit or _LARGEST_PDU, _LARGEST_PDU)  # 0 is none: PS3.8 annex D.1
        if largest < 64:
            self._broken(f"takes PDUs of {largest} bytes only")
        return {pair: 2 * n + 1 for n, pair in enumerate(proposed) if 2 * n + 1 in accepted}, largest

    def _rejected(self, content: bytes) -> NoReturn:
        source, reason = (content[2], content[3]) if len(content) > 3 else (0, 0)
        words = _REJECTIONS.get((source, reason), "it gives no reason")
        peer = self._peer
        titles = f"called {peer.called!r} by {peer.calling!r}"
        raise Unreachable(f"{peer.name}: {peer.host}:{peer.port}, {titles}, refuses the association: {words}")

    def _broken(self, what: str) -> NoReturn:
        raise Unreachable(f"{self._peer.name}: {self._peer.host}:{self._peer.port} {what}") from None

    def _write(self, content: bytes, deadline: float) -> None:
        view = memoryview(content)
        try:
            while view:
                self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                view = view[self._socket.send(view[:_BLOCK]) :]
        except TimeoutError:
            self._broken("takes no more of what is sent to it")
        except OSError as error:
            self._closed(error)

    def _read(self, deadline: float) -> tuple[int, bytes]:
        """Kind and content of a PDU."""
        kind, _, length = struct.unpack(">BBI", self._read_exactly(6, deadline))
        if not 1 <= kind <= 7 or length > _LARGEST_PDU:
            self._broken("does not answer as DICOM does")
        return kind, self._read_exactly(length, deadline)

    def _read_exactly(self, count: int, deadline: float) -> bytes:
        content = b""
        try:
            while len(content) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError
                self._socket.settimeout(left)
                acknowledge_now(self._socket)
                block = self._socket.recv(count - len(content))
                if not block:
                    self._broken("closed the connection in the middle")
                content += block
        except TimeoutError:
            self._broken("does not answer in time")
        except OSError as error:
            self._closed(error)
        return content

    def _closed(self, error: OSError) -> NoReturn:
        self._broken(f"closed the connection in the middle ({_words(error)})")


def _connect(peer: CalledPeer, deadline: float) -> socket.socket:
    where = f"{peer.name}: {peer.host}:{peer.port}"
    plain: socket.socket | None = None
    try:
        plain = socket.create_connection((peer.host, peer.port), max(deadline - time.monotonic(), 0.001))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if peer.tls is None:
            return plain
        plain.settimeout(max(deadline - time.monotonic(), 0.001))
        return peer.tls.wrap_socket(plain, server_hostname=peer.host)
    except TimeoutError:
        reason = "does not answer"
    except ssl.SSLCertVerificationError as error:
        reason = f"shows a certificate that is not trusted: {error.verify_message}"
    except ssl.SSLError as error:
        reason = f"does not agree on TLS: {_words(error)}"
    except (OSError, UnicodeError) as error:
        reason = f"cannot be reached: {_words(error)}"
    if plain:
        plain.close()
    raise Unreachable(f"{where} {reason}")


def _words(error: OSError | UnicodeError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it ended").lower().replace("_", " ")
    if isinstance(error, UnicodeError | socket.gaierror):
        return "no such host"
    return (error.strerror or "the network fails").lower()


def _associate_request(peer: CalledPeer, proposed: Sequence[tuple[str, str]]) -> bytes:
    request = A_ASSOCIATE()
    request.application_context_name = _APPLICATION_CONTEXT
    request.calling_ae_title, request.called_ae_title = peer.calling, peer.called
    contexts = []
    for number, (abstract, transfer) in enumerate(proposed):
        context = build_context(abstract, transfer)
        context.context_id = 2 * number + 1
        contexts.append(context)
    request.presentation_context_definition_list = contexts
    largest, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    version = ImplementationVersionNameNotification()
    largest.maximum_length_received = _OUR_LARGEST_PDU
    implementation.implementation_class_uid = PYNETDICOM_IMPLEMENTATION_UID
    version.implementation_version_name = PYNETDICOM_IMPLEMENTATION_VERSION
    request.user_information = [largest, implementation, version]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return bytes(pdu.encode())


def _data_pdus(context: int, command: bytes, data_set: bytes, largest: int) -> Iterator[bytes]:
    """P-DATA-TF PDUs of one value each: PS3.8 section 9.3.5 and annex E."""
    for is_command, content in ((1, command), (0, data_set)):
        step = largest - 6
        for start in range(0, len(content), step):
            fragment = content[start : start + step]
            last = 2 if start + step >= len(content) else 0
            length = len(fragment) + 2
            yield struct.pack(">BBIIBB", _DATA, 0, length + 4, length, context, is_command | last) + fragment
