"""DIMSE's command sets, for C-STORE and C-ECHO: Implicit VR Little Endian (PS3.7 section 6.3.1, annex E)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

C_STORE_REQUEST, C_STORE_RESPONSE, C_ECHO_REQUEST, C_ECHO_RESPONSE = 0x0001, 0x8001, 0x0030, 0x8030
_WITH_DATA_SET, _WITHOUT_DATA_SET = 0x0001, 0x0101
_CLASS, _FIELD, _MESSAGE, _ANSWERED, _PRIORITY, _DATA_SET, _STATUS, _COMMENT, _INSTANCE = (
    0x0002, 0x0100, 0x0110, 0x0120, 0x0700, 0x0800, 0x0900, 0x0902, 0x1000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DimseResponse:
    """What a peer has answered.

    Attributes:
        field: Command Field, which says what it answers.
        message: the Message ID that it answers.
        status: 0 is success.
        comment: Error Comment.
    """

    field: int
    message: int
    status: int
    comment: str


def store_request(message: int, sop_class: str, instance: str) -> bytes:
    """The command set of a C-STORE-RQ (PS3.7 section 9.3.1.1) of medium priority.

    >>> store_request(7, "1.2", "1.2.3").hex()[:40]
    '0000000004000000420000000000020004000000'
    """
    elements = (
        _text(_CLASS, sop_class),
        _number(_FIELD, C_STORE_REQUEST),
        _number(_MESSAGE, message),
        _number(_PRIORITY, 0),
        _number(_DATA_SET, _WITH_DATA_SET),
        _text(_INSTANCE, instance),
    )
    return _with_length(b"".join(elements))


def echo_request(message: int) -> bytes:
    """The command set of a C-ECHO-RQ (PS3.7 section 9.3.5.1)."""
    elements = (
        _text(_CLASS, "1.2.840.10008.1.1"),
        _number(_FIELD, C_ECHO_REQUEST),
        _number(_MESSAGE, message),
        _number(_DATA_SET, _WITHOUT_DATA_SET),
    )
    return _with_length(b"".join(elements))


def read_response(command: bytes) -> DimseResponse:
    """Read the command set of a response.

    Raises:
        ValueError: it is none.
    """
    elements: dict[int, bytes] = {}
    at = 0
    while at < len(command):
        if at + 8 > len(command):
            raise ValueError("its command set ends too early")
        group, element, length = struct.unpack_from("<HHI", command, at)
        if group != 0 or at + 8 + length > len(command):
            raise ValueError("its command set is none")
        elements[element] = command[at + 8 : at + 8 + length]
        at += 8 + length
    comment = elements.get(_COMMENT, b"").decode("ascii", "replace").strip(" \0")
    field, answered, status = (_read_number(elements, element) for element in (_FIELD, _ANSWERED, _STATUS))
    return DimseResponse(field, answered, status, comment)


def _read_number(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    if len(value) != 2:
        raise ValueError("its command set lacks what every response has")
    return int.from_bytes(value, "little")


def _text(element: int, value: str) -> bytes:
    content = value.encode("ascii")
    content += b"\0" * (len(content) % 2)
    return struct.pack("<HHI", 0, element, len(content)) + content


def _number(element: int, value: int) -> bytes:
    return struct.pack("<HHIH", 0, element, 2, value)


def _with_length(elements: bytes) -> bytes:
    return struct.pack("<HHII", 0, 0, 4, len(elements)) + elements
