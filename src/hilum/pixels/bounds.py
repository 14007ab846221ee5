"""How much memory a film may take: what a file claims is bounded in bytes before anything is decoded or inflated.

The limit is one process's. Several threads decode at a time: a film that takes much of it is decoded alone.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO

from hilum.errors import FilmError
from hilum.pixels.announced import Announced, announced_by
from hilum.pixels.formats import MAX_PIXELS

LIMIT = 768 << 20  # bytes beside the interpreter and its libraries: a process stays below 1 GB
MAX_FILE_BYTES = 256 << 20  # it is held while it is decoded, a DICOM's pixels once more
MAX_INFLATED = 256 << 20  # likewise

# What decoding takes at its peak for a pixel, in bytes: measured, and held by tests/pixels/test_bounds.py.
DICOM = 26
_JPEG = 8
_SHALLOW = {1: 8, 2: 18, 3: 11, 4: 19}  # by channels, at most 8 bits each
_DEEP = {1: 15, 2: 41, 3: 35, 4: 41}  # 16 bits each
_MAX_SCANS = 100  # of a JPEG; ordinary progressive ones have about ten
_SCANNED = 2_000_000_000  # pixels that the scans of one JPEG may go over, together: about ten seconds
_MUCH = LIMIT // 8
_SPARE = 128 * 15  # bytes that the segments of an RLE frame may have too many, as a padding
_MAX_ELEMENTS = 40_000  # a radiograph has hundreds
_READS = 3  # of pydicom for an element, at most

_alone = threading.RLock()


def refuse_beyond(path: str, needed: int, what: str) -> None:
    """Refuse a film that would take more memory than the limit.

    Args:
        path: the film, as the user named it.
        needed: bytes.
        what: asks for them, such as `60000×60000 pixels`.

    Raises:
        FilmError: it would.
    """
    if needed > LIMIT:
        raise FilmError(
            path,
            f"{what} would take {needed / 1e9:,.1f} GB of memory; the limit is {LIMIT / 1e9:.1f} GB: scale it down, "
            "or remove it",
        )


@contextmanager
def room_for(path: str, needed: int, what: str) -> Iterator[None]:
    """Decode in this block what takes `needed` bytes: alone in this process if that is much.

    Raises:
        FilmError: it is more than the limit.
    """
    refuse_beyond(path, needed, what)
    with _alone if needed > _MUCH else nullcontext():
        yield


@contextmanager
def room_for_picture(path: str, data: bytes) -> Iterator[None]:
    """Decode a picture in this block, if what its header claims is within the limit; else as `room_for`.

    Without a header that is readable nothing is claimed, and no decoder goes on.

    Raises:
        FilmError: it is not, or a decoder would go over the picture for minutes.
    """
    claim = announced_by(data) or Announced(0, 0)
    pixels = claim.width * claim.height
    size = f"{claim.width}×{claim.height} pixels"
    if pixels > MAX_PIXELS:
        raise FilmError(path, f"{size}; the limit is {MAX_PIXELS // 10**6} million: scale it down")
    _refuse_scans(path, claim)
    more = " and what lies beside them" if claim.extra > pixels else ""
    with room_for(path, pixels * _bytes_a_pixel(claim, data) + claim.extra, size + more):
        yield


def refuse_scans(path: str, jpeg: bytes) -> None:
    """Refuse a JPEG whose decoder would go over the whole picture for minutes.

    Raises:
        FilmError: it would.
    """
    _refuse_scans(path, announced_by(jpeg) or Announced(0, 0))


def refuse_jpeg_2000(path: str, stream: bytes) -> None:
    """Refuse a JPEG 2000 stream whose tiles, precincts and code-blocks would take more than the limit.

    Raises:
        FilmError: they would.
    """
    claim = announced_by(stream)
    if claim:
        pixels = claim.width * claim.height * claim.channels
        refuse_beyond(
            path, DICOM * pixels + claim.extra, f"{claim.width}×{claim.height} pixels as they are cut into pieces"
        )


def inflate(path: str, data: bytes) -> bytes:
    """Undo DEFLATE (RFC 1951), up to what a film can have.

    Raises:
        FilmError: it is more.
        zlib.error: the data is damaged.
    """
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflating.decompress(data, MAX_INFLATED + 1)
    if len(inflated) > MAX_INFLATED:
        raise FilmError(
            path,
            f"a deflated DICOM of more than {MAX_INFLATED >> 20} MiB, the limit for a film; export it uncompressed",
        )
    return inflated


def refuse_rle(path: str, frame: bytes, size: int) -> None:
    """Refuse an RLE frame (DICOM PS3.5, annex G) that decodes to more bytes than its film has.

    Up to a quarter of the limit nothing is counted: two bytes become at most 128.

    Raises:
        FilmError: it does.
    """
    if 64 * len(frame) <= LIMIT // 4:
        return
    count, *offsets = struct.unpack_from("<16I", frame)
    ends = [*offsets[1:count], len(frame)]
    decoded = 0
    for place, end in zip(offsets[:count], ends, strict=True):
        while place < end and decoded <= size + _SPARE:
            head = frame[place]
            place, more = (place + 2 + head, head + 1) if head < 128 else (place + 2, 257 - head)
            if head == 128:  # no operation
                place, more = place - 1, 0
            decoded += more
    if decoded > size + _SPARE:
        raise FilmError(
            path, f"its pixel data decodes to more than the {size:,} bytes that its header announces; fetch it again"
        )


class CountedBytes(BytesIO):
    """A DICOM file in memory that lets its reader read so often only: each element and item costs it a kilobyte."""

    def __init__(self, path: str, data: bytes) -> None:
        super().__init__(data)
        self._path, self._left = path, _READS * _MAX_ELEMENTS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `io.BytesIO` does.

        Raises:
            FilmError: for the last time allowed.
        """
        self._left -= 1
        if self._left < 0:
            raise FilmError(
                self._path, f"its header has more than {_MAX_ELEMENTS:,} elements, the limit; export it again"
            )
        return super().read(size)


def _refuse_scans(path: str, claim: Announced) -> None:
    if claim.scans > _MAX_SCANS or claim.scans * claim.width * claim.height > _SCANNED:
        raise FilmError(path, f"a JPEG of {claim.scans:,} scans, which would take minutes; save it again")


def _bytes_a_pixel(claim: Announced, data: bytes) -> int:
    channels = min(claim.channels, 4)
    if data.startswith(b"\xff\xd8"):
        return max(_JPEG, 2 * channels + 2)
    known = _SHALLOW if claim.bits <= 8 else _DEEP
    return known[channels] + max(claim.channels - 4, 0) * (claim.bits + 7) // 8
