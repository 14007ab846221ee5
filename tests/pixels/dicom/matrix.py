"""Made films of every transfer syntax, depth, sign and polarity, and the page's table of which of them are read.

`python -m tests.pixels.dicom.matrix` writes the table into docs/reference/formats.md.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from hilum.errors import FilmError
from hilum.pixels import decode
from tests.pixels.dicom.htj2k import picture, stream
from tests.pixels.dicoms import dataset, stored_phantom, write

DEPTHS = (8, 10, 12, 14, 16)
POLARITIES = ("MONOCHROME1", "MONOCHROME2")
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "formats.md"
BLOCK = re.compile(
    r"(<!-- DICOM, written by `python -m tests.pixels.dicom.matrix` -->\n).*?(<!-- DICOM ends -->)", re.DOTALL
)


def encapsulated(ds: Dataset, frame: bytes, syntax: str) -> Dataset:
    """The same film, its pixels replaced by a compressed frame."""
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def by_gdcm(ds: Dataset, stored: Any, syntax: str) -> Dataset:
    """Compressed as lossless JPEG by GDCM."""
    import gdcm

    names = {JPEGLossless: "JPEGLosslessProcess14", JPEGLosslessSV1: "JPEGLosslessProcess14_1"}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "target"
        write(source, ds)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, names[UID(syntax)])))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        import pydicom

        return pydicom.dcmread(BytesIO(target.read_bytes()))


def by_pydicom(**options: Any) -> Callable[[Dataset, Any, str], Dataset]:
    """Compressed by pydicom's encoders: its own for RLE, CharLS and OpenJPEG."""

    def compress(ds: Dataset, stored: Any, syntax: str) -> Dataset:
        ds.compress(UID(syntax), generate_instance_uid=False, **options)
        return ds

    return compress


def by_pillow(ds: Dataset, stored: Any, syntax: str) -> Dataset:
    """Compressed as JPEG of 8 bits; signed films lie in it as their bits."""
    file = BytesIO()
    Image.fromarray(stored.view(np.uint8)).save(file, "JPEG", quality=95)
    return encapsulated(ds, file.getvalue(), syntax)


def native(ds: Dataset, stored: Any, syntax: str) -> Dataset:
    """Not compressed."""
    return ds


def by_openjph(ds: Dataset, stored: Any, syntax: str) -> Dataset:
    """High-throughput JPEG 2000, from what is stored in `htj2k`."""
    return encapsulated(ds, stream(ds.BitsStored, ds.PixelRepresentation == 1), syntax)


class Syntax(NamedTuple):
    """A transfer syntax of the matrix.

    Attributes:
        uid: its identifier.
        name: as the page calls it.
        make: compresses a film.
        depths: the bits stored for which it is defined, and an encoder is at hand.
        signed: whether films with a sign are tried too.
    """

    uid: str
    name: str
    make: Callable[[Dataset, Any, str], Dataset]
    depths: tuple[int, ...] = DEPTHS
    signed: bool = True


SYNTAXES = (
    Syntax(ImplicitVRLittleEndian, "Implicit VR, little-endian", native),
    Syntax(ExplicitVRLittleEndian, "Explicit VR, little-endian", native),
    Syntax(ExplicitVRBigEndian, "Explicit VR, big-endian", native),
    Syntax(DeflatedExplicitVRLittleEndian, "Deflated", native),
    Syntax(RLELossless, "RLE", by_pydicom()),
    Syntax(JPEGBaseline8Bit, "JPEG baseline (8 bits)", by_pillow, (8,), False),
    Syntax(JPEGExtended12Bit, "JPEG extended (8 or 12 bits)", by_pillow, (8,), False),
    Syntax(JPEGLossless, "JPEG lossless, process 14", by_gdcm),
    Syntax(JPEGLosslessSV1, "JPEG lossless, selection value 1", by_gdcm),
    Syntax(JPEGLSLossless, "JPEG-LS, lossless", by_pydicom()),
    Syntax(JPEGLSNearLossless, "JPEG-LS, near-lossless", by_pydicom(jls_error=1)),
    Syntax(JPEG2000Lossless, "JPEG 2000, lossless", by_pydicom()),
    Syntax(JPEG2000, "JPEG 2000", by_pydicom(j2k_cr=[2])),
    Syntax(HTJ2KLossless, "High-throughput JPEG 2000, lossless", by_openjph),
    Syntax(HTJ2KLosslessRPCL, "High-throughput JPEG 2000, lossless, RPCL", by_openjph),
    Syntax(HTJ2K, "High-throughput JPEG 2000", by_openjph),
)


def film(syntax: Syntax, bits: int, signed: bool, **tags: Any) -> tuple[Dataset, Any]:
    """A film, and the values that it stores (as they were before they were compressed)."""
    stored = picture(bits, signed) if syntax.make is by_openjph else stored_phantom(bits, signed=signed)
    in_file = syntax.uid if syntax.make is native else ExplicitVRLittleEndian
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return syntax.make(dataset(stored, in_file, bits, **tags), stored, syntax.uid), stored


def is_read(syntax: Syntax, bits: int, signed: bool, folder: Path) -> bool:
    """Whether `decode` reads such a film."""
    try:
        decode(write(folder / "film", film(syntax, bits, signed)[0]))
    except FilmError:
        return False
    return True


def table(folder: Path) -> str:
    """The page's table, from what is read and what is refused."""
    lines = [
        "| transfer syntax | UID | " + " | ".join(f"{bits} bits" for bits in DEPTHS) + " |",
        "|---|---|" + "---|" * len(DEPTHS),
    ]
    for syntax in SYNTAXES:
        cells = []
        for bits in DEPTHS:
            signs = [signed for signed in (False, True) if bits in syntax.depths and (syntax.signed or not signed)]
            read = [signed for signed in signs if is_read(syntax, bits, signed, folder)]
            cells.append({(): "–", (False,): "unsigned", (False, True): "both"}.get(tuple(read), "signed"))
        lines.append(f"| {syntax.name} | {syntax.uid} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = PAGE.read_text("utf-8")
        PAGE.write_text(BLOCK.sub(lambda found: found[1] + table(Path(folder)) + found[2], text), "utf-8")


if __name__ == "__main__":
    main()
