"""A film is acknowledged once it is safe: on the disk and in the queue, with the UIDs of its command."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hilum.errors import HilumError, StoreError
from hilum.pacs.records import Arrival
from hilum.pacs.settings import Limits
from hilum.pacs.spool import SpoolFile
from tests.pacs.raw_caller import RawCaller, encoded, store_pdus
from tests.pacs.receiving import (
    CONTEXTS,
    DX,
    Received,
    files,
    film,
    raw_film,
    receiving,
    send,
)


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
