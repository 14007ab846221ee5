"""How a film's pixels lie in the file: the elements of the Image Pixel Module (PS3.3 C.7.6.3), checked together."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hilum.errors import FilmError
from hilum.pixels.dicom.elements import name_of, text, whole
from hilum.pixels.formats import MAX_PIXELS, MIN_SIDE

if TYPE_CHECKING:
    from pydicom import Dataset

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


class PixelHeader(NamedTuple):
    """What the header says of the pixels, as far as it must be known to decode them.

    Attributes:
        shape: height and width.
        samples: 1, or 3 of what may be grey in colours.
        meaning: Photometric Interpretation.
        planar: whether the samples of colours lie plane after plane.
        allocated: bits of the cell of a sample: 8, 16 or 32.
        bits: Bits Stored, 8 to 16.
        high_bit: the place of a value's highest bit in its cell.
        signed: whether values are two's complement.
    """

    shape: tuple[int, int]
    samples: int
    meaning: str
    planar: bool
    allocated: int
    bits: int
    high_bit: int
    signed: bool

    @property
    def size(self) -> int:
        """Bytes of the frame when it is not compressed; YBR_FULL_422 has two samples of colour for two pixels."""
        samples = 2 if self.meaning == "YBR_FULL_422" else self.samples
        return self.shape[0] * self.shape[1] * samples * self.allocated // 8


def read_header(path: str, ds: Dataset, remarks: list[str]) -> PixelHeader:
    """Read and check the Image Pixel Module; what is missing and follows from the rest is filled in, with a remark.

    Raises:
        FilmError: several frames, colours that cannot be grey, another depth or size than a film's.
        ElementError: an element is no number, or has several values.
    """
    frames = whole(ds, "NumberOfFrames") or 1
    if frames != 1:
        raise FilmError(path, f"a DICOM of {frames} frames; export the one frame that is the film")
    samples, meaning = whole(ds, "SamplesPerPixel") or 1, text(ds, "PhotometricInterpretation")
    if not meaning and samples == 1:
        meaning = "MONOCHROME2"
        remarks.append("PhotometricInterpretation is missing; high values were taken as white (MONOCHROME2)")
    if meaning.replace(" ", "").replace("_", "") in _GREY:
        meaning = meaning.replace(" ", "").replace("_", "")
    elif samples == 1 and meaning not in (*_COLOURS, "PALETTE COLOR", "HSV", "ARGB", "CMYK"):
        raise FilmError(
            path,
            f"its {name_of('PhotometricInterpretation')} is {meaning[:24]!r}, which does not say whether high values "
            "are white (MONOCHROME2) or black (MONOCHROME1); correct it, or export the film again",
        )
    grey = samples == 1 and meaning in (*_GREY, "PALETTE COLOR")
    if not grey and not (samples == 3 and meaning in (*_COLOURS, *_GREY)):
        raise colourful(path, meaning)
    shape = _shape(path, ds)
    allocated, bits, high_bit = _bits(path, ds, shape[0] * shape[1] * samples, remarks)
    return PixelHeader(
        shape,
        samples,
        meaning,
        whole(ds, "PlanarConfiguration") == 1,
        allocated,
        bits,
        high_bit,
        _signed(ds, remarks),
    )


def colourful(path: str, meaning: str) -> FilmError:
    """The refusal of a film that is not grey."""
    return FilmError(path, f"a DICOM in colour ({meaning or 'unnamed'}); films are MONOCHROME1 or MONOCHROME2")


def _shape(path: str, ds: Dataset) -> tuple[int, int]:
    read = {keyword: whole(ds, keyword) for keyword in ("Rows", "Columns")}
    for keyword, number in read.items():
        if number is None:
            raise FilmError(path, f"its {name_of(keyword)} is missing; export the film again")
    height, width = read["Rows"] or 0, read["Columns"] or 0
    if min(height, width) < MIN_SIDE or height * width > MAX_PIXELS:
        raise FilmError(
            path, f"{width}×{height} pixels; a film has {MIN_SIDE}×{MIN_SIDE} to {MAX_PIXELS // 10**6} million"
        )
    return height, width


def _bits(path: str, ds: Dataset, samples: int, remarks: list[str]) -> tuple[int, int, int]:
    """Bits Allocated, Bits Stored and High Bit; `samples` are those of the whole frame."""
    allocated, bits, high_bit = (whole(ds, keyword) for keyword in ("BitsAllocated", "BitsStored", "HighBit"))
    if not bits:
        bits = high_bit + 1 if high_bit and 8 <= high_bit + 1 <= 16 else min(allocated or 16, 16)
        remarks.append(f"BitsStored is missing; {bits} bits were read")
    if not allocated:
        allocated = 8 if bits <= 8 and len(ds["PixelData"].value) < 2 * samples else 16
        remarks.append(f"BitsAllocated is missing; {allocated} bits were read")
    if not 8 <= bits <= 16:
        raise FilmError(path, f"a DICOM of {bits} bits stored; Hilum reads 8 to 16")
    if allocated not in (8, 16, 32):
        raise FilmError(path, f"a DICOM of {allocated} bits allocated; Hilum reads 8, 16 and 32")
    if bits > allocated:
        raise FilmError(path, f"its header says {bits} bits stored in {allocated} allocated; export the film again")
    if high_bit is None or not bits - 1 <= high_bit < allocated:
        if high_bit is not None:
            remarks.append(f"its header puts the highest of {bits} bits at {high_bit}, which cannot be")
        high_bit = bits - 1
    return allocated, bits, high_bit


def _signed(ds: Dataset, remarks: list[str]) -> bool:
    signed = whole(ds, "PixelRepresentation")
    if signed is None:
        remarks.append("PixelRepresentation is missing; values were read without a sign")
    return signed == 1
