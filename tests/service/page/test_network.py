"""The page about films from the network, filled: axe-core finds nothing, and a phone shows all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hilum.store import open_store
from tests.service.page.browser import Watched, serving
from tests.service.page.test_everybody import PHONE
from tests.service.test_node import fill
from tests.store.conftest import MakePrediction, prediction

__all__ = ["prediction"]

pytestmark = pytest.mark.slow


def test_the_page_is_for_everybody(browser: Any, tmp_path: Path, prediction: MakePrediction) -> None:
    with open_store(str(tmp_path / "hilum.db")) as store:
        id_ = fill(store, prediction)
    with serving(tmp_path, "shipped") as url:
        contexts: tuple[dict[str, Any], ...] = ({"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE)
        for context in contexts:
            with Watched(browser, url, **context) as watched:
                page = watched.open("/node")
                assert watched.axe() == [], context
                width = context.get("viewport", {"width": 1280})["width"]
                assert page.evaluate("document.documentElement.scrollWidth") == width
                assert page.inner_text("nav [aria-current]") == "Network"
        with Watched(browser, url) as watched:
            page = watched.open("/node")
            page.click(f"a[href='/films/{id_}']")
            assert page.url == f"{url}/films/{id_}"  # without people, whoever is here reads what nodes were sent
            assert "Pneumonia" in page.inner_text("#word")
