"""What the tests send by hand arrives at others' receivers as it was meant: pynetdicom's, and DCMTK's storescp."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from tests.pacs.films import DX, SYNTAXES, data_set, film
from tests.pacs.peers import Peer
from tests.pacs.wire import VERIFICATION, Association, NotAssociatedError, store
from tests.ports import free_port
from tests.waiting import wait_until

STORESCP = shutil.which("storescp", path="/usr/bin:/usr/local/bin")  # DCMTK's: pynetdicom has one of that name


def test_films_arrive_byte_for_byte_and_the_status_comes_back(peer: Peer) -> None:
    peer.statuses = (0x0000, 0xA700, 0x0000)
    films = [film(1), film(2, syntax=JPEGBaseline8Bit), film(3, size=(900, 700))]
    proposals = [(DX, str(syntax)) for syntax in SYNTAXES] + [(VERIFICATION, "1.2.840.10008.1.2")]
    with Association(peer.port, proposals) as association:
        assert association.echo() == 0
        statuses = [
            association.store(DX, ds.SOPInstanceUID, str(ds.file_meta.TransferSyntaxUID), data_set(ds))
            for ds in films
        ]
    assert statuses == [0x0000, 0xA700, 0x0000]
    assert peer.got == [(ds.SOPInstanceUID, data_set(ds)) for ds in films]


def test_a_context_that_was_not_taken_and_a_closed_port_are_no_association(peer: Peer) -> None:
    with (
        Association(peer.port, [(DX, "1.2.3.4.5")]) as association,
        pytest.raises(NotAssociatedError, match="no presentation context"),
    ):
        association.store(DX, "1.2", "1.2.3.4.5", b"")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        Association(free, [(DX, ExplicitVRLittleEndian)])


@pytest.mark.slow
@pytest.mark.skipif(STORESCP is None, reason="DCMTK is not installed")
def test_dcmtk_takes_a_film_as_it_is(tmp_path: Path) -> None:
    port = free_port()

    def stored() -> bool:
        with suppress(ConnectionRefusedError):
            assert store(port, film(4)) == 0
            return True
        return False

    with subprocess.Popen([str(STORESCP), "-od", str(tmp_path), "+xa", str(port)]) as server:
        wait_until(stored)
        server.terminate()
    (path,) = tmp_path.iterdir()
    assert dcmread(path).PixelData == film(4).PixelData
