"""The PACS that the tests run against does what they take from it."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from tests.pacs.orthanc import Modality, Orthanc, an_orthanc, require_programs

pytestmark = pytest.mark.slow


def a_film(uid: str = "2.25.1") -> bytes:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID, film.SOPInstanceUID = DigitalXRayImageStorageForPresentation, uid
    film.StudyInstanceUID, film.SeriesInstanceUID, film.Modality = f"{uid}.1", f"{uid}.2", "DX"
    film.PatientID, film.PatientName, film.StudyDate = "P1", "A^B", "20200101"
    film.Rows, film.Columns, film.SamplesPerPixel, film.PhotometricInterpretation = 8, 8, 1, "MONOCHROME2"
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 8, 8, 7, 0
    film.PixelData = np.arange(64, dtype=np.uint8).tobytes()
    file = BytesIO()
    film.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_an_orthanc_keeps_what_it_stores_and_its_ports_over_a_power_cut(orthanc: Orthanc) -> None:
    orthanc.upload(a_film())
    orthanc.kill()
    with pytest.raises(OSError, match="refused"):
        orthanc.ask("/system")
    orthanc.start()
    assert orthanc.uids() == orthanc.uids("DX") == ["2.25.1"]
    assert orthanc.dataset("2.25.1").PatientID == "P1"
    assert orthanc.json("/dicom-web/studies")[0]["0020000D"]["Value"] == ["2.25.1.1"]
    orthanc.empty()
    assert orthanc.uids() == []
    assert orthanc.json("/changes")["Last"] == 0


def test_an_orthanc_sends_what_it_receives_to_another(tmp_path: Path, orthanc: Orthanc) -> None:
    require_programs(["storescu"])
    to = {"archive": Modality(orthanc.ae_title, orthanc.dicom_port)}
    film = tmp_path / "film.dcm"
    film.write_bytes(a_film())
    with an_orthanc(tmp_path / "first", modalities=to, forward_to="archive") as first:
        subprocess.run(["storescu", "127.0.0.1", str(first.dicom_port), str(film)], check=True)
        assert orthanc.wait_for(1, "DX") == ["2.25.1"]
        assert dcmread(BytesIO(orthanc.file("2.25.1"))).PixelData == dcmread(film).PixelData
        first.add_modality("again", Modality(orthanc.ae_title, orthanc.dicom_port))
        ids = first.upload(a_film("2.25.7"))
        first.send("again", *ids)
        assert orthanc.wait_for(2) == ["2.25.1", "2.25.7"]


def test_an_orthanc_can_ask_for_a_password(tmp_path: Path) -> None:
    with an_orthanc(tmp_path / "orthanc", users={"node": "secret"}) as orthanc:
        assert orthanc.json("/system")["DicomAet"] == "ORTHANC"
        orthanc.users.clear()
        with pytest.raises(HTTPError, match="401"):
            orthanc.ask("/system")
