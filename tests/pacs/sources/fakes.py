"""What a source hands its films to, kept in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from hilum.errors import HilumError, StoreError
from hilum.pacs.records import Arrival
from hilum.pacs.sources.following import SourceFollower
from hilum.pacs.sources.taking import FilmIntake
from hilum.pacs.spool import Spool
from tests.waiting import wait_until

GO_ON = threading.Event()  # which nobody sets: no source is asked to stop


@dataclass
class Taken:
    """A node that takes films; `fail` is raised instead where it is set, and has room for `most` of them."""

    spool: Spool
    arrivals: list[Arrival] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)
    fail: HilumError | None = None
    most: int | None = None

    def accept(self, arrival: Arrival) -> None:
        if self.fail is not None:
            raise self.fail
        if self.most is not None and len(self.arrivals) >= self.most:
            raise StoreError("the disk is full")
        assert arrival.path.is_file()
        self.arrivals.append(arrival)

    @contextmanager
    def full_after_one(self) -> Iterator[None]:
        """One film is taken, and for the others there is no room."""
        self.most = 1
        yield
        self.most = None

    def wait_for(self, *uids: str, follower: SourceFollower) -> None:
        """Wait until these films were taken, in any order, and no others."""
        wait_until(lambda: len(self.uids) >= len(uids), what=str(follower.state))
        assert sorted(self.uids) == list(uids), follower.state

    def cursor(self, name: str) -> str:
        return self.cursors.get(name, "")

    def move_cursor(self, name: str, value: str) -> None:
        self.cursors[name] = value

    def intake(self, name: str, instance_mib: int = 1) -> FilmIntake:
        return FilmIntake(name, self.spool, self.accept, instance_mib)

    @property
    def uids(self) -> list[str]:
        return [arrival.facts.instance for arrival in self.arrivals]

    @property
    def in_spool(self) -> int:
        return len(list(self.spool.folder.iterdir()))


def taken(folder: Path) -> Taken:
    return Taken(Spool(folder))


def a_film(uid: str, modality: str = "DX", study: str = "", day: str = "20260110", preamble: bool = True) -> bytes:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID, film.SOPInstanceUID = DigitalXRayImageStorageForPresentation, UID(uid)
    film.StudyInstanceUID, film.SeriesInstanceUID = (
        UID(study or f"{uid}.1"),
        UID(f"{study or uid}.2.{modality == 'DX':d}"),
    )
    film.Modality, film.PatientID, film.PatientName, film.StudyDate = modality, "P1", "A^B", day
    film.Rows, film.Columns, film.SamplesPerPixel, film.PhotometricInterpretation = 8, 8, 1, "MONOCHROME2"
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 8, 8, 7, 0
    film.PixelData = np.arange(64, dtype=np.uint8).tobytes()
    file = BytesIO()
    film.save_as(file, enforce_file_format=preamble, implicit_vr=False, little_endian=True)
    return file.getvalue()
