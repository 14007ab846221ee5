"""A receiver on a free port, with a list for its queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from hilum.pacs.receiver import DicomReceiver
from hilum.pacs.records import Arrival
from hilum.pacs.settings import AllowedCaller, Limits, Receive, Tls
from hilum.pacs.spool import Spool
from tests.pixels.dicoms import dataset, stored_phantom

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
