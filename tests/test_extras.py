"""What each extra installs, and the one line where it is missing."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hilum import extras
from hilum.errors import RequestError
from tests.conftest import WriteFilm

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# What the core's packages are imported as, where that is not their name.
MODULES = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pyjpegls": "jpeg_ls",
    "pylibjpeg-openjpeg": "openjpeg",
    "tomli-w": "tomli_w",
}


WITH_THE_CORE = {"pydantic"}  # of an extra, and typer brings it along anyway


def hidden() -> list[str]:
    """The modules that nobody has without the extras."""
    return sorted({module for table in extras.EXTRAS.values() for module in table.values()} - WITH_THE_CORE)


def packages(requirements: list[str]) -> set[str]:
    return {found[0] for line in requirements if (found := re.match(r"[\w.-]+", line)) and found[0] != "hilum"}


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_the_table_is_what_pip_installs(extra: extras.Extra) -> None:
    requirements = PROJECT["optional-dependencies"][extra]
    assert packages(requirements) == set(extras.EXTRAS[extra])
    included = [f"hilum[{other}]" for other in extras.INCLUDES.get(extra, ())]
    assert [line for line in requirements if line.startswith("hilum")] == included


def test_every_package_that_is_imported_is_declared() -> None:
    core = {MODULES.get(package, package) for package in packages(PROJECT["dependencies"])}
    declared = core | {module for table in extras.EXTRAS.values() for module in table.values()}
    imported: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.partition(".")[0])
    assert imported - set(sys.stdlib_module_names) - {"hilum"} <= declared


def test_nothing_is_missing_here() -> None:
    for extra in set(extras.EXTRAS) - {"timm"}:  # which brings torchvision, and no test needs
        extras.require(extra, "anything")


@pytest.mark.parametrize(
    ("absent", "line"),
    [
        ({"sklearn"}, 'evaluating needs scikit-learn, which is not installed: pip install "hilum[evaluate]"'),
        (
            {"sklearn", "scipy"},
            'evaluating needs scikit-learn, scipy, which are not installed: pip install "hilum[evaluate]"',
        ),
        (
            set(extras.EXTRAS["evaluate"].values()),
            "evaluating needs scikit-learn, scipy, matplotlib and 5 more, which are not installed: "
            'pip install "hilum[evaluate]"',
        ),
    ],
)
def test_a_missing_extra_is_one_line(absent: set[str], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> object:
        return None if name in absent else importlib.util.find_spec(name)

    monkeypatch.setattr(extras, "find_spec", find_spec)
    with pytest.raises(RequestError) as refused:
        extras.require("evaluate", "evaluating")
    assert str(refused.value) == line
    with pytest.raises(RequestError, match=r'pip install "hilum\[train\]"'):  # which includes it
        extras.require("train", "training")
    extras.require("ray", "--engine ray")


def test_an_extra_is_found_by_the_module_that_is_missing() -> None:
    assert extras.extra_of("torch.nn") == "train"
    assert extras.extra_of("scipy") == "evaluate"
    assert extras.extra_of("pyarrow.parquet") == "ray"
    assert extras.extra_of("numpy") is None


def test_predicting_needs_the_core_alone() -> None:
    """With every module of the extras absent, the shipped detector predicts, and the rooms below it are there."""
    modules = hidden()
    code = f"""
import sys
sys.modules.update(dict.fromkeys({modules}))
import tempfile, numpy
from pathlib import Path
from PIL import Image
import hilum.auditing, hilum.comparison, hilum.evaluation, hilum.pages, hilum.shifts
from hilum import films
from hilum.inference import Detector
from hilum.pixels import chest_phantom
with tempfile.TemporaryDirectory() as folder:
    Image.fromarray((chest_phantom(3) * 255).astype(numpy.uint8)).save(Path(folder) / "film.png")
    (row,) = Detector().predict(films.find([Path(folder)])).rows
print(row.error or "predicted")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "predicted\n", done.stderr


# What is asked for, and the extra that the refusal names.
# Most films do not exist: a verb that looks for them before it checks refuses otherwise.
WITHOUT: dict[str, extras.Extra] = {
    "evaluate shipped --data nowhere --out out": "evaluate",
    "compare one other --out out": "evaluate",
    "audit nowhere --out out": "evaluate",
    "preprocess nowhere.png --out out.png": "evaluate",
    "train s7-features --data nowhere --out out": "evaluate",
    "train s1-cnn --data nowhere --out out": "train",
    "evaluate shipped --data nowhere --out out --heat-maps": "train",
    "tune s1-cnn --data nowhere --out out": "train",
    "adapt shipped --data nowhere --out out": "train",
    "calibrate shipped --data nowhere --out out": "train",
    "fuse shipped shipped --data nowhere --out out": "train",
    "explain shipped nowhere.png --out out": "train",
    "export shipped --to onnx --precision int8 --data nowhere --out out": "train",
    "models": "train",
    "demo --out out": "train",
    "predict film.png --engine openvino": "fast",
    "export shipped --to openvino --out out": "fast",
    "predict film.png --engine ray --out out": "ray",
    "node nowhere.toml": "pacs",
}


def test_without_its_extra_a_verb_refuses_in_one_line_before_it_does_anything(
    tmp_path: Path, write_film: WriteFilm
) -> None:
    film = write_film(tmp_path / "film.png", 3)
    code = f"""
import sys
sys.modules.update(dict.fromkeys({hidden()}))
from hilum.cli import main
for command in {list(WITHOUT)}:
    sys.argv = ["hilum", *command.split()]
    try:
        main()
    except SystemExit as exit:
        print(exit.code, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    assert len(lines) == 2 * len(WITHOUT), done.stderr
    for (command, extra), line, code in zip(WITHOUT.items(), lines[::2], lines[1::2], strict=True):
        assert line.startswith("hilum: "), command
        assert line.endswith(f'not installed: pip install "hilum[{extra}]"'), command
        assert code == "2", command
    assert list(tmp_path.iterdir()) == [film]
