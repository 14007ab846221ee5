"""OHIF in Chromium shows what the node sent: the probability beside the film, and the capture in its colours."""

from __future__ import annotations

import io
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.pacs.films import film, jpeg_levels, save
from tests.pacs.ohif.running import TARBALL, Running, another_address, require_ohif, running, send
from tests.pacs.ohif.viewer import Viewer, asked_hosts, chromium, difference, place
from tests.pacs.orthanc import require_programs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole_example(detector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    require_ohif()
    folder = tmp_path_factory.mktemp("example")
    with running(folder / "all", "--ohif", str(TARBALL), "--bundle", str(detector)) as example:
        yield example


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    require_ohif()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(playwright, tmp_path_factory.mktemp("browser") / "notes.json") as started:
        yield started


def answered(example: Running, folder: Path, *films: Dataset) -> tuple[Dataset, Dataset]:
    """Send films of a study to Orthanc; gives the report and the capture that come back, the last ones."""
    require_programs(["storescu"])
    study = str(films[0].StudyInstanceUID)
    send(
        ["storescu"],
        example.orthanc_port,
        "ORTHANC",
        *(save(folder / f"{each.SOPInstanceUID}.dcm", each) for each in films),
    )
    report, capture = (
        dcmread(io.BytesIO(example.file(example.wait_for(study, modality)[-1]))) for modality in ("SR", "OT")
    )
    return report, capture


def coloured(picture: NDArray[np.uint8]) -> float:
    """The share of a picture's pixels that are not grey."""
    return float((np.ptp(picture.astype(int), axis=2) > 40).mean())


def keep(viewer: Viewer) -> None:
    """Where somebody has asked for the picture of the documentation: the page as it is, made smaller."""
    if path := os.environ.get("HILUM_OHIF_PICTURE"):
        shown = Image.open(io.BytesIO(viewer.page.screenshot()))
        shown.resize((shown.width * 5 // 8, shown.height * 5 // 8), Image.Resampling.LANCZOS).save(
            path, optimize=True
        )


def items_of(report: Dataset) -> Iterator[Dataset]:
    """All content items below one."""
    for each in report.get("ContentSequence", ()):
        yield each
        yield from items_of(each)


def probability_of(report: Dataset) -> float:
    """The one number that a report of a film without predecessors has."""
    (number,) = (each for each in items_of(report) if each.ValueType == "NUM")
    assert number.ConceptNameCodeSequence[0].CodeValue == "122157"
    return float(number.MeasuredValueSequence[0].NumericValue)


def test_the_probability_of_the_report_stands_beside_the_outline_and_the_capture_has_its_colours(
    whole_example: Running, browser: Any, tmp_path: Path
) -> None:
    sent = film(22, size=(512, 448), opacity=0.8)
    report, capture = answered(whole_example, tmp_path, sent)
    viewer = Viewer(browser, whole_example.page)
    viewer.open(str(sent.StudyInstanceUID), series=3)
    grey = np.repeat((sent.pixel_array / 16).astype(np.uint8)[..., None], 3, axis=2)
    drawn = viewer.canvas(grey)
    assert difference(drawn, grey) < 6

    (text,) = viewer.read_report()
    assert text.startswith(f"Probability: {probability_of(report):.2f} 1")
    (region,) = (each for each in items_of(report) if each.ValueType == "SCOORD")
    scale, left, top = place(drawn.shape, grey.shape)
    there = np.reshape(region.GraphicData, (-1, 2)) * scale + (left, top)
    assert viewer.outline() == pytest.approx(there, abs=1)
    assert "Do you want to continue tracking" not in viewer.text()
    keep(viewer)

    picture = np.asarray(capture.pixel_array)
    assert coloured(picture) > 0.001, "a heat map, and a line of another colour than white"
    drawn = viewer.show_picture("OT", picture)
    assert difference(drawn, picture) < 6
    assert coloured(drawn) > 0.001
    assert coloured(viewer.thumbnail("OT")) > 0.001
    assert coloured(viewer.thumbnail("DX")) == 0
    viewer.close()
    assert viewer.elsewhere() == []
    assert viewer.faults == []


def shown_probability(example: Running, browser: Any, folder: Path, sent: Dataset) -> str:
    """What OHIF writes of a film's report; it is the probability that stands in there."""
    report, _ = answered(example, folder, sent)
    viewer = Viewer(browser, example.page)
    viewer.open(str(sent.StudyInstanceUID), series=3)
    (text,) = viewer.read_report()
    viewer.close()
    shown = re.match(r"Probability: (\d\.\d\d) 1", text)
    assert shown
    assert shown[1] == f"{probability_of(report):.2f}"
    return shown[1]


def test_each_film_has_its_own_probability(whole_example: Running, browser: Any, tmp_path: Path) -> None:
    films = [film(1, size=(512, 448), opacity=0.8), film(8, size=(512, 448), opacity=0.8)]
    assert len({shown_probability(whole_example, browser, tmp_path, each) for each in films}) == 2


def test_films_of_children_with_the_detector_that_ships(shared: Path, browser: Any, tmp_path: Path) -> None:
    require_ohif()
    folder = shared / "data" / "chest_xray" / "val"
    names = ["NORMAL/NORMAL2-IM-1427-0001.jpeg", "PNEUMONIA/person1946_bacteria_4875.jpeg"]
    films = [film(30 + number, grey=jpeg_levels(folder / name)) for number, name in enumerate(names)]
    with running(tmp_path / "all", "--ohif", str(TARBALL)) as example:
        shown = [float(shown_probability(example, browser, tmp_path, each)) for each in films]
    assert shown[0] < 0.6 < 0.9 < shown[1]


def test_a_refusal_is_read_as_text(whole_example: Running, browser: Any, tmp_path: Path) -> None:
    sent = film(21, size=(512, 448), opacity=0.8)
    report, capture = answered(whole_example, tmp_path, sent)
    viewer = Viewer(browser, whole_example.page)
    viewer.open(str(sent.StudyInstanceUID), series=3)
    viewer.show_text("SR", "Film that was not judged")
    named = {each.ConceptNameCodeSequence[0].CodeMeaning: each for each in items_of(report)}
    said = [str(named[name].TextValue) for name in ("Answer", "Comment", "Intended use")]
    assert said[0] == "not judged"
    assert "no lungs found" in said[1]
    assert [each for each in said if each not in viewer.text()] == []
    picture = np.asarray(capture.pixel_array)
    assert difference(viewer.show_picture("OT", picture), picture) < 6
    viewer.close()
    assert viewer.faults == []


def test_ohif_asks_nobody_else_even_where_nothing_forbids_it(
    whole_example: Running, playwright: Any, tmp_path: Path
) -> None:
    sent, notes = film(24), tmp_path / "notes.json"
    answered(whole_example, tmp_path, sent)
    with chromium(playwright, notes) as browser:
        viewer = Viewer(browser, whole_example.page, bypass_csp=True)
        viewer.page.goto(whole_example.page)
        viewer.page.wait_for_selector("text=Film, Made")
        viewer.open(str(sent.StudyInstanceUID), series=3)
        viewer.read_report()
        viewer.close()
    assert len(viewer.requests) > 20
    assert viewer.elsewhere() == []
    hosts = asked_hosts(notes)
    assert hosts.pop("127.0.0.1") > 20
    assert not hosts


def test_the_policy_keeps_the_page_to_its_address(whole_example: Running, browser: Any) -> None:
    viewer = Viewer(browser, whole_example.page)
    viewer.page.goto(whole_example.page)
    refused = viewer.page.evaluate(
        """() => new Promise(done => {
            document.addEventListener("securitypolicyviolation", event => done(event.blockedURI));
            fetch("http://localhost:9/").catch(() => setTimeout(() => done("nothing"), 2000));
        })"""
    )
    viewer.close()
    assert refused.startswith("http://localhost:9")


def test_the_page_is_this_machines_alone(whole_example: Running) -> None:
    port = int(whole_example.page.rpartition(":")[2])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((another_address(), port), 5)
    asked = Request(f"{whole_example.page}/dicom-web/studies", headers={"Host": "elsewhere.example"})
    with pytest.raises(OSError, match="421"):  # a page from elsewhere whose name leads here (DNS rebinding)
        build_opener(ProxyHandler({})).open(asked, timeout=10)
