"""A network that finds lungs is written whole or not at all, and over nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hilum.bundle.lung_network import write_lung_network
from hilum.bundle.lung_record import LungRecord, new_record, read_lungs
from hilum.errors import RequestError
from hilum.models import VIEWS, LungNetwork
from hilum.recipe import parse_recipe

FILES = ["lungs.json", "lungs.onnx", "weights.safetensors"]


@pytest.fixture(autouse=True)
def _quick_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """An export takes seconds, and is not what is tested here."""
    monkeypatch.setattr(
        "hilum.bundle.lung_network.export_onnx", lambda model, films, path, **options: path.write_bytes(b"network")
    )


def record(epoch: int = 1) -> LungRecord:
    recipe = parse_recipe({"name": "lungs", "outlines": {"widths": [2, 2]}, "pixels": {"size": 32}}, "test")
    return new_record(recipe, VIEWS, data={}, data_fingerprint="", kept_epoch=epoch, metrics={}, history=[])


def network() -> LungNetwork:
    torch.manual_seed(0)
    return LungNetwork([2, 2]).eval()


def fail(*what: object, **options: object) -> None:
    raise RuntimeError("no export")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_earlier_one_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "lungs"
    for epoch in (1, 2):
        sealed = write_lung_network(network(), folder, record(epoch))
        assert read_lungs(folder) == sealed
        assert sealed.kept_epoch == epoch
    assert names(folder) == FILES
    assert names(tmp_path) == ["lungs"]


def test_what_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lungs"
    before = write_lung_network(network(), folder, record())
    monkeypatch.setattr("hilum.bundle.lung_network.export_onnx", fail)
    with pytest.raises(RuntimeError, match="no export"):
        write_lung_network(network(), folder, record(2))
    assert read_lungs(folder) == before
    assert names(tmp_path) == ["lungs"]


def test_one_that_a_killed_command_had_moved_away_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lungs"
    before = write_lung_network(network(), folder, record())
    folder.replace(tmp_path / ".lungs.old")
    monkeypatch.setattr("hilum.bundle.lung_network.export_onnx", fail)
    with pytest.raises(RuntimeError, match="no export"):
        write_lung_network(network(), folder, record(2))
    assert read_lungs(folder) == before


def test_a_folder_of_something_else_is_refused_and_an_empty_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "lungs"
    folder.mkdir()
    write_lung_network(network(), folder, record())
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    with pytest.raises(
        RequestError, match="other: exists and holds no network that finds lungs; name another folder"
    ):
        write_lung_network(network(), other, record())
    assert names(other) == ["thesis.txt"]
