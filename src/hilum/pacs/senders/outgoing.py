"""What a file that is to be sent holds, by its meta information."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydicom.errors import InvalidDicomError
from pynetdicom.dsutils import split_dataset

from hilum.errors import RequestError


class OutgoingMeta(NamedTuple):
    """The meta information of a DICOM file (PS3.10 section 7.1).

    Attributes:
        sop_class: Media Storage SOP Class UID.
        instance: Media Storage SOP Instance UID.
        syntax: Transfer Syntax UID.
    """

    sop_class: str
    instance: str
    syntax: str


def read_meta(path: Path) -> OutgoingMeta:
    """What a file says that it holds.

    Raises:
        RequestError: it is no DICOM file of PS3.10, or does not say so.
        OSError: it cannot be read.
    """
    try:
        meta, _ = split_dataset(path)
        uids = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID
        return OutgoingMeta(*map(str, uids))
    except (InvalidDicomError, AttributeError, ValueError, EOFError):
        raise RequestError(f"{path.name}: no DICOM file that says what it holds; make it again") from None
