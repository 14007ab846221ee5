"""The front door: what `hilum` exports, what importing it costs, and that the README's first lines run."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import hilum
from tests.conftest import ChestFolder

SOURCE = Path(hilum.__file__)
COUNTS = {"train": {"normal": 10, "bacteria": 10}, "val": {"normal": 10, "bacteria": 10}}


def names_under(node: ast.AST) -> set[str]:
    imports = (each for each in ast.walk(node) if isinstance(each, ast.ImportFrom))
    return {alias.name for each in imports for alias in each.names}


def test_every_public_name_is_there_and_known_to_type_checkers() -> None:
    for name in hilum.__all__:
        assert getattr(hilum, name) is not None
        assert name in dir(hilum)
    tree = ast.parse(SOURCE.read_text("utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    assert names_under(checked) == set(hilum.__all__)
    assert set(hilum._HOMES) == set(hilum.__all__)


def test_no_package_bears_the_name_of_something_public() -> None:
    """Importing it would put the package in the function's place."""
    packages = {each.name for each in pkgutil.iter_modules([str(SOURCE.parent)])}
    assert not packages & set(hilum.__all__)


def test_importing_hilum_loads_nothing() -> None:
    program = "import sys; before = set(sys.modules); import hilum; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["hilum"]


# What the front door promises, line by line, on films that are generated here: smaller films and fewer epochs.
BLOCK = """
import hilum

films = hilum.index("chest")
assert repr(films).startswith("Manifest: 40 films of 20 known patients")
run = hilum.train("plain", films, out=None, settings=["training.epochs=2", "pixels.size=32", "batches.size=8"])
assert str(run.bundle) == "runs/plain/bundle"
assert [row["epoch"] for row in run.history] == [1, 2]
assert run.plot()._repr_svg_().startswith("<svg")
assert "runs/plain" in repr(run) and "<svg" in run._repr_html_()

film = films.films[0].path
(row,) = hilum.Detector(run.bundle).predict(film)
assert row.prediction in ("NORMAL", "PNEUMONIA")
assert len(hilum.Detector().predict("chest")) == len(films)
assert len(hilum.Detector().predict(films)) == len(films)

auroc = hilum.evaluate(run.bundle, films, split="all").auroc
assert isinstance(auroc, hilum.Figure) and 0 <= float(auroc) <= 1
assert repr(auroc)[:2] in ("0.", "1.")
assert hilum.audit(films).findings
assert len(hilum.explain(run.bundle, film)) == 1
other = hilum.calibrate(run.bundle, films, "calibrated", split="all")
assert repr(hilum.compare([run.bundle, other], films, split="all", timing=False))
assert "s1-cnn" in [info.name for info in hilum.list_recipes()]
assert "vgg16" in [info.name for info in hilum.list_models()]
"""


@pytest.mark.slow  # every public verb once: 18 s of a processor
def test_the_first_lines_run_without_the_command_line(
    chest_folder: ChestFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chest_folder(COUNTS, name="chest")
    monkeypatch.chdir(tmp_path)
    for name in ("hilum.cli", *(name for name in sys.modules if name.startswith("hilum.cli."))):
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises
    exec(compile(BLOCK, "the first lines", "exec"), {})
