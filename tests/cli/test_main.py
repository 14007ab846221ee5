"""What is common to all verbs: errors as one line, and help without anything heavy."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from hilum.cli import _explain
from tests.cli.conftest import Hilum

VERBS = ("index", "train", "evaluate", "fuse", "predict", "models", "demo")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(hilum: Hilum, verb: str) -> None:
    done = hilum(verb, "--help")
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
