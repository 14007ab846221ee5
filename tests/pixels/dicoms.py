"""Generated DICOM files: a phantom's pixels, with whatever header a test asks for."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    generate_uid,
)

from hilum.pixels.phantom import chest_phantom


def stored_phantom(bits: int = 12, seed: int = 1, size: tuple[int, int] = (48, 40), signed: bool = False) -> Any:
    """A phantom as stored values over the whole range of so many bits."""
    levels = np.round(chest_phantom(seed, size) * (2**bits - 1)).astype(np.int32)
    if signed:
        return (levels - 2 ** (bits - 1)).astype(np.int8 if bits == 8 else np.int16)
    return levels.astype(np.uint8 if bits == 8 else np.uint16)


def dataset(stored: NDArray[np.integer], syntax: str = ExplicitVRLittleEndian, bits: int = 0, **tags: Any) -> Dataset:
    """A radiograph (DX, MONOCHROME2, without a window) of these values; `tags` by their DICOM keywords."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ct = tags.get("Modality") == "CT"
    ds.SOPClassUID = CTImageStorage if ct else DigitalXRayImageStorageForPresentation
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["hilum"])
    ds.Modality = "DX"
    ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 8 * stored.dtype.itemsize
    ds.BitsStored = bits or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    big = syntax == ExplicitVRBigEndian
    data = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if ds.BitsAllocated == 8 else "OW"
    for keyword, value in tags.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return ds


def write(path: Path, ds: Dataset) -> str:
    ds.save_as(path, enforce_file_format=True)
    return str(path)


def as_jpeg_baseline(ds: Dataset, stored: NDArray[np.uint8], quality: int = 95) -> Dataset:
    """The same film, compressed as JPEG baseline, for which pydicom has no encoder."""
    file = BytesIO()
    Image.fromarray(stored).save(file, "JPEG", quality=quality)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate([file.getvalue()])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def as_jpeg_lossless(source: Path, target: Path) -> str:
    """The same file, compressed as lossless JPEG (process 14, selection value 1) by GDCM."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return str(target)


def lookup_table(entries: NDArray[np.integer], first: int, bits: int) -> Dataset:
    """An item of a Modality or VOI LUT Sequence, its entries as words (OW)."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    item.ModalityLUTType = "US"
    return item
