from __future__ import annotations

import errno
import hashlib
import json
import threading
from pathlib import Path

import pytest

from hilum.errors import NotAFileError
from hilum.files import (
    exclusive,
    open_regular,
    open_text,
    read_regular,
    replacing,
    sha256_of,
    write_json,
    write_text,
)


def test_text_is_written_whole_and_the_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "a.txt", "ä\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"\xc3\xa4\n"


def test_json_is_indented_and_ends_with_a_line(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "a.json", {"b": [1.5, "ä"], "a": None})
    text = (tmp_path / "new" / "a.json").read_text("utf-8")
    assert json.loads(text) == {"b": [1.5, "ä"], "a": None}
    assert text.startswith('{\n "b"')
    assert text.endswith("\n")


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []

    def enter(_: int) -> None:
        with exclusive(tmp_path / "new"):
            inside.append(len(inside))
            alone.append(inside == [0])
            inside.pop()

    alone: list[bool] = []
    threads = [threading.Thread(target=enter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone == [True] * 8


def test_after_an_error_the_old_file_stands_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_full_disk_that_a_library_has_its_own_exception_for_is_an_os_error(tmp_path: Path) -> None:
    """As safetensors says it, which is written in Rust."""
    with pytest.raises(OSError, match="No space left") as raised, replacing(tmp_path / "a.txt"):
        raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.filename == str(tmp_path / "a.txt")


def test_a_reader_sees_the_old_file_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_fingerprint_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"film" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"film" * 100_000).hexdigest()


def test_a_regular_file_is_opened_and_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\r\ntwo")
    with open_regular(tmp_path / "a") as file:
        assert file.read() == b"one\r\ntwo"
    with open_text(tmp_path / "a") as text:
        assert list(text) == ["one\r\n", "two"]
    assert read_regular(tmp_path / "a", 8) == b"one\r\ntwo"


def test_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_regular(tmp_path / "link") == b"x"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no room
    with pytest.raises(NotAFileError, match=r"hole: has 1,099,512 MB; at most 67 MB are read"):
        read_regular(tmp_path / "hole")


def test_a_file_that_says_it_is_empty_is_read_up_to_the_limit(tmp_path: Path) -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("there is no /proc here")
    assert read_regular(status)
    with pytest.raises(NotAFileError, match="at most 0 MB are read"):
        read_regular(status, 10)


def test_what_is_no_file_is_refused_as_one_line(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="a folder, not a file"):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
    with pytest.raises(NotAFileError, match=r"^/dev/zero: a device, not a file; .*name that$"):
        open_regular("/dev/zero")
