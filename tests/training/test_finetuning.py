"""What learns, when and how fast; and that half a network takes the whole one along."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from hilum import batches, features, models, training
from hilum.recipe import Model, Transfer, parse_recipe
from hilum.training import checkpoint
from hilum.training.finetuning import parameter_groups, set_trainable, trainable_parts
from tests.training.conftest import Killed, killed_after, small

Data = tuple[batches.FilmBatches, batches.FilmBatches]


def network() -> models.Network:
    torch.manual_seed(0)
    return models.build(Model(), 32)


def learns(part: nn.Module) -> bool:
    return all(parameter.requires_grad for parameter in part.parameters())


def test_every_parameter_belongs_to_one_part() -> None:
    whole = network()
    parts = trainable_parts(whole)
    assert len(parts) == 6, "five stages and the dense layers"
    assert [id(p) for part in parts for p in part.parameters()] == [id(p) for p in whole.parameters()]


def test_layer_decay_slows_each_part_by_the_same_factor() -> None:
    whole = network()
    scales = [group["scale"] for group in parameter_groups(whole, Transfer(layer_decay=0.5))]
    assert scales == [0.5**5, 0.5**4, 0.5**3, 0.5**2, 0.5, 1.0]
    assert [group["scale"] for group in parameter_groups(whole, Transfer())] == [1.0]


@pytest.mark.parametrize(("epoch", "learning"), [(1, 1), (2, 1), (3, 2), (5, 3), (11, 6), (99, 6)])
def test_gradual_thawing_starts_at_the_dense_layers(epoch: int, learning: int) -> None:
    whole = network()
    set_trainable(whole, Transfer(gradual=2), epoch)
    parts = trainable_parts(whole)
    assert [learns(part) for part in parts] == [False] * (6 - learning) + [True] * learning
    norms = [next(layer for layer in part.modules() if isinstance(layer, nn.BatchNorm2d)) for part in parts[:-1]]
    assert [norm.training for norm in norms] == [learns(part) for part in parts[:-1]]


def test_frozen_batch_norms_keep_statistics_and_weights() -> None:
    whole = network()
    before = {name: values.clone() for name, values in whole.state_dict().items()}
    norms = [name for name, module in whole.named_modules() if isinstance(module, nn.BatchNorm2d)]
    set_trainable(whole, Transfer(batch_norm="frozen"), 1)
    optimizer = training.schedule.make_optimizer(small().training, parameter_groups(whole, Transfer()))
    whole(torch.rand(4, 1, 32, 32)).sum().backward()
    optimizer.step()
    for name, values in whole.state_dict().items():
        same = torch.equal(values, before[name])
        assert same == (name.rpartition(".")[0] in norms), name


def test_a_frozen_trunk_stays_and_the_whole_network_learns_with_its_half(data: Data, tmp_path: Path) -> None:
    recipe, whole = small(epochs=3), network()
    before = {name: values.clone() for name, values in whole.state_dict().items()}
    frozen, learner = whole.split("stage4")
    train, val = (features.extract_features(frozen, part, recipe.model, recipe.pixels, views=1) for part in data)
    run = training.fit(learner, train, val, recipe, tmp_path)
    assert run.model is learner
    stays = {id(values) for values in frozen.state_dict(keep_vars=True).values()}
    for name, values in whole.state_dict(keep_vars=True).items():
        assert torch.equal(values, before[name]) == (id(values) in stays), name
    films = torch.cat([batch.inputs for batch in data[1].unaugmented()])
    maps = torch.cat([batch.inputs for batch in val.unaugmented()])
    with torch.no_grad():
        torch.testing.assert_close(whole.eval()(films), learner(maps), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_gradually_thawed_run_that_was_stopped_ends_in_the_same_weights(
    data: Data, tmp_path: Path, average: float
) -> None:
    table = {"epochs": 4, "average": average, "optimizer": "adamw", "precision": "float32"}
    recipe = parse_recipe(
        {"name": "r", "pixels": {"size": 32}, "transfer": {"gradual": 1, "layer_decay": 0.8}, "training": table}, "t"
    )
    training.fit(network(), *data, recipe, tmp_path / "straight")

    with pytest.raises(Killed):
        training.fit(network(), *data, recipe, tmp_path / "stopped", on_epoch=killed_after(2))
    training.fit(network(), *data, recipe, tmp_path / "stopped", resume=True)
    straight, stopped = (
        checkpoint.load(tmp_path / name / "checkpoints" / "last.safetensors")[0]["model"]
        for name in ("straight", "stopped")
    )
    torch.testing.assert_close(straight, stopped, rtol=0, atol=0)
