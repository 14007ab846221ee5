"""C-STORE: sent is what was taken, over associations that stay open; what was refused is named."""

from __future__ import annotations

import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_RQ

from hilum.errors import RequestError
from hilum.pacs.senders.outcomes import Refused, Unreachable
from tests.pacs.results_like import a_capture, a_report
from tests.pacs.senders.talking import (
    opened,
    peer,
    read_pdu,
    takes,
)
from tests.pacs.strict_pacs import RESULT_CLASSES, strict_pacs
from tests.ports import free_port
from tests.waiting import wait_until


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
        wait_until(lambda: not pacs.open_associations)
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
