"""Films by C-STORE from pynetdicom's caller: who may send, and that a film arrives as it was sent."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import (
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)
from pynetdicom import AE

from hilum.errors import RequestError
from hilum.pacs.senders.reactor_gate import guard_answers
from hilum.pacs.settings import AllowedCaller
from tests.pacs.raw_caller import VERIFICATION, RawCaller, encoded, store_pdus
from tests.pacs.receiving import (
    ACCEPT,
    CLOSED,
    CONTEXTS,
    DX,
    REJECT,
    Received,
    files,
    film,
    raw_film,
    receiving,
    send,
)
from tests.waiting import wait_until


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_film_arrives_as_it_was_sent(received: Received, syntax: str) -> None:
    ds = film(syntax=syntax, PatientID="P-1")
    assert send(received, ds) == [0]
    (arrival,) = received.arrivals
    kept = pydicom.dcmread(arrival.path)
    assert kept == ds
    assert kept.file_meta.TransferSyntaxUID == syntax
    assert kept.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert kept.file_meta.SendingApplicationEntityTitle == "CT-1"
    assert kept.file_meta.ReceivingApplicationEntityTitle == "HILUM"
    assert arrival.source == "CT-1"
    assert (arrival.facts.instance, arrival.facts.patient) == (ds.SOPInstanceUID, "P-1")
    assert arrival.facts.pixels == hashlib.sha256(ds.PixelData).hexdigest()
    assert received.spool.sweep() == [arrival.path]
    assert received.spool.arrival(arrival.path) == arrival


def test_the_data_set_is_kept_byte_by_byte(received: Received) -> None:
    ds = film()
    data = encoded(ds)
    with RawCaller(received.port) as caller:
        assert caller.associate(*CONTEXTS) == ACCEPT
        caller.send(store_pdus(ds.SOPClassUID, ds.SOPInstanceUID, data, most=100))
        assert caller.status() == 0
    assert received.arrivals[0].path.read_bytes().endswith(data)


def test_an_echo_is_answered(received: Received) -> None:
    entity = AE(ae_title="CT-1")
    entity.add_requested_context(VERIFICATION)
    association = entity.associate("127.0.0.1", received.port, ae_title="HILUM")
    guard_answers(association)
    assert association.send_c_echo().Status == 0
    association.release()


def test_the_same_film_twice_is_fine(received: Received) -> None:
    ds = film()
    assert send(received, ds, ds) == [0, 0]
    first, second = received.arrivals
    assert first.facts == second.facts
    assert first.path != second.path


def test_what_is_not_for_us_arrives_too(received: Received) -> None:
    """Counted and left alone: a PACS that forwards whole studies sees no failures."""
    raw = film(SOPClassUID=DigitalXRayImageStorageForProcessing, PresentationIntentType="FOR PROCESSING")
    slice_of_ct = film(Modality="CT")
    report = film(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.34", Modality="SR")
    assert send(received, raw, slice_of_ct, report) == [0, 0, 0]
    assert [arrival.facts.modality for arrival in received.arrivals] == ["DX", "CT", "SR"]


@pytest.mark.parametrize(
    ("calling", "called", "reason"),
    [("CT-2", "HILUM", "caller"), ("CT-1", "OTHER", "called"), ("CT-1", "hilum", "called")],
)
def test_other_ae_titles_are_rejected_and_counted(received: Received, calling: str, called: str, reason: str) -> None:
    with RawCaller(received.port) as caller:
        assert caller.associate(*CONTEXTS, calling=calling, called=called) == REJECT
    rejected = received.receiver.figures.rejected
    assert {name for name, count in rejected.items() if count} == {reason}
    assert rejected[reason] == 1


def test_an_ae_title_is_taken_from_its_own_addresses_only(tmp_path: Path) -> None:
    callers = (
        AllowedCaller(ae_title="CT-1", addresses=("127.0.0.2",)),
        AllowedCaller(ae_title="CT-2", addresses=("127.0.0.0/30",)),
    )
    with receiving(tmp_path, callers=callers) as received:
        for source, calling, answer in [
            ("127.0.0.2", "CT-1", ACCEPT),
            ("127.0.0.1", "CT-1", REJECT),
            ("127.0.0.1", "CT-2", ACCEPT),
            ("127.0.0.3", "CT-2", ACCEPT),
        ]:
            with RawCaller(received.port, source) as caller:
                assert caller.associate(*CONTEXTS, calling=calling) == answer
        assert received.receiver.figures.rejected["address"] == 1, "listed, and calls from elsewhere"


def test_an_address_that_nobody_calls_from_is_not_even_read(tmp_path: Path) -> None:
    with receiving(tmp_path, callers=(AllowedCaller(ae_title="CT-1", addresses=("127.0.0.2",)),)) as received:
        with RawCaller(received.port, "127.0.0.9") as caller:
            assert caller.pdu()[0] == CLOSED
        assert received.receiver.figures.turned_away == {"address": 1, "tls": 0, "protocol": 0}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"\x16\x03\x01\x02\x00\x01", "it speaks TLS, and receive.tls is not set"),
        (b"GET / HTTP/1.1\r\n\r\n", "what it sent is no request for an association of DICOM"),
    ],
)
def test_another_protocol_is_counted_and_said(
    received: Received, sent: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with RawCaller(received.port) as caller:
        caller.send(sent)
        assert caller.pdu()[0] == CLOSED
    assert received.receiver.figures.turned_away == {"address": 0, "tls": 0, "protocol": 1}
    assert f"connection closed: {words}" in caplog.messages


def test_who_connects_and_says_nothing_is_no_trouble(received: Received, caplog: pytest.LogCaptureFixture) -> None:
    """A monitor that looks whether the port is open."""
    with RawCaller(received.port):
        pass
    wait_until(lambda: received.receiver.figures.connections == 0)
    assert not any(received.receiver.figures.turned_away.values())
    assert not caplog.messages


def test_nobody_may_send_where_nobody_is_listed(tmp_path: Path) -> None:
    with receiving(tmp_path, callers=()) as received, RawCaller(received.port) as caller:
        assert caller.pdu()[0] == CLOSED


def test_films_come_over_ipv6(tmp_path: Path) -> None:
    with receiving(tmp_path, host="::1") as received, RawCaller(received.port, "::1", "::1") as caller:
        assert caller.associate(*CONTEXTS) == ACCEPT
        caller.send(raw_film(film()))
        assert caller.status() == 0


def test_a_port_that_is_taken_is_one_clear_line(received: Received, tmp_path: Path) -> None:
    from hilum.pacs.receiver import DicomReceiver
    from hilum.pacs.settings import Receive

    second = DicomReceiver(Receive(port=received.port), received.spool, lambda arrival: None)
    with pytest.raises(RequestError, match=r"receive: 127\.0\.0\.1 port \d+ cannot be listened on \(.+\); name"):
        second.start()


def test_logs_name_nobody(received: Received, caplog: pytest.LogCaptureFixture) -> None:
    canary = "CANARY"
    with caplog.at_level(logging.DEBUG, "hilum"):
        send(received, film(PatientID=canary, StudyInstanceUID=generate_uid()))
        with RawCaller(received.port) as caller:
            caller.associate(*CONTEXTS, calling=canary)
        ds = film(PatientID=canary)
        with RawCaller(received.port) as caller:
            caller.associate(*CONTEXTS)
            for data in (encoded(ds)[:-9], encoded(film(PatientID=canary)), canary.encode() * 9):  # the 2nd: 0xA900
                caller.send(store_pdus(DX, ds.SOPInstanceUID, data))
                caller.status()
    written = " ".join(str(vars(record)) for record in caplog.records)
    assert sorted({record.message for record in caplog.records}) == [
        "an object was refused",
        "association rejected: its AE title is not in receive.callers",
    ]
    assert canary not in written
    assert ds.SOPInstanceUID not in written
    assert not [name for name in files(received) if canary in name or ds.SOPInstanceUID in name]
