"""Stored features are drawn as films are: each once an epoch, with its label, the same for the same seed."""

from __future__ import annotations

import pytest
import torch

from hilum.errors import RequestError
from hilum.features import FeatureBatches, compute
from tests.features.conftest import MODEL, PIXELS, Case


@pytest.fixture
def features(case: Case) -> FeatureBatches:
    return compute(case.frozen("trunk"), case.data, MODEL, PIXELS, views=2)


def numbers(features: FeatureBatches, drawn: torch.Tensor) -> list[tuple[int, int]]:
    """Which film and view each drawn feature is."""
    stored = [torch.cat([b.inputs for b in features.plain()])]
    stored += [torch.cat([b.inputs for b in features.views(1, view)]) for view in (1, 2)]
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


def test_plain_and_views_come_in_the_manifests_order(features: FeatureBatches) -> None:
    for view, batches in ((0, features.plain(5)), (1, features.views(1, 1, 5)), (2, features.views(1, 2, 5))):
        taken = list(batches)
        assert numbers(features, torch.cat([batch.inputs for batch in taken])) == [(film, view) for film in range(22)]
        assert torch.cat([batch.labels for batch in taken]).tolist() == features.labels.tolist()


def test_a_view_that_is_not_stored_is_refused(features: FeatureBatches) -> None:
    with pytest.raises(RequestError, match="no view 3 of these films is stored; there are 2"):
        next(features.views(1, 3))
