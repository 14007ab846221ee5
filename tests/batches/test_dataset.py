"""Batches hold every film of an epoch once, and depend on the seed, the epoch's number and their own alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from PIL import Image

from hilum import batches, films, pixels
from hilum.batches import Shard
from hilum.errors import LayoutError, RequestError
from hilum.pixels import decode, preprocess
from hilum.recipe import Augment, Batches, Pixels
from hilum.records import Manifest
from tests.batches.processes import assert_same, joined, share_of
from tests.conftest import ChestFolder

CLASSES = ("NORMAL", "PNEUMONIA")
COUNTS = {"train": {"normal": 11, "bacteria": 10}}
SPEC = Batches(size=4, augment=Augment(rotation=20, flip=0.5, noise=(1.0, 0.1)))
# Everything at once: all that looks at a neighbour, and all that would show a difference in the last bit.
WILD = Batches(
    size=9,
    mixup=0.4,
    crop=24,
    scales=(25, 32),
    augment=Augment(
        rotation=20, flip=0.5, gamma=0.5, contrast=0.5, blur=(0.5, 1.5), noise=(0.5, 0.1), jpeg=(0.5, 20),
        intensity=0.3, match=0.5, sharpen=(0.5, 2.0), erase=(0.5, 0.2),
    ),
)  # fmt: skip
SPECS = {
    "plain": Batches(size=4),
    "augmented": SPEC,
    "mixed": Batches(size=5, mixup=1.0),
    "cropped": Batches(size=4, crop=20, scales=(24, 32)),
    "wild": WILD,
    "wild and stratified": replace(WILD, draw="stratified"),
    "wild and balanced by cause": replace(WILD, draw="balanced", by="cause"),
}


@pytest.fixture
def manifest(chest_folder: ChestFolder) -> Manifest:
    return films.index(chest_folder(COUNTS), cut=False)


@pytest.fixture
def data(manifest: Manifest) -> batches.FilmBatches:
    return batches.make_batches(manifest, pixels.cache(manifest, Pixels(size=32)), CLASSES, SPEC)


@pytest.fixture(params=list(SPECS))
def each(request: pytest.FixtureRequest, data: batches.FilmBatches) -> batches.FilmBatches:
    """The films under each of the specs."""
    return batches.make_batches(data.manifest, data.cache, CLASSES, SPECS[request.param])


def under(data: batches.FilmBatches, spec: Batches) -> batches.FilmBatches:
    return batches.make_batches(data.manifest, data.cache, CLASSES, spec)


def test_plain_batches_are_the_preprocessed_films_in_order(data: batches.FilmBatches, manifest: Manifest) -> None:
    stacked = torch.cat([batch.inputs for batch in data.unaugmented(size=5)])
    expected = np.stack([preprocess(decode(film.path), Pixels(size=32)) for film in manifest])
    np.testing.assert_allclose(stacked[:, 0].numpy() * 255, expected, atol=1e-4)
    labels = torch.cat([batch.labels for batch in data.unaugmented(size=5)]).tolist()
    assert [CLASSES[label] for label in labels] == [film.label for film in manifest]


def test_an_epoch_has_every_film_once_but_for_a_ragged_end(data: batches.FilmBatches) -> None:
    plain = batches.FilmBatches(data.manifest, data.cache, CLASSES, Batches(size=4))
    drawn = torch.cat([batch.inputs for batch in plain.epoch(1, 1)])
    known = torch.cat([batch.inputs for batch in plain.unaugmented()])
    numbers = [int((known == film).all(dim=(1, 2, 3)).nonzero()[0, 0]) for film in drawn]
    assert len(numbers) == 20
    assert len(set(numbers)) == 20
    assert numbers != sorted(numbers)


@pytest.mark.parametrize(("seed", "number", "same"), [(1, 1, True), (1, 2, False), (2, 1, False)])
def test_an_epoch_depends_on_seed_and_number(data: batches.FilmBatches, seed: int, number: int, same: bool) -> None:
    first = torch.cat([batch.inputs for batch in data.epoch(1, 1)])
    second = torch.cat([batch.inputs for batch in data.epoch(seed, number)])
    assert torch.equal(first, second) is same


@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_a_batch_is_the_same_wherever_the_epoch_is_entered(each: batches.FilmBatches, start: int) -> None:
    whole = list(each.epoch(1, 2))
    assert len(whole) == each.batches_per_epoch
    assert_same(each.epoch(1, 2, start=start), whole[start:])


@pytest.mark.parametrize("of", [2, 3, 4, 7])
def test_processes_draw_together_the_batch_that_one_would_draw(each: batches.FilmBatches, of: int) -> None:
    shards = [Shard(rank, of) for rank in range(of)]
    assert_same(joined(each.epoch(1, 1, shard=shard) for shard in shards), each.epoch(1, 1), atol=1e-6)
    assert_same(joined(each.epoch(1, 1, start=1, shard=shard) for shard in shards), each.epoch(1, 1, start=1), 1e-6)
    assert_same(joined(each.unaugmented(8, shard=shard) for shard in shards), each.unaugmented(8), atol=1e-6)
    # The last batch of 21 by 10 is a single film: the last process takes it, and the others none.
    assert_same(
        joined(each.augmented(1, 1, 10, shard=shard) for shard in shards), each.augmented(1, 1, 10), atol=1e-6
    )


def test_a_batch_names_its_films_and_their_labels(each: batches.FilmBatches) -> None:
    for drawn in (each.epoch(1, 1), each.unaugmented(5), each.augmented(1, 1, 5)):
        for batch in drawn:
            labels = [each.manifest.films[number].label for number in batch.indices]
            assert [CLASSES[label] for label in batch.labels] == labels
            assert len(batch.inputs) == batch.global_size == len(labels)


def test_a_mixed_epoch_is_the_unmixed_one_blended(data: batches.FilmBatches) -> None:
    for mixed, plain in zip(
        under(data, WILD).epoch(1, 1), under(data, replace(WILD, mixup=0.0)).epoch(1, 1), strict=True
    ):
        assert plain.mix_weight is None
        assert mixed.indices.tolist() == plain.indices.tolist()
        neighbour = plain.inputs[[1, 0, 3, 2, 5, 4, 7, 6, 8]]
        share = share_of(mixed)[:, None, None, None]
        expected = share * plain.inputs + (1 - share) * neighbour
        torch.testing.assert_close(mixed.inputs, expected, atol=1e-6, rtol=0)
        assert len(set(share.ravel().tolist())) == 9


def test_films_are_mixed_while_a_network_learns_and_at_no_other_time(data: batches.FilmBatches) -> None:
    mixed, plain = under(data, replace(SPEC, mixup=1.0)), under(data, SPEC)
    assert_same(mixed.unaugmented(), plain.unaugmented())
    assert_same(mixed.augmented(1, 1), plain.augmented(1, 1))


def test_a_plain_crop_is_the_middle_of_the_film_at_the_middle_scale(
    data: batches.FilmBatches, manifest: Manifest
) -> None:
    cropped = torch.cat([batch.inputs for batch in under(data, WILD).unaugmented(size=5)])
    for film, square in zip(manifest, cropped[:, 0].numpy(), strict=True):
        whole = preprocess(decode(film.path), Pixels(size=32)).astype(np.float32) / 255
        scaled = np.asarray(Image.fromarray(whole).resize((28, 28), Image.Resampling.BILINEAR))
        np.testing.assert_allclose(square, scaled[2:26, 2:26], atol=1e-5)


def test_an_epoch_and_its_views_show_crops_of_another_place_each_time(data: batches.FilmBatches) -> None:
    cropped = under(data, Batches(size=4, crop=20))
    film = next(cropped.augmented(1, 1, 1)).inputs
    known = torch.cat([batch.inputs for batch in under(data, Batches()).unaugmented(1)])[0]
    places = known.unfold(1, 20, 1).unfold(2, 20, 1)[0]  # (13, 13, 20, 20)
    assert (places == film[0]).all(dim=(2, 3)).any()
    assert not torch.equal(film, next(cropped.augmented(1, 2, 1)).inputs)
    assert {tuple(batch.inputs.shape) for batch in cropped.epoch(1, 1)} == {(4, 1, 20, 20)}


@pytest.mark.parametrize("size", [6, 10])
def test_a_group_is_a_label_or_a_cause(chest_folder: ChestFolder, size: int) -> None:
    uneven = films.index(
        chest_folder({"train": {"normal": 24, "bacteria": 24, "virus": 12}}, name="uneven"), cut=False
    )
    cache = pixels.cache(uneven, Pixels(size=32))

    def counts(spec: Batches) -> np.ndarray:
        causes = np.array([film.subtype or film.label for film in uneven])
        drawn = batches.make_batches(uneven, cache, CLASSES, spec).epoch(1, 1)
        kinds = ("NORMAL", "bacteria", "virus")
        return np.array([[(causes[batch.indices] == kind).sum() for kind in kinds] for batch in drawn])

    by_label, by_cause = (counts(Batches(size=size, draw="balanced", by=by)) for by in ("label", "cause"))
    assert np.abs(by_label[:, 0] - size / 2).max() <= 1
    assert np.abs(by_cause - size / 3).max() <= 2
    stratified = counts(Batches(size=size, draw="stratified", by="cause"))
    assert np.abs(stratified - np.array([0.4, 0.4, 0.2]) * size).max() <= 2
    assert stratified.sum() == 60


def test_changed_films_keep_their_order_and_labels(data: batches.FilmBatches) -> None:
    darker = data.transformed(lambda grey: grey * np.float32(0.5))
    for film, half in zip(data.unaugmented(), darker.unaugmented(), strict=True):
        assert half.indices.tolist() == film.indices.tolist()
        assert half.labels.tolist() == film.labels.tolist()
        torch.testing.assert_close(half.inputs, film.inputs / 2, rtol=0, atol=0.5 / 255 + 1e-6)


def test_views_keep_the_order_and_the_labels(data: batches.FilmBatches) -> None:
    plain, views = list(data.unaugmented(size=8)), list(data.augmented(1, 1, size=8))
    for one, other in zip(plain, views, strict=True):
        assert torch.equal(one.labels, other.labels)
        assert not torch.equal(one.inputs, other.inputs)


def test_fewer_films_than_a_batch_are_one_batch(data: batches.FilmBatches) -> None:
    few = batches.make_batches(Manifest(data.manifest.films[:3]), data.cache, CLASSES, SPEC)
    assert [len(batch.labels) for batch in few.epoch(1, 1)] == [3]


def test_a_label_that_is_no_class_is_named(manifest: Manifest) -> None:
    cache = pixels.cache(manifest, Pixels(size=32))
    with pytest.raises(LayoutError, match="not among the classes NORMAL, VIRUS: PNEUMONIA"):
        batches.make_batches(manifest, cache, ("NORMAL", "VIRUS"), SPEC)


def test_no_films_are_refused(data: batches.FilmBatches) -> None:
    with pytest.raises(RequestError, match="no films"):
        batches.make_batches(Manifest(()), data.cache, CLASSES, SPEC)


def test_films_that_lie_on_the_device_give_the_same_batches(each: batches.FilmBatches) -> None:
    device = torch.device("cpu")  # as good as any: on a GPU `epoch` holds them there where they fit
    before = list(each.epoch(1, 1, device))
    each.copy_to(device)
    assert each.on_device[device].dtype == torch.uint8
    assert_same(before, each.epoch(1, 1, device))
