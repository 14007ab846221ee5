"""The page in a browser, as a reader uses it: from a film to a verdict."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pixels.dicoms import stored_phantom
from tests.service.conftest import png_of
from tests.service.page.browser import Watched, deep_png, dicom

pytestmark = pytest.mark.slow

SECRET = "Canary Jane Doe 4711.png"


def grid(size: int = 64) -> Any:
    """Two values that are 1 apart, of 12 bits: 2000 on the left and 2001 on the right, and black and white below."""
    levels = np.full((size, size), 2000)
    levels[:, size // 2 :] = 2001
    levels[-4:, : size // 2], levels[-4:, size // 2 :] = 0, 4095
    return levels


def test_a_film_is_dropped_and_its_answer_read(watched: Watched) -> None:
    page = watched.open()
    assert page.inner_text(".research").startswith("Research only. Not a medical device")
    page.select_option("#model", "tiny")
    drop = """([zone, bytes, name]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        zone.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, [page.query_selector("#drop"), list(png_of(1)), SECRET])
    page.wait_for_url("**/films/*")
    watched.shown()
    word = page.inner_text("#word")
    assert word in ("Pneumonia", "Normal")
    caption = page.inner_text(".bar-figure figcaption")
    assert re.fullmatch(
        r"Probability of pneumonia (over 99|under 1|\d\d?)%, (at or above|below) the threshold of 40%\.", caption
    )
    assert page.get_attribute(".probability", "aria-label") == caption
    assert page.inner_text(".why-text").endswith(".")
    assert "not known" in page.inner_text(".facts >> nth=0")
    # The film is there without an overlay, and its file's name is known here alone.
    assert (np.ptp(watched.canvas(), axis=2) == 0).all()
    assert page.inner_text(".facts .local-name") == SECRET
    assert page.title() == "Film · Hilum"
    assert not [each for each in watched.requests if "Canary" in each]
    assert "Canary" not in page.request.get(page.url).text()


def test_two_values_1_apart_are_told_apart_at_a_width_of_2(watched: Watched, tmp_path: Path) -> None:
    for content in (deep_png(grid()), dicom(tmp_path, grid().astype(np.uint16))):
        page = watched.send(content)
        assert abs(watched.grey_at(0.5, 0.25) - watched.grey_at(0.5, 0.75)) <= 1
        page.fill("#centre-value", "2001")
        page.fill("#width-value", "2")
        assert (watched.grey_at(0.5, 0.25), watched.grey_at(0.5, 0.75)) == (0, 255)


def test_monochrome1_is_shown_as_it_is_meant(watched: Watched, tmp_path: Path) -> None:
    stored = stored_phantom(12, size=(64, 64))
    watched.send(dicom(tmp_path, stored))
    as_is = watched.canvas()
    page = watched.send(dicom(tmp_path, 4095 - stored, PhotometricInterpretation="MONOCHROME1"))
    assert np.abs(watched.canvas().astype(int) - as_is).max() <= 1
    page.keyboard.press("i")
    assert page.get_attribute("#invert", "aria-pressed") == "true"
    inside = slice(as_is.shape[1] // 3, 2 * as_is.shape[1] // 3)
    assert np.abs(watched.canvas()[:, inside].astype(int) + as_is[:, inside] - 255).max() <= 1


def test_the_window_follows_the_mouse_the_slider_and_the_keys(watched: Watched, tmp_path: Path) -> None:
    tags: dict[str, Any] = {"WindowCenter": [1000, 3000], "WindowWidth": [500, 1500]}
    page = watched.send(dicom(tmp_path, stored_phantom(12, size=(64, 64)), **tags))

    def window() -> tuple[float, float]:
        return float(page.input_value("#centre-value")), float(page.input_value("#width-value"))

    first = window()
    assert first == (1000, 500)
    page.keyboard.press("2")
    assert window() == (3000, 1500)
    assert page.inner_text("#presets").split("\n")[:2] == ["1 detector's", "2 film's"]
    box = page.locator("#canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 100, y - 50)
    page.mouse.up()
    speed = np.ptp(stored_phantom(12, size=(64, 64)).astype(int)) / 1000
    assert window() == pytest.approx((3000 - 50 * speed, 1500 + 100 * speed), abs=0.1)
    page.locator("#width").focus()
    before = window()
    page.keyboard.press("ArrowRight")
    assert window() == pytest.approx((before[0], round(before[1]) + 1), abs=0.6)
    page.locator("#canvas").focus()
    page.keyboard.press("ArrowLeft")
    assert window()[1] < before[1]
    page.keyboard.press("r")
    assert window() == first
    fitted = watched.canvas()
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowLeft")
    assert (watched.canvas() != fitted).any()
    page.keyboard.press("f")
    assert (watched.canvas() == fitted).all()


@pytest.mark.parametrize("shape", [(96, 48), (48, 96)])
def test_a_fitted_film_is_whole_so_that_no_side_marker_is_cropped(watched: Watched, shape: tuple[int, int]) -> None:
    levels, (height, width) = np.full(shape, 1000), shape
    for row in (0, height - 6):
        for column in (0, width - 6):
            levels[row : row + 6, column : column + 6] = 4000
    page = watched.send(deep_png(levels))
    for key in ("f", "+", "r"):
        page.keyboard.press(key)
    drawn = watched.canvas()[..., 0]
    zoom = min(drawn.shape[0] / height, drawn.shape[1] / width)
    top, left = (drawn.shape[0] - height * zoom) / 2, (drawn.shape[1] - width * zoom) / 2
    corners = [(row, column) for row in (3, height - 3) for column in (3, width - 3)]
    assert all(drawn[int(top + row * zoom), int(left + column * zoom)] > 240 for row, column in corners)
    assert drawn[int(top + height / 2 * zoom), int(left + width / 2 * zoom)] < 20


def test_the_heat_map_is_there_while_h_is_held_and_by_its_slider(watched: Watched) -> None:
    page = watched.send(png_of(2))
    plain = watched.canvas()
    with page.expect_response("**/heatmap"):
        page.keyboard.down("h")
    page.locator("#viewer-status:empty").wait_for(state="attached")
    held = watched.canvas()
    page.keyboard.up("h")
    assert (watched.canvas() == plain).all()
    page.fill("#heat-value", "50")
    assert page.input_value("#heat") == "50"
    half = watched.canvas()
    colourful = [int((np.ptp(each, axis=2) > 8).sum()) for each in (plain, half, held)]
    assert colourful[0] == 0 < colourful[1] <= colourful[2]


def test_a_film_is_read_by_the_keyboard_alone_and_the_verdict_taken_back(watched: Watched) -> None:
    watched.page.on("filechooser", lambda chooser: None)  # early: it takes a while until Chromium asks us
    page = watched.open()

    def tab_to(selector: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert outline == "solid", f"nothing shows that {selector} has the focus"
                return
        raise AssertionError(f"{selector} is not reached")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    tab_to("#film")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    tab_to("#model")
    page.keyboard.press("ArrowDown")
    chooser.value.set_files({"name": "film.png", "mimeType": "image/png", "buffer": png_of(3)})
    page.wait_for_url("**/films/*")
    watched.shown()
    tab_to("#canvas")
    page.keyboard.press("?")
    assert page.is_visible("#keys-dialog")
    page.keyboard.press("Escape")
    tab_to("button[value=accept]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Accepted.")
    watched.shown()
    tab_to("form[action$=withdraw] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("button[value=accept]")
    assert "Accepted" not in page.inner_text(".panel")


def test_what_is_not_judged_says_why_and_shows_no_probability(watched: Watched) -> None:
    page = watched.open()
    page.click("text=Try an example")
    page.wait_for_url("**/films/*")
    watched.shown()
    assert page.inner_text("#word") == "Not judged"
    assert "would mean nothing" in page.inner_text(".why-text")
    assert "a drawing by a program" in page.inner_text(".note")
    assert not page.query_selector(".probability, #heat")
    assert "%" not in page.inner_text(".answer")
    page.click("text=What does this mean? >> nth=1")
    assert page.url.endswith("/about#not-judged")


def test_a_file_that_is_no_film_is_refused_in_words_and_the_others_go_on(watched: Watched) -> None:
    page = watched.open()
    sent = [(SECRET, png_of(4)), ("notes.txt", b"no film"), ("other.png", png_of(5))]
    page.set_input_files(
        "#film", [{"name": name, "mimeType": "image/png", "buffer": content} for name, content in sent]
    )
    page.wait_for_selector("text=2 of 3 films were answered.")
    assert page.inner_text("#upload-errors").startswith("notes.txt: the film could not be read: a text file")
    watched.faults.clear()  # Chromium notes every reply of 422 in its console
    page.click("text=Show them in the work-list")
    page.wait_for_selector("h2:text('Work-list')")
    assert page.locator(f"text={SECRET}").count() >= 1
