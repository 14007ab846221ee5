"""From what a recipe calls weights to a checked file."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from hilum.errors import RequestError
from hilum.weights import locate
from tests.weights.conftest import one_line

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PUBLISHED = f"resnet50-{SHA256[:8]}.pth"  # as torchvision names its files


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class Publisher(BaseHTTPRequestHandler):
    """Serves one file, from the byte that is asked for."""

    asked: tuple[str, ...] = ()
    breaks_after = len(CONTENT)

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        type(self).asked += (self.headers.get("Range", ""),)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.breaks_after])

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Publisher)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(Publisher, "asked", ())
    yield f"http://127.0.0.1:{server.server_port}/models"
    server.shutdown()
    server.server_close()


def kept(name: str) -> Path:
    return Path(os.environ["HILUM_CACHE"]) / "weights" / SHA256[:16] / name


def test_a_path_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = put(tmp_path / "mine.pth")
    assert locate(str(path)) == path
    assert locate(str(path), SHA256) == path


def test_a_bundle_and_a_run_give_their_weights(tmp_path: Path) -> None:
    path = put(tmp_path / "run" / "bundle" / "weights.safetensors")
    assert locate(str(tmp_path / "run")) == path
    assert locate(str(tmp_path / "run" / "bundle")) == path


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="neither weights") as raised:
        locate(str(tmp_path))
    assert str(tmp_path) in one_line(raised)


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("vgg16_imagenet_features.safetensors", ["vgg16_imagenet_features"]),
        (PUBLISHED, ["resnet50", PUBLISHED.removesuffix(".pth")]),
        ("trunk.weights.h5", ["trunk"]),
    ],
)
def test_a_short_name_is_looked_up(
    file: str, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "second" / file)
    monkeypatch.setenv("HILUM_WEIGHTS", os.pathsep.join([str(tmp_path / "not there"), str(tmp_path / "second")]))
    for name in (file, *names):
        assert locate(name) == path


def test_the_first_folder_that_has_a_file_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = put(tmp_path / "1" / "trunk.h5"), put(tmp_path / "2" / "trunk.h5")
    monkeypatch.setenv("HILUM_WEIGHTS", os.pathsep.join([str(first.parent), str(second.parent)]))
    assert locate("trunk") == first


def test_a_short_name_of_several_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "resnet50-0676ba61.pth")
    path = put(tmp_path / "resnet50.h5")
    monkeypatch.setenv("HILUM_WEIGHTS", str(tmp_path))
    with pytest.raises(RequestError, match=r"resnet50-0676ba61\.pth, .*resnet50\.h5; name one of them") as raised:
        locate("resnet50")
    one_line(raised)
    assert locate("resnet50.h5") == path


def test_an_unknown_name_says_where_it_looked_and_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "weights" / "vgg16.pth")
    put(tmp_path / "weights" / "README.md")
    monkeypatch.setenv("HILUM_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(RequestError, match="'resnet50': no such file") as raised:
        locate("resnet50")
    message = one_line(raised)
    assert str(Path.cwd()) in message
    assert f"({tmp_path / 'weights'}), where there is: vgg16.pth;" in message


@pytest.mark.parametrize("source", ["resnet50", "", "weights/none.pth"])
def test_without_a_folder_of_weights_it_names_the_variable(source: str) -> None:
    with pytest.raises(RequestError, match=f"'{source}': no such file.* HILUM_WEIGHTS is not set") as raised:
        locate(source)
    one_line(raised)


def test_another_hash_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "mine.pth", b"other")
    with pytest.raises(RequestError, match=f"SHA-256 is {hashlib.sha256(b'other').hexdigest()}, not {SHA256}"):
        locate(str(path), SHA256)


def test_torchvisions_name_is_held_to_its_hash(tmp_path: Path) -> None:
    path = put(tmp_path / PUBLISHED)
    assert locate(str(path)) == path
    put(path, CONTENT[:-1])
    with pytest.raises(RequestError, match=f"not {SHA256[:8]} as its name says") as raised:
        locate(str(path))
    one_line(raised)


def test_a_date_in_another_name_is_no_hash(tmp_path: Path) -> None:
    path = put(tmp_path / "mine-20240131.pth")
    assert locate(str(path)) == path


def test_a_url_is_downloaded_once(publisher: str) -> None:
    path = locate(f"{publisher}/{PUBLISHED}?download=1", SHA256)
    assert path == kept(PUBLISHED)
    assert path.read_bytes() == CONTENT
    assert locate(f"{publisher}/{PUBLISHED}?download=1", SHA256) == path
    assert len(Publisher.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(publisher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Publisher, "breaks_after", 70_001)
    with pytest.raises(RequestError, match="the connection broke 1,209,999 bytes before the end") as raised:
        locate(f"{publisher}/net.pth", SHA256)
    one_line(raised)
    assert not kept("net.pth").exists()
    monkeypatch.setattr(Publisher, "breaks_after", len(CONTENT))
    assert locate(f"{publisher}/net.pth", SHA256).read_bytes() == CONTENT
    assert Publisher.asked == ("bytes=0-", "bytes=70001-")


def test_a_download_with_another_hash_is_thrown_away(publisher: str) -> None:
    with pytest.raises(RequestError, match=f"its SHA256 is {SHA256}, not the published {'0' * 64}") as raised:
        locate(f"{publisher}/net.pth", "0" * 64)
    one_line(raised)
    assert not list(Path(os.environ["HILUM_CACHE"]).rglob("net*"))


def test_a_kept_file_that_changed_is_downloaded_again(publisher: str) -> None:
    put(kept("net.pth"), b"changed")
    assert locate(f"{publisher}/net.pth", SHA256).read_bytes() == CONTENT


def test_torchvisions_name_in_a_url_is_held_to_its_hash(publisher: str) -> None:
    with pytest.raises(RequestError, match="not 01234567 as its name says"):
        locate(f"{publisher}/vgg16-01234567.pth", SHA256)


def test_a_url_needs_a_hash() -> None:
    with pytest.raises(RequestError, match=r"weights\.sha256"):
        locate("https://download.pytorch.org/models/vgg16-397923af.pth")


@pytest.mark.parametrize(
    "url", ["http://example.org/a.pth", "file:///etc/passwd", "ftp://127.0.0.1/a.pth", "https://[a"]
)
def test_only_https_is_downloaded(url: str) -> None:
    with pytest.raises(RequestError, match="https URL, or a path"):
        locate(url, SHA256)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a.pth", "http://127.0.0.1:9/a b.pth"])  # nothing listens there
def test_a_server_that_is_not_there_is_one_line(url: str) -> None:
    with pytest.raises(RequestError, match="the download failed") as raised:
        locate(url, SHA256)
    one_line(raised)
