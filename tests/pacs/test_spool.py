"""The spool: a film is whole on the disk, or nothing of it is there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hilum.errors import RequestError, StoreError
from hilum.pacs.spool import Spool, source_of
from tests.pacs.spooling import put


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "films")


def names(spool: Spool) -> list[str]:
    return os.listdir(spool.folder)


def test_a_film_comes_back_as_it_was(spool: Spool) -> None:
    path = put(spool, [b"one", b"two"], "CT-1")
    assert path.read_bytes() == b"onetwo"
    assert spool.sweep() == [path]
    assert source_of(path) == "CT-1"


def test_the_same_film_twice_is_two_files(spool: Spool) -> None:
    assert put(spool, b"film") != put(spool, b"film")
    assert len(spool.sweep()) == 2


def test_nobody_else_may_look(spool: Spool) -> None:
    path = put(spool, b"film")
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("source", ["", "CT-1", "北京", "../../etc", "a/b\0\n", "x" * 64])
def test_a_source_is_kept_in_the_name_whatever_it_is(spool: Spool, source: str) -> None:
    path = put(spool, b"film", source)
    assert path.parent == spool.folder
    assert source_of(path) == source


def test_a_sources_name_of_any_length_is_refused(spool: Spool) -> None:
    with pytest.raises(RequestError, match="at most 64 bytes, this one 65"):
        put(spool, b"film", "x" * 65)
    assert names(spool) == []


def test_the_file_then_its_name_then_the_folder_are_written(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this order alone a power cut leaves no name without its film (fsync(2), rename(2))."""
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        at = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        steps.append("folder" if at.is_dir() else f"file of {at.stat().st_size}")
        fsync(descriptor)

    def noted_rename(self: Path, target: Path) -> Path:
        steps.append("name")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    put(spool, b"film")
    assert steps == ["file of 4", "name", "folder"]


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.rename", "os.open"])
def test_a_full_disk_leaves_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*args: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(call, full)
    with pytest.raises(StoreError, match="No space left on device; make room"):
        put(spool, b"film")
    monkeypatch.undo()
    assert names(spool) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, where this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
def test_a_real_disk_that_fills_up_leaves_nothing_of_the_film_that_did_not_fit(small_disk: Path) -> None:
    spool = Spool(small_disk)
    kept = [put(spool, bytes(300_000)) for _ in range(3)]
    with pytest.raises(StoreError, match="No space left on device; make room, name another folder"):
        put(spool, (bytes([1]) * 100_000 for _ in range(3)))
    assert sorted(spool.sweep()) == sorted(kept)
    assert len(names(spool)) == 3
    spool.remove(kept[0])
    put(spool, bytes(300_000))


@pytest.mark.slow
def test_a_disk_is_never_filled_to_the_last_byte(small_disk: Path) -> None:
    """What follows from a film needs some room too: its row, and its report."""
    spool = Spool(small_disk)
    with suppress(StoreError):
        for _ in range(1000):
            put(spool, bytes(2000))
    assert 100 < len(spool.sweep()) < 1000
    assert os.statvfs(small_disk).f_bavail > 0


def test_a_folder_that_is_not_written_leaves_nothing(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film is whole, but a power cut could take its name: its sender is not to be told that it is safe."""
    fsync = os.fsync

    def of_files_only(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", of_files_only)
    with pytest.raises(StoreError, match="Input/output error"):
        put(spool, b"film")
    assert names(spool) == []


def test_a_real_full_disk_leaves_nothing() -> None:
    """/dev/full refuses what is flushed to it (full(4))."""
    with pytest.raises(StoreError), Spool(Path("/dev/full")).writing():
        pass


def test_a_sender_that_stops_in_the_middle_leaves_nothing(spool: Spool) -> None:
    def stops() -> Iterator[bytes]:
        yield b"half of"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        put(spool, stops())
    assert names(spool) == []


def test_what_a_killed_process_left_is_swept_and_what_another_one_writes_is_not(spool: Spool) -> None:
    script = (
        "import sys, time; from pathlib import Path; from hilum.pacs.spool import Spool\n"
        "with Spool(Path(sys.argv[1])).writing() as film:\n    film.flush(); print('now', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(spool.folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    (left,) = spool.folder.iterdir()
    long_ago = time.time() - 3600
    os.utime(left, (long_ago, long_ago))
    assert spool.sweep() == []
    assert left.exists(), "its writer is alive"
    process.kill()
    process.wait()
    assert spool.sweep() == []
    assert names(spool) == []


def test_the_oldest_film_comes_first(spool: Spool) -> None:
    first, second = put(spool, b"1"), put(spool, b"2")
    os.utime(second, (1, 1))
    assert spool.sweep() == [second, first]


def test_removing_twice_is_no_error(spool: Spool) -> None:
    path = put(spool, b"film")
    spool.remove(path)
    spool.remove(path)
    assert spool.sweep() == []
