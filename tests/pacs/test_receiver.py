"""Films by C-STORE from pynetdicom's caller, and from one that breaks the rules."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)
from pynetdicom import AE

from hilum.errors import HilumError, RequestError, StoreError
from hilum.pacs.records import Arrival
from hilum.pacs.settings import AllowedCaller, Limits
from hilum.pacs.spool import SpoolFile
from tests.pacs.raw_caller import ABORT_PDU, RELEASE_PDU, VERIFICATION, RawCaller, echo_pdus, encoded, store_pdus
from tests.pacs.receiving import Received, film, receiving

DX = DigitalXRayImageStorageForPresentation
CONTEXTS = ((str(DX), str(ExplicitVRLittleEndian)), (VERIFICATION, str(ImplicitVRLittleEndian)))
ACCEPT, REJECT, RELEASED, ABORT, CLOSED = 2, 3, 6, 7, 0


@pytest.fixture
def received(tmp_path: Path) -> Iterator[Received]:
    with receiving(tmp_path) as running:
        yield running


def files(received: Received) -> list[str]:
    return os.listdir(received.spool.folder)


def send(received: Received, *films: Dataset, calling: str = "CT-1", called: str = "HILUM") -> list[int]:
    """Send films by pynetdicom; the statuses."""
    entity = AE(ae_title=calling)
    for ds in films:
        entity.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", received.port, ae_title=called)
    assert association.is_established
    statuses = [association.send_c_store(ds).Status for ds in films]
    association.release()
    return statuses


def raw_film(ds: Dataset) -> bytes:
    return store_pdus(ds.SOPClassUID, ds.SOPInstanceUID, encoded(ds))


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
    wait_for(lambda: received.receiver.figures.connections == 0)
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


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (StoreError("the database is full"), 0xA700),
        (HilumError("not this one"), 0xC000),
        (RuntimeError("P-1 in the words of a library"), 0xA700),
    ],
)
def test_what_cannot_be_enqueued_is_not_acknowledged_and_leaves_nothing(
    tmp_path: Path, raised: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(arrival: Arrival) -> None:
        assert arrival.path.exists()
        raise raised

    with receiving(tmp_path, fails) as received:
        assert send(received, film(PatientID="P-1")) == [status]
        assert files(received) == []
        assert received.receiver.figures.statuses == {f"0x{status:04X}": 1}
    assert len(caplog.records) == 1
    assert "P-1" not in str(vars(caplog.records[0]))


def test_it_is_acknowledged_after_it_is_enqueued(tmp_path: Path) -> None:
    enqueued, go_on = threading.Event(), threading.Event()

    def waits(arrival: Arrival) -> None:
        enqueued.set()
        assert go_on.wait(10)

    with receiving(tmp_path, waits) as received, RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(raw_film(film()))
        assert enqueued.wait(10)
        caller.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            caller.pdu()
        go_on.set()
        caller.socket.settimeout(10)
        assert caller.status() == 0


def test_a_full_disk_is_said_and_the_next_film_is_taken(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    with RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            caller.send(raw_film(film()))
            assert caller.status() == 0xA700
        assert files(received) == []
        caller.send(raw_film(film()))
        assert caller.status() == 0


def test_a_disk_that_is_full_in_the_middle_of_a_film_is_said(
    received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What still comes of the film is thrown away, and the association goes on."""
    written = SpoolFile.write

    def full_after_a_while(self: SpoolFile, block: bytes | memoryview) -> None:
        if len(block) > 5000:
            raise StoreError("the disk is full")
        written(self, block)

    with RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        with monkeypatch.context() as patch:
            patch.setattr(SpoolFile, "write", full_after_a_while)
            caller.send(raw_film(film((400, 400))))
            assert caller.status() == 0xA700
        assert files(received) == []
        caller.send(raw_film(film()))
        assert caller.status() == 0


@pytest.mark.filterwarnings("ignore:Invalid value")
def test_uids_have_to_be_uids_and_the_commands_own(received: Received) -> None:
    ds = film()
    with RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(store_pdus(DX, "1.2.3", encoded(ds)))
        assert caller.status() == 0xA900, "another instance than the command's"
        caller.send(
            raw_film(ds).replace(
                str(ds.SOPInstanceUID).encode(), b"../../etc/passwd".ljust(len(ds.SOPInstanceUID), b"x")
            )
        )
        assert caller.status() == 0xC000, "no UID"
        caller.send(store_pdus("1.2.840.10008.5.1.4.1.1.1", ds.SOPInstanceUID, encoded(ds)))
        assert caller.status() == 0xA900, "another class than the presentation context's"
        caller.send(store_pdus(DX, ds.SOPInstanceUID, b"no data set at all, but something that is long enough"))
        assert caller.status() == 0xC000
        caller.send(store_pdus(DX, ds.SOPInstanceUID, encoded(ds)[:-9]))
        assert caller.status() == 0xC000, "cut off"
        caller.send(raw_film(ds))
        assert caller.status() == 0
    assert len(files(received)) == 1


def test_a_film_of_more_pixels_or_frames_than_allowed_is_refused(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(pixels=48 * 40)) as received:
        assert send(received, film(), film((49, 40)), film(NumberOfFrames="2")) == [0, 0xC000, 0xC000]
        assert send(received, film((49, 40), Modality="CT")) == [0], "it is not for us anyway"


def test_an_object_of_more_bytes_than_allowed_ends_the_association(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(instance_mib=1)) as received, RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        half = store_pdus(DX, "1.2.3", bytes(600 << 10))
        caller.send(half)
        assert caller.status() == 0xC000
        with suppress(ConnectionError):
            caller.send(store_pdus(DX, "1.2.3", bytes(3 << 20)))
        assert caller.pdu()[0] in (ABORT, CLOSED)
        wait_for(lambda: files(received) == [])


def wait_for(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_pdu_of_more_bytes_than_announced_ends_the_association(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(pdu_bytes=4096)) as received, RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(b"\x04\0\x7f\xff\xff\xff")
        assert caller.pdu()[0] == ABORT


def in_part(received: Received) -> int:
    """Bytes of films that are not whole."""
    return received.receiver.figures.in_part


def whole_pdus(sent: bytes) -> list[bytes]:
    pdus = []
    while sent:
        length = 6 + int.from_bytes(sent[2:6], "big")
        pdus.append(sent[:length])
        sent = sent[length:]
    return pdus


@pytest.mark.parametrize("ending", [b"", ABORT_PDU, RELEASE_PDU])
def test_a_film_that_ends_in_the_middle_leaves_nothing(received: Received, ending: bytes) -> None:
    sent = raw_film(film((400, 400)))
    with RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(b"".join(whole_pdus(sent)[:4]))
        wait_for(lambda: in_part(received) > 20_000)
        caller.send(ending)
        if ending:
            caller.pdu()
    wait_for(lambda: files(received) == [])
    assert received.arrivals == []


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x04\0\0\0\0\x08" + bytes(8),
        b"\x09\0\0\0\0\x04" + bytes(4),
        b"\x01\0\0\0\0\x04" + bytes(4),
        b"\x01\0\0\0\x01\0" + bytes(256),
        b"\xff" * 64,
    ],
)
def test_what_is_no_association_is_ended(received: Received, sent: bytes) -> None:
    with RawCaller(received.port) as caller:
        caller.send(sent)
        assert caller.pdu()[0] in (ABORT, CLOSED)


@pytest.mark.parametrize(
    "sent",
    [
        echo_pdus(context=9),
        store_pdus(DX, "1.2.3", bytes(99))[-200:],
        b"\x04\0\0\0\0\x06\0\0\0\xff\x01\x03",
        b"\x01\0\0\0\0\x04" + bytes(4),
        b"\x02\0\0\0\0\x04" + bytes(4),
    ],
)
def test_what_does_not_belong_into_an_association_ends_it(received: Received, sent: bytes) -> None:
    with RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(sent)
        assert caller.pdu()[0] in (ABORT, CLOSED)
    assert received.arrivals == []


@pytest.mark.slow
def test_messages_without_a_reply_hold_no_association_for_ever(tmp_path: Path) -> None:
    """A C-CANCEL has none (PS3.7, section 9.3.2.3), and whoever is not asked sends no reply either."""
    cancel, reply = (
        echo_pdus(context=3).replace(b"\0\0\x00\x01\x02\0\0\0\x30\0", b"\0\0\x00\x01\x02\0\0\0" + field)
        for field in (b"\xff\x0f", b"\x30\x80")
    )
    with receiving(tmp_path, limits=Limits(silent_seconds=0.1)) as received:
        for sent in (cancel, reply, cancel + reply):
            with RawCaller(received.port) as caller:
                assert caller.associate(*CONTEXTS) == ACCEPT
                caller.send(sent)
                while (kind := caller.pdu()[0]) == 4:
                    pass
                assert kind in (ABORT, CLOSED)
        wait_for(lambda: received.receiver.figures.connections == 0)


def test_more_associations_than_allowed_are_told_to_come_again(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(associations=3, associations_an_address=2)) as received:
        callers = [RawCaller(received.port, source) for source in ["127.0.0.1"] * 3 + ["127.0.0.2"] * 2]
        assert [caller.associate(*CONTEXTS) for caller in callers] == [ACCEPT, ACCEPT, REJECT, ACCEPT, REJECT]
        callers[0].send(RELEASE_PDU)
        assert callers[0].pdu()[0] == RELEASED
        with RawCaller(received.port) as again:
            assert again.associate(*CONTEXTS) == ACCEPT
        for caller in callers:
            caller.socket.close()


def test_who_stalls_makes_room_for_others(tmp_path: Path) -> None:
    limits = Limits(associations=2, associations_an_address=2, silent_seconds=2)
    with receiving(tmp_path, limits=limits) as received:
        stalling = [RawCaller(received.port) for _ in range(2)]
        for caller in stalling:
            assert caller.associate(*CONTEXTS) == ACCEPT
            caller.send(raw_film(film())[:200])
        time.sleep(0.6)
        with RawCaller(received.port) as caller:
            assert caller.associate(*CONTEXTS) == ACCEPT
            caller.send(raw_film(film()))
            assert caller.status() == 0
        assert received.receiver.figures.evicted == 1
        for caller in stalling:
            caller.socket.close()


def test_silent_connections_make_room_for_others(tmp_path: Path) -> None:
    limits = Limits(associations=4, associations_an_address=2)
    with receiving(tmp_path, limits=limits) as received:
        silent = [RawCaller(received.port) for _ in range(40)]
        with RawCaller(received.port) as caller:
            assert caller.associate(*CONTEXTS) == ACCEPT
        assert received.receiver.figures.connections <= 4 * 2 + 2
        for each in silent:
            each.socket.close()


@pytest.mark.slow
def test_half_a_pdu_is_waited_for_so_long_only(tmp_path: Path) -> None:
    with receiving(tmp_path, limits=Limits(silent_seconds=0.3)) as received:
        for sent in (b"", b"\x01", b"\x01\0\0\0\x01\0half"):
            with RawCaller(received.port) as caller:
                began = time.monotonic()
                caller.send(sent)
                assert caller.pdu()[0] == CLOSED
                assert 0.2 < time.monotonic() - began < 5
        with RawCaller(received.port) as caller:
            caller.associate(*CONTEXTS)
            time.sleep(0.6)
            caller.send(echo_pdus(context=3))
            assert caller.status() == 0, "between two messages an association may be silent for longer"
            began = time.monotonic()
            caller.send(b"\x04\0\0")
            assert caller.pdu()[0] == CLOSED
            assert time.monotonic() - began < 5
        wait_for(lambda: received.receiver.figures.connections == 0)


def test_stopping_lets_a_film_finish(tmp_path: Path) -> None:
    sent = raw_film(film((400, 400)))
    with receiving(tmp_path) as received, RawCaller(received.port) as caller, RawCaller(received.port) as idle:
        idle.associate(*CONTEXTS)
        caller.associate(*CONTEXTS)
        caller.send(sent[:40_000])
        wait_for(lambda: in_part(received) > 20_000)
        stopping = threading.Thread(target=received.receiver.stop)
        stopping.start()
        assert idle.pdu()[0] == ABORT, "nobody waits for those who send nothing"
        caller.send(sent[40_000:])
        assert caller.status() == 0
        assert caller.pdu()[0] == ABORT
        stopping.join(10)
        assert len(received.arrivals) == 1
        with pytest.raises(ConnectionError):
            RawCaller(received.port)


def test_stopping_does_not_wait_for_ever_and_drops_what_is_not_whole(tmp_path: Path) -> None:
    sent = raw_film(film((400, 400)))
    with receiving(tmp_path) as received, RawCaller(received.port) as caller:
        caller.associate(*CONTEXTS)
        caller.send(sent[:40_000])
        wait_for(lambda: in_part(received) > 20_000)
        received.receiver.stop(0.1)
        assert files(received) == []
        assert received.arrivals == []
        assert caller.pdu()[0] in (ABORT, CLOSED)


def test_what_is_acknowledged_while_it_stops_is_enqueued(tmp_path: Path) -> None:
    """Four callers send film after film; what was acknowledged is in the queue, and no file is too many."""
    acknowledged: list[str] = []

    def keep_sending(port: int) -> None:
        with RawCaller(port) as caller:
            if caller.associate(*CONTEXTS) != ACCEPT:
                return
            while True:
                ds = film()
                try:
                    caller.send(raw_film(ds))
                    if caller.status() != 0:
                        return
                except (OSError, AssertionError):
                    return
                acknowledged.append(ds.SOPInstanceUID)

    with receiving(tmp_path) as received:
        threads = [threading.Thread(target=keep_sending, args=(received.port,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(acknowledged) > 8)
        received.receiver.stop()
        enqueued = [arrival.facts.instance for arrival in received.arrivals]
        for thread in threads:
            thread.join()
        assert set(acknowledged) <= set(enqueued)
        assert len(enqueued) == len(received.arrivals)
        assert sorted(received.spool.sweep()) == sorted(arrival.path for arrival in received.arrivals)


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
