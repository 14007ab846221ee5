"""A node that takes what sources give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pacs.sources.fakes import Taken, taken


@pytest.fixture
def node(tmp_path: Path) -> Taken:
    return taken(tmp_path / "spool")
