"""Stored features are drawn as films are: each once an epoch, with its label, the same for the same seed."""

from __future__ import annotations

import pytest
import torch
from msgspec.structs import replace

from hilum.batches import Shard, make_batches
from hilum.errors import RequestError
from hilum.features import FeatureBatches, extract_features
from hilum.recipe import Batches
from tests.batches.processes import assert_same, joined, share_of
from tests.features.conftest import CLASSES, MODEL, PIXELS, Case

SPECS = {
    "shuffled": Batches(size=4),
    "mixed": Batches(size=5, mixup=0.4),
    "mixed and balanced": Batches(size=5, mixup=0.4, draw="balanced"),
    "stratified": Batches(size=4, draw="stratified"),
}


@pytest.fixture
def features(case: Case) -> FeatureBatches:
    return extract_features(case.frozen("trunk"), case.data, MODEL, PIXELS, views=2)


@pytest.fixture(params=list(SPECS))
def each(request: pytest.FixtureRequest, features: FeatureBatches) -> FeatureBatches:
    """The features under each of the specs."""
    return under(features, SPECS[request.param])


def under(features: FeatureBatches, spec: Batches) -> FeatureBatches:
    """The same stored features, drawn otherwise."""
    films = make_batches(features.manifest, features.films.cache, CLASSES, spec)
    return FeatureBatches(films, features.stored)


def numbers(features: FeatureBatches, drawn: torch.Tensor) -> list[tuple[int, int]]:
    """Which film and view each drawn feature is."""
    stored = [torch.cat([b.inputs for b in features.unaugmented()])]
    stored += [torch.cat([b.inputs for b in features.augmented(1, view)]) for view in (1, 2)]
    table = torch.stack(stored, dim=1)  # (films, views, d)
    return [tuple(torch.nonzero((table == row).all(dim=-1))[0].tolist()) for row in drawn]


def test_an_epoch_draws_each_film_once_in_one_of_its_views(features: FeatureBatches) -> None:
    batches = list(features.epoch(1, 1))
    drawn = numbers(features, torch.cat([batch.inputs for batch in batches]))
    films = [film for film, _ in drawn]
    assert len(set(films)) == len(films) == 20, "22 films in batches of 4"
    assert {view for _, view in drawn} == {0, 1, 2}
    assert torch.cat([batch.labels for batch in batches]).tolist() == [features.labels[film] for film in films]


def test_an_epoch_depends_on_seed_and_number_alone(features: FeatureBatches) -> None:
    def drawn(seed: int, number: int) -> torch.Tensor:
        return torch.cat([batch.inputs for batch in features.epoch(seed, number)])

    torch.testing.assert_close(drawn(1, 2), drawn(1, 2), rtol=0, atol=0)
    assert not torch.equal(drawn(1, 2), drawn(1, 3))
    assert not torch.equal(drawn(1, 2), drawn(2, 2))


@pytest.mark.parametrize("start", [0, 1, 3, 4])
def test_a_batch_is_the_same_wherever_the_epoch_is_entered(each: FeatureBatches, start: int) -> None:
    whole = list(each.epoch(1, 2))
    assert len(whole) == each.batches_per_epoch
    assert_same(each.epoch(1, 2, start=start), whole[start:])


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_draw_together_the_batch_that_one_would_draw(each: FeatureBatches, processes: int) -> None:
    shards = [Shard(rank, processes) for rank in range(processes)]
    assert_same(joined(each.epoch(1, 1, shard=shard) for shard in shards), each.epoch(1, 1), atol=1e-6)
    # The last batch of 22 by 7 is a single film.
    assert_same(joined(each.unaugmented(7, shard=shard) for shard in shards), each.unaugmented(7))
    assert_same(joined(each.augmented(1, 2, 7, shard=shard) for shard in shards), each.augmented(1, 2, 7))


def test_features_are_mixed_with_their_neighbours(features: FeatureBatches) -> None:
    spec = SPECS["mixed"]
    for mixed, plain in zip(
        under(features, spec).epoch(1, 1), under(features, replace(spec, mixup=0.0)).epoch(1, 1), strict=True
    ):
        share = share_of(mixed)[:, None]
        expected = share * plain.inputs + (1 - share) * plain.inputs[[1, 0, 3, 2, 4]]
        torch.testing.assert_close(mixed.inputs, expected, atol=1e-6, rtol=0)
        assert torch.equal(mixed.labels, plain.labels)
        assert plain.mix_weight is None


def test_a_balanced_epoch_has_as_many_of_each_class(features: FeatureBatches) -> None:
    for batch in under(features, Batches(size=4, draw="balanced")).epoch(1, 1):
        assert abs(int(batch.labels.sum()) - 2) <= 1


def test_plain_and_views_come_in_the_manifests_order(features: FeatureBatches) -> None:
    for view, batches in (
        (0, features.unaugmented(5)),
        (1, features.augmented(1, 1, 5)),
        (2, features.augmented(1, 2, 5)),
    ):
        taken = list(batches)
        assert numbers(features, torch.cat([batch.inputs for batch in taken])) == [(film, view) for film in range(22)]
        assert torch.cat([batch.labels for batch in taken]).tolist() == features.labels.tolist()


def test_stored_features_cannot_be_shifted(features: FeatureBatches) -> None:
    with pytest.raises(RequestError, match=r"train without transfer\.frozen"):
        features.transformed(lambda grey: grey)


def test_a_view_that_is_not_stored_is_refused(features: FeatureBatches) -> None:
    with pytest.raises(RequestError, match="no view 3 of these films is stored; there are 2"):
        next(features.augmented(1, 3))
