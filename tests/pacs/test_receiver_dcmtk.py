"""Films by C-STORE from DCMTK's callers, in every transfer syntax that it speaks, with and without TLS."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from hilum.pacs.settings import Limits, Tls
from hilum.pixels.decode import decode
from tests.pacs.raw_caller import RawCaller
from tests.pacs.receiving import Received, film, receiving
from tests.pixels.dicoms import write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("dcmcjpeg"), reason="Debian's package dcmtk is not installed"),
]

# How DCMTK makes a file of each transfer syntax, and which option has storescu propose it.
MADE_BY = {
    "1.2.840.10008.1.2": (["dcmconv", "+ti"], "-xi"),
    "1.2.840.10008.1.2.1": (["dcmconv", "+te"], "-xe"),
    "1.2.840.10008.1.2.2": (["dcmconv", "+tb"], "-xb"),
    "1.2.840.10008.1.2.1.99": (["dcmconv", "+td"], "-xd"),
    "1.2.840.10008.1.2.4.50": (["dcmcjpeg", "+eb"], "-xy"),
    "1.2.840.10008.1.2.4.57": (["dcmcjpeg", "+el"], ""),
    "1.2.840.10008.1.2.4.70": (["dcmcjpeg", "+e1"], "-xs"),
    "1.2.840.10008.1.2.4.80": (["dcmcjpls", "+el"], "-xt"),
    "1.2.840.10008.1.2.4.81": (["dcmcjpls", "+en"], "-xu"),
    "1.2.840.10008.1.2.4.90": (["gdcmconv", "--j2k"], "-xv"),
    "1.2.840.10008.1.2.5": (["dcmcrle"], "-xr"),
}


def dcmtk(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """DCMTK's and GDCM's programs, not another package's of the same name in this environment."""
    program = f"/usr/bin/{arguments[0]}"
    environment = {
        "PATH": "/usr/bin:/bin",
        "DCMDICTPATH": os.environ.get("DCMDICTPATH", "/usr/share/libdcmtk17/dicom.dic"),
    }
    environment = {key: value for key, value in environment.items() if key != "DCMDICTPATH" or Path(value).exists()}
    words = [program, *map(str, arguments[1:])]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)


def succeeds(*arguments: str | Path) -> str:
    done = dcmtk(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def received(tmp_path: Path) -> Iterator[Received]:
    with receiving(tmp_path) as running:
        yield running


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.dcm"
    ds = film((64, 64))
    ds.PixelData = (ds.pixel_array >> 8).astype("u1").tobytes()
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds["PixelData"].VR = "OB"
    write(path, ds)
    return path


def address(received: Received) -> list[str]:
    return ["-aet", "CT-1", "-aec", "HILUM", "127.0.0.1", str(received.port)]


@pytest.mark.parametrize("syntax", MADE_BY)
@pytest.mark.parametrize("caller", ["storescu", "dcmsend"])
def test_films_arrive_in_every_syntax(
    received: Received, plain: Path, tmp_path: Path, syntax: str, caller: str
) -> None:
    made_by, option = MADE_BY[syntax]
    sent = tmp_path / "sent.dcm"
    succeeds(*made_by, plain, sent)
    if caller == "dcmsend":
        succeeds("dcmsend", "--decompress-never", *address(received), sent)
    elif option:
        succeeds("storescu", option, *address(received), sent)
    else:
        pytest.skip("storescu proposes no such syntax")
    (arrival,) = received.arrivals
    ours, theirs = pydicom.dcmread(arrival.path), pydicom.dcmread(sent)
    uncompressed = syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2")
    expected = (
        "1.2.840.10008.1.2.1" if caller == "dcmsend" and uncompressed else syntax
    )  # it rewrites these as it sends
    assert arrival.facts.transfer_syntax == ours.file_meta.TransferSyntaxUID == expected
    assert arrival.facts.pixels == hashlib.sha256(theirs.PixelData).hexdigest()
    assert ours == theirs
    assert (decode(str(arrival.path)) == decode(str(sent))).all()
    succeeds("dcmdump", "-q", arrival.path)


def test_an_echo_is_answered(received: Received) -> None:
    succeeds("echoscu", "--repeat", "3", *address(received))


def test_many_films_come_over_one_association(received: Received, tmp_path: Path) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    sent = {}
    for number in range(20):
        ds = film((64 + number, 64))
        write(folder / f"{number}.dcm", ds)
        sent[str(ds.SOPInstanceUID)] = hashlib.sha256(ds.PixelData).hexdigest()
    succeeds("storescu", "+sd", *address(received), folder)
    assert {arrival.facts.instance: arrival.facts.pixels for arrival in received.arrivals} == sent
    assert received.receiver.figures.statuses == {"0x0000": 20}


def test_a_full_disk_is_said_in_the_standards_words(
    received: Received, plain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    said = dcmtk("storescu", "-v", *address(received), plain)
    assert "Out of Resources" in said.stdout + said.stderr or "OutOfResources" in said.stdout + said.stderr
    assert os.listdir(received.spool.folder) == []


@pytest.mark.parametrize(
    ("calling", "called", "reason"),
    [("CT-2", "HILUM", "Calling AE Title Not Recognized"), ("CT-1", "PACS", "Called AE Title Not Recognized")],
)
def test_a_rejection_says_why(received: Received, calling: str, called: str, reason: str) -> None:
    refused = dcmtk("echoscu", "-aet", calling, "-aec", called, "127.0.0.1", str(received.port))
    assert refused.returncode != 0
    assert reason in refused.stdout + refused.stderr


def test_the_largest_and_the_smallest_pdus_are_taken(tmp_path: Path, plain: Path) -> None:
    for ours in (4096, 131072, 256 << 10):
        with receiving(tmp_path / str(ours), limits=Limits(pdu_bytes=ours)) as received:
            succeeds("storescu", "-pdu", "4096", *address(received), plain)
            succeeds("storescu", "-pdu", "131072", *address(received), plain)
            assert len(received.arrivals) == 2


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority, the node's and a caller's certificate by it, and a stranger's by itself."""
    folder = tmp_path / "tls"
    folder.mkdir()

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    new = ["-newkey", "rsa:2048", "-nodes", "-keyout"]
    for name in ("authority", "stranger"):
        openssl("req", "-x509", *new, f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2")
    for name in ("node", "caller"):
        openssl("req", *new, f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        by = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-days", "2"]
        openssl("x509", "-req", "-in", f"{name}.csr", *by, "-out", f"{name}.pem")
    return folder


def test_mutual_tls_lets_in_who_has_a_certificate(
    tmp_path: Path, certificates: Path, plain: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def of(name: str) -> list[str | Path]:
        return [
            "+tls",
            certificates / f"{name}.key",
            certificates / f"{name}.pem",
            "+cf",
            certificates / "authority.pem",
        ]

    tls = Tls(
        certificate=str(certificates / "node.pem"),
        key=str(certificates / "node.key"),
        authorities=str(certificates / "authority.pem"),
    )
    with receiving(tmp_path, tls=tls) as received:
        succeeds("storescu", *of("caller"), *address(received), plain)
        assert len(received.arrivals) == 1
        for refused in (
            dcmtk("storescu", *of("stranger"), *address(received), plain),
            dcmtk("storescu", "+tla", "+cf", certificates / "authority.pem", *address(received), plain),
            dcmtk("storescu", *address(received), plain),
        ):
            assert refused.returncode != 0
        assert len(received.arrivals) == 1
        assert received.receiver.figures.turned_away == {"address": 0, "tls": 3, "protocol": 0}
        said = " ".join(caplog.messages)
        assert "its certificate is not accepted (" in said, "the stranger's"
        assert "no TLS with it (peer did not return a certificate)" in said
        silent = [RawCaller(received.port) for _ in range(70)]
        for caller in silent[:20]:
            caller.send(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a TLS handshake
        began = time.monotonic()
        succeeds("echoscu", *of("caller"), *address(received))
        assert time.monotonic() - began < 5, "a handshake that does not go on holds up nobody"
        for caller in silent:
            caller.socket.close()
