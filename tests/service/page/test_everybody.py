"""The page for everybody: axe-core finds nothing, and it is whole on a phone, in the dark, at rest and on paper."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.service.conftest import png_of
from tests.service.page.browser import Watched

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def film(watched: Watched) -> str:
    """The path of a film that was answered."""
    return "/" + watched.send(png_of(60)).url.partition("/films/")[1].strip("/") + "/" + watched.page.url[-32:]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(browser: Any, room_url: str, film: str, scheme: str) -> None:
    with Watched(browser, room_url, color_scheme=scheme) as watched:
        example = watched.context.request.post(f"{room_url}/example").url.removeprefix(room_url)
        for path in ("/", film, example, "/about", "/docs", "/monitor", "/node", "/sign-in", "/nowhere"):
            page = watched.open(path)
            if path.startswith("/films/"):
                watched.shown()
                page.click("#keys")
                assert watched.axe() == [], "the list of keys"
                page.keyboard.press("Escape")
            assert watched.axe() == [], path
        watched.faults = [each for each in watched.faults if "404" not in each]  # of /nowhere


def test_a_phone_shows_film_word_and_one_bar(browser: Any, room_url: str, film: str) -> None:
    with Watched(browser, room_url, **PHONE) as watched:
        page = watched.open(film)
        watched.shown()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        boxes = {each: page.locator(each).bounding_box() for each in ("#canvas", "#word", ".probability")}
        assert boxes["#canvas"]["height"] > 0.45 * 844
        assert all(box["y"] >= 0 and box["y"] + box["height"] <= 844 for box in boxes.values())
        assert page.locator(".probability").count() == 1
        assert "Research only" in page.inner_text(".research")
        assert watched.axe() == []
        page = watched.open("/")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.is_visible("text=Drop films here")


def test_light_dark_and_rest_are_what_the_system_asks_for(watched: Watched) -> None:
    page = watched.open()

    def style(selector: str, name: str) -> str:
        return str(page.eval_on_selector(selector, "(place, name) => getComputedStyle(place)[name]", name))

    try:
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        assert style("body", "backgroundColor") == "rgb(255, 255, 255)"
        assert style(".drop", "transitionDuration") == "0.15s"
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert style("body", "backgroundColor") == "rgb(20, 23, 26)"
        assert style(".drop", "transitionDuration") == "0s"
    finally:
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")


def test_the_film_has_a_ring_that_is_seen_on_black(watched: Watched, film: str) -> None:
    page = watched.open(film)
    watched.shown()
    page.locator("#verdict-title").scroll_into_view_if_needed()
    page.focus("#print")
    page.keyboard.press("Shift+Tab")
    page.focus("#canvas")
    outline = page.eval_on_selector("#canvas", "place => getComputedStyle(place).outline")
    assert outline.startswith("rgb(255, 213, 74) solid 3px")


def test_a_film_is_printed_with_its_answer_and_without_controls(watched: Watched, film: str) -> None:
    page = watched.open(film)
    watched.shown()
    page.emulate_media(media="print")
    try:
        assert page.is_visible("#word")
        assert page.is_visible(".probability")
        printed = page.inner_text(".printed-only")
        assert "not a medical device" in printed
        assert re.search("film SHA-256 [0-9a-f]{64}", printed)
        for hidden in (".controls", ".verdicts form", "nav", "#print"):
            assert not page.is_visible(hidden), hidden
    finally:
        page.emulate_media(media="null")
    pdf = page.pdf(format="A4", print_background=True)
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    assert b"/Subtype /Image" in pdf


def test_nothing_runs_that_did_not_come_with_the_page(watched: Watched) -> None:
    page = watched.open()
    add = """() => {
        const script = document.createElement("script");
        try { script.textContent = "window.added = true"; } catch (error) { return error.name; }
        document.body.append(script);
        return String(window.added);
    }"""
    assert page.evaluate(add) == "TypeError"
    assert any("TrustedScript" in each for each in watched.faults)
    watched.faults.clear()
