"""A peer that is down, slow, mute or wrong is none that took anything: it is named, in time, and called again."""

from __future__ import annotations

import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hilum.errors import RequestError
from hilum.pacs.senders.c_store import CStoreSender
from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.senders.requested import RequestedAssociation
from hilum.pacs.settings import Destination, Tls
from tests.pacs.results_like import a_capture
from tests.pacs.senders.talking import (
    Talk,
    accept,
    answer,
    opened,
    peer,
    read_pdu,
    silent,
    take,
    takes,
)
from tests.pacs.strict_pacs import strict_pacs


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
    with peer(falls_silent) as port, opened(port, seconds=5.0) as sender:
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
    patience = 0.4 if "in time" in words else 5  # who does answer is waited for, however busy this machine is
    with peer(talk) as port, opened(port, seconds=patience) as sender:
        start = time.monotonic()
        with pytest.raises(Unreachable, match=words) as error:
            sender.send(report)
        assert time.monotonic() - start < 10 * patience
        assert "\n" not in str(error.value)


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
