"""`hilum compare`: runs and evaluations side by side, as a person asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hilum.errors import RequestError
from hilum.workflows.compare import names_of
from tests.bundle.conftest import make
from tests.cli.conftest import Hilum, refusal
from tests.conftest import ChestFolder

COUNTS = {"val": {"normal": 12, "bacteria": 12}}


def test_runs_and_evaluations_are_compared(chest_folder: ChestFolder, tmp_path: Path, hilum: Hilum) -> None:
    chest_folder(COUNTS)
    for seed, name in enumerate(("one", "two")):
        make(tmp_path / name / "bundle", seed=seed)
    done = hilum("evaluate", "one/bundle", "--data", "chest", "--split", "val", "--out", "one/val")
    assert done.returncode == 0, done.stderr
    done = hilum("compare", "one/val", "two", "--data", "chest", "--out", "both", "--json")
    assert done.returncode == 0, done.stderr
    compared = json.loads(done.stdout)
    assert [each["name"] for each in compared["entries"]] == ["one", "two"]
    assert compared["n"] == 24
    for each in compared["entries"]:
        assert each["cost"]["parameters"] > 0
        assert each["cost"]["multiply_adds"] > 0
        assert each["cost"]["films_a_second"] > 0
    assert compared == json.loads((tmp_path / "both/comparison.json").read_text())
    assert "<svg" in (tmp_path / "both/comparison.html").read_text()
    assert "both/comparison.html" in done.stderr


def test_one_alone_and_what_is_no_evaluation_are_refused(tmp_path: Path, hilum: Hilum) -> None:
    assert "name two runs or evaluations" in refusal(hilum("compare", "one", "--out", "x"), 2)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert "a: no evaluation and no run" in refusal(hilum("compare", "a", "b", "--out", "x"), 2)


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["runs/a", "runs/b"], ["a", "b"]),
        (["runs/a/val", "runs/b/val"], ["a", "b"]),
        (["runs/a/val", "runs/a/test"], ["a/val", "a/test"]),
        (["elsewhere/x", "runs/a"], ["x", "a"]),
    ],
)
def test_a_name_is_the_runs_as_far_as_that_sets_it_apart(
    tmp_path: Path, folders: list[str], names: list[str]
) -> None:
    for run in ("a", "b"):
        (tmp_path / "runs" / run / "bundle").mkdir(parents=True)
    assert names_of([tmp_path / folder for folder in folders]) == names


def test_a_folder_named_twice_is_refused() -> None:
    with pytest.raises(RequestError, match="named twice"):
        names_of([Path("a"), Path("b/../a")])
