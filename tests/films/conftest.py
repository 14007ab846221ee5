"""Files under film names; what they hold does not matter to whoever only lists and hashes them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest


class Lay(Protocol):
    def __call__(self, *names: str, root: str = "set") -> Path: ...


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Write files by their names below a folder, each with bytes of its own."""

    def write(*names: str, root: str = "set") -> Path:
        folder = tmp_path / root
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"the film {name}", errors="surrogateescape")
        folder.mkdir(exist_ok=True)
        return folder

    return write
