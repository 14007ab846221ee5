"""What every test of a node may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pacs.orthanc import orthanc
from tests.pacs.peers import listening_peer, peer
from tests.pacs.receiving import Received, receiving

__all__ = ["listening_peer", "orthanc", "peer"]


@pytest.fixture
def received(tmp_path: Path) -> Iterator[Received]:
    """A receiver that lets CT-1 send from this machine."""
    with receiving(tmp_path) as running:
        yield running
