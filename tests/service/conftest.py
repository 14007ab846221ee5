"""A reading room with the shipped detector, shared by the tests of this folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from hilum.pixels import chest_phantom
from hilum.service.app import create_app
from hilum.service.settings import ServiceSettings
from hilum.service.uploads import UploadLimits

Png = Callable[..., bytes]


def png_of(seed: int, size: int = 96, depth: int = 255) -> bytes:
    """A generated film, other bytes for every seed."""
    file = io.BytesIO()
    levels = np.rint(chest_phantom(seed, (size, size)) * depth)
    Image.fromarray(levels.astype(np.uint8 if depth == 255 else np.uint16)).save(file, format="PNG")
    return file.getvalue()


class Room(TestClient):
    """A client of a reading room, which knows where the room keeps its files and with which tokens it opens."""

    folder: Path
    store: str
    tokens: dict[str, Any]


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A client of a reading room that asks nobody to sign in."""
    folder = tmp_path_factory.mktemp("room")
    settings = ServiceSettings(
        store=str(folder / "hilum.db"),
        folder=folder,
        workers=1,
        uploads=UploadLimits(films=8, bytes=8 << 20, film_bytes=4 << 20, idle_seconds=2),
        requests_a_minute=1_000_000,
    )
    with Room(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        client.folder = folder
        yield client


@pytest.fixture
def spool(room: Room) -> Path:
    """Where films arrive."""
    return room.folder / "arriving"


def films(*contents: bytes, name: str = "film") -> list[tuple[str, tuple[str, bytes, str]]]:
    """Parts of a request."""
    return [("film", (name, content, "application/octet-stream")) for content in contents]
