"""A watched folder: complete films are taken and moved aside, everything else stays and is named once."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from hilum.errors import HilumError, RequestError, StoreError
from hilum.pacs.sources.watched_folder import WatchedFolder
from tests.pacs.sources.fakes import GO_ON, Taken, a_film, taken


class Setting:
    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "watched"
        self.folder.mkdir()
        self.node: Taken = taken(tmp_path / "spool")
        self.now = time.time()
        self.source = WatchedFolder(self.folder, self.node.intake("scans"), lambda: self.now)

    def look(self) -> int:
        return self.source.look(GO_ON)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def old(path: Path) -> Path:
    """As a file that was moved into the folder."""
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(record)["event_facts"]["why"] for record in caplog.records]


def test_a_film_is_taken_once_it_is_complete_and_then_moved_aside(setting: Setting) -> None:
    film, whole = setting.folder / "a.dcm", a_film("2.25.1")
    put(film, whole[:300])
    assert setting.look() == 0  # it may be written to
    put(film, whole)
    assert setting.look() == 0  # it was
    assert setting.look() == 1
    (arrival,) = setting.node.arrivals
    assert arrival.path.read_bytes() == whole
    assert (arrival.source, arrival.facts.instance, arrival.facts.modality) == ("scans", "2.25.1", "DX")
    assert not film.exists()
    assert (setting.folder / "accepted" / "a.dcm").read_bytes() == whole
    assert setting.look() == setting.look() == 0


def test_a_film_that_was_moved_into_the_folder_is_taken_at_once_and_one_below_it_too(setting: Setting) -> None:
    old(put(setting.folder / "one.dcm", a_film("2.25.1")))
    old(put(setting.folder / "room" / "two.dcm", a_film("2.25.2", preamble=False)))  # a data set alone
    assert setting.look() == 2
    assert sorted(setting.node.uids) == ["2.25.1", "2.25.2"]
    moved = setting.folder / "accepted"
    assert sorted(path.relative_to(moved).as_posix() for path in moved.rglob("*.dcm")) == ["one.dcm", "room/two.dcm"]


def test_names_that_come_again_push_nothing_away(setting: Setting) -> None:
    for number in range(3):
        old(put(setting.folder / "film.dcm", a_film(f"2.25.{number}")))
        assert setting.look() == 1
    assert {path.name for path in (setting.folder / "accepted").iterdir()} == {"film.dcm", "film-1.dcm", "film-2.dcm"}


def test_what_is_no_film_stays_and_is_named_once_without_its_name(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    text = old(put(setting.folder / "Doe^Jane.txt", b"text" * 100))
    large = old(put(setting.folder / "large.dcm", a_film("2.25.1") + bytes(2 << 20)))
    cut = old(put(setting.folder / "cut.dcm", a_film("2.25.1")[:-10]))
    assert setting.look() == setting.look() == 0
    assert all(path.exists() for path in (text, large, cut))
    assert setting.node.in_spool == 0
    assert len(events(caplog)) == 3
    assert "more than 1 MiB" in events(caplog)
    assert "Doe" not in caplog.text + repr([vars(record) for record in caplog.records])
    inodes = {vars(record)["event_facts"]["inode"] for record in caplog.records}
    assert inodes == {path.stat().st_ino for path in (text, large, cut)}
    put(cut, a_film("2.25.1"))  # whoever copied it goes on
    assert [setting.look(), setting.look()] == [0, 1]


def test_links_pipes_and_sockets_are_never_opened(
    setting: Setting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outside = old(put(tmp_path / "outside" / "film.dcm", a_film("2.25.1")))
    (setting.folder / "link.dcm").symlink_to(outside)
    (setting.folder / "folder").symlink_to(outside.parent)
    (setting.folder / "gone").symlink_to(tmp_path / "none")
    os.mkfifo(setting.folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(setting.folder / "socket"))
        assert setting.look() == setting.look() == 0
    assert sorted(events(caplog)) == ["a link, not a file"] * 3 + ["a pipe, not a file", "a socket, not a file"]
    assert outside.exists()


def test_unfinished_hidden_and_empty_files_wait(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("film.dcm.part", ".film.dcm", "film.TMP", "film.dcm~"):
        old(put(setting.folder / name, a_film("2.25.1")))
    old(put(setting.folder / "empty.dcm", b""))
    assert setting.look() == setting.look() == 0
    assert caplog.records == []
    (setting.folder / "film.dcm.part").rename(setting.folder / "film.dcm")
    assert setting.look() == 1


def test_a_file_that_is_written_to_while_it_is_read_waits(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    film = old(put(setting.folder / "a.dcm", a_film("2.25.1")))
    read = os.read

    def writing(descriptor: int, size: int) -> bytes:
        block = read(descriptor, size)
        if not block:
            with film.open("ab") as file:
                file.write(b"more")
        return block

    with monkeypatch.context() as patch:
        patch.setattr("hilum.pacs.sources.watched_folder.os.read", writing)
        assert setting.look() == 0
    assert film.exists()
    assert setting.node.in_spool == 0


def test_a_film_that_the_node_cannot_keep_stays_for_the_next_look(setting: Setting) -> None:
    film = old(put(setting.folder / "a.dcm", a_film("2.25.1")))
    setting.node.fail = StoreError("the disk is full")
    with pytest.raises(StoreError):
        setting.look()
    assert film.exists()
    assert setting.node.in_spool == 0
    setting.node.fail = None
    assert setting.look() == 1


def test_a_film_that_the_node_refuses_stays(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    film = old(put(setting.folder / "a.dcm", a_film("2.25.1")))
    setting.node.fail = HilumError("no such films here")
    assert setting.look() == setting.look() == 0
    assert film.exists()
    assert setting.node.in_spool == 0
    assert events(caplog) == ["no such films here"]


def test_a_film_that_cannot_be_moved_is_taken_once(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    old(put(setting.folder / "a.dcm", a_film("2.25.1")))
    (setting.folder / "accepted").write_bytes(b"")  # a file where the folder should be
    assert setting.look() == 1
    assert setting.look() == 0
    assert any(why.startswith("taken, and cannot be moved to accepted: ") for why in events(caplog))


def test_it_ends_between_two_films_when_it_is_asked_to(setting: Setting) -> None:
    old(put(setting.folder / "a.dcm", a_film("2.25.1")))
    stopping = threading.Event()
    stopping.set()
    assert setting.source.look(stopping) == 0


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_one_line(setting: Setting) -> None:
    setting.folder.chmod(0o500)
    with pytest.raises(RequestError, match=r"^source scans: folder: .*: films are moved to accepted in it, and it"):
        WatchedFolder(setting.folder, setting.node.intake("scans"))


def test_no_folder_is_one_line(setting: Setting, tmp_path: Path) -> None:
    with pytest.raises(
        RequestError, match=r"^source scans: folder: .*none: no such folder; make it, or name another"
    ):
        WatchedFolder(tmp_path / "none", setting.node.intake("scans"))
