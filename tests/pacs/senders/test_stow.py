"""STOW-RS: sent is what the answer names among what was taken, whatever the status of HTTP is."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread
from pydicom.uid import UID

from hilum.errors import RequestError
from hilum.pacs.senders.outcomes import Refused, Unreachable
from hilum.pacs.senders.sending import open_sender
from hilum.pacs.senders.stow import StowSender
from hilum.pacs.settings import Destination
from tests.pacs.orthanc import Orthanc, an_orthanc
from tests.pacs.results_like import a_capture, a_report
from tests.pacs.web_peer import WebSaid, answering
from tests.ports import free_port


@contextmanager
def opened(url: str, **settings: object) -> Iterator[StowSender]:
    destination = Destination(**{"name": "archive", "kind": "stow", "url": url, "seconds": 5.0, **settings})  # type: ignore[arg-type]
    sender = StowSender(destination)
    try:
        yield sender
    finally:
        sender.close()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    a_report(tmp_path / "report.dcm")
    return tmp_path / "report.dcm"


@pytest.fixture
def uid(report: Path) -> str:
    return str(dcmread(report).SOPInstanceUID)


def taken(uid: str, warning: int | None = None) -> dict[str, object]:
    item: dict[str, object] = {"00081155": {"vr": "UI", "Value": [uid]}}
    if warning is not None:
        item["00081196"] = {"vr": "US", "Value": [warning]}
    return {"00081199": {"vr": "SQ", "Value": [item]}}


def failed(uid: str, reason: int, sequence: str = "00081198") -> dict[str, object]:
    named = {"00081155": {"vr": "UI", "Value": [uid]}} if uid else {}
    return {sequence: {"vr": "SQ", "Value": [{**named, "00081197": {"vr": "US", "Value": [reason]}}]}}


def test_a_result_is_sent_as_it_lies_in_its_file(report: Path, uid: str) -> None:
    with answering(200, taken(uid)) as peer, opened(peer.url) as sender:
        sender.send(report)
        sender.send(report)
        method, path, headers, body = peer.asked[0]
        assert (method, path) == ("POST", "/dicom-web/studies")
        kind, _, boundary = headers["Content-Type"].rpartition("=")
        assert kind == 'multipart/related; type="application/dicom"; boundary'
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        assert body == head + report.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        assert peer.connections == 1


def test_a_warning_is_sent_and_named_once(report: Path, uid: str, caplog: pytest.LogCaptureFixture) -> None:
    with answering(202, taken(uid, 0xB000)) as peer, opened(peer.url) as sender, caplog.at_level(logging.WARNING):
        sender.send(report)
        sender.send(report)
    (record,) = caplog.records
    facts = {"destination": "archive", "warning": "some elements were changed (0xB000)"}
    assert (record.getMessage(), vars(record)["event_facts"]) == ("taken with a warning", facts)


@pytest.mark.parametrize("status", [200, 202, 409])
@pytest.mark.parametrize("sequence", ["00081198", "0008119A"])
def test_a_failure_in_the_answer_is_a_refusal_whatever_the_status_is(
    report: Path, uid: str, status: int, sequence: str
) -> None:
    line = r"^archive refuses a result: out of resources \(0xA700\)$"
    with answering(status, failed(uid, 0xA700, sequence)) as peer, opened(peer.url) as sender:
        with pytest.raises(Refused, match=line) as refused:
            sender.send(report)
        assert refused.value.status == "0xA700"
        said = WebSaid(status, failed("", 0xA700, sequence))  # which names no instance: it was one alone
        peer.answer = lambda _: said
        with pytest.raises(Refused, match=line):
            sender.send(report)


def test_an_object_that_is_there_already_is_sent(report: Path, uid: str) -> None:
    with answering(409, failed(uid, 0x0111)) as peer, opened(peer.url) as sender:
        sender.send(report)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, {}),
        (200, taken("1.2.3")),
        (200, {"00081199": {"vr": "SQ"}}),
        (200, {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [7]}}]}}),
        (200, []),
        (200, b""),
        (200, b"\xff[" * 500),
        (204, b""),
        (200, b"<NativeDicomModel/>"),
    ],
)
def test_an_answer_that_does_not_name_the_result_is_no_sending(report: Path, status: int, content: object) -> None:
    with answering(status, content) as peer, opened(peer.url) as sender:
        line = f"^archive answers {status} without saying that it took the result; is url the root of its DICOMweb"
        with pytest.raises(Refused, match=line):
            sender.send(report)


@pytest.mark.parametrize(
    ("status", "may_pass"), [(400, False), (404, False), (409, True), (413, False), (415, False), (500, True)]
)
def test_a_refusal_of_http_is_one(report: Path, uid: str, status: int, may_pass: bool) -> None:
    with answering(status, taken(uid)) as peer, opened(peer.url) as sender:
        with pytest.raises(Refused, match=rf"^archive refuses a result \({status}\)$") as refused:
            sender.send(report)
        assert refused.value.may_pass is may_pass


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (301, "redirects elsewhere"),
        (307, "redirects elsewhere"),
        (401, "wants another user or password"),
        (403, "does not allow it"),
        (429, "has no time"),
        (503, "has no time"),
    ],
)
def test_what_is_said_of_this_node_says_nothing_of_the_result(report: Path, status: int, words: str) -> None:
    with answering(200) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/studies"}
        with answering(status, headers=headers) as peer, opened(peer.url) as sender:
            with pytest.raises(
                Unreachable, match=rf"^destination archive: http://127.0.0.1:\d+ {words} \({status}\)|,"
            ):
                sender.send(report)
            assert len(peer.asked) == 1
        assert elsewhere.asked == []


def test_who_closes_in_the_middle_is_unreachable(report: Path, uid: str) -> None:
    with answering(200, taken(uid)) as peer, opened(peer.url) as sender:
        sender.send(report)
        takes, peer.answer = peer.answer, lambda _: None  # by a connection that was used before, and by a new one
        with pytest.raises(Unreachable, match=r"closed the connection in the middle$"):
            sender.send(report)
        peer.answer = takes
        sender.send(report)
        assert len(peer.asked) == 4


def test_who_is_down_or_slow_is_unreachable(report: Path) -> None:
    with opened(f"http://127.0.0.1:{free_port()}") as sender:
        with pytest.raises(Unreachable, match=r"cannot be reached: connection refused$"):
            sender.send(report)
        with pytest.raises(Unreachable, match=r"cannot be reached: connection refused$"):
            sender.check()
    with opened("http://nobody.invalid") as sender, pytest.raises(Unreachable, match="no such host"):
        sender.send(report)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with opened(url, seconds=0.2) as sender, pytest.raises(Unreachable, match=r"does not answer in 0\.2 s$"):
            sender.send(report)


def test_who_says_a_byte_now_and_then_is_unreachable_in_time(report: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dripping:

        def drip() -> None:
            connection, _ = dripping.accept()
            with connection, suppress(OSError):
                for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
                    time.sleep(0.05)
                    connection.sendall(bytes([byte]))

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{dripping.getsockname()[1]}"
        with opened(url, seconds=0.4) as sender, pytest.raises(Unreachable, match=r"does not answer in 0\.4 s$"):
            sender.send(report)
        thread.join(5)
        assert not thread.is_alive()


def test_a_server_has_to_show_a_certificate_of_the_authority(
    tmp_path: Path, report: Path, uid: str, certificates: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "pacs.pem", certificates / "pacs.key")
    with answering(200, taken(uid), tls=context) as peer:
        url = peer.url.replace("http:", "https:")
        with opened(url, authorities=str(certificates / "ca.pem")) as sender:
            sender.send(report)
            sender.send(report)
        for authorities in ("", str(certificates / "stranger.pem")):
            with (
                opened(url, authorities=authorities) as sender,
                pytest.raises(Unreachable, match="shows a certificate that is not trusted"),
            ):
                sender.send(report)
        with (
            opened(url.replace("127.0.0.1", "localhost"), authorities=str(certificates / "ca.pem")) as sender,
            pytest.raises(Unreachable, match="Hostname mismatch"),
        ):
            sender.send(report)
        with opened(peer.url) as sender, pytest.raises(Unreachable, match=r"closed the connection|does not answer"):
            sender.send(report)
        assert len(peer.asked) == 2


def test_an_answer_has_a_limit(report: Path) -> None:
    large = answering(200, b"[" * (2 << 20))
    with large as peer, opened(peer.url) as sender, pytest.raises(Unreachable, match="answers with more than 1 MiB"):
        sender.send(report)


def test_a_password_is_read_from_its_file_and_said_to_nobody_else(
    tmp_path: Path, report: Path, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "password"
    secret.write_text("sesame\n")
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")  # of the environment, which is not asked
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password other")
    monkeypatch.setenv("HOME", str(tmp_path))
    with answering(200, taken(uid)) as peer:
        with opened(peer.url, user="node", password_file=str(secret)) as sender:
            sender.send(report)
        assert peer.asked[0][2]["Authorization"] == "Basic bm9kZTpzZXNhbWU="
        with opened(peer.url) as sender:
            sender.send(report)
        assert "Authorization" not in peer.asked[1][2]
        peer.answer = lambda _: WebSaid(401)
        with opened(peer.url, user="node", password_file=str(secret)) as sender, pytest.raises(Unreachable) as error:
            sender.send(report)
        assert "sesame" not in repr(error.value) + str(error.value)


def no_file(folder: Path) -> dict[str, str]:
    return {"user": "node", "password_file": str(folder / "none")}


def a_pipe(folder: Path) -> dict[str, str]:
    os.mkfifo(folder / "pipe")
    return {"user": "node", "password_file": str(folder / "pipe")}


def empty(folder: Path) -> dict[str, str]:
    (folder / "empty").touch()
    return {"user": "node", "password_file": str(folder / "empty")}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (lambda _: {"url": "dicom-web"}, "url: no address of HTTP"),
        (lambda _: {"url": "ftp://host"}, "url: no address of HTTP"),
        (lambda _: {"url": "http://host:port"}, "url: no address of HTTP"),
        (lambda _: {"url": "http://host/a b\r\nX: y"}, "url: no address of HTTP"),
        (lambda _: {"url": "http://host/?a=b"}, "url: has a . or a #"),
        (lambda _: {"url": "http://node:sesame@host/"}, "url: names a user or a password; put them into user and"),
        (no_file, "password_file: .*none: No such file or directory"),
        (a_pipe, "password_file: .*pipe: a pipe, not a file"),
        (empty, "password_file: .*empty is empty"),
        (lambda _: {"url": "https://host", "authorities": "none.pem"}, "none.pem: no certificates can be read there"),
    ],
)
def test_a_bad_setting_is_one_line(tmp_path: Path, settings: Callable[[Path], dict[str, str]], line: str) -> None:
    values = {"name": "archive", "kind": "stow", "url": "http://host", **settings(tmp_path)}
    with pytest.raises(RequestError, match=f"^destination archive: {line}") as refused:
        open_sender(Destination(**values))  # type: ignore[arg-type]
    assert "sesame" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_an_orthanc_has_what_was_sent_and_nothing_that_was_not(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("sesame")
    report, capture = a_report(tmp_path / "report.dcm"), a_capture(tmp_path / "capture.dcm")
    broken = dcmread(tmp_path / "report.dcm")
    broken.file_meta.MediaStorageSOPInstanceUID = broken.SOPInstanceUID = UID("2.25.99")
    del broken.StudyInstanceUID, broken.SeriesInstanceUID
    broken.save_as(tmp_path / "broken.dcm", enforce_file_format=True)
    with an_orthanc(tmp_path / "orthanc", users={"node": "sesame"}) as orthanc:
        with opened(orthanc.dicomweb_url, user="node", password_file=str(secret)) as sender:
            sender.check()
            for file in ("report.dcm", "capture.dcm", "report.dcm"):  # a repeat is the same object
                sender.send(tmp_path / file)
            with pytest.raises(Refused):
                sender.send(tmp_path / "broken.dcm")
            assert orthanc.uids() == sorted([report, capture])
            for uid, name in ((report, "report.dcm"), (capture, "capture.dcm")):
                assert orthanc.dataset(uid) == dcmread(tmp_path / name)
            orthanc.kill()
            with pytest.raises(Unreachable, match=r"connection refused|closed the connection"):
                sender.send(tmp_path / "report.dcm")
            orthanc.start()
            sender.send(tmp_path / "report.dcm")
        with (
            opened(orthanc.dicomweb_url) as sender,
            pytest.raises(Unreachable, match="wants another user or password"),
        ):
            sender.send(tmp_path / "report.dcm")


@pytest.mark.slow
def test_another_client_finds_what_was_sent(tmp_path: Path, orthanc: Orthanc) -> None:
    uid = a_report(tmp_path / "report.dcm")
    with opened(orthanc.dicomweb_url) as sender:
        sender.send(tmp_path / "report.dcm")
    report = dcmread(tmp_path / "report.dcm")
    client = DICOMwebClient(orthanc.dicomweb_url)
    got = client.retrieve_instance(report.StudyInstanceUID, report.SeriesInstanceUID, uid)
    file = BytesIO()
    got.save_as(file, enforce_file_format=True)
    assert dcmread(BytesIO(file.getvalue())) == report
