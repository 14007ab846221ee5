"""The reading room as Chromium shows it, for the documentation: a service with the shipped detector, and six films.

    python -m benchmarks.page_pictures ../shared/data --out docs/images

Takes the folder with `chest_xray` (Kermany et al., Cell 172 (2018), CC BY 4.0) at 224 pixels a side, and Debian's
`chromium`. The films were chosen by eye, one for each answer; which of them is answered how is the detector's doing.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

FILM = "val/PNEUMONIA/person1951_bacteria_4882.jpeg"
LIST = (
    FILM,
    "val/PNEUMONIA/person1946_bacteria_4875.jpeg",
    "val/PNEUMONIA/person1949_bacteria_4880.jpeg",
    "val/NORMAL/NORMAL2-IM-1430-0001.jpeg",
    "val/NORMAL/NORMAL2-IM-1440-0001.jpeg",
    "val/NORMAL/NORMAL2-IM-1442-0001.jpeg",
)
SCREEN = {"width": 1120, "height": 660}
PHONE = {"width": 390, "height": 844}
COLOURS = 192  # of a picture, which keeps it below 200 KB
MOST_SIDE = 256  # pixels of a film


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    arguments = parser.parse_args()
    films = [arguments.data / "chest_xray" / each for each in LIST]
    for film in films:
        with Image.open(film) as picture:
            assert max(picture.size) <= MOST_SIDE, f"{film}: larger than may be shown"
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright, serving() as url:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(browser, url, films, arguments.out)
        browser.close()


@contextmanager
def serving() -> Iterator[str]:
    """`hilum serve` with the shipped detector, on a free port and with a store of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hilum", "serve", "--port", "0", "--folder", folder]
        with subprocess.Popen(
            [*command, "--store", f"{folder}/hilum.db"], stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    yield found[0]
                    break
            process.terminate()


def take(browser: Any, url: str, films: list[Path], out: Path) -> None:
    """Drop the films, look at what there is to see, and keep it."""
    context = browser.new_context(viewport=SCREEN, color_scheme="light")
    page = context.new_page()
    page.goto(url)
    page.click("text=Try an example")
    shown(page)
    keep(page, out / "page-not-judged.jpg")
    page.goto(url)
    with page.expect_navigation():
        page.set_input_files("#film", films[1:])
    page.set_input_files("#film", films[0])
    page.wait_for_url("**/films/*")
    shown(page)
    film = page.url
    keep(page, out / "page-film.png")
    page.keyboard.down("h")
    page.wait_for_selector("#viewer-status:empty", state="attached")
    keep(page, out / "page-heat-map.jpg")
    page.keyboard.up("h")
    page.click("button[value=accept]")
    page.goto(url)
    keep(page, out / "page-work-list.png", full_page=True)
    phone = browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True, color_scheme="dark")
    page = phone.new_page()
    page.goto(film)
    shown(page)
    keep(page, out / "page-phone.png")


def shown(page: Any) -> None:
    """Wait until a film is drawn."""
    page.wait_for_selector("#viewer:not([aria-busy])")


def keep(page: Any, path: Path, *, full_page: bool = False) -> None:
    """Write what is to be seen: in few colours, or as a JPEG where it has many."""
    picture = Image.open(io.BytesIO(page.screenshot(full_page=full_page))).convert("RGB")
    if path.suffix == ".jpg":
        picture.save(path, quality=88, subsampling=0, optimize=True)
    else:
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
