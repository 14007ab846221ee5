"""Chest radiographs as DICOM, made of phantoms or of JPEG files: valid ones, changed as a test asks for.

    ds = film(7, syntax=JPEGLSLossless, age="071Y", view="PA", drop=("PatientID",))
    save(tmp_path / "film.dcm", ds)

The same arguments give the same bytes. Two numbers are two films of two patients, unless `study` says otherwise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from hilum.pixels.phantom import chest_phantom
from tests.pixels.dicoms import as_jpeg_lossless

# An arc below a UUID (PS3.5 B.2) for films that are nobody's: 5a1f0c52-6d0e-4b57-9e41-7c1d9b2a6e08.
TEST_ROOT = "2.25.119791730742632725033305549982703185416"
DX, RAW_DX = DigitalXRayImageStorageForPresentation, DigitalXRayImageStorageForProcessing
CR, RF, SC = ComputedRadiographyImageStorage, XRayRadiofluoroscopicImageStorage, SecondaryCaptureImageStorage
SYNTAXES: tuple[UID, ...] = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
)
_MODALITIES = {DX: "DX", RAW_DX: "DX", CR: "CR", RF: "RF", SC: "OT"}
_PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


class Named(NamedTuple):
    """A patient's name with the character set that it is written in.

    Attributes:
        charset: the values of Specific Character Set (0008,0005).
        name: the patient's name as text, its groups apart at `=`.
    """

    charset: tuple[str, ...]
    name: str


# The examples of PS3.5, annexes H (Japanese), I (Korean) and J (UTF-8, GB18030), and names in sets of one byte.
NAMES: dict[str, Named] = {
    "ascii": Named((), "Film^Made"),
    "latin-1": Named(("ISO_IR 100",), "Buc^Jérôme"),
    "cyrillic": Named(("ISO_IR 144",), "Люксембург^Роза"),
    "greek": Named(("ISO_IR 126",), "Διονυσιος^Κωστας"),
    "arabic": Named(("ISO_IR 127",), "قباني^لنزار"),
    "hebrew": Named(("ISO_IR 138",), "שרון^דבורה"),
    "japanese": Named(("", "ISO 2022 IR 87"), "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "half-width": Named(("ISO 2022 IR 13", "ISO 2022 IR 87"), "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    "korean": Named(("", "ISO 2022 IR 149"), "Hong^Gildong=洪^吉洞=홍^길동"),
    "chinese, UTF-8": Named(("ISO_IR 192",), "Wang^XiaoDong=王^小東"),
    "chinese, GB18030": Named(("GB18030",), "Wang^XiaoDong=王^小东"),
}


def uid(kind: int, *numbers: int) -> UID:
    """A UID of the tests': `kind` tells studies (1), series (2) and instances (3) apart."""
    return UID(".".join(map(str, (TEST_ROOT, kind, *numbers))))


def film(
    number: int = 1,
    *,
    syntax: str = ExplicitVRLittleEndian,
    sop_class: str = DX,
    grey: NDArray[np.integer[Any]] | None = None,
    bits: int = 12,
    size: tuple[int, int] = (256, 224),
    opacity: float = 0.0,
    frames: int = 1,
    view: str = "AP",
    age: str = "004Y",
    name: str = "ascii",
    study: int | None = None,
    pixels: int | None = None,
    drop: Iterable[str] = (),
    **elements: Any,
) -> Dataset:
    """A radiograph of a chest.

    Args:
        number: of the film; its UIDs, its patient and its phantom follow from it.
        syntax: the transfer syntax; JPEG baseline makes it one of 8 bits.
        sop_class: of the film, such as `DX`, `CR`, `RF`, `SC`; `RAW_DX` is one for processing.
        grey: its stored values, instead of a phantom's; (height, width), unsigned.
        bits: stored, 8 to 16; 8 for values of one byte.
        size: height and width of the phantom.
        opacity: of the phantom's consolidation, 0 to 1.
        frames: how often the picture is repeated.
        view: View Position; empty leaves the element empty.
        age: Patient's Age.
        name: of `NAMES`: the patient's name and the character set.
        study: the number of the study; `number` where None. The patient is the study's.
        pixels: the seed of the phantom; `number` where None. With another one it is the same film with other pixels.
        drop: keywords of elements that the film shall lack.
        **elements: values by their keywords, which replace what would stand there.
    """
    study = number if study is None else study
    bits = 8 if syntax == JPEGBaseline8Bit or (grey is not None and grey.dtype == np.uint8) else bits
    stored = phantom_levels(number if pixels is None else pixels, bits, size, opacity) if grey is None else grey
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = UID(sop_class), uid(3, number)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(1, study), uid(2, number)
    _describe(ds, number, study, view, age, name)
    if sop_class in (DX, RAW_DX):
        _add_dx(ds, stored, raw=sop_class == RAW_DX)
    elif sop_class == SC:
        ds.ConversionType = "WSD"
    _add_picture(ds, stored, bits)
    meta = ds.file_meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = ds.SOPClassUID, UID(syntax)
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    _add_pixels(ds, stored, syntax, frames)
    for keyword in drop:
        delattr(ds, keyword)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", UID(sop_class))
    meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", uid(3, number))
    return ds


@lru_cache(maxsize=64)
def phantom_levels(seed: int, bits: int, size: tuple[int, int], opacity: float = 0.0) -> NDArray[np.integer[Any]]:
    """A phantom as stored values of so many bits."""
    kind: Any = np.uint8 if bits == 8 else np.uint16
    levels: NDArray[np.integer[Any]] = np.round(chest_phantom(seed, size, opacity) * (2**bits - 1)).astype(kind)
    return levels


def jpeg_levels(path: Path) -> NDArray[np.integer[Any]]:
    """A JPEG's grey values, of one byte each."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert grey is not None, path
    return grey.astype(np.uint8)


def real_films(shared: Path, count: int, first: int = 1, **options: Any) -> Iterator[Dataset]:
    """So many DX of children's films of 224×224, numbered from `first`; files come again after the last."""
    files = sorted((shared / "data" / "chest_xray" / "val").rglob("*.jpeg"))
    files += sorted((shared / "data" / "chest_xray" / "train").rglob("*.jpeg"))[: max(0, count - len(files))]
    for number in range(count):
        yield film(first + number, grey=jpeg_levels(files[number % len(files)]), **options)


def data_set(ds: Dataset) -> bytes:
    """The data set alone, as it goes over the wire: the file without its header (PS3.10 7.1)."""
    return without_header(file_bytes(ds))


def without_header(file: bytes) -> bytes:
    """What follows the preamble, `DICM` and the meta information, whose length is its first element's value."""
    return file[144 + int.from_bytes(file[140:144], "little") :]


def file_bytes(ds: Dataset) -> bytes:
    """The whole file."""
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def save(path: Path, ds: Dataset) -> Path:
    """Write the whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file_bytes(ds))
    return path


def save_all(folder: Path, films: Iterable[Dataset]) -> Sequence[Path]:
    """Write films as `0001.dcm`, `0002.dcm`, … ."""
    return [save(folder / f"{number:04d}.dcm", ds) for number, ds in enumerate(films, 1)]


def _describe(ds: Dataset, number: int, study: int, view: str, age: str, name: str) -> None:
    """Patient, study, series, equipment and image (PS3.3 C.7.1 to C.7.6.1)."""
    charset, patient = NAMES[name]
    if charset:
        ds.SpecificCharacterSet = list(charset)
    ds.PatientName, ds.PatientID = patient, f"TEST-{study:05d}"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "20190304", "O", age
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = "20240102"
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = "101500"
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = f"{study}", f"ACC{study:05d}", ""
    ds.StudyDescription, ds.SeriesDescription = "Chest", view
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = _MODALITIES[UID(ds.SOPClassUID)], 1, number
    ds.Manufacturer, ds.ManufacturerModelName, ds.StationName = "Phantoms", "Made for tests", "ROOM1"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "1", "1"
    ds.BodyPartExamined, ds.ViewPosition, ds.PatientOrientation = "CHEST", view, ["L", "F"]
    ds.ImageType = ["ORIGINAL", "PRIMARY"]


def _coded(value: str, scheme: str, meaning: str, **modifiers: Items) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    for keyword, items in modifiers.items():
        setattr(item, keyword, items)
    return item


def _add_dx(ds: Dataset, stored: NDArray[np.integer[Any]], *, raw: bool) -> None:
    """What a digital radiograph has and others have not (PS3.3 A.26)."""
    ds.PresentationIntentType = "FOR PROCESSING" if raw else "FOR PRESENTATION"
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = [_coded("43799004", "SCT", "Chest")]
    projections = {"PA": ("399348003", "postero-anterior"), "LL": ("399260004", "left lateral")}
    code, meaning = projections.get(ds.ViewPosition, ("399348003", "antero-posterior"))
    ds.ViewCodeSequence = [_coded(code, "SCT", meaning, ViewModifierCodeSequence=Items())]
    ds.DetectorType, ds.PositionerType = "DIRECT", "NONE"
    ds.ImagerPixelSpacing = [0.2, 0.2]
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, 0, "US"
    ds.PresentationLUTShape, ds.LossyImageCompression, ds.BurnedInAnnotation = "IDENTITY", "00", "NO"
    ds.AcquisitionContextSequence = Items()
    if not raw:
        ds.WindowCenter, ds.WindowWidth = (int(stored.max()) + 1) // 2, int(stored.max()) + 1


def _add_picture(ds: Dataset, stored: NDArray[np.integer[Any]], bits: int) -> None:
    """The image's pixels, but for their values (PS3.3 C.7.6.3)."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * stored.dtype.itemsize, bits, bits - 1
    ds.PixelRepresentation = 0


def _add_pixels(ds: Dataset, stored: NDArray[np.integer[Any]], syntax: str, frames: int) -> None:
    """Pixel Data in a transfer syntax (PS3.5 A.4), its frames alike."""
    if frames != 1:
        ds.NumberOfFrames = frames
    if syntax in _PLAIN:
        values = stored.astype(stored.dtype.newbyteorder(">" if syntax == ExplicitVRBigEndian else "<"))
        data = values.tobytes() * frames
        ds.PixelData = data + b"\0" * (len(data) % 2)
        ds["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 and syntax != ImplicitVRLittleEndian else "OW"
        return
    ds.PixelData = encapsulate([_compressed(ds, stored, syntax)] * frames)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    if syntax == JPEGBaseline8Bit:
        ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", 5
        ds.LossyImageCompressionMethod = "ISO_10918_1"


def _compressed(ds: Dataset, stored: NDArray[np.integer[Any]], syntax: str) -> bytes:
    """One frame, by encoders that are not ours: OpenCV, GDCM, and those that pydicom leads to."""
    if syntax == JPEGBaseline8Bit:
        return cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    plain = Dataset()
    plain.file_meta = FileMetaDataset()
    plain.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    plain.SOPClassUID, plain.SOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    _add_picture(plain, stored, int(ds.BitsStored))
    _add_pixels(plain, stored, ExplicitVRLittleEndian, 1)
    if syntax == JPEGLosslessSV1:
        return _jpeg_lossless(plain)
    plain.compress(UID(syntax), generate_instance_uid=False)
    return get_frame(plain.PixelData, 0, number_of_frames=1)


def _jpeg_lossless(plain: Dataset) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source = save(Path(folder, "plain.dcm"), plain)
        packed = dcmread(as_jpeg_lossless(source, Path(folder, "packed.dcm")))
    return get_frame(packed.PixelData, 0, number_of_frames=1)
