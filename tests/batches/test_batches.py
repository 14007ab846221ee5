"""Batches hold every film of an epoch once, and depend on the seed and the epoch's number alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum import batches, films, pixels
from hilum.errors import LayoutError, RequestError
from hilum.pixels import decode, preprocess
from hilum.recipe import Augment, Batches, Pixels
from hilum.records import Manifest
from tests.conftest import ChestFolder

CLASSES = ("NORMAL", "PNEUMONIA")
COUNTS = {"train": {"normal": 11, "bacteria": 10}}
SPEC = Batches(size=4, augment=Augment(rotation=20, flip=0.5, noise=(1.0, 0.1)))


@pytest.fixture
def manifest(chest_folder: ChestFolder) -> Manifest:
    return films.index(chest_folder(COUNTS), cut=False)


@pytest.fixture
def data(manifest: Manifest) -> batches.Batches:
    return batches.of(manifest, pixels.cache(manifest, Pixels(size=32)), CLASSES, SPEC)


def test_plain_batches_are_the_preprocessed_films_in_order(data: batches.Batches, manifest: Manifest) -> None:
    stacked = torch.cat([batch.inputs for batch in data.plain(size=5)])
    expected = np.stack([preprocess(decode(film.path), Pixels(size=32)) for film in manifest])
    np.testing.assert_allclose(stacked[:, 0].numpy() * 255, expected, atol=1e-4)
    labels = torch.cat([batch.labels for batch in data.plain(size=5)]).tolist()
    assert [CLASSES[label] for label in labels] == [film.label for film in manifest]


def test_an_epoch_has_every_film_once_but_for_a_ragged_end(data: batches.Batches) -> None:
    plain = batches.Batches(data.manifest, data.cache, CLASSES, Batches(size=4))
    drawn = torch.cat([batch.inputs for batch in plain.epoch(1, 1)])
    known = torch.cat([batch.inputs for batch in plain.plain()])
    numbers = [int((known == film).all(dim=(1, 2, 3)).nonzero()[0, 0]) for film in drawn]
    assert len(numbers) == 20
    assert len(set(numbers)) == 20
    assert numbers != sorted(numbers)


@pytest.mark.parametrize(("seed", "number", "same"), [(1, 1, True), (1, 2, False), (2, 1, False)])
def test_an_epoch_depends_on_seed_and_number(data: batches.Batches, seed: int, number: int, same: bool) -> None:
    first = torch.cat([batch.inputs for batch in data.epoch(1, 1)])
    second = torch.cat([batch.inputs for batch in data.epoch(seed, number)])
    assert torch.equal(first, second) is same


def test_views_keep_the_order_and_the_labels(data: batches.Batches) -> None:
    plain, views = list(data.plain(size=8)), list(data.views(1, 1, size=8))
    for one, other in zip(plain, views, strict=True):
        assert torch.equal(one.labels, other.labels)
        assert not torch.equal(one.inputs, other.inputs)


def test_fewer_films_than_a_batch_are_one_batch(data: batches.Batches) -> None:
    few = batches.of(Manifest(data.manifest.films[:3]), data.cache, CLASSES, SPEC)
    assert [len(batch.labels) for batch in few.epoch(1, 1)] == [3]


def test_a_label_that_is_no_class_is_named(manifest: Manifest) -> None:
    cache = pixels.cache(manifest, Pixels(size=32))
    with pytest.raises(LayoutError, match="not among the classes NORMAL, VIRUS: PNEUMONIA"):
        batches.of(manifest, cache, ("NORMAL", "VIRUS"), SPEC)


def test_no_films_are_refused(data: batches.Batches) -> None:
    with pytest.raises(RequestError, match="no films"):
        batches.of(Manifest(()), data.cache, CLASSES, SPEC)
