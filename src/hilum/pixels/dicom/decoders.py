"""One compressed frame as an array, by the one decoder for its kind; the frame's own header has been read before."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.dicom import codestream
from hilum.pixels.dicom.codestream import Codestream
from hilum.pixels.dicom.lossless import decode_apart

Cells = NDArray[np.integer]


def decode_frame(frame: bytes, stream: Codestream, shape: tuple[int, int], samples: int) -> Cells:
    """Decode a frame.

    Args:
        frame: its bytes.
        stream: what `recognise` read in them; its size is that of the header, so that a stream that claims more
            than the header's pixels is never decoded.
        shape: height and width.
        samples: samples of a pixel.

    Returns:
        (height, width) or (height, width, samples), in the smallest type of 8, 16 or 32 bits that holds a sample.

    Raises:
        ValueError: cut off or damaged.
    """
    try:
        cells = _DECODERS[stream.kind](frame, stream, shape, samples)
    except MemoryError:
        raise
    except (
        Exception
    ):  # several libraries' decoders: what they may raise is not bounded, and is written for programmers
        raise ValueError(f"as {stream.kind}") from None
    if cells.shape[:2] != shape or cells.size != shape[0] * shape[1] * samples:
        raise ValueError(f"as {stream.kind}")
    return cells.reshape(shape if samples == 1 else (*shape, samples))


def _jpeg(frame: bytes, stream: Codestream, shape: tuple[int, int], samples: int) -> Cells:
    from PIL.JpegImagePlugin import JpegImageFile

    image = JpegImageFile(BytesIO(frame))
    image.load()
    return np.asarray(image)


def _jpeg_ls(frame: bytes, stream: Codestream, shape: tuple[int, int], samples: int) -> Cells:
    import jpeg_ls

    # CharLS looks for the end of the image, and without one goes on behind the frame, in whatever memory lies there.
    pixels, about = jpeg_ls.decode_pixel_data(frame + b"\xff\xd9")
    cells = np.frombuffer(pixels, dtype="u1" if stream.bits <= 8 else "<u2")
    if samples > 1 and int(about.get("interleave_mode", 2)) == 0:  # plane after plane
        return np.moveaxis(cells.reshape(samples, *shape), 0, -1)
    return cells.reshape(*shape, samples)


def _jpeg_2000(frame: bytes, stream: Codestream, shape: tuple[int, int], samples: int) -> Cells:
    from openjpeg.utils import decode

    cells: Cells = decode(frame)
    return cells


def _rle(frame: bytes, stream: Codestream, shape: tuple[int, int], samples: int) -> Cells:
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import RLELossless

    depth = stream.bits // samples
    pixels, _ = get_decoder(RLELossless).as_buffer(
        encapsulate([frame]),
        decoding_plugin="pydicom",
        rows=shape[0],
        columns=shape[1],
        number_of_frames=1,
        samples_per_pixel=samples,
        bits_allocated=depth,
        bits_stored=depth,
        pixel_representation=0,
        pixel_keyword="PixelData",
        planar_configuration=1,
        photometric_interpretation="MONOCHROME2" if samples == 1 else "RGB",
    )
    planes = np.frombuffer(pixels, dtype=f"<u{depth // 8}").reshape(samples, *shape)
    return np.moveaxis(planes, 0, -1)


def _lossless(frame: bytes, stream: Codestream, shape: tuple[int, int], samples: int) -> Cells:
    return decode_apart(frame, shape, stream.bits, samples)


_DECODERS: dict[str, Callable[[bytes, Codestream, tuple[int, int], int], Cells]] = {
    codestream.JPEG: _jpeg,
    codestream.JPEG_LOSSLESS: _lossless,
    codestream.JPEG_LS: _jpeg_ls,
    codestream.JPEG_2000: _jpeg_2000,
    codestream.RLE: _rle,
}
KINDS = frozenset(_DECODERS)
