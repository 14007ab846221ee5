"""A reading room with the shipped detector, shared by the tests of this folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from tests.postgres import Postgres

Png = Callable[..., bytes]
StoreUrl = Callable[[], str]


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


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StoreUrl:
    """Makes the URL of a new database: whatever asks for it runs on SQLite, and on PostgreSQL as a slow test."""
    if request.param == "sqlite":
        return lambda: str(tmp_path_factory.mktemp("store") / "hilum.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.schema


@contextmanager
def open_room(folder: Path, store: str, **settings: Any) -> Iterator[Room]:
    """A client of a reading room with little room for films, as long as this block runs."""
    small = UploadLimits(films=8, bytes=8 << 20, film_bytes=4 << 20, idle_seconds=2)
    values = {"workers": 1, "uploads": small, "requests_a_minute": 1_000_000, **settings}
    app = create_app(ServiceSettings(store=store, folder=folder, **values))
    with Room(app, base_url="http://127.0.0.1:8000") as client:
        client.folder, client.store = folder, store
        yield client


@pytest.fixture(scope="session")
def room(store_url: StoreUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A client of a reading room that asks nobody to sign in."""
    with open_room(tmp_path_factory.mktemp("room"), store_url()) as client:
        yield client


@pytest.fixture
def spool(room: Room) -> Path:
    """Where films arrive."""
    return room.folder / "arriving"


def films(*contents: bytes, name: str = "film") -> list[tuple[str, tuple[str, bytes, str]]]:
    """Parts of a request."""
    return [("film", (name, content, "application/octet-stream")) for content in contents]


def problem(reply: Any, status: int) -> str:
    """What a refusal says; every refusal is problem details (RFC 9457)."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    told = reply.json()
    assert told["status"] == status
    assert told["title"]
    return str(told["detail"])


def one(room: Room, content: bytes, **query: Any) -> Any:
    """The answer to one film."""
    reply = room.post("/v1/predictions", files=films(content), params=query)
    assert reply.status_code in (200, 201), reply.text
    return reply.json()["predictions"][0]
