"""What reports are made of in the tests, and the outside programs that check them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from hilum.pacs.identity import FilmKey
from hilum.pacs.records import AnsweredFilm, DetectorFacts, EarlierReport, Point, ReportContent
from hilum.records import NOT_JUDGED, NOT_SURE, Film, Prediction

CREATED = datetime(2026, 11, 29, 13, 45, 7, 250000, tzinfo=UTC)
TWO = DetectorFacts("hilum", "0.4.0", "5e" * 32, "balanced", ("NORMAL", "PNEUMONIA"), 0.512345)
THREE = DetectorFacts("hilum-causes", "0.4.0", "c3" * 32, "balanced", ("NORMAL", "bacteria", "virus"), None)
LUNGS: tuple[Point, ...] = ((60.5, 40.25), (160.0, 42.0), (190.0, 180.0), (110.0, 210.5), (40.0, 176.0))
ANSWERS = ("PNEUMONIA", "NORMAL", NOT_SURE, NOT_JUDGED)
EARLIER = EarlierReport(
    report="1.2.826.0.1.77.1",
    series="1.2.826.0.1.77.2",
    film_class="1.2.840.10008.5.1.4.1.1.1",
    film="1.2.826.0.1.77.3",
    film_series="1.2.826.0.1.77.4",
    answer=NOT_SURE,
    probability=0.25,
)
_WHY = {
    "PNEUMONIA": "Only PNEUMONIA is plausible and the probability of PNEUMONIA reaches the threshold.",
    "NORMAL": "Only NORMAL is plausible and the probability of PNEUMONIA is below the threshold.",
    NOT_SURE: "Both NORMAL and PNEUMONIA are plausible.",
    NOT_JUDGED: "It is no film of the kind that the detector was made for: it shows no chest.",
}
_PROBS = {"PNEUMONIA": (0.126579, 0.873421), "NORMAL": (0.96, 0.04), NOT_SURE: (0.5, 0.5), NOT_JUDGED: (0.2, 0.8)}


def content(
    film: Dataset,
    answer: str = "PNEUMONIA",
    *,
    detector: DetectorFacts = TWO,
    outline: tuple[Point, ...] = LUNGS,
    region: tuple[int, int, int, int] | None = (20, 10, 220, 210),
    created: datetime = CREATED,
    refusal: str = "",
    earlier: tuple[EarlierReport, ...] = (),
    **changes: object,
) -> ReportContent:
    """A film's answer by one of two classes; `changes` replace what its prediction has."""
    plausible = ("NORMAL", "PNEUMONIA") if answer == NOT_SURE else () if answer == NOT_JUDGED else (answer,)
    row = Prediction(
        Film("/spool/0123abcd.dcm"),
        _PROBS.get(answer, (0.1, 0.7, 0.2)),
        answer if answer in detector.classes else detector.classes[-1],
        shape=(256, 224),
        plausible=plausible,
        answer=answer,
        why=_WHY.get(answer, f"Only {answer} is plausible."),
    )
    row = replace(row, **changes)  # type: ignore[arg-type]
    key = FilmKey(str(film.SOPInstanceUID), "ab" * 32, detector.seal, detector.operating_point)
    return ReportContent(key, detector, AnsweredFilm(row, outline, region), created, refusal, earlier)


def needs(program: str) -> None:
    """Skip without a program of Debian's, unless the machine is meant to have it."""
    if shutil.which(program) is None:
        if os.environ.get("HILUM_REQUIRE_DICOM_TOOLS"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")


def errors_of(path: Path) -> list[str]:
    """What dciodvfy (dicom3tools) finds wrong with an object."""
    needs("dciodvfy")
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, timeout=60)
    said = done.stderr.decode("utf-8", "replace")
    assert "Error - " in said or done.returncode == 0, said
    return [line for line in said.splitlines() if line.startswith("Error")]


def rendered(path: Path) -> str:
    """A report as DCMTK's dsr2html shows it, as text; it refuses relationships that Comprehensive 3D SR forbids."""
    needs("dsr2html")
    done = subprocess.run(["dsr2html", "+U8", str(path)], capture_output=True, timeout=60)
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, said
    assert not [line for line in said.splitlines() if line.startswith(("E:", "F:"))], said
    return " ".join(re.sub(r"<[^>]*>", " ", done.stdout.decode("utf-8", "replace")).split())
