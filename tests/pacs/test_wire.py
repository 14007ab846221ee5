"""What the tests send by hand arrives at others' receivers as it was meant: pynetdicom's, and DCMTK's storescp."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from tests.pacs.films import DX, SYNTAXES, data_set, film
from tests.pacs.wire import VERIFICATION, Association, NotAssociatedError, store


@pytest.fixture
def peer() -> Iterator[Any]:
    """pynetdicom's receiver, which keeps what it is sent and answers with the status in `statuses`."""
    from pynetdicom import AE, evt

    entity, got, statuses = AE("HILUM"), [], [0x0000, 0xA700, 0x0000]
    entity.add_supported_context(VERIFICATION)
    entity.add_supported_context(DX, list(SYNTAXES))

    def keep(event: Any) -> int:
        got.append((event.request.AffectedSOPInstanceUID, event.request.DataSet.getvalue()))
        return statuses[(len(got) - 1) % 3]

    server: Any = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    yield server.socket.getsockname()[1], got
    server.shutdown()


def test_films_arrive_byte_for_byte_and_the_status_comes_back(peer: Any) -> None:
    port, got = peer
    films = [film(1), film(2, syntax=JPEGBaseline8Bit), film(3, size=(900, 700))]
    proposals = [(DX, str(syntax)) for syntax in SYNTAXES] + [(VERIFICATION, "1.2.840.10008.1.2")]
    with Association(port, proposals) as association:
        assert association.echo() == 0
        statuses = [
            association.store(DX, ds.SOPInstanceUID, str(ds.file_meta.TransferSyntaxUID), data_set(ds))
            for ds in films
        ]
    assert statuses == [0x0000, 0xA700, 0x0000]
    assert got == [(ds.SOPInstanceUID, data_set(ds)) for ds in films]


def test_a_context_that_was_not_taken_and_a_closed_port_are_no_association(peer: Any) -> None:
    port, _ = peer
    with (
        Association(port, [(DX, "1.2.3.4.5")]) as association,
        pytest.raises(NotAssociatedError, match="no presentation context"),
    ):
        association.store(DX, "1.2", "1.2.3.4.5", b"")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        Association(free, [(DX, ExplicitVRLittleEndian)])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("storescp") is None, reason="DCMTK is not installed")
def test_dcmtk_takes_a_film_as_it_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen(["storescp", "-od", str(tmp_path), "+xa", str(port)]) as server:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                assert store(port, film(4)) == 0
                break
            except ConnectionRefusedError:
                time.sleep(0.05)
        server.terminate()
    (path,) = tmp_path.iterdir()
    assert dcmread(path).PixelData == film(4).PixelData
