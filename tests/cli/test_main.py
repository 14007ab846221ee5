"""What is common to all verbs: errors as one line, and help without anything heavy."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from hilum.cli import _explain
from hilum.cli.train import choose_classes
from hilum.errors import RequestError
from hilum.recipe import Recipe
from hilum.records import Film, Manifest
from tests.cli.conftest import Hilum

VERBS = ("index", "train", "evaluate", "predict", "models", "demo")


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


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("NORMAL", "PNEUMONIA"), ("NORMAL", "PNEUMONIA")),
        (("COVID", "Normal"), ("Normal", "COVID")),
        (("healthy", "ill"), ("healthy", "ill")),
    ],
)
def test_the_class_that_is_plainly_negative_comes_first(labels: tuple[str, ...], classes: tuple[str, ...]) -> None:
    manifest = Manifest(tuple(Film(f"{label}.png", label) for label in labels))
    assert choose_classes(Recipe("r"), manifest) == classes


def test_the_recipe_decides_where_names_do_not() -> None:
    manifest = Manifest((Film("1.png", "left"), Film("2.png", "right")))
    with pytest.raises(RequestError, match="which of left and right"):
        choose_classes(Recipe("r"), manifest)
    assert choose_classes(Recipe("r", classes=("right", "left")), manifest) == ("right", "left")


def test_three_classes_are_refused_by_name() -> None:
    manifest = Manifest(tuple(Film(f"{label}.png", label) for label in ("a", "b", "normal")))
    with pytest.raises(RequestError, match=r"3 classes \(a, b, normal\)"):
        choose_classes(Recipe("r"), manifest)
