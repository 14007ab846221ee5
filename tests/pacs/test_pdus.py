"""The upper layer's messages, against pynetdicom's encoder and decoder of them."""

from __future__ import annotations

import random

import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_RELEASE_RP

from hilum.pacs import pdus
from hilum.pacs.pdus import PduError, abort_pdu, accept_pdu, decode_request, reject_pdu
from tests.pacs.raw_caller import VERIFICATION, request_pdu

CR = "1.2.840.10008.5.1.4.1.1.1"


def test_a_request_is_what_was_asked_for() -> None:
    request = decode_request(
        request_pdu((VERIFICATION, ExplicitVRLittleEndian), (CR, JPEG2000Lossless), most=4096)[6:]
    )
    assert (request.calling, request.called, request.version & 1, request.most) == ("CT-1", "HILUM", 1, 4096)
    assert request.application == pdus.APPLICATION
    assert request.contexts == ((1, VERIFICATION, (ExplicitVRLittleEndian,)), (3, CR, (JPEG2000Lossless,)))


def test_an_association_is_accepted_as_the_standard_has_it() -> None:
    request = decode_request(request_pdu((VERIFICATION, ExplicitVRLittleEndian), (CR, JPEG2000Lossless))[6:])
    results = {1: (0, str(ExplicitVRLittleEndian)), 3: (4, str(JPEG2000Lossless))}
    accepted = A_ASSOCIATE_AC()
    accepted.decode(accept_pdu(request, results, 65536))
    primitive = accepted.to_primitive()
    read = {cx.context_id: (cx.result, cx.transfer_syntax) for cx in accepted.presentation_context}
    assert read[1] == results[1]
    assert read[3][0] == results[3][0], "of what is not taken the transfer syntax is not significant"
    assert primitive.maximum_length_received == 65536
    assert primitive.implementation_class_uid == pdus.IMPLEMENTATION
    assert (accepted.reserved_aet.strip(), accepted.reserved_aec.strip()) == ("HILUM", "CT-1")


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (pdus.UNKNOWN_CALLER, "Calling AE title not recognised"),
        (pdus.UNKNOWN_CALLED, "Called AE title not recognised"),
        (pdus.NO_CONTEXT, "Application context name not supported"),
        (pdus.WRONG_VERSION, "Protocol version not supported"),
        (pdus.BUSY, "Local limit exceeded"),
    ],
)
def test_an_association_is_rejected_as_the_standard_has_it(why: tuple[int, int, int], reason: str) -> None:
    rejected = A_ASSOCIATE_RJ()
    rejected.decode(reject_pdu(why))
    assert rejected.reason_str == reason
    assert rejected.result_str == ("Rejected (Transient)" if why == pdus.BUSY else "Rejected (Permanent)")


def test_release_and_abort_are_read_by_others() -> None:
    A_RELEASE_RP().decode(pdus.RELEASE_REPLY)
    aborted = A_ABORT_RQ()
    aborted.decode(abort_pdu(6))
    assert (aborted.source, aborted.reason_diagnostic) == (2, 6)
    aborted.decode(abort_pdu(by_protocol=False))
    assert (aborted.source, aborted.reason_diagnostic) == (0, 0)


def test_a_request_of_any_bytes_is_read_or_refused() -> None:
    chance = random.Random(2)
    whole = request_pdu((VERIFICATION, ExplicitVRLittleEndian), (CR, JPEG2000Lossless))[6:]
    refused = 0
    for _ in range(2000):
        changed = bytearray(whole[: chance.choice((len(whole), chance.randrange(len(whole))))])
        for _ in range(chance.randint(0, 4)):
            if changed:
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            decode_request(bytes(changed))
        except PduError:
            refused += 1
    assert refused > 500
