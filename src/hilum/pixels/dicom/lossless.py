"""Lossless JPEG in DICOM (process 14), decoded by GDCM in a process of its own.

GDCM is the only decoder for it with a suitable licence, and one wrong byte in a film can make it abort or overrun its
memory, which would end a whole build of the cache, or a service. Here only the helper process dies, and the film is
reported. A helper is kept for the next film; it ends when its standard input does.

In both directions a message is a length (8 bytes, little-endian) and so many bytes. The request is a DICOM file; the
answer is `+` and an array in numpy's format, or `-` and an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from io import BytesIO
from typing import IO

import numpy as np
from numpy.typing import NDArray

_SECONDS = 15.0  # a film of 18 million pixels takes two
_idle: list[subprocess.Popen[bytes]] = []
_lock = threading.Lock()


def decode_apart(frame: bytes, shape: tuple[int, int], bits: int, samples: int) -> NDArray[np.integer]:
    """Decode a frame that is compressed as lossless JPEG.

    Args:
        frame: the codestream.
        shape: height and width, as the codestream's own header has them.
        bits: bits of a sample, from there too.
        samples: samples of a pixel.

    Returns:
        unsigned, (height, width) or (height, width, samples).

    Raises:
        ValueError: the frame is damaged.
    """
    data = _file_of(frame, shape, bits, samples)
    with _lock:
        helper = _idle.pop() if _idle else _start()
    assert helper.stdin is not None
    assert helper.stdout is not None
    patience = threading.Timer(_SECONDS, helper.kill)
    patience.start()
    try:
        _send(helper.stdin, data)
        answer = _receive(helper.stdout)
    except (OSError, EOFError):
        helper.kill()
        helper.wait()
        raise ValueError("the decoder of lossless JPEG failed on it") from None
    except BaseException:  # Ctrl-C in the middle of a message: this helper cannot be used again
        helper.kill()
        raise
    finally:
        patience.cancel()
    with _lock:
        _idle.append(helper)
    if answer[:1] != b"+":
        raise ValueError(answer[1:].decode("utf-8", "replace"))
    stored: NDArray[np.integer] = np.load(BytesIO(answer[1:]), allow_pickle=False)
    return stored


def _file_of(frame: bytes, shape: tuple[int, int], bits: int, samples: int) -> bytes:
    """The smallest DICOM file around a frame: what the film's own header says of it may be wrong."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, JPEGLossless, SecondaryCaptureImageStorage

    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = JPEGLossless
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = UID("1.2.3")
    ds.Rows, ds.Columns = shape
    ds.SamplesPerPixel = samples
    ds.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if samples > 1:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 if bits <= 8 else 16, bits, bits - 1
    ds.PixelRepresentation = 0
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "hilum.pixels.dicom.lossless"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(8, "little"))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    head = pipe.read(8)
    length = int.from_bytes(head, "little")
    message = pipe.read(length)
    if len(head) < 8 or len(message) < length:
        raise EOFError("the other process has ended")
    return message


def _serve() -> None:
    """The helper: answer until standard input ends."""
    import pydicom

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the decoder prints must not get between the answers
    while True:
        try:
            ds = pydicom.dcmread(BytesIO(_receive(sys.stdin.buffer)))
        except EOFError:
            return
        try:
            ds.pixel_array_options(decoding_plugin="gdcm")
            file = BytesIO()
            np.save(file, ds.pixel_array, allow_pickle=False)
            answer = b"+" + file.getvalue()
        except Exception as error:  # a decoder's error; the other process reports the film
            answer = b"-" + str(error).encode("utf-8", "replace")
        _send(answers, answer)


if __name__ == "__main__":
    _serve()
