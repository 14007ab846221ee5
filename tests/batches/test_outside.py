"""What lies outside the lungs is replaced by what was drawn; blanked lungs leave nothing of themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hilum.batches.outside import (
    BLURRED,
    GREY,
    KEPT,
    NOISED,
    SWAPPED,
    Replacements,
    draw_replacements,
    replace_outside,
)
from hilum.recipe import Augment
from hilum.training.loss import film_losses

SIDE = 64
INSIDE = (slice(None), 0, slice(24, 40), slice(20, 44))  # well within the hull of both lungs
CORNER = (slice(None), 0, slice(0, 8), slice(0, 8))


def lungs(n: int) -> Tensor:
    masks = torch.zeros(n, SIDE, SIDE, dtype=torch.uint8)
    masks[:, 12:52, 10:26] = 255
    masks[:, 12:52, 38:54] = 255
    return masks


def films(n: int) -> Tensor:
    return torch.rand(n, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(3))


def drawn(
    outside: list[int], blank: list[bool] | None = None, between: bool = False, frame: tuple[float, ...] = (0.0,) * 4
) -> Replacements:
    n = len(outside)
    generator = torch.Generator().manual_seed(1)
    return Replacements(
        torch.tensor(outside),
        torch.full((n,), between),
        torch.tensor(blank or [False] * n),
        torch.tensor([frame] * n),
        torch.full((n,), 0.25),
        torch.rand(n, 1, 16, 16, generator=generator),
    )


@pytest.mark.parametrize("kind", [SWAPPED, BLURRED, NOISED, GREY])
def test_the_lungs_stay_and_the_border_goes(kind: int) -> None:
    images = films(2)
    replaced = replace_outside(drawn([kind, KEPT]), images, lungs(2))
    assert torch.allclose(replaced[:1][INSIDE], images[:1][INSIDE], atol=2e-3)
    assert not torch.allclose(replaced[:1][CORNER], images[:1][CORNER], atol=0.05)
    assert torch.equal(replaced[1], images[1])


def test_what_lies_between_the_lungs_goes_where_that_was_drawn() -> None:
    images = films(1)
    heart, left_lung = (slice(None), 0, slice(20, 44), slice(31, 33)), (slice(None), 0, slice(16, 48), slice(14, 22))
    by_hull, by_lungs = (replace_outside(drawn([GREY], between=each), images, lungs(1)) for each in (False, True))
    assert torch.allclose(by_hull[heart], images[heart], atol=2e-3)
    assert float((by_lungs[heart] - 0.25).abs().mean()) < 0.35 * float((images[heart] - 0.25).abs().mean())
    assert torch.allclose(by_lungs[left_lung], images[left_lung], atol=2e-3)


def test_a_swapped_border_is_the_partners() -> None:
    images = films(3)
    replaced = replace_outside(drawn([SWAPPED, SWAPPED, SWAPPED]), images, lungs(3))
    for film, partner in ((0, 1), (1, 0), (2, 2)):
        assert torch.allclose(replaced[film, 0, :8, :8], images[partner, 0, :8, :8], atol=2e-3)


def test_a_grey_border_has_the_grey_that_was_drawn() -> None:
    assert torch.allclose(replace_outside(drawn([GREY]), films(1), lungs(1))[CORNER], torch.tensor(0.25), atol=2e-3)


def test_nothing_of_blanked_lungs_remains() -> None:
    images = films(2)
    blanked = replace_outside(drawn([KEPT, KEPT], [True, False]), images, lungs(2))
    assert float(blanked[:1][INSIDE].std()) < 1e-3
    assert torch.equal(blanked[0, 0, :4, :4], images[0, 0, :4, :4])
    assert torch.equal(blanked[1], images[1])


def test_a_frame_is_all_that_blanking_leaves_where_that_was_drawn() -> None:
    images = films(1)
    blanked = replace_outside(drawn([KEPT], [True], frame=(0.25, 0.0, 0.125, 0.125)), images, lungs(1))
    assert torch.allclose(blanked[0, 0, :12], images[0, 0, :12], atol=2e-3)
    assert torch.allclose(blanked[0, 0, -4:], images[0, 0, -4:], atol=2e-3)
    assert float(blanked[0, 0, 20:52, :52].std()) < 1e-3


def test_a_film_without_lungs_stays_as_it_is() -> None:
    images = films(2)
    nothing = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
    assert torch.equal(replace_outside(drawn([GREY, SWAPPED], [True, True]), images, nothing), images)


def test_as_many_are_drawn_as_were_asked_for() -> None:
    found = draw_replacements(Augment(outside=0.5, blank=0.2), 4000, torch.Generator().manual_seed(5))
    counts = torch.bincount(found.outside, minlength=5) / 4000
    assert counts.tolist() == pytest.approx([0.5, 0.125, 0.125, 0.125, 0.125], abs=0.03)
    assert float(found.blank.float().mean()) == pytest.approx(0.2, abs=0.03)
    assert not found.between.any()
    assert float(found.frame.any(dim=1).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert 0.19 < float(found.frame.max()) < 0.2
    again = draw_replacements(Augment(outside=0.5, between=0.3), 4000, torch.Generator().manual_seed(5))
    assert float(again.between.float().mean()) == pytest.approx(0.3, abs=0.03)


def test_the_target_of_a_blanked_film_is_every_class_alike() -> None:
    logits, labels = torch.tensor([[2.0], [2.0]]), torch.tensor([1, 1])
    smoothing = torch.tensor([[0.0], [1.0]])
    found = film_losses(logits, labels, None, smoothing)
    plain = torch.nn.functional.binary_cross_entropy_with_logits
    expected = [plain(logits[0], torch.tensor([1.0])), plain(logits[1], torch.tensor([0.5]))]
    assert torch.allclose(found, torch.stack(expected))
