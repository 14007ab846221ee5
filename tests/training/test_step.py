"""One step is the same however its batch is split."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hilum import models
from hilum.batches import UNSHARDED, Batch, Shard
from hilum.errors import HilumError
from hilum.models import part_of_batch
from hilum.recipe import Model, Training
from hilum.training.device import set_up_device
from hilum.training.loss import make_loss_function
from hilum.training.objective import Columns
from hilum.training.step import Stepper

SCHEME = Training(precision="float32", label_smoothing=0.1, objective="focal")
LABELS = np.array([0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1])
CLASSES = ("NORMAL", "PNEUMONIA")


def batch_of(n: int, *, mixed: bool) -> Batch:
    torch.manual_seed(5)
    share = torch.rand(n) if mixed else None
    return Batch(torch.rand(n, 1, 32, 32), torch.from_numpy(LABELS[:n]), np.arange(n), n, share)


def learn(
    model: nn.Module, batch: Batch, micro_batch_size: int, clip_norm: float = 0.0
) -> tuple[list[Tensor], Columns]:
    """One step of plain gradient descent: the gradients, from how far the weights moved, and what was said."""
    fabric = set_up_device(SCHEME, gradual=False)
    before = [values.detach().clone() for values in model.parameters()]
    network, optimizer = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=1.0))
    loss_function = make_loss_function(SCHEME, LABELS, CLASSES)
    said = Stepper(fabric, network, optimizer, loss_function, UNSHARDED, clip_norm, micro_batch_size).step(
        batch, seed=3
    )
    return [old - new.detach() for old, new in zip(before, model.parameters(), strict=True)], said


def without_batch_norm(name: Literal["vgg11", "s1-cnn"]) -> nn.Module:
    """VGG-11 has dropout behind its dense layers, S1 between its convolutions too."""
    torch.manual_seed(0)
    model = models.build(Model(name=name), 32)
    for module in list(model.modules()):
        for child_name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, child_name, nn.Identity())
    return model.double().float().train()


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("micro_batch_size", [2, 4, 6])
def test_micro_batches_give_the_whole_batchs_gradient(micro_batch_size: int, mixed: bool) -> None:
    batch = batch_of(11, mixed=mixed)
    whole, said = learn(without_batch_norm("s1-cnn"), batch, 11)
    parts, also = learn(without_batch_norm("s1-cnn"), batch, micro_batch_size)
    for one, other in zip(whole, parts, strict=True):
        assert (one - other).abs().max().item() <= 1e-5 * max(1.0, one.abs().max().item())
    torch.testing.assert_close(said["logits"], also["logits"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(said["losses"], also["losses"], rtol=1e-4, atol=1e-5)
    assert torch.equal(said["labels"], also["labels"])


def test_the_gradient_is_that_of_the_mean_cost() -> None:
    batch, model = batch_of(10, mixed=True), without_batch_norm("s1-cnn")
    torch.manual_seed(3)
    loss_function = make_loss_function(SCHEME, LABELS, CLASSES)
    loss_function.training_losses(model(batch.inputs), batch).mean().backward()  # type: ignore[no-untyped-call]
    expected = [values.grad for values in model.parameters()]
    given, _ = learn(without_batch_norm("s1-cnn"), batch, 10)
    torch.testing.assert_close(given, expected, rtol=1e-3, atol=1e-6)


def test_dropout_in_parts_drops_what_the_whole_batch_drops() -> None:
    dropout, values = models.dropout.Dropout(0.4).train(), torch.ones(7, 3, 5, 5)
    for layout in (torch.contiguous_format, torch.channels_last):
        given = values.contiguous(memory_format=layout)
        torch.manual_seed(1)
        whole = dropout(given)
        parts = []
        for rows in (slice(0, 2), slice(2, 6), slice(6, 7)):
            torch.manual_seed(1)
            with part_of_batch(rows.start, 7):
                parts.append(dropout(given[rows]))
        assert torch.equal(torch.cat(parts), whole)


def test_gradients_are_clipped_to_the_norm_over_all_weights() -> None:
    batch = batch_of(8, mixed=False)
    free, _ = learn(without_batch_norm("s1-cnn"), batch, 8)
    norm = torch.cat([part.flatten() for part in free]).norm()
    clipped, _ = learn(without_batch_norm("s1-cnn"), batch, 8, clip_norm=float(norm) / 3)
    torch.testing.assert_close(clipped, [part / 3 for part in free], rtol=1e-3, atol=1e-7)


def test_a_cost_that_is_no_number_moves_nothing() -> None:
    batch = batch_of(8, mixed=False)
    broken = replace(batch, inputs=batch.inputs * torch.nan)
    moved, said = learn(without_batch_norm("s1-cnn"), broken, 8)
    assert not said["losses"].isfinite().any()
    assert all(torch.equal(part, torch.zeros_like(part)) for part in moved)


class Small(nn.Module):
    """Has memory for so many films."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.dense = room, nn.Linear(32 * 32, 1)

    def forward(self, films: Tensor) -> Tensor:
        if len(films) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.dense(films.flatten(1))  # type: ignore[no-any-return]


def test_a_gpu_without_memory_takes_smaller_parts() -> None:
    def small(room: int) -> Small:
        torch.manual_seed(0)
        return Small(room)

    batch = batch_of(11, mixed=True)
    whole, _ = learn(small(11), batch, 11)
    parts, _ = learn(small(3), batch, 11)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-6)
    with pytest.raises(HilumError, match=r"does not hold a training step with 2 films; take a smaller network"):
        learn(small(1), batch, 11)


def test_a_gpu_without_memory_for_the_optimiser_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Stepper, "_update", no_memory)
    with pytest.raises(
        HilumError, match=r"^the GPU's memory does not hold .* close other programs that use the GPU$"
    ):
        learn(Small(11), batch_of(11, mixed=True), 11)


def test_shares_of_the_processes_make_up_the_batch() -> None:
    shares = [Shard(rank, 3).rows(11) for rank in range(3)]
    assert shares == [slice(0, 2), slice(2, 6), slice(6, 11)]
