"""OHIF in Debian's Chromium, as a reader uses it, with everything noted that it asks a network for."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.pacs.ohif.running import PLACES

_SERIES = "[data-cy^='study-browser-thumbnail']"
_MILLISECONDS = 60_000


class Viewer:
    """A page of OHIF.

    Attributes:
        page: Playwright's.
        faults: errors that the page has raised or written to its console.
        requests: the addresses that it has asked for.
    """

    def __init__(self, browser: Any, url: str, *, bypass_csp: bool = False) -> None:
        self._url = url
        self._context = browser.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=bypass_csp)
        self.page = self._context.new_page()
        self.page.set_default_timeout(_MILLISECONDS)
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)

    def close(self) -> None:
        """Close it, which writes the browser's notes."""
        self._context.close()

    def elsewhere(self) -> list[str]:
        """Addresses that it has asked for and that are not those of this machine's page."""
        return [each for each in self.requests if not each.startswith((f"{self._url}/", "blob:", "data:"))]

    def open(self, study: str, series: int) -> None:
        """Open a study by its address, and wait until the list has so many series and a film is drawn."""
        self.page.goto(f"{self._url}/viewer?StudyInstanceUIDs={study}")
        self.page.wait_for_function(
            "([of, count]) => document.querySelectorAll(of).length >= count", arg=[_SERIES, series]
        )
        self.page.wait_for_selector("canvas.cornerstone-canvas")

    def show(self, modality: str) -> None:
        """Double-click a series in the list, the last of its modality."""
        self._series(modality).last.dblclick()

    def show_picture(self, modality: str, like: NDArray[np.uint8], within: float = 6) -> NDArray[np.uint8]:
        """Double-click a series until the viewport is like a picture, or for a while; gives what is drawn."""
        for _ in range(6):
            self.show(modality)
            drawn = self.canvas(like, within, looks=50)
            if difference(drawn, like) < within:
                break
        return drawn

    def show_text(self, modality: str, text: str) -> None:
        """Double-click a series until a text is on the page."""
        from playwright.sync_api import TimeoutError

        for _ in range(6):
            self.show(modality)
            with suppress(TimeoutError):
                self.page.wait_for_selector(f"text={text}", timeout=_MILLISECONDS / 6)
                return
        raise AssertionError(f"{text!r} is not shown: {self.faults}")

    def read_report(self) -> list[str]:
        """Double-click the last report in the list; gives what is written beside its outlines.

        Where it is short of time OHIF draws a film before it knows which of the report's outlines belong on it, and
        does not draw it again by itself: "=", its key for fitting the film into the window, has it drawn.
        """
        from playwright.sync_api import TimeoutError

        for look in range(40):
            if look % 5 == 0:  # a double-click into a list that is just being drawn is lost
                self.show("SR")
            with suppress(TimeoutError):
                self.page.wait_for_selector("svg.svg-layer text", timeout=3_000)
                return list(
                    self.page.evaluate(
                        "[...document.querySelectorAll('svg.svg-layer text')].map(each => each.textContent)"
                    )
                )
            self.page.keyboard.press("=")
        raise AssertionError(f"no report is drawn: {self.faults}")

    def outline(self) -> NDArray[np.float64]:
        """The closed line that is drawn over the film: columns and rows of the viewport, (points, 2)."""
        points = re.findall(r"[\d.]+", self.page.get_attribute("svg.svg-layer polyline", "points"))
        return np.asarray(points, float).reshape(-1, 2)

    def thumbnail(self, modality: str) -> NDArray[np.uint8]:
        """A series' picture in the list, (height, width, 3) uint8."""
        return _decoded(self._series(modality).locator("img").first.get_attribute("src"))

    def canvas(self, like: NDArray[np.uint8], within: float = 6, looks: int = 300) -> NDArray[np.uint8]:
        """The picture in the viewport, (height, width, 3) uint8, once it is like another one, or after a while."""
        read = """canvas => new Promise(done => requestAnimationFrame(() => done(canvas.toDataURL("image/png"))))"""
        for _ in range(looks):
            drawn = _decoded(self.page.eval_on_selector("canvas.cornerstone-canvas", read))
            if difference(drawn, like) < within:
                break
            self.page.wait_for_timeout(200)
        return drawn

    def _series(self, modality: str) -> Any:
        label = self.page.locator("[data-cy='series-modality-label']", has_text=re.compile(f"^{modality}$"))
        return self.page.locator(_SERIES).filter(has=label)

    def text(self) -> str:
        """All that is written on the page."""
        return str(self.page.inner_text("body"))


def place(drawn: tuple[int, ...], picture: tuple[int, ...]) -> tuple[float, float, float]:
    """Where a picture lies in a viewport that it is fitted into: its scale, the column and the row of its corner."""
    scale = min(drawn[0] / picture[0], drawn[1] / picture[1])
    return scale, (drawn[1] - picture[1] * scale) / 2, (drawn[0] - picture[0] * scale) / 2


def difference(drawn: NDArray[np.uint8], picture: NDArray[np.uint8]) -> float:
    """The mean difference of a viewport from the picture that is fitted into it, in levels of 255."""
    scale, left, top = map(float, place(drawn.shape, picture.shape))
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    fitted = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR), float)
    shown = drawn[round(top) :, round(left) :].astype(float)[: size[1], : size[0]]
    return float(np.abs(shown - fitted[: shown.shape[0], : shown.shape[1]]).mean())


def asked_hosts(notes: Path) -> dict[str, int]:
    """The hosts that pages have asked for anything, by the browser's own notes (`--log-net-log`), and how often.

    What Chromium asks its maker by itself has no page as its initiator.
    """
    hosts: dict[str, int] = {}
    for event in json.loads(notes.read_text("utf-8"))["events"]:
        noted = event.get("params", {})
        found = re.match(r"\w+://(\[[^]]*\]|[^/:?#]+)", str(noted.get("url", "")))
        if found and str(noted.get("initiator", "")).startswith("http"):
            hosts[found[1]] = hosts.get(found[1], 0) + 1
    return hosts


@contextmanager
def chromium(playwright: Any, notes: Path) -> Iterator[Any]:
    """A browser that writes down what it asks the network for."""
    options = ["--no-sandbox", f"--log-net-log={notes}"]
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium", path=PLACES), args=options)
    try:
        yield browser
    finally:
        browser.close()


def _decoded(address: str | None) -> NDArray[np.uint8]:
    assert address
    assert address.startswith("data:image/"), address[:40]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))
