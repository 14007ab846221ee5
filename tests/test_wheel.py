"""The built wheel away from the checkout: what is not in it is missing here, and nothing else hides that."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.install import (
    CORE_MEGABYTES,
    build_wheel,
    install,
    make_environment,
    megabytes,
    site_packages,
)

from tests import noded, served
from tests.conftest import ChestFolder
from tests.pacs.films import film as film_of_the_tests
from tests.pacs.films import save
from tests.ports import free_port
from tests.test_extras import hidden

pytestmark = pytest.mark.slow

Run = Callable[..., subprocess.CompletedProcess[str]]
COUNTS = {"train": {"normal": 40, "bacteria": 40}, "test": {"normal": 6, "bacteria": 6}}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def plain() -> dict[str, str]:
    """This process's environment, without what leads Python to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def runner(python: Path, folder: Path) -> Run:
    """Run the command `hilum` of an environment in a folder that is not the checkout."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [python.parent / "hilum", *arguments]
        return subprocess.run(
            list(map(str, command)), cwd=folder, env=plain(), capture_output=True, text=True, check=False
        )

    return run


def test_the_core_alone_predicts_and_the_extra_evaluate_evaluates(
    wheel: Path, tmp_path: Path, chest_folder: ChestFolder
) -> None:
    """Downloads packages: an environment of its own gets what `pip install hilum` installs, and nothing else."""
    python = make_environment(tmp_path / "environment")
    install(python, wheel)
    assert megabytes(site_packages(python)) <= CORE_MEGABYTES
    there = [module for module in hidden() if (site_packages(python) / module).exists()]
    assert there == []

    chest, hilum = chest_folder(COUNTS), runner(python, tmp_path)
    predicted = hilum("predict", chest / "test", "--out", "predictions.csv")
    assert predicted.returncode == 0, predicted.stderr
    with (tmp_path / "predictions.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12
    for verb, extra in (
        (("evaluate", "shipped", "--data", chest, "--out", "evaluation"), "evaluate"),
        (("train", "s7-features", "--data", chest, "--out", "run"), "evaluate"),
        (("train", "s1-cnn", "--data", chest, "--out", "run"), "train"),
    ):
        refused = hilum(*verb)
        assert refused.returncode == 2
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        assert refused.stderr.endswith(f'pip install "hilum[{extra}]"\n')
    assert not (tmp_path / "evaluation").exists()
    assert not (tmp_path / "run").exists()

    install(python, wheel, ("evaluate",))
    settings = [
        *("pixels.size=32", "classical.side=16", "classical.folds=3", "classical.components=[8]"),
        "bundle.calibration=none",  # it needs ten films of each class
    ]
    trained = hilum("train", "s8-linear", "--data", chest, "--out", "run", *(f"--set={each}" for each in settings))
    assert trained.returncode == 0, trained.stderr
    for bundle in ("shipped", "run/bundle"):
        evaluated = hilum("evaluate", bundle, "--data", chest, "--out", f"{bundle}-evaluation")
        assert evaluated.returncode == 0, evaluated.stderr
        assert json.loads((tmp_path / f"{bundle}-evaluation" / "metrics.json").read_text())["n"] == 12
    audited = hilum("audit", chest, "--out", "audit")
    assert audited.returncode == 0, audited.stderr


def test_the_wheel_trains_predicts_evaluates_and_serves(
    wheel: Path, tmp_path: Path, chest_folder: ChestFolder
) -> None:
    """The wheel's own files alone; its dependencies are those of the environment that the tests run in."""
    python = make_environment(tmp_path / "environment")
    install(python, wheel, dependencies=False)
    (site_packages(python) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for module in ("highdicom", "dicomweb_client"):  # of the tests, which `pip install "hilum[pacs]"` does not bring
        (site_packages(python) / f"{module}.py").write_text("raise ImportError")

    chest, hilum = chest_folder(COUNTS), runner(python, tmp_path)
    listed = hilum("recipes")
    assert listed.returncode == 0, listed.stderr
    assert "s2-vgg16" in listed.stdout
    trained = hilum(
        "train", "plain", "--data", chest, "--out", "run", "--set", "training.epochs=1", "--set", "pixels.size=32"
    )
    assert trained.returncode == 0, trained.stderr
    predicted = hilum("predict", "run/bundle", chest / "test", "--json")
    assert predicted.returncode == 0, predicted.stderr
    assert len(json.loads(predicted.stdout)) == 12
    evaluated = hilum("evaluate", "run/bundle", "--data", chest, "--out", "evaluation")
    assert evaluated.returncode == 0, evaluated.stderr
    assert json.loads((tmp_path / "evaluation" / "metrics.json").read_text())["n"] == 12
    assert (tmp_path / "evaluation" / "report.html").exists()

    # Migrations, templates and static files are files of the wheel too.
    checked = hilum("serve", "--check", "--store", "room/hilum.db", "--folder", "room")
    assert checked.returncode == 0, checked.stderr
    verified = hilum("store", "verify", "--store", "room/hilum.db")
    assert verified.returncode == 0, verified.stderr
    film = next((chest / "test").rglob("*.jpeg"))
    port = free_port()
    asked = subprocess.run(
        [python, served.__file__, str(port), film], cwd=tmp_path, env=plain(), capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr

    settings = tmp_path / "node.toml"
    settings.write_text(hilum("node", "--example").stdout.replace("port = 11112", f"port = {port}"))
    checked = hilum("node", settings, "--check")
    assert checked.returncode == 0, checked.stderr
    radiograph = save(tmp_path / "film.dcm", film_of_the_tests())
    noted = subprocess.run(
        [python, noded.__file__, str(port), radiograph], cwd=tmp_path, env=plain(), capture_output=True, text=True
    )
    assert noted.returncode == 0, noted.stderr

    where = subprocess.run(
        [python, "-I", "-c", "import hilum; print(hilum.__file__)"], capture_output=True, text=True, check=True
    )
    assert Path(where.stdout.strip()).is_relative_to(tmp_path / "environment")
