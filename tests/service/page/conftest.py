"""One reading room and one browser for all tests of the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hilum import models
from hilum.bundle import Bundle
from tests.bundle.conftest import make
from tests.service.page.browser import CHROMIUM, Watched, require_chromium, serving


@pytest.fixture(scope="session")
def room_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A reading room with the shipped detector, and with one that knows nothing and answers for everything."""
    require_chromium()
    folder = tmp_path_factory.mktemp("page")
    make_decided(folder / "tiny")
    with serving(folder, "shipped", str(folder / "tiny")) as url:
        yield url


def make_decided(folder: Path, make: Callable[[Path], Bundle] = make) -> None:
    """A bundle of an untrained network whose last layer speaks louder, so that a heat map has something to show."""
    build = models.build

    def louder(*arguments: Any) -> Any:
        model = build(*arguments)
        last = [each for each in model.modules() if isinstance(each, torch.nn.Linear)][-1]
        with torch.no_grad():
            last.weight *= 200
        return model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "build", louder)
        make(folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def watched(browser: Any, room_url: str) -> Iterator[Watched]:
    """A browser's page at its usual size; what it must not do is asserted when all tests have used it."""
    with Watched(browser, room_url) as watched:
        yield watched
