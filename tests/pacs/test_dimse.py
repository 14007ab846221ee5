"""Commands and replies, against pynetdicom's encoder and decoder of them."""

from __future__ import annotations

import random
import struct

import pytest
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import P_DATA_TF

from hilum.pacs.dimse import C_ECHO as ECHO
from hilum.pacs.dimse import C_STORE as STORE
from hilum.pacs.dimse import Command, decode_command, pieces, reply_pdus
from hilum.pacs.pdus import PduError
from tests.pacs.raw_caller import echo_pdus, store_pdus

CR = "1.2.840.10008.5.1.4.1.1.1"


def command_of(pdus: bytes) -> bytes:
    (piece,) = pieces(memoryview(pdus)[6 : 6 + int.from_bytes(pdus[2:6], "big")])
    assert piece.command
    assert piece.last
    return bytes(piece.content)


def test_commands_are_what_was_asked_for() -> None:
    assert decode_command(command_of(echo_pdus(7))) == (ECHO, 7, "1.2.840.10008.1.1", "", False)
    assert decode_command(command_of(store_pdus(CR, "1.2.3", b"data", 65535))) == (STORE, 65535, CR, "1.2.3", True)


@pytest.mark.parametrize("most", [0, 16382, 64, 7])
def test_a_reply_is_read_by_others_whatever_size_of_pdu_they_take(most: int) -> None:
    sent = reply_pdus(Command(STORE, 9, CR, "1.2.345", True), 5, 0xA700, "send it again later", most)
    message = C_STORE_RSP()
    place, whole = 0, False
    while place < len(sent):
        assert not whole
        length = int.from_bytes(sent[place + 2 : place + 6], "big")
        assert length <= (most or length)
        pdu = P_DATA_TF()
        pdu.decode(sent[place : place + 6 + length])
        whole = message.decode_msg(pdu.to_primitive())
        place += 6 + length
    assert whole
    primitive = message.message_to_primitive()
    assert isinstance(primitive, C_STORE)
    assert (primitive.MessageIDBeingRespondedTo, primitive.Status) == (9, 0xA700)
    assert primitive.ErrorComment == "send it again later"
    assert (primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID) == (CR, "1.2.345")
    assert message.context_id == 5


def test_what_is_no_uid_is_not_sent_back() -> None:
    sent = reply_pdus(Command(STORE, 9, "../../etc", "x" * 900, True), 1, 0xC000, "", 0)
    assert b"etc" not in sent
    assert b"xxx" not in sent


def test_a_command_of_any_bytes_is_read_or_refused() -> None:
    chance = random.Random(3)
    whole = command_of(store_pdus(CR, "1.2.3", b"data"))
    refused = 0
    for _ in range(2000):
        changed = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randint(0, 4)):
            if changed:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            decode_command(bytes(changed))
        except PduError:
            refused += 1
    assert refused > 500


@pytest.mark.parametrize("body", [b"\0", struct.pack(">LBB", 1, 1, 3), struct.pack(">LBB", 99, 1, 3), b"\xff" * 6])
def test_pieces_that_do_not_add_up_are_refused(body: bytes) -> None:
    with pytest.raises(PduError):
        list(pieces(memoryview(body)))
