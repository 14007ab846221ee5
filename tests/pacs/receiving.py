"""A receiver on a free port, with a list for its queue, and what is sent to it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    generate_uid,
)
from pynetdicom import AE

from hilum.pacs.receiver import DicomReceiver
from hilum.pacs.records import Arrival
from hilum.pacs.senders.reactor_gate import guard_answers
from hilum.pacs.settings import AllowedCaller, Limits, Receive, Tls
from hilum.pacs.spool import Spool
from tests.pacs.raw_caller import VERIFICATION, encoded, store_pdus
from tests.pixels.dicoms import dataset, stored_phantom

DX = DigitalXRayImageStorageForPresentation
CONTEXTS = ((str(DX), str(ExplicitVRLittleEndian)), (VERIFICATION, str(ImplicitVRLittleEndian)))
ACCEPT, REJECT, RELEASED, ABORT, CLOSED = 2, 3, 6, 7, 0
CALLERS = (AllowedCaller(ae_title="CT-1", addresses=("127.0.0.0/8", "::1")),)


@dataclass
class Received:
    """What a receiver has taken."""

    port: int
    spool: Spool
    receiver: DicomReceiver
    arrivals: list[Arrival] = field(default_factory=list)


@contextmanager
def receiving(
    folder: Path,
    accept: Callable[[Arrival], None] | None = None,
    *,
    callers: tuple[AllowedCaller, ...] = CALLERS,
    limits: Limits | None = None,
    host: str = "127.0.0.1",
    tls: Tls | None = None,
) -> Iterator[Received]:
    arrivals: list[Arrival] = []
    lock = threading.Lock()

    def enqueue(arrival: Arrival) -> None:
        if accept is not None:
            accept(arrival)
        with lock:
            arrivals.append(arrival)

    spool = Spool(folder / "spool")
    settings = Receive(port=0, host=host, callers=callers, limits=limits or Limits(), tls=tls)
    receiver = DicomReceiver(settings, spool, enqueue)
    port = receiver.start()
    try:
        yield Received(port, spool, receiver, arrivals)
    finally:
        receiver.stop(0)


def film(size: tuple[int, int] = (48, 40), seed: int = 1, **tags: object) -> Dataset:
    """A generated film with UIDs of its own."""
    ds = dataset(stored_phantom(seed=seed, size=size), **tags)  # type: ignore[arg-type]
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return ds


def files(received: Received) -> list[str]:
    return os.listdir(received.spool.folder)


def send(received: Received, *films: Dataset, calling: str = "CT-1", called: str = "HILUM") -> list[int]:
    """Send films by pynetdicom; the statuses."""
    entity = AE(ae_title=calling)
    for ds in films:
        entity.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", received.port, ae_title=called)
    assert association.is_established
    guard_answers(association)
    statuses = [association.send_c_store(ds).Status for ds in films]
    association.release()
    return statuses


def raw_film(ds: Dataset) -> bytes:
    return store_pdus(ds.SOPClassUID, ds.SOPInstanceUID, encoded(ds))


def in_part(received: Received) -> int:
    """Bytes of films that are not whole."""
    return received.receiver.figures.in_part


def whole_pdus(sent: bytes) -> list[bytes]:
    pdus = []
    while sent:
        length = 6 + int.from_bytes(sent[2:6], "big")
        pdus.append(sent[:length])
        sent = sent[length:]
    return pdus
