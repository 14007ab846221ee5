"""What is no file is written from end to end, once, and never replaced by one."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hilum.errors import RequestError
from hilum.files import write_text
from hilum.streams import is_stream, open_stream

WRITE = """
import sys
from pathlib import Path
from hilum.files import write_text
print("before")
write_text(Path(sys.argv[1]), "whole")
print("after")
"""


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("redirected", [True, False])
def test_standard_output_is_written_where_it_stands(name: str, redirected: bool, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE, name]
    if redirected:
        with (tmp_path / "out").open("wb") as out:
            subprocess.run(command, stdout=out, check=True, cwd=tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert (tmp_path / "out").read_text() == "before\nwholeafter\n"
    else:
        assert (
            subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout == b"before\nwholeafter\n"
        )
        assert not list(tmp_path.iterdir())
    assert stat.S_ISLNK(os.lstat("/dev/stdout").st_mode)


def test_a_pipe_that_is_read_gets_everything_and_stays(tmp_path: Path) -> None:
    pipe, text, read = tmp_path / "pipe", "0123456789" * 50_000, list[str]()
    os.mkfifo(pipe)
    ready = threading.Event()

    def reader() -> None:
        descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(descriptor, True)
        ready.set()
        deadline = threading.Event()
        parts = []
        while not (part := os.read(descriptor, 65536)) and not deadline.wait(0.01):
            pass
        while part:
            parts.append(part)
            part = os.read(descriptor, 65536)
        os.close(descriptor)
        read.append(b"".join(parts).decode())

    thread = threading.Thread(target=reader, daemon=True)
    thread.start()
    ready.wait()
    write_text(pipe, text)
    thread.join(20)
    assert read == [text]
    assert pipe.is_fifo()


def test_a_pipe_that_nobody_reads_and_a_socket_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RequestError, match="pipe: a pipe that nobody reads; start its reader first"):
        open_stream(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert is_stream(tmp_path / "s")
        with pytest.raises(RequestError, match="s: a socket"):
            open_stream(tmp_path / "s")


def test_a_device_takes_it_or_says_why_not(tmp_path: Path) -> None:
    write_text(Path("/dev/null"), "gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OSError, match="No space left") as raised:
        write_text(Path("/dev/full"), "text")
    assert raised.value.filename == "/dev/full"
    with pytest.raises(OSError, match="Bad file descriptor") as raised:
        open_stream(Path("/dev/fd/4444"))
    assert raised.value.filename == "/dev/fd/4444"


def test_files_and_folders_and_what_is_not_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/dev/null")
    assert not any(map(is_stream, (tmp_path, tmp_path / "file", tmp_path / "new", Path("x\0y"))))
    assert is_stream(tmp_path / "link")
