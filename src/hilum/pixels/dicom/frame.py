"""The one frame in a DICOM's pixel data, and what it really is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hilum.errors import FilmError
from hilum.pixels.dicom import codestream
from hilum.pixels.dicom.codestream import Codestream, recognise
from hilum.pixels.dicom.decoders import KINDS

if TYPE_CHECKING:
    from pydicom import Dataset

_ITEM = b"\xfe\xff\x00\xe0"  # the tag of an item of encapsulated pixel data (PS3.5, A.4), little-endian
_IN_FRAGMENTS = "1.2.840.10008.1.2.1.98"  # not compressed, but in items (PS3.5, A.4.11)
_MAX_FRAGMENTS = 100_000
NATIVE = ""  # the kind of what is not compressed
# What each transfer syntax names (PS3.5, section 10; PS3.6, table A-1).
SYNTAXES = {
    "1.2.840.10008.1.2": NATIVE,  # implicit VR, little-endian
    "1.2.840.10008.1.2.1": NATIVE,  # explicit VR, little-endian
    _IN_FRAGMENTS: NATIVE,
    "1.2.840.10008.1.2.1.99": NATIVE,  # deflated
    "1.2.840.10008.1.2.2": NATIVE,  # explicit VR, big-endian
    "1.2.840.10008.1.2.5": codestream.RLE,
    "1.2.840.10008.1.2.4.50": codestream.JPEG,  # baseline
    "1.2.840.10008.1.2.4.51": codestream.JPEG,  # extended
    "1.2.840.10008.1.2.4.53": codestream.JPEG,  # spectral selection, retired
    "1.2.840.10008.1.2.4.55": codestream.JPEG,  # full progression, retired
    "1.2.840.10008.1.2.4.57": codestream.JPEG_LOSSLESS,  # process 14
    "1.2.840.10008.1.2.4.70": codestream.JPEG_LOSSLESS,  # the same with selection value 1, the common one
    "1.2.840.10008.1.2.4.80": codestream.JPEG_LS,
    "1.2.840.10008.1.2.4.81": codestream.JPEG_LS,  # near-lossless
    "1.2.840.10008.1.2.4.90": codestream.JPEG_2000,  # lossless
    "1.2.840.10008.1.2.4.91": codestream.JPEG_2000,
    "1.2.840.10008.1.2.4.201": codestream.JPEG_2000,  # high-throughput, lossless
    "1.2.840.10008.1.2.4.202": codestream.JPEG_2000,
    "1.2.840.10008.1.2.4.203": codestream.JPEG_2000,  # high-throughput
}


class Frame(NamedTuple):
    """A film's pixels as they lie in the file.

    Attributes:
        data: the bytes, without items around them.
        stream: what they are; of the kind `NATIVE` if they are not compressed.
    """

    data: bytes
    stream: Codestream


def damaged(path: str, what: str) -> FilmError:
    """The refusal of pixels that cannot be decoded; `what` says more, in our own words."""
    return FilmError(path, f"its pixel data is cut off or damaged ({what}); fetch it again")


def frame_of(path: str, ds: Dataset, syntax: str, size: int, remarks: list[str]) -> Frame:
    """Find the frame.

    Args:
        path: the film, as the user named it.
        ds: its data set, with pixel data.
        syntax: the transfer syntax that the file names; empty if none.
        size: bytes of the frame if it is not compressed.
        remarks: gets what is unusual.

    Raises:
        FilmError: cut off, compressed in a way that Hilum does not decode, or none of what it should be.
    """
    data = bytes(ds["PixelData"].value or b"")
    if not data:
        raise FilmError(path, "a DICOM without pixel data, or cut off; fetch it again from its source")
    named = SYNTAXES.get(syntax)
    whole = named == NATIVE and len(data) in (size, size + 1)
    if whole or not (data.startswith(_ITEM) or recognise(data).kind):
        if syntax and named != NATIVE and len(data) in (size, size + 1):
            remarks.append(f"its pixels are not compressed, its transfer syntax says {_name(syntax)}")
        elif named is None and syntax:
            raise undecodable(path, _name(syntax))
        elif named:
            raise damaged(path, f"it does not start as {named} does")
        return Frame(data, Codestream(NATIVE))
    if data.startswith(_ITEM):
        data = _joined(path, data)
    stream = recognise(data)
    if not stream.kind and len(data) in (size, size + 1):
        if syntax not in ("", _IN_FRAGMENTS):
            remarks.append(f"its pixels are not compressed, its transfer syntax says {_name(syntax)}")
        return Frame(data, Codestream(NATIVE))
    if stream.kind not in KINDS:
        if named and not stream.kind:
            raise damaged(path, f"it does not start as {named} does")
        raise undecodable(path, stream.kind or _name(syntax))
    if syntax and stream.kind != named:
        remarks.append(f"its pixels are compressed as {stream.kind}, its transfer syntax says {_name(syntax)}")
    if stream.cut:
        raise damaged(path, f"as {stream.kind}")
    return Frame(data, stream)


def _joined(path: str, data: bytes) -> bytes:
    """The fragments of the one frame, without the table of offsets that comes first (PS3.5, A.4)."""
    if data.count(_ITEM) > _MAX_FRAGMENTS:
        raise FilmError(path, f"its pixel data is in more than {_MAX_FRAGMENTS:,} fragments; export it again")
    place, fragments = 0, []
    while data[place : place + 4] == _ITEM:
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        fragments.append(data[place + 8 : place + 8 + length])
        if len(fragments[-1]) < length:
            raise damaged(path, "its last fragment")
        place += 8 + length
    # A frame alone in the first item, where the table belongs, is another frequent fault.
    first = fragments[0]
    offsets = [int.from_bytes(first[place : place + 4], "little") for place in range(0, min(len(first), 4096), 4)]
    if 1 < len(offsets) < len(fragments) and offsets == sorted(set(offsets)) and offsets[0] == 0:
        raise FilmError(path, f"a DICOM of {len(first) // 4} frames; export the one frame that is the film")
    return b"".join(fragments if len(first) % 4 or recognise(first).kind else fragments[1:]) or first


def undecodable(path: str, name: str) -> FilmError:
    """The refusal of pixels that no decoder reads."""
    return FilmError(path, f"a DICOM compressed as {name}, which Hilum cannot decode; export it uncompressed")


def _name(syntax: str) -> str:
    from pydicom.uid import UID

    from hilum.pixels.formats import one_line

    return one_line(UID(syntax).name) if syntax else "nothing"
