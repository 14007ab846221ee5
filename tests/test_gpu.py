"""The measurements on a GPU run on a processor in a tiny form, and say so where there is no GPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from benchmarks import data, gpu


@pytest.mark.slow
def test_every_part_runs_on_a_processor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gpu.main(["--small", "--out", str(tmp_path / "rows.json")])
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    found = {(row["work"], row["system"]): row for row in rows}
    for network in ("S1", "ResNet-18"):
        for system in (gpu.OURS, gpu.EAGER, gpu.EAGER_BFLOAT16):
            assert min(found[f"{network}, 32 px, training", system]["values"]) > 0
    for network in ("S1", "the detector"):  # two processors agree
        assert found[f"{network}, losses of {gpu.COMPARED} steps as on the processor", gpu.OURS]["values"] == [0]
    said = capsys.readouterr().out
    assert "a processor (--small)" in said
    assert "scoring on a GPU is left out: ONNX Runtime's CUDA provider (onnxruntime-gpu) is not installed" in said


def test_without_a_gpu_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"^no GPU is at hand: .*--small$"):
        gpu.main([])


def test_the_films_are_packed_with_their_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in data.CLASSES:
        (tmp_path / "films" / name).mkdir(parents=True)
        (tmp_path / "films" / name / "a.jpeg").write_bytes(name.encode())
    monkeypatch.setattr(data, "training_films", lambda: tmp_path / "films")
    gpu.main(["--pack", str(tmp_path / "packed")])
    packed = sorted(path.relative_to(tmp_path / "packed" / "train") for path in (tmp_path / "packed").rglob("*.jpeg"))
    assert packed == [Path(name) / "a.jpeg" for name in data.CLASSES]
