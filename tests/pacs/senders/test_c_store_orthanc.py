"""Results sent to a real archive by C-STORE, and over TLS with certificates of both sides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ImplicitVRLittleEndian

from hilum.pacs.senders.outcomes import Unreachable
from hilum.pacs.settings import Tls
from tests.pacs.orthanc import Orthanc, an_orthanc
from tests.pacs.results_like import a_capture, a_report
from tests.pacs.senders.talking import (
    opened,
)


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
