from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hilum.errors import NotAFileError
from hilum.files import (
    _host,
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


def gone() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_what_killed_processes_left_goes_and_what_others_write_stays(tmp_path: Path) -> None:
    path, host = tmp_path / "a.csv", _host()
    other = "0" * 8 if host != "0" * 8 else "1" * 8
    swept = [f".a.csv.{host}.{gone()}.0.tmp", f".a.csv.{gone()}.tmp", f".a.csv.{other}.1.3.tmp"]
    kept = [
        f".a.csv.{host}.{os.getpid()}.77.tmp",  # another thread's
        f".a.csv.{other}.1.0.tmp",  # another machine's, just written to
        f".a.csv.{gone()}.1.tmp",  # of an earlier version, just written to
        ".a.csv.notes.tmp",
        f".b.csv.{host}.{gone()}.0.tmp",
        f"a.csv.{host}.{gone()}.0.tmp",
    ]
    for name in (*swept, *kept):
        (tmp_path / name).write_text("half")
    for name in swept[1:]:
        os.utime(tmp_path / name, (1, 1))
    write_text(path, "whole")
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*kept, "a.csv"])


def test_a_killed_writer_leaves_the_old_file_and_the_next_one_sweeps(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    half = f"""
import os, signal
from pathlib import Path
from hilum.files import _host, replacing
with replacing(Path({str(path)!r})) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", half], check=False).returncode == -9
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    write_text(path, "new")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_are_what_the_umask_gives_whichever_library_writes(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "a.bin") as temporary:
            own = tmp_path / "own"
            own.write_text("a library's own file, moved into place")
            own.chmod(0o600)
            own.replace(temporary)
        write_text(tmp_path / "b.txt", "")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o666 & ~umask}


def test_a_file_that_was_made_private_stays_so(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    (tmp_path / "a.txt").chmod(0o600)
    write_text(tmp_path / "a.txt", "new")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_text() == "new"


def test_threads_that_write_the_same_file_leave_one_of_theirs(tmp_path: Path) -> None:
    texts = [str(number) * 200_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_text(tmp_path / "a.txt", text), texts))
    assert [each.read_text() in texts for each in tmp_path.iterdir()] == [True]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("named", [True, False])
def test_an_error_names_the_file_that_was_asked_for(number: int, named: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"

    def fail() -> None:
        with replacing(path) as temporary:
            raise OSError(number, "as the system says", *([str(temporary)] if named else []))

    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        fail()
    assert (raised.value.errno, raised.value.filename) == (number, str(path))


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, replacing(tmp_path / "a.txt"):
        (tmp_path / "film.png").read_bytes()
    assert raised.value.filename == str(tmp_path / "film.png")


def test_a_folder_that_is_gone_is_an_error_about_the_file(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    path = tmp_path / "new" / "a.txt"

    def lose() -> None:
        with replacing(path) as temporary:
            temporary.unlink()
            (tmp_path / "new").rmdir()

    with pytest.raises(FileNotFoundError) as raised:
        lose()
    assert raised.value.filename == str(path)


def test_names_of_any_length_and_any_bytes_are_written(tmp_path: Path) -> None:
    for name in ("x" * 250, "肺" * 80, "not \udcff unicode.csv", "a\nb.csv", "[a]*?.csv"):
        write_text(tmp_path / name, name.encode("utf-8", "replace").decode())
        assert [each.name for each in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


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


def test_a_name_that_is_not_unicode_is_written_out_and_json_reads_it_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"film \xff.png")
    write_text(tmp_path / "a.json", json.dumps({"path": name}, ensure_ascii=False))
    assert (tmp_path / "a.json").read_bytes() == rb'{"path": "film \udcff.png"}'
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"path": name}
