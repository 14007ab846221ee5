"""Pictures that a gate has to stop."""

from __future__ import annotations

import numpy as np

from hilum import gate
from hilum.gate.descriptor import Image8


def test_there_are_as_many_of_each_kind_as_films_and_of_their_size(held_out: list[Image8]) -> None:
    kinds = gate.ood_examples(held_out[:7])
    assert len(kinds) == 5
    for pictures in kinds.values():
        assert [picture.shape for picture in pictures] == [film.shape for film in held_out[:7]]
        assert all(picture.dtype == np.uint8 and picture.flags.c_contiguous for picture in pictures)
        assert all(np.ptp(picture) > 30 for picture in pictures)


def test_rotations_and_inversions_lead_back_to_the_films(held_out: list[Image8]) -> None:
    kinds = gate.ood_examples(held_out[:2])
    np.testing.assert_array_equal(np.rot90(kinds["rotated by 90 degrees"][0], -1), held_out[0])
    np.testing.assert_array_equal(np.rot90(kinds["rotated by 90 degrees"][1], 1), held_out[1])
    np.testing.assert_array_equal(np.rot90(kinds["rotated by 180 degrees"][0], 2), held_out[0])
    np.testing.assert_array_equal(255 - kinds["inverted"][0], held_out[0])


def test_a_seed_draws_the_same_again(held_out: list[Image8]) -> None:
    first, again, other = (gate.ood_examples(held_out[:3], seed) for seed in (1, 1, 2))
    for kind in ("noise", "text"):
        np.testing.assert_array_equal(first[kind], again[kind])
        assert not np.array_equal(first[kind], other[kind])
