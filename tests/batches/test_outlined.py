"""Batches of films with outlines: both move together, and everything is drawn by seed, epoch and step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum.batches import OutlineBatches, Shard
from hilum.batches.opacities import draw_opacities, paint
from hilum.batches.outlined import OTHER, turn
from hilum.pixels import chest_phantom
from hilum.recipe import Augment, Batches, Outlines
from hilum.records import Film, Manifest
from tests.phantom_lungs import ellipses

SIDE, VIEWS = 32, ("up", "90", "180", "270", "none")


def batches_of(learnt: Outlines, augment: Augment = Augment(rotation=15, flip=0.5), n: int = 20) -> OutlineBatches:  # noqa: B008
    films = np.stack([np.rint(chest_phantom(seed, (SIDE, SIDE)) * 255).astype(np.uint8) for seed in range(n)])
    masks = np.stack([ellipses(seed, (SIDE, SIDE)).astype(np.uint8) * 255 for seed in range(n)])
    manifest = Manifest(tuple(Film(f"{seed}.png", sha256=str(seed)) for seed in range(n)))
    return OutlineBatches(manifest, films, masks, VIEWS, Batches(size=6, augment=augment), learnt)


def test_a_batch_depends_on_seed_epoch_and_step_alone() -> None:
    source = batches_of(Outlines())
    whole, resumed = list(source.epoch(1, 2)), list(source.epoch(1, 2, start=2))
    assert len(whole) == source.batches_per_epoch == 3
    for one, other in zip(whole[2:], resumed, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert one.outlines is not None
        assert other.outlines is not None
        assert torch.equal(one.outlines, other.outlines)
    assert not torch.equal(whole[0].inputs, next(source.epoch(2, 2)).inputs)


def test_two_processes_have_the_halves_of_one_batch() -> None:
    source = batches_of(Outlines(), Augment(rotation=15))
    whole = next(source.epoch(1, 1))
    halves = [next(source.epoch(1, 1, shard=Shard(rank, 2))) for rank in range(2)]
    torch.testing.assert_close(torch.cat([half.inputs for half in halves]), whole.inputs)
    assert torch.equal(torch.cat([half.labels for half in halves]), whole.labels)


def test_film_and_outline_move_alike() -> None:
    source = batches_of(Outlines(opacities=0, turned=0.5, others=0), Augment(rotation=20, scale=0.2, translation=0.1))
    twin = OutlineBatches(source.manifest, source.outlines, source.outlines, VIEWS, source.spec, source.learnt)
    for batch in twin.epoch(3, 1):  # the outline is the film too
        assert batch.outlines is not None
        torch.testing.assert_close(batch.inputs, batch.outlines, atol=1e-5, rtol=0)


@pytest.mark.parametrize("label", [0, 1, 2, 3])
def test_labels_are_quarter_turns_clockwise(label: int) -> None:
    images = torch.zeros(1, 1, 4, 4)
    images[0, 0, 0, 1] = 1  # near the upper left corner
    turned = turn(images, torch.tensor([label]))[0, 0].numpy()
    expected = np.zeros((4, 4))
    expected[{0: (0, 1), 1: (1, 3), 2: (3, 2), 3: (2, 0)}[label]] = 1  # right, below, left
    np.testing.assert_array_equal(turned, expected)


def test_a_picture_that_is_no_chest_film_has_no_lungs() -> None:
    batch = next(batches_of(Outlines(turned=0, others=1)).epoch(1, 1))
    assert batch.outlines is not None
    assert set(batch.labels.tolist()) == {OTHER}
    assert not batch.outlines.any()


def test_opacities_make_lungs_dense_and_leave_the_rest() -> None:
    source = batches_of(Outlines(), n=20)
    plain, painted = next(source.unaugmented(20)), next(source.painted(5, 20))
    assert plain.outlines is not None
    lungs = plain.outlines > 0.5
    change = painted.inputs - plain.inputs
    assert change[lungs].mean() > 0.03
    far = torch.nn.functional.max_pool2d(plain.outlines, 15, 1, 7) < 0.5
    assert change[far].abs().max() < 0.02
    assert 0 <= painted.inputs.min() <= painted.inputs.max() <= 1


def test_films_that_drew_no_opacity_are_as_they_were() -> None:
    source = next(batches_of(Outlines()).unaugmented(20))
    assert source.outlines is not None
    drawn = draw_opacities(0.0, 20, torch.Generator().manual_seed(1))
    assert torch.equal(paint(drawn, source.inputs, source.outlines), source.inputs)
