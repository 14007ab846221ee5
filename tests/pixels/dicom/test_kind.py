"""Which DICOMs are films: by modality, by the SOP class of the data set, by that of the file's header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from hilum.errors import FilmError
from hilum.pixels.decode import decode_scaled
from tests.pixels.dicoms import dataset, stored_phantom, write

STORED = stored_phantom(12)


def film(path: Path, modality: str | None, sop_class: str | None, of_the_file: str = "", **tags: Any) -> str:
    ds = dataset(STORED, bits=12, **tags)
    for keyword, value in (("Modality", modality), ("SOPClassUID", sop_class)):
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    ds.file_meta.MediaStorageSOPClassUID = UID(of_the_file or sop_class or SecondaryCaptureImageStorage)
    return write(path, ds)


READ: dict[str, tuple[str | None, str | None, str, str]] = {
    "CR": ("CR", ComputedRadiographyImageStorage, "", ""),
    "CR of a secondary capture": ("CR", SecondaryCaptureImageStorage, "", ""),
    "lower case": ("dx", SecondaryCaptureImageStorage, "", ""),
    "no modality, DX": (None, DigitalXRayImageStorageForPresentation, "", "names no modality; it was read as DX"),
    "no modality, CR": (None, ComputedRadiographyImageStorage, "", "names no modality; it was read as CR"),
    "an empty modality": ("", ComputedRadiographyImageStorage, "", "names no modality; it was read as CR"),
    "no modality, RF": (None, XRayRadiofluoroscopicImageStorage, "", "read as RF"),
    "only the file's class": (None, None, ComputedRadiographyImageStorage, "read as CR, by its SOP class"),
    "the data set's class before the file's": (None, ComputedRadiographyImageStorage, MRImageStorage, "read as CR"),
    "DR": ("DR", DigitalXRayImageStorageForPresentation, "", "DR is not one of the standard's; it was read as DX"),
    "DR of a secondary capture": ("DR", SecondaryCaptureImageStorage, "", "read as DX"),
    "XR": ("XR", ComputedRadiographyImageStorage, "", "read as CR, by its SOP class"),
    "X-RAY": ("X-RAY", SecondaryCaptureImageStorage, "", "read as DX"),
    "RX": ("RX", SecondaryCaptureImageStorage, "", "read as DX"),
    "a word of its own": ("THORAX", DigitalXRayImageStorageForPresentation, "", "modality THORAX is not one"),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of writing the wrong header
@pytest.mark.parametrize("kind", READ)
def test_radiographs_are_read(kind: str, tmp_path: Path) -> None:
    modality, sop_class, of_the_file, remark = READ[kind]
    decoded = decode_scaled(film(tmp_path / "film", modality, sop_class, of_the_file), None, "", None)
    assert (remark in " ".join(decoded.remarks)) if remark else not decoded.remarks


REFUSED: dict[str, tuple[str | None, str | None, str, str]] = {
    "nothing said": (
        None,
        SecondaryCaptureImageStorage,
        "",
        "of modality unknown; Hilum reads CR, DX",
    ),
    "a class of its own": (None, "1.2.3.4", "", "of modality unknown"),
    "a word of its own": ("THORAX", SecondaryCaptureImageStorage, "", "of modality THORAX; Hilum reads"),
    "DR of a magnetic resonance": ("DR", MRImageStorage, "", r"of modality MR \(magnetic resonance\)"),
    "no modality, mammography": (None, DigitalMammographyXRayImageStorageForPresentation, "", r"MG \(mammography\)"),
    "no modality, MR in the file's header": (None, None, MRImageStorage, r"MR \(magnetic resonance\)"),
    "another modality": ("MR", ComputedRadiographyImageStorage, "", "modality MR"),
    "a secondary capture": ("OT", DigitalXRayImageStorageForPresentation, "", "secondary capture"),
    "raw by its class": ("DX", DigitalXRayImageStorageForProcessing, "", "raw detector data"),
    "raw by its class alone": (None, DigitalXRayImageStorageForProcessing, "", "raw detector data"),
    "a slice without units": (None, CTImageStorage, "", "a CT slice without rescale slope and intercept"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_the_others_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    modality, sop_class, of_the_file, reason = REFUSED[kind]
    with pytest.raises(FilmError, match=reason):
        decode_scaled(film(tmp_path / "film", modality, sop_class, of_the_file), None, "", None)


def test_the_first_of_several_modalities_counts(tmp_path: Path) -> None:
    ds = dataset(STORED, bits=12)
    ds.Modality = ["CR", "DX"]
    decode_scaled(write(tmp_path / "film", ds), None, "", None)
