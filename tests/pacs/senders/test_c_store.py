"""C-STORE: sent is what was taken; a peer that is down, slow, mute or wrong is none that took anything."""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from hilum.errors import RequestError
from hilum.pacs.senders.c_store import CStoreSender
from hilum.pacs.senders.outcomes import Refused, Unreachable
from hilum.pacs.senders.requested import RequestedAssociation
from hilum.pacs.settings import Destination, Tls
from tests.pacs.orthanc import Orthanc, an_orthanc, free_port
from tests.pacs.results_like import a_capture, a_report
from tests.pacs.strict_pacs import RESULT_CLASSES, strict_pacs

Talk = Callable[[socket.socket], None]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    a_report(tmp_path / "report.dcm")
    return tmp_path / "report.dcm"


@contextmanager
def opened(port: int, **settings: object) -> Iterator[CStoreSender]:
    destination = Destination(**{"name": "archive", "kind": "c-store", "port": port, "seconds": 5.0, **settings})  # type: ignore[arg-type]
    sender = CStoreSender(destination)
    try:
        yield sender
    finally:
        sender.close()


@contextmanager
def peer(*talks: Talk) -> Iterator[int]:
    """Someone who listens, and says to each that connects what he is told to; gives his port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for talk in talks:
                connection, _ = listening.accept()
                with connection, suppress(ConnectionError):  # the other side ends it where it has enough
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)
        assert not thread.is_alive()


def read_pdu(connection: socket.socket) -> bytes:
    head = connection.recv(6, socket.MSG_WAITALL)
    return head + connection.recv(struct.unpack(">I", head[2:])[0], socket.MSG_WAITALL)


def accept(connection: socket.socket) -> None:
    """Accept whatever it proposes."""
    request = A_ASSOCIATE_RQ()
    request.decode(read_pdu(connection))
    primitive = request.to_primitive()
    results = []
    for context in primitive.presentation_context_definition_list:
        context.result = 0
        results.append(context)
    primitive.presentation_context_definition_results_list = results
    answer = A_ASSOCIATE_AC()
    answer.from_primitive(primitive)
    connection.sendall(answer.encode())


def take(connection: socket.socket) -> None:
    """Read a C-STORE to its end."""
    while True:
        pdu = read_pdu(connection)
        if pdu[0] == 4 and pdu[11] == 2:  # the last fragment of a data set
            return


def answer(connection: socket.socket, *, status: int = 0, field: int = 0x8001, message: int = 1) -> None:
    values = ((0x0100, field), (0x0120, message), (0x0800, 0x0101), (0x0900, status))
    command = b"".join(struct.pack("<HHIH", 0, element, 2, value) for element, value in values)
    connection.sendall(struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command)


def takes(*statuses: int) -> Talk:
    """Take as many C-STOREs, each with a status."""

    def talk(connection: socket.socket) -> None:
        accept(connection)
        for message, status in enumerate(statuses, 1):
            take(connection)
            answer(connection, status=status, message=message)

    return talk


def silent(connection: socket.socket) -> None:
    while connection.recv(1 << 16):
        pass


def test_a_result_arrives_as_it_lies_in_its_file_over_an_association_that_stays_open(tmp_path: Path) -> None:
    with strict_pacs() as pacs, opened(pacs.port) as sender:
        uids = []
        for number in range(3):
            uids.append(a_report(tmp_path / "report.dcm", number))
            sender.send(tmp_path / "report.dcm")
        assert list(pacs.taken) == uids
        assert pacs.associations == 1
        capture = a_capture(tmp_path / "capture.dcm")  # of another class: one more association, for both
        sender.send(tmp_path / "capture.dcm")
        sender.send(tmp_path / "report.dcm")
        assert pacs.taken[capture] == 1
        assert pacs.associations == 2


def test_it_is_asked_for_what_is_sent_alone(report: Path) -> None:
    proposed: list[tuple[str, tuple[str, ...]]] = []

    def look(connection: socket.socket) -> None:
        request = A_ASSOCIATE_RQ()
        request.decode(read_pdu(connection))
        contexts = request.to_primitive().presentation_context_definition_list
        proposed.extend((str(each.abstract_syntax), tuple(map(str, each.transfer_syntax))) for each in contexts)

    with peer(look) as port, opened(port) as sender, pytest.raises(Unreachable, match="closed the connection"):
        sender.send(report)
    assert proposed == [
        (RESULT_CLASSES[0], (ExplicitVRLittleEndian,)),
        (RESULT_CLASSES[0], (ImplicitVRLittleEndian,)),
    ]


@pytest.mark.parametrize(
    ("status", "words", "may_pass"),
    [
        (0xA700, r"out of resources \(0xA700\)", True),
        (0xA900, r"data set does not match the SOP Class \(0xA900\)", False),
        (0xC001, r"cannot understand it \(0xC001\)", True),
        (0x0110, r"processing failure \(0x0110\)", True),
        (0x0122, r"SOP Class not supported \(0x0122\)", False),
        (0xFE00, r"a status that is none of C-STORE's \(0xFE00\)", False),
    ],
)
def test_a_failure_is_named_and_is_not_sent(report: Path, status: int, words: str, may_pass: bool) -> None:
    with peer(takes(status, 0)) as port, opened(port) as sender:
        with pytest.raises(Refused, match=f"^archive refuses a result: {words}$") as refused:
            sender.send(report)
        assert refused.value.status == f"0x{status:04X}"
        assert refused.value.may_pass is may_pass
        sender.send(report)  # over the association that is open still


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0x0107, 0x0116, 0x0111])
def test_a_warning_is_sent_and_named_once(report: Path, status: int, caplog: pytest.LogCaptureFixture) -> None:
    logs = caplog.at_level(logging.WARNING, logger="hilum")
    with peer(takes(status, status)) as port, opened(port) as sender, logs:
        sender.send(report)
        sender.send(report)
    (record,) = caplog.records
    assert record.getMessage() == "taken with a warning"
    assert f"(0x{status:04X})" in vars(record)["event_facts"]["warning"]


def test_a_pacs_that_refuses_one_in_ten_took_the_others(tmp_path: Path) -> None:
    refused = []
    with strict_pacs(refuse_every=10) as pacs, opened(pacs.port) as sender:
        for number in range(30):
            uid = a_report(tmp_path / "report.dcm", number, size=10)
            try:
                sender.send(tmp_path / "report.dcm")
            except Refused:
                refused.append(uid)
        assert len(pacs.taken) == 27
        assert len(refused) == 3
        assert not set(refused) & set(pacs.taken)
        assert pacs.associations == 1


def test_a_peer_that_closes_between_two_results_is_asked_for_another_association(report: Path) -> None:
    with strict_pacs() as pacs, opened(pacs.port) as sender:
        sender.send(report)
        pacs.close_associations()
        time.sleep(0.2)
        sender.send(report)
        pacs.stop()
        with pytest.raises(
            Unreachable, match=rf"^archive: 127\.0\.0\.1:{pacs.port} cannot be reached: connection refused$"
        ):
            sender.send(report)
        pacs.start()
        sender.send(report)
        assert pacs.associations == 3


def test_a_peer_that_closes_at_the_very_moment_gets_the_same_result_once_more(report: Path) -> None:
    def takes_one(connection: socket.socket) -> None:
        takes(0)(connection)
        take(connection)

    with peer(takes_one, takes(0)) as port, opened(port) as sender:
        sender.send(report)
        sender.send(report)


def test_a_peer_that_falls_silent_is_not_asked_for_another_association_at_once(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RequestedAssociation] = []

    class Counted(RequestedAssociation):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            asked.append(self)

    def falls_silent(connection: socket.socket) -> None:
        takes(0)(connection)
        take(connection)
        silent(connection)

    monkeypatch.setattr("hilum.pacs.senders.c_store.RequestedAssociation", Counted)
    with peer(falls_silent) as port, opened(port, seconds=1.0) as sender:
        sender.send(report)
        with pytest.raises(Unreachable, match="does not answer in time"):
            sender.send(report)
    assert len(asked) == 1


def mute(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    silent(connection)


def closes(connection: socket.socket) -> None:
    accept(connection)
    take(connection)


def aborts(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    connection.sendall(bytes([7, 0, 0, 0, 0, 4, 0, 0, 2, 0]))
    silent(connection)


def releases(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    connection.sendall(bytes([5, 0, 0, 0, 0, 4, 0, 0, 0, 0]))
    silent(connection)


def talks_http(connection: socket.socket) -> None:
    connection.recv(10)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    silent(connection)


def answers_another(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    answer(connection, message=7)
    silent(connection)


def answers_an_echo(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    answer(connection, field=0x8030)
    silent(connection)


def answers_nonsense(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    connection.sendall(struct.pack(">BBIIBB", 4, 0, 10, 6, 1, 3) + b"\xff" * 4)
    silent(connection)


def answers_without_end(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    while True:
        connection.sendall(struct.pack(">BBIIBB", 4, 0, 16006, 16002, 1, 1) + b"\0" * 16000)


def drips(connection: socket.socket) -> None:
    accept(connection)
    take(connection)
    for byte in struct.pack(">BBI", 4, 0, 90) + bytes(90):
        time.sleep(0.05)
        connection.sendall(bytes([byte]))


def rejects(source: int, reason: int) -> Talk:
    def talk(connection: socket.socket) -> None:
        read_pdu(connection)
        connection.sendall(bytes([3, 0, 0, 0, 0, 4, 0, 1, source, reason]))

    return talk


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (mute, "does not answer in time"),
        (drips, "does not answer in time"),
        (silent, "does not answer in time"),
        (closes, "closed the connection in the middle"),
        (aborts, "closed the connection in the middle, or does not"),
        (releases, "does not answer in time"),
        (talks_http, "does not answer as DICOM does"),
        (answers_another, "answers something else than it was asked"),
        (answers_an_echo, "answers something else than it was asked"),
        (answers_nonsense, "does not answer in time"),
        (answers_without_end, "does not answer in time"),
        (rejects(1, 3), "called 'PACS' by 'HILUM', refuses the association: it does not know the calling AE title"),
        (rejects(1, 7), "it does not know the called AE title"),
        (rejects(3, 2), "it has as many associations as it allows"),
        (rejects(1, 1), "it gives no reason"),
        (rejects(9, 9), "does not answer in time"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # pynetdicom's reactor
def test_who_does_not_say_that_it_took_a_result_is_unreachable(report: Path, talk: Talk, words: str) -> None:
    start = time.monotonic()
    with peer(talk) as port, opened(port, seconds=0.4) as sender:
        with pytest.raises(Unreachable, match=words) as error:
            sender.send(report)
        assert "\n" not in str(error.value)
    assert time.monotonic() - start < 4


def test_a_peer_that_stops_reading_is_unreachable_in_time(tmp_path: Path) -> None:
    def stops(connection: socket.socket) -> None:
        accept(connection)
        end.wait(5)

    end = threading.Event()
    a_capture(tmp_path / "capture.dcm", side=2000)  # 12 MB: more than the system keeps
    with peer(stops) as port, opened(port, seconds=0.4) as sender:
        with pytest.raises(Unreachable, match="does not answer in time"):
            sender.send(tmp_path / "capture.dcm")
        end.set()


def test_what_a_peer_does_not_take_is_refused_and_asked_for_again(tmp_path: Path, report: Path) -> None:
    a_capture(tmp_path / "capture.dcm")
    with strict_pacs(sop_classes=RESULT_CLASSES[1:]) as pacs, opened(pacs.port) as sender:
        line = (
            r"^archive does not take Comprehensive 3D SR Storage \(1\.2\.840\.10008\.5\.1\.4\.1\.1\.88\.34\) in "
            "Explicit VR Little Endian or Implicit VR Little Endian; have it accept that$"
        )
        with pytest.raises(Refused, match=line) as refused:
            sender.send(report)
        assert refused.value.status == "not negotiated"
        sender.send(tmp_path / "capture.dcm")
        pacs.stop()
        pacs.sop_classes = RESULT_CLASSES
        pacs.start()
        sender.send(report)


def test_who_takes_implicit_vr_alone_gets_the_same_object_in_it(tmp_path: Path, report: Path) -> None:
    with strict_pacs(syntaxes=(ImplicitVRLittleEndian,)) as pacs, opened(pacs.port) as sender:
        sender.send(report)
        assert pacs.taken == {dcmread(report).SOPInstanceUID: 1}


def test_results_go_over_as_many_connections_as_are_allowed(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.dcm" for number in range(8)]
    for number, file in enumerate(files):
        a_report(file, number, size=10)
    with (
        strict_pacs(seconds=0.05) as pacs,
        opened(pacs.port, connections=2) as sender,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(sender.send, files))
        assert pacs.associations == 2
        assert len(pacs.taken) == 8


def test_an_association_that_nobody_uses_is_ended(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilum.pacs.senders.c_store._IDLE_SECONDS", 0.1)
    with strict_pacs() as pacs, opened(pacs.port) as sender:
        sender.send(report)
        end = time.monotonic() + 10
        while pacs.open_associations:
            assert time.monotonic() < end
            time.sleep(0.02)
        sender.send(report)
        assert pacs.associations == 2


def test_an_echo_says_whether_it_is_there(report: Path) -> None:
    with strict_pacs() as pacs, opened(pacs.port) as sender:
        sender.check()
        pacs.stop()
        with pytest.raises(Unreachable, match="connection refused"):
            sender.check()


def test_what_is_no_dicom_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "report.dcm"
    file.write_bytes(b"text")
    with opened(free_port()) as sender:
        with pytest.raises(RequestError, match=r"^report\.dcm: no DICOM file that says what it holds"):
            sender.send(file)
        with pytest.raises(OSError, match="No such file"):
            sender.send(tmp_path / "none.dcm")


def test_a_host_without_a_name_and_files_that_are_no_keys_are_one_line_each(tmp_path: Path, report: Path) -> None:
    with (
        opened(104, host="nobody.invalid") as sender,
        pytest.raises(Unreachable, match=r"^archive: nobody\.invalid:104 cannot be reached: no such host$"),
    ):
        sender.send(report)
    pem = tmp_path / "a.pem"
    pem.write_text("no key")
    for authorities, line in ((tmp_path / "none.pem", "No such file"), (pem, "no certificate or crl found")):
        tls = Tls(certificate=str(pem), key=str(pem), authorities=str(authorities))
        with pytest.raises(RequestError, match=f"destination archive: .*no certificates can be read there: {line}"):
            CStoreSender(Destination(name="archive", kind="c-store", tls=tls))


@pytest.mark.slow
def test_an_orthanc_has_what_was_sent_and_nothing_that_was_not(tmp_path: Path, orthanc: Orthanc) -> None:
    report, capture = a_report(tmp_path / "report.dcm"), a_capture(tmp_path / "capture.dcm")
    with opened(orthanc.dicom_port, ae_title=orthanc.ae_title) as sender:
        sender.check()
        for file in ("report.dcm", "capture.dcm", "report.dcm"):  # a repeat is the same object
            sender.send(tmp_path / file)
        assert orthanc.uids() == sorted([report, capture])
        for uid, file in ((report, "report.dcm"), (capture, "capture.dcm")):
            assert orthanc.dataset(uid) == dcmread(tmp_path / file)
        orthanc.kill()
        with pytest.raises(Unreachable, match="connection refused"):
            sender.send(tmp_path / "report.dcm")
        orthanc.start()
        sender.send(tmp_path / "report.dcm")


@pytest.mark.slow
def test_an_orthanc_that_takes_implicit_vr_alone_has_the_same_objects(tmp_path: Path) -> None:
    uids = [a_report(tmp_path / "report.dcm"), a_capture(tmp_path / "capture.dcm")]
    settings = {"AcceptedTransferSyntaxes": [ImplicitVRLittleEndian]}
    with an_orthanc(tmp_path / "orthanc", settings=settings) as orthanc:
        with opened(orthanc.dicom_port, ae_title=orthanc.ae_title) as sender:
            for file in ("report.dcm", "capture.dcm"):
                sender.send(tmp_path / file)
        for uid, file in zip(uids, ("report.dcm", "capture.dcm"), strict=True):
            stored = orthanc.dataset(uid)
            assert stored.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
            wanted = dcmread(tmp_path / file)
            assert {element.tag: element.value for element in stored} == {each.tag: each.value for each in wanted}


@pytest.mark.slow
def test_many_reports_go_into_an_orthanc_over_two_connections(tmp_path: Path, orthanc: Orthanc) -> None:
    """How fast is `python -m benchmarks.pacs_sending`."""
    files = [tmp_path / f"{number}.dcm" for number in range(100)]
    uids = [a_report(file, number) for number, file in enumerate(files)]
    with (
        opened(orthanc.dicom_port, ae_title=orthanc.ae_title, seconds=60.0) as sender,
        ThreadPoolExecutor(2) as threads,
    ):
        list(threads.map(sender.send, files))
    assert orthanc.uids("SR") == sorted(uids)


@pytest.mark.slow
def test_both_sides_show_certificates(tmp_path: Path, report: Path, certificates: Path) -> None:
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(certificates / "pacs.pem"),
        "DicomTlsPrivateKey": str(certificates / "pacs.key"),
        "DicomTlsTrustedCertificates": str(certificates / "ca.pem"),
    }

    def tls(name: str, authorities: str = "ca") -> Tls:
        paths = [str(certificates / file) for file in (f"{name}.pem", f"{name}.key", f"{authorities}.pem")]
        return Tls(certificate=paths[0], key=paths[1], authorities=paths[2])

    with an_orthanc(tmp_path / "orthanc", settings=settings) as orthanc:
        with opened(orthanc.dicom_port, ae_title="ORTHANC", tls=tls("node")) as sender:
            sender.send(report)
            sender.send(report)
        assert len(orthanc.uids("SR")) == 1
        for bad, line in (
            ({"tls": tls("node", "stranger")}, "shows a certificate that is not trusted"),
            ({"tls": tls("node"), "host": "localhost"}, "shows a certificate that is not trusted: Hostname mismatch"),
            ({"tls": tls("other")}, "alert|closed the connection"),
            ({}, "closed the connection|does not answer"),
        ):
            with (
                opened(orthanc.dicom_port, ae_title="ORTHANC", **bad) as sender,
                pytest.raises(Unreachable, match=line),
            ):
                sender.send(report)
