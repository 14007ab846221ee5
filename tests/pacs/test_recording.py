"""What the proxy before a PACS says was sent is what was sent, and it plays the faults that it was told to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from tests.pacs.films import DX, data_set, film
from tests.pacs.orthanc import an_orthanc
from tests.pacs.peers import Peer
from tests.pacs.recording import OUT_OF_RESOURCES, RecordingProxy, recording
from tests.pacs.wire import Association, NotAssociatedError, store
from tests.waiting import wait_until


@pytest.fixture
def proxy(peer: Peer) -> Iterator[RecordingProxy]:
    with recording(peer.port) as running:
        yield running


def test_it_records_what_was_sent_and_what_was_said(proxy: RecordingProxy, peer: Peer) -> None:
    films = [film(1), film(2, size=(600, 500))]
    assert [store(proxy.port, ds) for ds in (*films, films[0])] == [0, 0, 0]
    wanted = [(DX, ds.SOPInstanceUID, hashlib.sha256(data_set(ds)).hexdigest(), 0) for ds in (*films, films[0])]
    assert [each[:4] for each in proxy.passed] == wanted
    assert [uid for uid, _ in peer.got] == [each[1] for each in wanted]
    assert proxy.accepted() == {films[0].SOPInstanceUID: 2, films[1].SOPInstanceUID: 1}


def test_it_refuses_one_in_three_and_the_pacs_never_sees_it(proxy: RecordingProxy, peer: Peer) -> None:
    proxy.faults.refuse = lambda number: OUT_OF_RESOURCES if number % 3 == 0 else 0
    with Association(proxy.port, [(DX, ExplicitVRLittleEndian)]) as association:
        statuses = [
            association.store(DX, ds.SOPInstanceUID, ExplicitVRLittleEndian, data_set(ds))
            for ds in map(film, range(6))
        ]
    assert statuses == [0, 0, OUT_OF_RESOURCES] * 2
    assert len(peer.got) == 4
    assert [each.status for each in proxy.passed] == statuses


def test_it_swallows_an_answer_that_the_pacs_gave(proxy: RecordingProxy, peer: Peer) -> None:
    proxy.faults.swallow = lambda number: number == 1
    with pytest.raises(NotAssociatedError):
        store(proxy.port, film(1))
    assert store(proxy.port, film(1)) == 0
    assert len(peer.got) == 2
    wait_until(lambda: sorted(str(each.status) for each in proxy.passed) == ["0", "None"])


def test_it_is_down_and_up_again_on_the_same_port(proxy: RecordingProxy) -> None:
    association = Association(proxy.port, [(DX, ExplicitVRLittleEndian)])
    proxy.down()
    with pytest.raises(NotAssociatedError):
        association.store(DX, "1.2", ExplicitVRLittleEndian, data_set(film(1)))
    with pytest.raises(OSError, match="refused"):
        store(proxy.port, film(1))
    proxy.up()
    assert store(proxy.port, film(1)) == 0


@pytest.mark.slow
def test_orthanc_stores_what_passes_through(tmp_path: Path) -> None:
    with an_orthanc(tmp_path / "orthanc") as orthanc, recording(orthanc.dicom_port) as proxy:
        films = [film(number) for number in range(1, 6)]
        assert {store(proxy.port, ds, called=orthanc.ae_title) for ds in films} == {0}
        assert orthanc.uids() == sorted(proxy.accepted()) == sorted(ds.SOPInstanceUID for ds in films)
