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
