"""`hilum doctor`: ten lines that one can paste into a report, and what does not work here, with its remedy."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

import hilum
from hilum.errors import BundleError
from hilum.machine import processors
from hilum.workflows.doctor import doctor
from tests.cli.conftest import Hilum
from tests.cli.conftest import hilum as hilum_command  # noqa: F401  (a fixture)


@pytest.fixture
def hilum_run(hilum_command: Hilum) -> Hilum:  # noqa: F811
    return hilum_command


def test_ten_lines_say_what_a_report_needs(hilum_run: Hilum) -> None:
    done = hilum_run("doctor")
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == len(lines) == 10
    assert lines["hilum"].startswith(f"{hilum.__version__}, Python 3.")
    assert f"onnxruntime {version('onnxruntime')}" in lines["libraries"]
    assert "train installed" in lines["extras"]
    assert lines["processors"].startswith(f"{processors()} of ")
    assert lines["memory"].endswith("GiB free")
    assert "onnx meets its golden predictions within" in lines["shipped bundle"]
    assert "openvino meets" in lines["shipped bundle"]


def test_it_names_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "anna.karenina"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HILUM_DATA", str(home / "films"))
    monkeypatch.delenv("HILUM_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    text = "\n".join(doctor().lines)
    assert "karenina" not in text
    assert "cache: ~" in text
    assert "HILUM_DATA" in text  # its name, and not what it says


@pytest.mark.parametrize("below", ["a file", "/dev/null"])
def test_a_cache_that_cannot_be_written_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, below: str
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("HILUM_CACHE", str(tmp_path / below / "cache"))
    found = doctor()
    assert len(found.problems) == 1
    assert f"{below}/cache: cannot be written; name another folder: HILUM_CACHE=FOLDER" in found.problems[0]


def test_a_user_without_a_home_folder_is_a_problem_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for name in ("HILUM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert [problem for problem in doctor().problems if "HILUM_CACHE=FOLDER" in problem]


def test_a_machine_that_computes_something_else_is_a_problem(
    hilum_run: Hilum, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differs(*_: object) -> float:
        raise BundleError("shipped: on generated films this machine gives other probabilities")

    monkeypatch.setattr("hilum.bundle.check_golden", differs)
    done = hilum_run("doctor")
    assert done.returncode == 1
    assert "onnx fails" in done.stdout
    assert "hilum: onnx: shipped: on generated films" in done.stderr
