"""Learning rates: the study's plateau rule, cosine, warm-up."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau

from hilum.recipe import Training
from hilum.training.schedule import Schedule, make_optimizer


def optimizer(rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)


def test_a_plateau_is_reduced_as_torch_reduces_it() -> None:
    scheme = Training(schedule="plateau", learning_rate=1e-3, epochs=30)
    reference = optimizer(1e-3)
    plateau = ReduceLROnPlateau(reference, factor=0.3, patience=2, threshold=0, min_lr=1e-6)
    schedule = Schedule()
    for loss in [1.0, 0.9, 0.95, 0.93, 0.92, 0.91, 0.91, 0.91, 0.89] + [0.9] * 20:
        schedule.end_epoch(scheme, loss)
        plateau.step(loss)
        assert schedule.learning_rate(scheme, 0, 10) == pytest.approx(reference.param_groups[0]["lr"])
    assert schedule.learning_rate(scheme, 0, 10) == 1e-6


def test_cosine_is_torchs() -> None:
    scheme = Training(schedule="cosine", learning_rate=1e-2, min_learning_rate=1e-5, epochs=3)
    reference = optimizer(1e-2)
    cosine = CosineAnnealingLR(reference, T_max=29, eta_min=1e-5)
    for step in range(30):
        assert Schedule().learning_rate(scheme, step, 10) == pytest.approx(reference.param_groups[0]["lr"], rel=1e-6)
        reference.step()
        cosine.step()


def test_one_cycle_is_torchs() -> None:
    scheme = Training(schedule="one-cycle", learning_rate=1e-2, min_learning_rate=1e-6, epochs=4)
    reference = optimizer(1e-2)
    cycle = OneCycleLR(reference, 1e-2, total_steps=40, final_div_factor=1e-2 / 25 / 1e-6, cycle_momentum=False)
    for step in range(40):
        assert Schedule().learning_rate(scheme, step, 10) == pytest.approx(reference.param_groups[0]["lr"], rel=1e-6)
        reference.step()
        if step < 39:
            cycle.step()


def test_warm_up_rises_evenly_to_the_peak() -> None:
    scheme = Training(schedule="constant", learning_rate=1.0, min_learning_rate=0.0, warmup_epochs=0.5)
    assert [Schedule().learning_rate(scheme, step, 10) for step in range(7)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 1, 1, 1]
    )


def test_a_schedule_is_resumed_from_its_state() -> None:
    scheme, first = Training(), Schedule()
    for loss in (0.5, 0.6, 0.6, 0.6):
        first.end_epoch(scheme, loss)
    assert Schedule(**asdict(first)) == first


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)])
def test_weight_decay_is_l2_for_the_studys_optimisers(name: str, kind: type[torch.optim.Optimizer]) -> None:
    weight = nn.Parameter(torch.tensor([2.0]))
    scheme = Training(optimizer=name, weight_decay=5e-4)  # type: ignore[arg-type]
    made = make_optimizer(scheme, [{"params": [weight], "scale": 1.0}])
    assert type(made) is kind
    assert made.param_groups[0]["weight_decay"] == 5e-4
