"""What a file in a folder is: a film, or why it is none, by its first bytes and never by its ending alone."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from hilum.files import open_regular
from hilum.films.dicom_header import read_dicom_header
from hilum.pixels.formats import READABLE, is_readable, name_of_format

EXTENSIONS = frozenset(ending for endings in READABLE.values() for ending in endings)
_FIRST_BYTES = 1024
_WITHOUT_HEADER = "a DICOM data set without"
# How such a data set begins: group 8, and one of the elements that come first (PS3.3, C.12.1), or the meta group.
_FIRST_ELEMENTS = tuple(bytes((8, 0, element, 0)) for element in (0x00, 0x01, 0x05, 0x06, 0x08, 0x12, 0x16))


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is.

    Attributes:
        film: whether it is, or claims to be, a film.
        other: what it is if it is none that a folder's notes should count by its ending: a DICOM without an image.
        misnamed: what its bytes are, where its name says that it is a film.
        dicom: whether it is a DICOM.
    """

    film: bool
    other: str = ""
    misnamed: str = ""
    dicom: bool = False


def kind_of(path: str) -> FileKind:
    """What a file is. A broken link counts by its name, so that the missing film is reported.

    A named pipe or a device is not opened: that would block for ever.
    """
    called_film = os.path.splitext(path)[1].lower() in EXTENSIONS
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return FileKind(False)
    except OSError:
        return FileKind(called_film)
    try:
        with open_regular(path) as file:
            head = file.read(_FIRST_BYTES)
    except OSError:
        return FileKind(called_film)
    kind = name_of_format(head)
    without_header = kind.startswith(_WITHOUT_HEADER) and head.startswith((*_FIRST_ELEMENTS, b"\2", b"DICM"))
    if kind == "DICOM" or without_header:
        other = read_dicom_header(path).other
        return FileKind(not other and (kind == "DICOM" or called_film or _holds_image(path)), other, dicom=True)
    if is_readable(kind):
        return FileKind(True)
    return FileKind(called_film, misnamed=kind if called_film and head else "")


def _holds_image(path: str) -> bool:
    """Whether bytes that only look like a DICOM without its file header are one, with an image."""
    return read_dicom_header(path).rows


def is_dicom(path: str) -> bool:
    """Whether a file is a DICOM, by its first bytes; False for what cannot be read and for a member of an archive."""
    try:
        with open_regular(path) as file:
            head = file.read(_FIRST_BYTES)
    except OSError:
        return False
    return head[128:132] == b"DICM" or head.startswith((*_FIRST_ELEMENTS, b"DICM"))
