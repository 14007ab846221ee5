"""A checkpoint gives back what was saved, or says in one line why not; no pickle anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hilum.errors import RequestError
from hilum.training import checkpoint
from hilum.training.checkpoint import Progress, TrainingState
from hilum.training.schedule import Schedule


def test_gives_back_tensors_and_notes(tmp_path: Path) -> None:
    groups = {"model": {"a.weight": torch.randn(2, 3)}, "optimizer": {"0.step": torch.tensor(4.0)}}
    checkpoint.save(tmp_path / "deep" / "one.safetensors", groups, {"epoch": 3, "loss": float("inf")})
    read, notes = checkpoint.load(tmp_path / "deep" / "one.safetensors")
    assert notes == {"epoch": 3, "loss": float("inf")}
    torch.testing.assert_close(read, groups, rtol=0, atol=0)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_an_optimiser_goes_on_where_it_stopped(tmp_path: Path, kind: Callable[..., torch.optim.Optimizer]) -> None:
    def learn(weight: nn.Parameter, optimizer: torch.optim.Optimizer, steps: int) -> None:
        for _ in range(steps):
            torch.autograd.backward(weight.square().sum())
            optimizer.step()
            optimizer.zero_grad()

    extra: dict[str, Any] = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    straight = nn.Parameter(torch.tensor([1.0, -2.0]))
    learn(straight, kind([straight], lr=0.1, **extra), 7)

    stopped = nn.Parameter(torch.tensor([1.0, -2.0]))
    first = kind([stopped], lr=0.1, **extra)
    learn(stopped, first, 3)
    checkpoint.save(tmp_path / "c", {"optimizer": checkpoint.optimizer_tensors(first)}, {})
    second = kind([stopped], lr=0.1, **extra)
    checkpoint.restore_optimizer(second, checkpoint.load(tmp_path / "c")[0]["optimizer"])
    learn(stopped, second, 4)
    torch.testing.assert_close(stopped, straight, rtol=0, atol=0)


@pytest.mark.parametrize("content", [b"", b"\x80\x04not safetensors", b"\xff" * 64])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(RequestError, match="damaged"):
        checkpoint.load(tmp_path / "c")


def test_a_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no checkpoint there"):
        checkpoint.load(tmp_path / "c")


def test_a_checkpoint_of_the_first_release_is_read_under_the_present_names(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(3, 2)).sum().backward()
    optimizer.step()
    said = {"logits": torch.randn(3, 1), "costs": torch.rand(3), "labels": torch.tensor([0, 1, 1])}
    notes = {
        "epoch": 4, "step": 2, "seconds": 1.5, "at_once": 16, "kept_epoch": 3, "kept_cost": -0.9,
        "schedule": {"factor": 0.3, "best": -0.9, "waited": 1},
    }  # fmt: skip
    groups = {"model": model.state_dict(), "optimizer": checkpoint.optimizer_tensors(optimizer), "said": said}
    checkpoint.save(tmp_path / "last.safetensors", groups, notes)

    other = nn.Linear(2, 1)
    state = TrainingState(other, None, torch.optim.Adam(other.parameters()))
    state.restore(tmp_path / "last.safetensors")
    assert state.progress == Progress(4, 2, 1.5, 16, 3, -0.9, Schedule(0.3, -0.9, 1))
    torch.testing.assert_close(other.state_dict(), model.state_dict(), rtol=0, atol=0)
    present = {"logits": said["logits"], "losses": said["costs"], "labels": said["labels"]}
    assert state.epoch_output().keys() == present.keys()
    for name, expected in present.items():
        assert torch.equal(state.epoch_output()[name], expected)

    state.save(tmp_path / "again.safetensors")
    again = TrainingState(other, None, torch.optim.Adam(other.parameters()))
    again.restore(tmp_path / "again.safetensors")
    assert again.progress == state.progress
    torch.testing.assert_close(again.epoch_output(), state.epoch_output(), rtol=0, atol=0)
