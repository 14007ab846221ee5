"""A film's stored values, whichever way they are packed or compressed, as one grey array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.errors import FilmError
from hilum.pixels.bounds import refuse_jpeg_2000, refuse_rle, refuse_scans
from hilum.pixels.dicom import codestream
from hilum.pixels.dicom.decoders import decode_frame
from hilum.pixels.dicom.frame import NATIVE, Frame, damaged, frame_of, undecodable
from hilum.pixels.dicom.header import PixelHeader, colourful
from hilum.pixels.dicom.palette import grey_palette
from hilum.pixels.dicom.stored import goes_on_below, stored_values

if TYPE_CHECKING:
    from pydicom import Dataset

Cells = NDArray[np.integer]
_TOLERANCE = 2  # of the channels of grey that was compressed with losses, in levels of 255


def stored_pixels(
    path: str, ds: Dataset, syntax: str, header: PixelHeader, little_endian: bool, remarks: list[str]
) -> Cells:
    """Decode the frame and take the stored values out of its cells, (height, width).

    Colours whose channels are all equal are grey, and read as such.

    Raises:
        FilmError: cut off, damaged, compressed in a way that Hilum does not decode, of another size than the header
            says, or in colour.
    """
    try:
        frame = frame_of(path, ds, syntax, header.size, remarks)
        cells = _cells(path, ds, frame, header, little_endian, remarks)
    except FilmError:
        if header.meaning.startswith("MONOCHROME"):
            raise
        raise colourful(path, header.meaning) from None  # whatever else is wrong with it
    if cells.ndim == 3:
        cells = _one_channel(path, cells, header.meaning)
        remarks.append("in colours that are all grey, and read as grey")
    bits, high_bit = header.bits, header.high_bit
    if frame.stream.bits and frame.stream.kind != codestream.RLE:
        precision = frame.stream.bits
        if precision <= bits:  # a value alone, not its cell
            high_bit = bits - 1
            if precision < bits:
                remarks.append(f"its codestream has {precision} bits, its header says {bits}")
            if header.signed and precision < bits:
                bits, high_bit = precision, precision - 1
    signed = header.signed
    stream = frame.stream
    if signed and stream.kind == codestream.JPEG_2000 and not stream.signed and stream.bits == header.bits:
        signed = goes_on_below(cells, bits)  # what the codestream holds decides between the two claims
        if not signed:
            remarks.append("its codestream has no sign, its header says that it has; it was read without")
    width = 8 * cells.dtype.itemsize
    if bits > width:
        remarks.append(f"its codestream has {width} bits, its header says {bits}")
        bits = width
    high_bit = min(max(high_bit, bits - 1), width - 1)
    values = stored_values(np.ascontiguousarray(cells), bits, high_bit, signed, remarks)
    if header.meaning == "PALETTE COLOR":
        values = grey_palette(path, ds, values, little_endian)
        remarks.append("in a palette that is all grey, and read as grey")
    return values


def _cells(
    path: str, ds: Dataset, frame: Frame, header: PixelHeader, little_endian: bool, remarks: list[str]
) -> Cells:
    if frame.stream.kind == NATIVE:
        return _native(path, ds, frame.data, header, little_endian, remarks)
    stream, samples = frame.stream, header.samples
    if stream.kind == codestream.RLE:
        samples = header.samples
        if stream.bits // 8 % samples or stream.bits // samples not in (8, 16, 32):
            raise damaged(path, f"{stream.bits // 8} segments of RLE")
        refuse_rle(path, frame.data, header.size)
    else:
        samples = stream.samples
        if stream.shape != header.shape:
            raise FilmError(
                path, f"its pixel data has shape {stream.shape}, its header {header.shape}; fetch it again"
            )
        if samples not in (1, 3):
            raise damaged(path, f"{samples} samples a pixel, its header says {header.samples}")
        if stream.bits > 16 or (stream.kind == codestream.JPEG and stream.bits != 8):
            raise undecodable(path, f"{stream.kind} of {stream.bits} bits")
        if stream.kind == codestream.JPEG and header.bits != 8:
            raise FilmError(
                path,
                f"a DICOM of {header.bits} bits compressed as JPEG of 8 bits, which Hilum cannot decode; "
                "export it uncompressed",
            )
    if stream.kind == codestream.JPEG_2000:
        refuse_jpeg_2000(path, frame.data)
    elif stream.kind == codestream.JPEG:
        refuse_scans(path, frame.data)
    try:
        return decode_frame(frame.data, stream, header.shape, samples)
    except ValueError as error:
        raise damaged(path, str(error)) from None


def _native(
    path: str, ds: Dataset, data: bytes, header: PixelHeader, little_endian: bool, remarks: list[str]
) -> Cells:
    """What is not compressed."""
    size = header.size
    if len(data) < size:
        raise damaged(path, f"{len(data):,} of {size:,} bytes")
    if len(data) >= 2 * size:
        raise FilmError(
            path, f"its pixel data has {len(data):,} bytes, its header announces {size:,}; export the film again"
        )
    itemsize = header.allocated // 8
    order = "<" if little_endian else ">"
    if itemsize == 1 and not little_endian and ds["PixelData"].VR == "OW":  # two pixels in a word
        data = np.frombuffer(data[: len(data) // 2 * 2], dtype=">u2").astype("<u2").tobytes()
    cells: Cells = np.frombuffer(data, dtype=f"{order}u{itemsize}", count=size // itemsize)
    cells = cells.astype(f"u{itemsize}", copy=False)
    height, width = header.shape
    if header.meaning == "YBR_FULL_422":  # two of luminance, then the colours of both (PS3.3 C.7.6.3.1.2)
        pairs = cells.reshape(height, -1, 4)
        chroma = np.repeat(pairs[..., 2:], 2, axis=1)
        return np.concatenate([pairs[..., :2].reshape(height, -1, 1), chroma], axis=2)[:, :width]
    if header.samples == 1:
        return _in_order(cells.reshape(header.shape), remarks)
    if header.planar:
        return np.moveaxis(cells.reshape(header.samples, height, width), 0, -1)
    return cells.reshape(height, width, header.samples)


def _in_order(cells: Cells, remarks: list[str]) -> Cells:
    """Words whose bytes are swapped, by their writer or on the way, put in order.

    Swapped, neighbours jump through the whole range; a film is many times smoother.
    """
    if cells.dtype.itemsize != 2:
        return cells
    rows = cells[:: max(len(cells) // 64, 1)]
    if _jumps(rows) > 4 * _jumps(rows.byteswap()):
        remarks.append("the bytes of its words are in the other order than its transfer syntax says")
        return cells.byteswap()
    return cells


def _jumps(rows: Cells) -> float:
    """The mean difference of neighbours, in parts of the range."""
    numbers = rows.astype(np.int64)
    return float(np.abs(np.diff(numbers, axis=1)).mean() / max(int(numbers.max() - numbers.min()), 1))


def _one_channel(path: str, cells: Cells, meaning: str) -> Cells:
    """The grey of colours that are grey everywhere.

    Raises:
        FilmError: they are not.
    """
    numbers = cells.astype(np.int32)
    tolerance = _TOLERANCE << max(8 * cells.dtype.itemsize - 8, 0)
    middle = 1 << (8 * cells.dtype.itemsize - 1)
    neutral = np.abs(numbers[..., 1:] - middle).max() <= tolerance
    equal = (numbers.max(axis=2) - numbers.min(axis=2)).max() <= tolerance
    if not (equal or (neutral and meaning.startswith("YBR"))):
        raise colourful(path, meaning)
    return cells[..., 0]
