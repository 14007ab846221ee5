"""One example and one browser for all tests of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundle.conftest import make_of_lungs
from tests.pacs.ohif.running import Running, running
from tests.pacs.orthanc import require_orthanc
from tests.service.page.conftest import make_decided


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector that knows nothing, decides, and looks at the lungs."""
    folder = tmp_path_factory.mktemp("detector") / "tiny"
    make_decided(folder, make_of_lungs)
    return folder


@pytest.fixture(scope="module")
def example(detector: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Orthanc and a node; without OHIF, which only a browser needs."""
    require_orthanc()
    with running(tmp_path_factory.mktemp("example") / "all", "--without-ohif", "--bundle", str(detector)) as started:
        yield started
