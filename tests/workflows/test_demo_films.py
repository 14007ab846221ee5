"""Where the demo's films come from, and that a download is whole or not there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from hilum import films
from hilum.workflows import demo_films

CONTENT = bytes(range(256)) * 5000
NAME = "pneumoniamnist_64.npz"


class Zenodo(BaseHTTPRequestHandler):
    """Serves one file, from the byte that is asked for."""

    asked: tuple[str, ...] = ()

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        type(self).asked += (self.headers.get("Range", ""),)
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:])

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Zenodo]]:
    server = HTTPServer(("127.0.0.1", 0), Zenodo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(demo_films, "_RECORD", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setitem(demo_films._ARCHIVES, NAME, hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())
    Zenodo.asked = ()
    yield Zenodo
    server.shutdown()
    server.server_close()


def test_is_downloaded_once(zenodo: type[Zenodo], tmp_path: Path) -> None:
    assert demo_films.fetch(NAME, tmp_path).read_bytes() == CONTENT
    demo_films.fetch(NAME, tmp_path)
    assert len(zenodo.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(zenodo: type[Zenodo], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:70_001])
    assert demo_films.fetch(NAME, tmp_path).read_bytes() == CONTENT
    assert zenodo.asked == ("bytes=70001-",)


def test_a_part_that_is_already_whole_is_taken(zenodo: type[Zenodo], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    assert demo_films.fetch(NAME, tmp_path).read_bytes() == CONTENT


def test_what_is_not_what_was_published_is_thrown_away(zenodo: type[Zenodo], tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"something else")
    with pytest.raises(OSError, match="not the published"):
        demo_films.fetch(NAME, tmp_path)
    assert not list(tmp_path.iterdir())


def test_named_films_come_first_then_the_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HILUM_DATA", str(tmp_path / "environment"))
    assert demo_films.at_hand(tmp_path / "named", tmp_path)[0] == tmp_path / "named"
    assert demo_films.at_hand(None, tmp_path)[0] == tmp_path / "environment"


def test_without_any_films_it_says_loudly_that_pictures_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hilum")
    monkeypatch.delenv("HILUM_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_films, "_RECORD", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setattr(demo_films, "_PATIENTS", 10)
    folder, _, credit = demo_films.at_hand(None, tmp_path)
    assert "not films of anybody" in caplog.text
    assert "nobody's films" in credit
    manifest = films.index(folder, cut=False)
    assert len(manifest) == 20
    assert len({film.patient for film in manifest}) == 10
