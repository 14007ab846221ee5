"""The work-list and what it leads to: lanes, readings before the answer, a patient's earlier films, a ruler."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pixels.dicoms import stored_phantom
from tests.service.conftest import png_of
from tests.service.page.browser import Watched, dicom

pytestmark = pytest.mark.slow


def test_what_was_not_judged_is_in_a_lane_of_its_own_on_top(watched: Watched) -> None:
    page = watched.open()
    page.click("text=Try an example")
    page.wait_for_url("**/films/*")
    watched.send(png_of(50))
    page.click("button[value=accept]")
    page.wait_for_selector("text=Accepted.")
    read = page.url.rpartition("/")[2]
    watched.send(png_of(51))
    page = watched.open()
    lanes = [re.match("[A-Za-z ]+[a-z]", each)[0] for each in page.locator(".lane").all_inner_texts()]  # type: ignore[index]
    assert lanes == ["Not judged", "Answered", "With a verdict"]
    tables = page.locator("table.films")
    assert set(tables.nth(0).locator("td strong").all_inner_texts()) == {"Not judged"}
    assert "Not judged" not in tables.nth(1).inner_text()
    assert tables.nth(1).locator(f"a[href$='{read}']").count() == 0
    assert tables.nth(2).locator(f"a[href$='{read}']").count() == 1
    assert "waits" in tables.nth(1).inner_text()
    assert "waits" not in tables.nth(2).inner_text()


def test_a_reader_says_first_what_they_see_and_then_gets_the_answer(watched: Watched) -> None:
    watched.send(png_of(52))
    before = watched.page.url
    page = watched.open()
    page.click("text=Read first, reveal after: off")
    page.wait_for_selector("text=Read first, reveal after: on")
    try:
        page.goto(before)
        watched.shown()
        assert "does not count as unaided" in page.inner_text(".answer")
        watched.send(png_of(53))
        assert page.inner_text("#word") == "What do you see?"
        assert not page.query_selector(".probability, #heat, .verdicts")
        assert "robability" not in page.content()
        assert "does not count" not in page.inner_text(".answer")
        here = page.url
        page = watched.open()
        assert page.locator("tr", has=page.locator(f"a[href$='{here[-32:]}']")).inner_text().count("read first") == 1
        page.goto(here)
        page.click("button:text('Normal')")
        page.wait_for_selector(
            "text=/Read as normal before the answer was shown; the detector (agrees|answers pneumonia)/"
        )
        assert page.inner_text("#word") in ("Normal", "Pneumonia")
        # Taken back, the answer has been seen all the same.
        page.click("text=Take it back")
        page.wait_for_selector("button[value=accept]")
        assert page.inner_text("#word") in ("Normal", "Pneumonia")
    finally:
        watched.open().click("text=Read first, reveal after: on")
        watched.page.wait_for_selector("text=Read first, reveal after: off")


def test_an_earlier_film_of_the_patient_is_shown_beside_it(watched: Watched, tmp_path: Path) -> None:
    stored, earlier = stored_phantom(12, 5, (64, 64)), stored_phantom(12, 6, (64, 64))
    watched.send(dicom(tmp_path, earlier, PatientID="Canary-77"))
    alone = watched.canvas()
    page = watched.send(dicom(tmp_path, stored, PatientID="Canary-77", PatientAge="054Y", ViewPosition="AP"))
    assert "Canary" not in page.content()
    assert re.search(r"Age\s+54 years", page.inner_text(".facts >> nth=0"))
    assert re.search(r"View\s+AP", page.inner_text(".facts >> nth=0"))
    page.click(".beside-button")
    page.wait_for_selector("#beside:not([hidden]) #beside-status:empty", state="attached")
    left, right = (watched.canvas(each) for each in ("#canvas", "#beside-canvas"))
    assert abs(left.shape[1] - right.shape[1]) <= 1
    # The same film as when it was read itself, only smaller.
    for drawn in (alone, right):
        side = min(drawn.shape[:2])
        y, x = (drawn.shape[0] - side) // 2, (drawn.shape[1] - side) // 2
        part = drawn[y : y + side, x : x + side, 0].astype(float)
        blocks = [each.mean() for row in np.array_split(part, 8) for each in np.array_split(row, 8, axis=1)]
        if drawn is alone:
            expected = blocks
    np.testing.assert_allclose(blocks, expected, atol=4)
    page.click(".beside-button")
    assert not page.is_visible("#beside")


def test_the_ruler_gives_millimetres_where_the_film_knows_them(watched: Watched, tmp_path: Path) -> None:
    page = watched.send(dicom(tmp_path, stored_phantom(12, 7, (64, 64)), ImagerPixelSpacing=[0.5, 0.5]))
    page.click("#ruler")
    box: Any = page.locator("#canvas").bounding_box()
    side = min(box["width"], box["height"])
    x, y = box["x"] + box["width"] / 2 - side / 4, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + side / 2, y)
    page.mouse.up()
    assert page.inner_text("#measured") == "16 mm at the detector"
    # Without dragging: a click at either end, and keys.
    page.mouse.click(x, y)
    page.mouse.click(x + side / 4, y)
    assert page.inner_text("#measured") == "8 mm at the detector"
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert page.inner_text("#measured") == "10 mm at the detector"
    page = watched.send(png_of(54))
    page.keyboard.press("m")
    assert re.fullmatch(r"\d+ pixels; their size is not known", page.inner_text("#measured"))
