"""Arrays out of `.npz` archives (numpy's format in ZIP), with every size checked before anything is unpacked."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hilum.errors import NotAFileError
from hilum.files import open_regular
from hilum.pixels.bounds import LIMIT
from hilum.pixels.formats import one_line

MAX_ARRAY_BYTES = LIMIT // 2  # two are kept at a time
_MAX_DIRECTORY = 1 << 20  # bytes of the list of members: each becomes an object of half a kilobyte
_END, _END_64, _LOCATOR_64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"


class ArrayError(Exception):
    """An archive or an array in it cannot be read; the message says why and how to fix it, without the path."""


def names_in(path: str) -> list[str]:
    """The arrays of an archive, sorted.

    Raises:
        ArrayError: it is damaged, or no archive of arrays.
        OSError: it cannot be opened.
    """
    with _opened(path) as archive:
        return sorted(name.removesuffix(".npy") for name in archive.namelist())


def read_array(path: str, name: str) -> NDArray[np.generic]:
    """Read a numeric array of an archive.

    Raises:
        ArrayError: the archive is damaged or has no such array, it holds objects, or is larger than the limit.
        OSError: it cannot be opened.
    """
    with _opened(path) as archive:
        info = archive.NameToInfo.get(f"{name}.npy") or archive.NameToInfo.get(name)
        if info is None:
            raise ArrayError(f"the archive holds no array '{name}'; index it again with: hilum index")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArrayError(f"'{name}' is compressed in a way that numpy does not write; save it with numpy.savez")
        if info.flag_bits & 1:
            raise ArrayError("the archive is encrypted; save it with numpy.savez")
        with archive.open(info) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, in_columns, dtype = read(file)
            _check(name, shape, dtype, info.file_size - file.tell())
            values = np.empty(math.prod(shape), dtype=dtype)
            _fill(values.view(np.uint8).data, file)
            return values.reshape(shape, order="F" if in_columns else "C")


def _fill(target: memoryview, file: IO[bytes]) -> None:
    """Read in pieces: ZIP's reader would hold all of it once more. The last reading compares its checksum."""
    place = 0
    while piece := file.read(1 << 20):
        target[place : place + len(piece)] = piece
        place += len(piece)
    if place < len(target):
        raise EOFError


def _check(name: str, shape: tuple[int, ...], dtype: np.dtype[np.generic], there: int) -> None:
    """Refuse an array by its header and the bytes that follow it in the archive."""
    if dtype.hasobject:
        raise ArrayError(
            "the archive holds pickled objects, which can run code and are never loaded; save plain numeric arrays"
        )
    needed = math.prod(shape) * dtype.itemsize
    if needed > MAX_ARRAY_BYTES:
        raise ArrayError(
            f"'{name}' would take {needed / 1e9:,.1f} GB of memory; the limit is {MAX_ARRAY_BYTES / 1e9:.1f} GB: "
            "save its films in several archives"
        )
    if needed != there:
        raise ArrayError(f"'{name}' has {there:,} bytes, its header announces {needed:,}; download it again")


@contextmanager
def _opened(path: str) -> Iterator[zipfile.ZipFile]:
    """An archive, whatever the file holds."""
    with open_regular(path) as file:
        try:
            start = file.read(6)
            if start == b"\x93NUMPY":
                raise ArrayError("one array, not an archive of arrays; save it with numpy.savez")
            if start[:1] == b"\x80":  # pickle's first byte (protocol 2 and later)
                raise ArrayError(
                    "a pickle, which can run code and is never loaded; save plain arrays with numpy.savez"
                )
            if _directory_bytes(file) > _MAX_DIRECTORY:
                raise ArrayError("the archive has more than 10,000 members; save its films as a few arrays")
            with zipfile.ZipFile(file) as archive:
                yield archive
        except (ArrayError, NotAFileError):
            raise
        except Exception as error:  # numpy's and ZIP's parsers, on bytes from anywhere
            words = one_line(error) if isinstance(error, (OSError, zipfile.BadZipFile, zlib.error)) else ""
            why = f" ({words})" if words and not isinstance(error, NotImplementedError) else ""
            raise ArrayError(f"the archive is damaged{why}; download it again") from None


def _directory_bytes(file: IO[bytes]) -> int:
    """The size that the end of a ZIP file gives for the list of its members (APPNOTE 4.3.14, 4.3.16)."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + 22:
        return 0
    (bytes_,) = struct.unpack_from("<I", tail, end + 12)
    if end >= 20 and tail[end - 20 : end - 16] == _LOCATOR_64:
        (place,) = struct.unpack_from("<Q", tail, end - 12)
        for at in (place, size - len(tail) + end - 76):  # where it says, and right before
            file.seek(min(max(at, 0), size))
            record = file.read(56)
            if record.startswith(_END_64) and len(record) == 56:
                bytes_ = max(bytes_, struct.unpack_from("<Q", record, 40)[0])
    return int(bytes_)
