"""The messages of DICOM's upper layer that make and end an association (PS3.8, section 9.3), from and to bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hilum.pacs.identity import derived_uid

ASSOCIATE, ACCEPT, REJECT, DATA, RELEASE, RELEASED, ABORT = range(1, 8)  # types of PDU
RELEASE_REPLY = struct.pack(">BxLL", RELEASED, 4, 0)
APPLICATION = "1.2.840.10008.3.1.1.1"  # the DICOM application context name (PS3.7, annex A)
IMPLEMENTATION = derived_uid("implementation")
IMPLEMENTATION_NAME = "HILUM"
# Why an association is rejected: result, source and reason (PS3.8, table 9-21).
NO_CONTEXT, UNKNOWN_CALLER, UNKNOWN_CALLED = (1, 1, 2), (1, 1, 3), (1, 1, 7)
WRONG_VERSION, BUSY = (1, 2, 2), (2, 3, 2)
# Whether a presentation context is accepted (PS3.8, table 9-18).
TAKEN, NO_SUCH_CLASS, NO_SUCH_SYNTAX = 0, 3, 4
_MOST_CONTEXTS = 128


class PduError(Exception):
    """What a peer sends is not what the upper layer's protocol has at this place."""


class Proposed(NamedTuple):
    """A presentation context as it is proposed.

    Attributes:
        number: its odd number.
        abstract: the SOP class.
        syntaxes: transfer syntaxes, in the caller's order.
    """

    number: int
    abstract: str
    syntaxes: tuple[str, ...]


class AssociationRequest(NamedTuple):
    """What a caller asks for.

    Attributes:
        version: a bit for each version of the protocol; the first one stands for the only one there is.
        called: the AE title that it calls.
        calling: its own.
        titles: both as they were sent, for the reply.
        application: the application context.
        contexts: that it proposes.
        most: bytes of a PDU that it takes; 0 for any number.
    """

    version: int
    called: str
    calling: str
    titles: bytes
    application: str
    contexts: tuple[Proposed, ...]
    most: int


def decode_request(body: bytes) -> AssociationRequest:
    """Read an A-ASSOCIATE-RQ, without the six bytes of its head.

    Raises:
        PduError: it is none.
    """
    if len(body) < 68:
        raise PduError
    application, most, contexts = "", 0, []
    for kind, item in _items(body[68:]):
        if kind == 0x10:
            application = _word(item)
        elif kind == 0x20:
            contexts.append(_proposed(item))
        elif kind == 0x50:
            for sub_kind, sub_item in _items(item):
                if sub_kind == 0x51 and len(sub_item) == 4:
                    most = int.from_bytes(sub_item, "big")
    numbers = {context.number for context in contexts}
    if len(numbers) != len(contexts) or not 0 < len(contexts) <= _MOST_CONTEXTS:
        raise PduError
    version = int.from_bytes(body[:2], "big")
    titles = body[4:36]
    return AssociationRequest(
        version, _word(titles[:16]), _word(titles[16:]), titles, application, tuple(contexts), most
    )


def accept_pdu(request: AssociationRequest, results: Mapping[int, tuple[int, str]], most: int) -> bytes:
    """An A-ASSOCIATE-AC.

    Args:
        request: that is accepted.
        results: of each context, by its number: whether it is taken, and in which transfer syntax.
        most: bytes of a PDU that we take.
    """
    items = [_item(0x10, APPLICATION.encode())]
    for number, (result, syntax) in results.items():
        items.append(_item(0x21, bytes((number, 0, result, 0)) + _item(0x40, syntax.encode())))
    about = (
        _item(0x51, most.to_bytes(4, "big"))
        + _item(0x52, IMPLEMENTATION.encode())
        + _item(0x55, IMPLEMENTATION_NAME.encode())
    )
    body = struct.pack(">HH32s32x", 1, 0, request.titles) + b"".join(items) + _item(0x50, about)
    return struct.pack(">BxL", ACCEPT, len(body)) + body


def reject_pdu(why: tuple[int, int, int]) -> bytes:
    """An A-ASSOCIATE-RJ."""
    return struct.pack(">BxLx3B", REJECT, 4, *why)


def abort_pdu(reason: int = 0, by_protocol: bool = True) -> bytes:
    """An A-ABORT.

    Args:
        reason: 1 for a PDU that is not known, 2 for one that does not belong there, 6 for a value that cannot be.
        by_protocol: whether the protocol was not kept to; else it is our own will, which gives no reason.
    """
    return struct.pack(">BxL2x2B", ABORT, 4, 2 if by_protocol else 0, reason if by_protocol else 0)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        if len(data) < place + 4:
            raise PduError
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        item = data[place + 4 : place + 4 + length]
        if len(item) < length:
            raise PduError
        yield data[place], item
        place += 4 + length


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _proposed(item: bytes) -> Proposed:
    if len(item) < 4 or not item[0] % 2:
        raise PduError
    parts = list(_items(item[4:]))
    abstract = [_word(part) for kind, part in parts if kind == 0x30]
    syntaxes = tuple(_word(part) for kind, part in parts if kind == 0x40)
    if len(abstract) != 1 or not syntaxes:
        raise PduError
    return Proposed(item[0], abstract[0], syntaxes)


def _word(value: bytes) -> str:
    """A UID or an AE title, without what fills it up."""
    return value.decode("latin-1").strip("\0 ")
