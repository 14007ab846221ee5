"""A caller that sends what it likes, byte by byte: its associations are made by pynetdicom's encoder, no more."""

from __future__ import annotations

import socket
import struct
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RQ
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import build_context
from pynetdicom.transport import AddressInformation

VERIFICATION = "1.2.840.10008.1.1"
ABORT_PDU = struct.pack(">BxLL", 7, 4, 0)
RELEASE_PDU = struct.pack(">BxLL", 5, 4, 0)


def request_pdu(*contexts: tuple[str, str], calling: str = "CT-1", called: str = "HILUM", most: int = 16382) -> bytes:
    """An A-ASSOCIATE-RQ that proposes (SOP class, transfer syntax) with the numbers 1, 3, 5, …"""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID("1.2.840.10008.3.1.1.1")
    primitive.calling_ae_title, primitive.called_ae_title = calling, called
    proposed = []
    for number, (abstract, syntax) in enumerate(contexts):
        context = build_context(abstract, syntax)
        context.context_id = 2 * number + 1
        proposed.append(context)
    primitive.presentation_context_definition_list = proposed
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = most
    implementation.implementation_class_uid = UID("1.2.3")
    primitive.user_information = [length, implementation]
    primitive.calling_presentation_address = AddressInformation("127.0.0.1", 1)
    primitive.called_presentation_address = AddressInformation("127.0.0.1", 1)
    return bytes(A_ASSOCIATE_RQ(primitive).encode())


def encoded(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    file = BytesIO()
    from pydicom.filebase import DicomFileLike

    to = DicomFileLike(file)
    to.is_implicit_VR, to.is_little_endian = UID(syntax).is_implicit_VR, UID(syntax).is_little_endian
    write_dataset(to, ds)
    return file.getvalue()


def echo_pdus(message: int = 1, context: int = 1) -> bytes:
    primitive = C_ECHO()
    primitive.MessageID, primitive.AffectedSOPClassUID = message, UID(VERIFICATION)
    return _pdus(C_ECHO_RQ(), primitive, context, 16382)


def store_pdus(
    sop_class: str, instance: str, data: bytes, message: int = 1, context: int = 1, most: int = 16382
) -> bytes:
    primitive = C_STORE()
    primitive.MessageID, primitive.Priority = message, 0
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = UID(sop_class), UID(instance)
    primitive.DataSet = BytesIO(data)
    return _pdus(C_STORE_RQ(), primitive, context, most)


def _pdus(message: C_ECHO_RQ | C_STORE_RQ, primitive: C_ECHO | C_STORE, context: int, most: int) -> bytes:
    message.primitive_to_message(primitive)
    sent = b""
    for data in message.encode_msg(context, most):
        for number, value in data.presentation_data_value_list:
            sent += struct.pack(">BxLLB", 4, len(value) + 5, len(value) + 1, number) + value
    return sent


class RawCaller:
    """A connection to a receiver."""

    def __init__(self, port: int, source: str = "127.0.0.1", host: str = "127.0.0.1", seconds: float = 20) -> None:
        self.socket = socket.create_connection((host, port), seconds, (source, 0))

    def __enter__(self) -> RawCaller:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def pdu(self) -> tuple[int, bytes]:
        """The next PDU; (0, b"") where the connection is closed."""
        try:
            head = self._take(6)
            return head[0], self._take(int.from_bytes(head[2:], "big"))
        except (ConnectionError, EOFError):
            return 0, b""

    def associate(self, *contexts: tuple[str, str], calling: str = "CT-1", called: str = "HILUM") -> int:
        """Ask for an association; the type of PDU that answers."""
        self.send(request_pdu(*contexts, calling=calling, called=called))
        return self.pdu()[0]

    def status(self) -> int:
        """The status of the next reply."""
        kind, body = self.pdu()
        assert kind == 4, kind
        at = body.index(b"\0\0\x00\x09\x02\0\0\0") + 8
        return int.from_bytes(body[at : at + 2], "little")

    def _take(self, length: int) -> bytes:
        taken = b""
        while len(taken) < length:
            more = self.socket.recv(length - len(taken))
            if not more:
                raise EOFError
            taken += more
        return taken
