"""A reading room in a process of its own, and Debian's Chromium to look at it with."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.pixels.dicoms import dataset, write

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
IS_REQUIRED = "HILUM_REQUIRE_CHROMIUM" in os.environ
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def require_chromium() -> None:
    """Skip what needs a browser where there is none, unless the environment says that there has to be one."""
    if not Path(CHROMIUM).exists() and not IS_REQUIRED:
        pytest.skip("no Chromium: apt-get install chromium")


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[str]:
    """`hilum serve` on a free port, for as long as this block runs; gives its address."""
    places = ["--port", "0", "--workers", "1", "--store", str(folder / "hilum.db"), "--folder", str(folder)]
    command = [sys.executable, "-m", "hilum", "serve", *arguments, *places]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                break
        else:
            raise AssertionError(f"the service did not start: {said}")
        try:
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.read()
            assert process.wait(60) == 0


def deep_png(levels: Any) -> bytes:
    """Values of 16 bits as a PNG."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(levels, np.uint16)).save(file, format="PNG")
    return file.getvalue()


def dicom(folder: Path, stored: Any, **tags: Any) -> bytes:
    """Values of 12 bits as a radiograph."""
    return Path(write(folder / "film.dcm", dataset(stored, bits=12, **tags))).read_bytes()


class Watched:
    """A page of a browser, of which everything is noted that a page of ours must not do."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.url = url
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *raised: object) -> None:
        self.context.close()
        if raised[0] is None:
            assert not self.faults, self.faults
            elsewhere = [each for each in self.requests if not each.startswith((self.url, "blob:", "data:"))]
            assert not elsewhere, elsewhere

    def open(self, path: str = "/") -> Any:
        """Go to a page of the service."""
        self.page.goto(self.url + path)
        return self.page

    def send(self, content: bytes, name: str = "film.png", model: str = "tiny") -> Any:
        """Choose a film on the first page, and wait until it is to be seen."""
        page = self.open()
        page.select_option("#model", model)
        page.set_input_files("#film", {"name": name, "mimeType": "application/octet-stream", "buffer": content})
        page.wait_for_url(re.compile("/films/[0-9a-f]{32}$"))
        return self.shown()

    def shown(self) -> Any:
        """The page, once its film is drawn."""
        self.page.wait_for_selector("#viewer:not([aria-busy])")
        assert self.page.text_content("#viewer-status") == ""
        return self.page

    def canvas(self, selector: str = "#canvas") -> NDArray[np.uint8]:
        """What is drawn on a canvas, (height, width, 3) uint8, red, green and blue."""
        read = """async canvas => {
            for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
            return canvas.toDataURL("image/png");
        }"""
        address = self.page.eval_on_selector(selector, read)
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))

    def grey_at(self, row: float, column: float) -> int:
        """The grey of a square film, which is fitted, at a place of it in shares of its height and width."""
        drawn = self.canvas()
        height, width = drawn.shape[:2]
        side = min(height, width)
        y, x = (height - side) / 2 + row * side, (width - side) / 2 + column * side
        colour = drawn[int(y), int(x)]
        assert colour[0] == colour[1] == colour[2]
        return int(colour[0])

    def axe(self) -> list[str]:
        """What axe-core finds on the page as it is: the rule's name, and where."""
        from axe_playwright_python.base import AXE_SCRIPT

        self.page.evaluate(AXE_SCRIPT)
        options = {"runOnly": AXE_RULES, "resultTypes": ["violations", "passes"]}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        assert len(found["passes"]) > 10
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found["violations"]]
