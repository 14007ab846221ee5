"""An output has one writer, a folder one holder at a time, and whoever comes second is told who is there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hilum.errors import RequestError
from hilum.locks import exclusive, one_writer, sole_writer

HOLDER = """
import sys, time
from pathlib import Path
from hilum.locks import sole_writer
with sole_writer(Path(sys.argv[1]), folder=sys.argv[2] == "folder"):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(out: Path, kind: str) -> subprocess.Popen[str]:
    """A process that holds an output until it is killed."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, out, kind], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_second_writer_is_told_who_is_there_and_a_killed_one_holds_nothing(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    holder = hold(out, kind)
    who = rf"out: process {holder.pid} on {socket.gethostname()}, since \d{{4}}-.* is writing it; wait until"
    try:
        with pytest.raises(RequestError, match=who), sole_writer(out, folder=kind == "folder"):
            pass
    finally:
        holder.kill()
        holder.wait()
    with sole_writer(out, folder=kind == "folder"):
        assert [path.name for path in tmp_path.rglob(".*")] == [".lock" if kind == "folder" else ".out.lock"]
    assert not list(tmp_path.rglob(".*"))


def test_who_goes_through_a_link_meets_the_same_lock(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "here" / "real.csv")
    with (
        sole_writer(tmp_path / "link.csv"),
        pytest.raises(RequestError, match=f"process {os.getpid()}"),
        sole_writer(tmp_path / "here" / "real.csv"),
    ):
        pass


def test_many_who_come_at_once_never_hold_it_together(tmp_path: Path) -> None:
    """The lock's file comes and goes with each of them, which must not let two in."""
    inside, refused, most = [0], [0], [0]

    def enter() -> None:
        for _ in range(30):
            try:
                with sole_writer(tmp_path / "out.csv"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1
            except RequestError:
                refused[0] += 1

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert refused[0] < 120
    assert not list(tmp_path.iterdir())


def test_names_of_any_length_and_any_bytes_are_held(tmp_path: Path) -> None:
    for name in ("x" * 250, "肺" * 80, "not \udcff unicode.csv", "a\nb.csv", ".hidden"):
        with sole_writer(tmp_path / name):
            assert len(list(tmp_path.iterdir())) == 1
        assert not list(tmp_path.iterdir())


def test_what_is_of_the_wrong_kind_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for out, folder, reason in (
        (tmp_path / "file", True, "a folder is written, and this is none"),
        (Path("-"), True, "a folder is written, and this is none"),
        (tmp_path, False, "a file is written, and this is a folder"),
    ):
        with pytest.raises(RequestError, match=reason), sole_writer(out, folder=folder):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_folders_that_stay_empty_are_gone_again(tmp_path: Path) -> None:
    for folder in (False, True):
        with (
            pytest.raises(RequestError, match="no films"),
            sole_writer(tmp_path / "a" / "b" / "out", folder=folder),
        ):
            raise RequestError("no films")
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine").mkdir()
    with sole_writer(tmp_path / "mine", folder=True):
        pass
    assert (tmp_path / "mine").exists()


def test_a_function_holds_what_its_parameter_names(tmp_path: Path) -> None:
    @one_writer("out")
    def write(number: int, out: Path | None = None) -> int:
        if out is not None:
            with pytest.raises(RequestError, match="is writing it"), sole_writer(out, folder=True):
                pass
        return number

    assert write(1) == 1
    assert write(2, tmp_path) == write(2, out=tmp_path) == 2


def test_only_the_first_of_several_processes_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with sole_writer(tmp_path, folder=True):
        monkeypatch.setenv("RANK", "1")
        with sole_writer(tmp_path, folder=True):
            pass


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


@pytest.mark.skipif(sys.platform != "linux", reason="a folder in which nobody can make a file, not even root")
def test_where_no_file_can_be_made_nobody_is_said_to_be_writing() -> None:
    with pytest.raises(RequestError, match=r"/proc/a\.csv: no file can be made"), sole_writer(Path("/proc/a.csv")):
        pass
