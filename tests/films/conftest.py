"""Files under film names that begin as their format does; the rest does not matter to who only lists and hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

BEGINNINGS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg"), b"\xff\xd8\xff\xe0"),
    ".png": b"\x89PNG\r\n\x1a\n",
    **dict.fromkeys((".dcm", ".dicom"), bytes(128) + b"DICM"),
}


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
            content = f"the film {name}".encode(errors="surrogateescape")
            path.write_bytes(BEGINNINGS.get(path.suffix.lower(), b"") + content)
        folder.mkdir(exist_ok=True)
        return folder

    return write
