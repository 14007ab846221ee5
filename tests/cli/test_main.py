"""What is common to all verbs: errors as one line, and help without anything heavy."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

import hilum as hilum_package
from hilum.cli import _explain
from hilum.recipe import read_recipe
from tests.cli.conftest import Hilum, refusal
from tests.conftest import WriteFilm

VERBS = ("index", "train", "evaluate", "fuse", "predict", "models", "recipes", "demo")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(hilum_process: Hilum, verb: str) -> None:
    done = hilum_process(verb, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_the_command_starts_without_anything_heavy() -> None:
    heavy = "{'torch', 'onnxruntime', 'cv2', 'pydicom', 'matplotlib'}"
    program = f"import sys, hilum.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "not allowed"), (errno.EISDIR, "directory")],
)
def test_the_systems_errors_say_what_to_do(number: int, says: str) -> None:
    line = _explain(OSError(number, "Is a directory", "somewhere/film.png"))
    assert says in line
    assert line.startswith("somewhere/film.png: ")


def test_it_says_its_version(hilum_process: Hilum) -> None:
    assert hilum_process("--version").stdout == f"hilum {hilum_package.__version__}\n"


def test_recipes_are_listed_and_printed(hilum_process: Hilum, tmp_path: Path) -> None:
    listed = hilum_process("recipes")
    assert any(line.startswith("hilum  ") for line in listed.stdout.splitlines())
    assert "hilum recipes show NAME > mine.toml" in listed.stderr
    assert {row["name"] for row in json.loads(hilum_process("recipes", "--json").stdout)} >= {"hilum", "s1-cnn"}
    shown = hilum_process("recipes", "show", "s2-vgg16")
    (tmp_path / "mine.toml").write_text(shown.stdout)
    assert read_recipe(tmp_path / "mine.toml") == read_recipe("s2-vgg16")
    assert "did you mean s2-vgg16" in refusal(hilum_process("recipes", "show", "s2-vgg-16"), 2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
@pytest.mark.parametrize("kilobytes", [24_000, 30_000, 60_000, 120_000, 200_000, 300_000])
def test_too_little_memory_is_one_line(kilobytes: int, tmp_path: Path, write_film: WriteFilm) -> None:
    """Below what its imports take: in Python itself, in numpy, in OpenCV, in ONNX Runtime."""
    write_film(tmp_path / "film.png", seed=1)
    program = "import sys; sys.argv = ['hilum', 'predict', 'film.png']; from hilum.cli import main; main()"
    limited = f'ulimit -v {kilobytes}; exec "{sys.executable}" -c "{program}"'
    done = subprocess.run(["sh", "-c", limited], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "not enough memory" in refusal(done, 1)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MemoryError(), 1, "not enough memory"),
        (SystemError("error return without exception set"), 1, "not enough memory"),
        (SystemError("<built-in> returned NULL without setting an exception"), 1, "not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), 2, "nested too deeply"),
        (KeyboardInterrupt(), 130, "stopped"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 1, "not enough memory"),
        (RuntimeError("can't start new thread"), 1, "no further thread can be started"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried …"), 1, "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/dev/full"), 2, "/dev/full: the disk is full; make room"),
        (OSError(errno.ENOSPC, "No space left on device", "-"), 2, "-: the disk is full; make room"),
        (ImportError("libz.so: failed to map segment from shared object"), 1, "not enough memory"),
        (ImportError("libz.so: undefined symbol"), 1, "a package cannot be loaded (libz.so: undefined symbol)"),
    ],
)
def test_what_is_no_fault_of_the_request_is_one_line_too(
    hilum: Hilum, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, says: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("hilum.cli._run", fail)
    assert says in refusal(hilum("predict", "film.png"), code)


def test_a_fault_of_hilum_is_not_hidden(hilum: Hilum, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr("hilum.cli._run", fail)
    with pytest.raises(RuntimeError, match="something else"):
        hilum("predict", "film.png")


def test_whoever_closes_the_pipe_is_told_nothing(tmp_path: Path) -> None:
    program = "import sys; sys.argv = ['hilum', 'recipes', '--json']; from hilum.cli import main; main()"
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -c "{program}" | true'],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing_in_what_is_written(closed: str, tmp_path: Path, write_film: WriteFilm) -> None:
    """The table must not take the number of a stream that is closed, and get what is printed there."""
    write_film(tmp_path / "film.png", seed=1)
    words = "['hilum', 'predict', 'film.png', '--out', 'out.csv']"
    program = f"import sys; sys.argv = {words}\nfrom hilum.cli import main; main()"
    command = f'exec "{sys.executable}" -c "{program}"'
    usual = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    rows = (tmp_path / "out.csv").read_bytes()
    done = subprocess.run(["sh", "-c", f"{command} {closed}"], cwd=tmp_path, capture_output=True, check=False)
    assert usual.returncode == done.returncode == 0
    assert (tmp_path / "out.csv").read_bytes() == rows
    assert rows.count(b"\n") == 2
