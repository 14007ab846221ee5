"""Several processes learn what one learns, and one that dies is named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from hilum.history import read_history
from hilum.training import checkpoint
from hilum.training.parallel import exit_on_lost_peer, restore_batch_norms, synchronize_batch_norms
from tests.conftest import ChestFolder

RECIPE = """
name = "one"
[pixels]
size = 32
[batches]
size = 16
draw = "stratified"
mixup = 0.4
augment = { rotation = 10, flip = 0.5, noise = [0.5, 0.05], blur = [0.5, 1.5], match = 0.3, jpeg = [0.5, 20] }
[training]
epochs = 3
optimizer = "sgd"
learning_rate = 1e-3
clip_norm = 1.0
average = 0.9
val_views = 2
precision = "float32"
checkpoint_minutes = 0
"""
COUNTS = {"train": {"normal": 60, "bacteria": 60}}
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, chest_folder: ChestFolder) -> Iterator[Start]:
    """`hilum train` under so many processes."""
    (tmp_path / "r.toml").write_text(RECIPE)
    chest_folder(COUNTS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    started = []

    def run(processes: int, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, str(processes), "-m", "hilum", "train", *arguments],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()  # torchrun then ends its processes
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # killed alone, it would leave them running


@pytest.mark.slow
def test_two_processes_reproduce_the_loss_curve_of_one(start: Start, tmp_path: Path) -> None:
    for processes, name in ((1, "one"), (2, "two")):
        process = start(processes, "r.toml", "--data", "chest", "--out", name)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert said.count(": trained on ") == 1, "one of them speaks"
    one, two = (read_history(tmp_path / name / "history.csv") for name in ("one", "two"))
    assert len(one) == len(two) == 3
    for row, other in zip(one, two, strict=True):
        for figure in ("train_loss", "val_loss", "val_views_loss"):
            assert row[figure] == pytest.approx(other[figure], abs=1e-3), figure
    assert (tmp_path / "two" / "bundle" / "bundle.json").exists()


@pytest.mark.slow
def test_one_that_dies_ends_the_run_by_name_and_the_run_goes_on(start: Start, tmp_path: Path) -> None:
    process = start(2, "r.toml", "--data", "chest", "--out", "run", "--set", "training.epochs=400")
    last = tmp_path / "run" / "checkpoints" / "last.safetensors"
    while not last.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.kill(_with_rank(1, process.pid), signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "(process 0 of 2): stopped, because another process was lost (torchrun names it below" in said
    assert "--resume run" in said
    cause = said[said.index("Root Cause") :]
    assert "rank      : 1" in cause, said
    assert "SIGKILL" in cause

    done = checkpoint.load(last)[1]["epoch"]
    going_on = start(2, "--resume", "run")
    history = tmp_path / "run" / "history.csv"
    while max(epochs := [row["epoch"] for row in read_history(history)], default=0) <= done + 1:
        assert going_on.poll() is None, going_on.communicate()
        time.sleep(0.05)
    assert epochs == list(range(1, len(epochs) + 1)), "no epoch is missing and none is there twice"


def _with_rank(rank: int, launcher: int) -> int:
    """The process that the launcher started with this rank."""
    for folder in Path("/proc").iterdir():
        status, environment = _read(folder / "status"), _read(folder / "environ")
        if f"PPid:\t{launcher}\n" in status and f"\0RANK={rank}\0" in environment:
            return int(folder.name)
    raise AssertionError(f"no process of rank {rank}")


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has ended meanwhile
        return ""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_shared_batch_norm_of_one_process_is_torchs(dtype: torch.dtype) -> None:
    """Of bfloat16 maps too, whose statistics are float32: what a CPU with instructions for bfloat16 trains in."""
    torch.manual_seed(0)
    ours, torchs = nn.BatchNorm2d(5), nn.BatchNorm2d(5)
    values = (3 * torch.randn(6, 5, 4, 3) + 10).to(dtype).contiguous(memory_format=torch.channels_last)
    upstream = torch.randn(6, 5, 4, 3).to(dtype)
    synchronize_batch_norms(ours)
    results = []
    for norm in (ours, torchs):
        given = values.clone().requires_grad_()
        norm.weight.data.copy_(torch.arange(1.0, 6.0))
        output = norm(given)
        output.backward(upstream)
        results.append((output, given.grad, norm.weight.grad, norm.bias.grad, norm.running_mean, norm.running_var))
    rtol, atol = (2e-2, 2e-2) if dtype == torch.bfloat16 else (1e-4, 1e-5)  # of maps and gradients
    torch.testing.assert_close(results[0][:4], results[1][:4], rtol=rtol, atol=atol)
    torch.testing.assert_close(results[0][4:], results[1][4:], rtol=1e-4, atol=1e-5)
    assert ours.num_batches_tracked == 1
    restore_batch_norms(ours)
    assert type(ours) is nn.BatchNorm2d


def test_without_torchrun_an_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="gloo"), exit_on_lost_peer(tmp_path):
        raise RuntimeError("gloo: connection reset")
