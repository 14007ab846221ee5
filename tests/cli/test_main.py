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
    assert listed.stdout.splitlines()[1].startswith("hilum  ")
    assert "hilum recipes show NAME > mine.toml" in listed.stderr
    assert {row["name"] for row in json.loads(hilum_process("recipes", "--json").stdout)} >= {"hilum", "s1-cnn"}
    shown = hilum_process("recipes", "show", "s2-vgg16")
    (tmp_path / "mine.toml").write_text(shown.stdout)
    assert read_recipe(tmp_path / "mine.toml") == read_recipe("s2-vgg16")
    assert "did you mean s2-vgg16" in refusal(hilum_process("recipes", "show", "s2-vgg-16"), 2)
